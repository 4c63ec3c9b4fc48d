//! Connections as a file that can be imported. Secrets are in no answer, and so in no file: it names the variable that each is read from.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use signalbox::domain::connections::provider::is_masked;
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::ids::Connection;

use super::{Connections, Failed, Listed, PAUSED, Shown};

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exported {
    /// The file.
    pub file: Value,
    /// The variables that an import of it reads.
    pub variables: BTreeSet<String>,
    /// Settings that are masked, and must be written in full before they can be imported elsewhere.
    pub masked: Vec<String>,
}

/// The variable that a connection's secret is read from: `ACME_GITHUB_MAIN_SECRET`.
#[must_use]
pub fn variable(connection: &Connection) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' };
    format!("{}_SECRET", connection.to_string().chars().map(plain).collect::<String>())
}

/// Exports the connections that are listed.
///
/// # Errors
/// When they cannot be asked for.
pub async fn export(connections: &Connections, listed: &Listed) -> Result<Exported, Failed> {
    let mut exported = Exported::default();
    let mut items = Vec::new();
    connections.each(listed, |shown| items.push(item(&shown, &mut exported))).await?;
    exported.file = json!({"connections": items});
    Ok(exported)
}

fn item(shown: &Shown, exported: &mut Exported) -> Value {
    let mut item = Map::new();
    item.insert("connection".into(), json!(shown.connection));
    if shown.display_name != shown.connection.name.as_str() {
        item.insert("displayName".into(), json!(shown.display_name));
    }
    item.insert("settings".into(), json!(shown.settings));
    let masked = shown.settings.iter().filter(|(_, value)| is_masked(value));
    exported.masked.extend(masked.map(|(name, _)| format!("{} settings.{name}", shown.connection)));
    if shown.schedule != Schedule::Off {
        item.insert("schedule".into(), json!(shown.schedule));
    }
    if shown.state == PAUSED {
        item.insert("state".into(), json!(PAUSED));
    }
    if let Some(secrets) = &shown.secrets {
        // Two connections may differ in what a variable's name cannot have.
        let own = variable(&shown.connection);
        let free = |name: &String| !exported.variables.contains(name);
        let others = (2_u32..).map(|number| format!("{own}_{number}"));
        let current = std::iter::once(own.clone()).chain(others).find(free).unwrap_or(own);
        let previous = secrets.has_previous.then(|| format!("{current}_PREVIOUS"));
        let mut at = json!({"current": {"env": current}});
        if let Some(previous) = previous {
            at["previous"] = json!({"env": previous});
            exported.variables.insert(previous);
        }
        exported.variables.insert(current);
        item.insert("secrets".into(), at);
    }
    item.into()
}

#[cfg(test)]
mod tests {
    use signalbox::domain::connections::import::read_file;
    use signalbox::domain::ids::ConnectionName;

    use super::super::import_limits;
    use super::*;

    #[test]
    fn an_item_names_the_variables_of_its_secrets_and_never_one_of_another() {
        let shown = |name: &str| -> Shown {
            serde_json::from_value(json!({"connection": format!("acme/github/{name}"), "displayName": "A shop",
                "settings": {"url": "https://a.example/?***"}, "schedule": "off", "state": "active",
                "secrets": {"masked": "••••abcd", "hasPrevious": true}, "keptBy": "operators", "keptIn": null, "version": 1}))
            .unwrap()
        };
        let mut exported = Exported::default();
        let first = item(&shown("a-b"), &mut exported);
        let second = item(&shown("a.b"), &mut exported);
        assert_eq!(
            first,
            json!({"connection": "acme/github/a-b", "displayName": "A shop", "settings": {"url": "https://a.example/?***"},
                "secrets": {"current": {"env": "ACME_GITHUB_A_B_SECRET"},
                    "previous": {"env": "ACME_GITHUB_A_B_SECRET_PREVIOUS"}}})
        );
        assert_eq!(second["secrets"]["current"]["env"], "ACME_GITHUB_A_B_SECRET_2");
        assert_eq!(exported.masked, ["acme/github/a-b settings.url", "acme/github/a.b settings.url"]);
    }

    #[test]
    fn what_is_exported_of_the_longest_names_can_be_imported() {
        let longest =
            (1..200).map(|length| "a".repeat(length)).rfind(|name| ConnectionName::parse(name).is_ok()).unwrap();
        let shown: Shown =
            serde_json::from_value(json!({"connection": format!("{longest}/{longest}/{longest}"), "displayName": "A",
                "settings": {}, "schedule": "off", "state": "active",
                "secrets": {"masked": "••••abcd", "hasPrevious": true}, "keptBy": "operators", "keptIn": null, "version": 1}))
            .unwrap();
        let mut exported = Exported::default();
        let items = [item(&shown, &mut exported), item(&shown, &mut exported)];
        for item in items {
            let file = json!({"connections": [item]}).to_string();
            assert!(read_file(&file, import_limits()).is_ok(), "{file}");
        }
    }
}
