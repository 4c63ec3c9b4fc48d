//! What a file wants of a connection, beside what is shown of it.

use signalbox::domain::connections::import::Entry;
use signalbox::domain::connections::provider::{Settings, is_masked};
use signalbox::domain::connections::stored::{KeptBy, shown};
use signalbox::vendors::Providers;

use super::{Failed, PAUSED, Shown};

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is made.
    New,
    /// It is changed in what these names name; in nothing where there are none.
    There(Vec<String>),
    /// A deployment's configuration keeps it, and has it otherwise.
    Kept(String),
}

/// Compares an entry with what is there. Of what is masked nobody can tell whether it is the same: where the file has it in full, it is
/// written again; where the file has it masked as well, as an export has it, it is left.
///
/// # Errors
/// When the entry's provider does not take it.
pub(super) fn compare(entry: &Entry, there: Option<&Shown>) -> Result<Found, Failed> {
    let mut entry = entry.clone();
    let mut as_shown = Settings::new();
    if let Some(there) = there {
        let is_as_shown = |name: &String, value: &_| is_masked(value) && there.settings.get(name) == Some(value);
        (as_shown, entry.settings) = entry.settings.into_iter().partition(|(name, value)| is_as_shown(name, value));
    }
    let wanted = entry.wanted(KeptBy::Operators);
    let checked = wanted.checked(
        &entry.connection,
        Providers::default().of(&entry.connection.provider),
        entry.secrets.is_some() || there.is_some_and(|there| there.secrets.is_some()),
    );
    let checked = checked.map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(|one| format!("{}.{} {}", entry.place, one.name, one.why)).collect();
        Failed::Wrong(wrong.join("; "))
    })?;
    let Some(there) = there else { return Ok(Found::New) };
    let mut names = Vec::new();
    let mut note = |name: String, differs: bool| names.extend(differs.then_some(name));
    note("displayName".into(), checked.display_name != there.display_name);
    note("schedule".into(), checked.schedule != there.schedule);
    // A file that says otherwise undoes no pause.
    note("state".into(), entry.paused && there.state != PAUSED);
    let settings = shown(&checked.settings);
    for name in there.settings.keys().filter(|name| !settings.contains_key(*name)) {
        note(format!("settings.{name}"), !as_shown.contains_key(name));
    }
    for (name, value) in &settings {
        note(format!("settings.{name}"), is_masked(value) || there.settings.get(name) != Some(value));
    }
    if there.kept_by != "operators" && !names.is_empty() {
        return Ok(Found::Kept(there.kept_in.clone().unwrap_or_default()));
    }
    if let Some(name) = as_shown.keys().next().filter(|_| !names.is_empty()) {
        let why = "is masked, as it was shown: write it in full, as the rest of the connection changes";
        return Err(Failed::Wrong(format!("{}.settings.{name} {why}", entry.place)));
    }
    Ok(Found::There(names))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use signalbox::domain::connections::import::read_file;

    use super::super::import_limits;
    use super::*;

    fn entry(settings: &Value) -> Entry {
        let item = json!({"connection": "acme/catalogue/shop", "settings": settings});
        read_file(&json!({"connections": [item]}).to_string(), import_limits()).unwrap().remove(0)
    }

    fn there(settings: &Value, kept_by: &str) -> Shown {
        serde_json::from_value(json!({"connection": "acme/catalogue/shop", "displayName": "shop", "settings": settings,
            "schedule": "off", "state": "paused", "secrets": null, "keptBy": kept_by, "keptIn": "a file", "version": 3}))
        .unwrap()
    }

    #[test]
    fn what_differs_is_named_and_what_cannot_be_compared_is_written_again() {
        let (full, masked) = ("https://shop.example/p.json?key=hunter2", "https://shop.example/p.json?***");
        for (wanted, shown, names) in [
            (json!({"source": "a.json"}), json!({"source": "a.json"}), vec![]),
            (json!({"source": " a.json ", "id": null}), json!({"source": "a.json"}), vec![]),
            (json!({"source": "b.json"}), json!({"source": "a.json"}), vec!["settings.source"]),
            (json!({}), json!({"source": "a.json"}), vec!["settings.source"]),
            (json!({"source": full}), json!({"source": masked}), vec!["settings.source"]),
            (json!({"source": masked}), json!({"source": masked}), vec![]),
        ] {
            let found = compare(&entry(&wanted), Some(&there(&shown, "operators"))).unwrap();
            assert_eq!(found, Found::There(names.into_iter().map(String::from).collect()), "{wanted} {shown}");
        }
        assert_eq!(compare(&entry(&json!({"source": "a.json"})), None), Ok(Found::New));
    }

    #[test]
    fn what_a_configuration_keeps_is_left_where_it_is_the_same_and_refused_where_it_is_not() {
        let there = there(&json!({"source": "a.json"}), "configuration");
        assert_eq!(compare(&entry(&json!({"source": "a.json"})), Some(&there)), Ok(Found::There(Vec::new())));
        assert_eq!(compare(&entry(&json!({"source": "b.json"})), Some(&there)), Ok(Found::Kept("a file".into())));
    }

    #[test]
    fn what_could_not_be_written_is_said_before_anything_is() {
        let masked = json!({"source": "https://shop.example/p.json?***"});
        let with_id = json!({"source": "https://shop.example/p.json?***", "id": "id"});
        for (wanted, there, expected) in [
            (&json!({"sauce": "x"}), None, "connections[0].settings.sauce is unknown"),
            (&masked, None, "connections[0].settings.source is masked"),
            (&with_id, Some(there(&masked, "operators")), "connections[0].settings.source is masked"),
        ] {
            let wrong = compare(&entry(wanted), there.as_ref()).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
