//! What a change makes different, by name. A value is never told: it may be a secret, or hold one.

use super::stored::StoredConnection;

/// The names of what differs: `settings.url`, `schedule`, `secrets.current`. Of a connection that was not there, all that it has.
#[must_use]
pub fn names(before: Option<&StoredConnection>, after: &StoredConnection) -> Vec<String> {
    let mut names = Vec::new();
    let mut note = |name: &str, is_changed: bool| names.extend(is_changed.then(|| name.to_owned()));
    note("displayName", before.is_none_or(|before| before.display_name != after.display_name));
    note("schedule", before.is_none_or(|before| before.schedule != after.schedule));
    note("state", before.is_none_or(|before| before.state != after.state));
    note("keptBy", before.is_none_or(|before| before.kept_by != after.kept_by));
    let secrets = |stored: &StoredConnection| {
        let secrets = stored.secrets.as_ref();
        (secrets.map(|secrets| secrets.current.clone()), secrets.and_then(|secrets| secrets.previous.clone()))
    };
    let (secrets_before, secrets_after) = (before.map(secrets).unwrap_or_default(), secrets(after));
    note("secrets.current", secrets_before.0 != secrets_after.0);
    note("secrets.previous", secrets_before.1 != secrets_after.1);
    let settings_before = before.map(|before| before.settings.clone()).unwrap_or_default();
    for name in settings_before.keys().filter(|name| !after.settings.contains_key(*name)) {
        note(&format!("settings.{name}"), true);
    }
    for (name, value) in &after.settings {
        note(&format!("settings.{name}"), settings_before.get(name) != Some(value));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(settings: serde_json::Value, name: &str) -> StoredConnection {
        let change = json!({"at": "2026-01-15T12:00:00.000Z", "by": "tester"});
        let stored = json!({"connection": "acme/catalogue/shop", "displayName": name, "settings": settings.to_string(),
            "schedule": "off", "state": {"is": "active"}, "keptBy": {"is": "operators"}, "created": change,
            "changed": change, "version": 1});
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn what_differs_is_named_and_its_value_is_not() {
        let before = stored(json!({"source": "https://a.example/hunter2", "id": "id"}), "Shop");
        let after = stored(json!({"source": "https://a.example/hunter3", "items": "products"}), "Shop");
        assert_eq!(names(Some(&before), &after), ["settings.id", "settings.items", "settings.source"]);
        assert_eq!(names(Some(&before), &before), [""; 0]);
        assert_eq!(names(Some(&before), &stored(json!(before.settings), "Store")), ["displayName"]);
        let made = ["displayName", "schedule", "state", "keptBy", "settings.id", "settings.source"];
        assert_eq!(names(None, &before), made);
    }
}
