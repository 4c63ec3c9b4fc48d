//! The file of connections: `{"connections": [{"connection": "tenant/provider/name", "displayName"?, "settings", "schedule"?,
//! "state"?: "active" or "paused", "secrets"?: {"current": {"env": "NAME"} or {"ssm": "name"}, "previous"?}}]}`. What it quotes of itself is names alone: somebody
//! may have written a secret into it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, SecretAt, SecretsAt, Wrong};
use crate::domain::connections::provider::{Settings, WrongSetting};
use crate::domain::connections::schedule::Schedule;
use crate::domain::ids::Connection;

/// The longest name of a variable or a parameter, in bytes. An export makes names of variables of all three names of a connection.
const NAME_BYTES_MAX: usize = 256;

/// How large a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In bytes.
    pub bytes: usize,
    /// In connections.
    pub connections: usize,
}

/// How large a file of a deployment's configuration may be: all its secrets are looked at in one invocation of a few seconds.
pub const OF_A_DEPLOYMENT: Limits = Limits { bytes: 1 << 20, connections: 1_000 };

/// Reads the file.
///
/// # Errors
/// All that is wrong with it, with places and fields.
pub fn read_file(text: &str, limits: Limits) -> Result<Vec<Entry>, Wrong> {
    if text.len() > limits.bytes {
        return Err(Wrong::at("the file", format!("may have {} bytes", limits.bytes)));
    }
    let file: Value = serde_json::from_str(text).map_err(|error| {
        // Its own text may quote what it stumbled over.
        Wrong::at("the file", format!("is not JSON at line {}, column {}", error.line(), error.column()))
    })?;
    let items = match &file {
        Value::Object(fields) if fields.keys().all(|name| name == "connections") => fields.get("connections"),
        _ => None,
    };
    let form = "must be an object with connections, a list, and nothing else";
    let items = items.and_then(Value::as_array).ok_or_else(|| Wrong::at("the file", form))?;
    if items.len() > limits.connections {
        return Err(Wrong::at("connections", format!("may be {}, not {}", limits.connections, items.len())));
    }
    let (mut entries, mut wrong) = (Vec::with_capacity(items.len()), Vec::new());
    let mut first: BTreeMap<Connection, String> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("connections[{index}]");
        match entry(&place, item) {
            Ok(entry) => match first.get(&entry.connection) {
                Some(other) => {
                    wrong.push(WrongSetting::new(place, format!("is {} again, as {other} is", entry.connection)))
                }
                None => {
                    first.insert(entry.connection.clone(), place);
                    entries.push(entry);
                }
            },
            Err(found) => wrong.push(found),
        }
    }
    Wrong::of(wrong)?;
    Ok(entries)
}

fn entry(place: &str, item: &Value) -> Result<Entry, WrongSetting> {
    let wrong = |field: &str, why: &str| WrongSetting::new(format!("{place}{field}"), why);
    let fields = item.as_object().ok_or_else(|| wrong("", "must be an object"))?;
    known(place, fields, &["connection", "displayName", "settings", "schedule", "state", "secrets"])?;
    // Null is how some writers leave a field out.
    let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let connection = field("connection").and_then(Value::as_str);
    let connection = connection.ok_or_else(|| wrong(".connection", "must be tenant/provider/name"))?;
    let connection: Connection =
        connection.parse().map_err(|error| wrong(".connection", &format!("cannot be: {error}")))?;
    let settings = match field("settings") {
        Some(Value::Object(settings)) => settings.clone(),
        None => Settings::new(),
        Some(_) => return Err(wrong(".settings", "must be an object")),
    };
    let display_name = match field("displayName") {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        None => None,
        Some(_) => return Err(wrong(".displayName", "must be a text")),
    };
    let schedule = field("schedule").map(|schedule| {
        serde_json::from_value::<Schedule>(schedule.clone()).map_err(|error| wrong(".schedule", &error.to_string()))
    });
    let paused = match field("state").map(|state| state.as_str().map(str::trim)) {
        None | Some(Some("active")) => false,
        Some(Some("paused")) => true,
        Some(_) => return Err(wrong(".state", "must be active or paused")),
    };
    let secrets = field("secrets").map(|secrets| secrets_at(&format!("{place}.secrets"), secrets)).transpose()?;
    let schedule = schedule.transpose()?;
    Ok(Entry { place: place.to_owned(), connection, display_name, settings, schedule, paused, secrets })
}

fn known(place: &str, fields: &Map<String, Value>, names: &[&str]) -> Result<(), WrongSetting> {
    if fields.keys().all(|name| names.contains(&name.as_str())) {
        return Ok(());
    }
    Err(WrongSetting::new(place, format!("has a field that is unknown; there are {}", names.join(", "))))
}

fn secrets_at(place: &str, secrets: &Value) -> Result<SecretsAt, WrongSetting> {
    let fields = secrets.as_object().ok_or_else(|| WrongSetting::new(place, "must be an object with current"))?;
    known(place, fields, &["current", "previous"])?;
    let at = |name: &str| {
        let value = fields.get(name).filter(|value| !value.is_null());
        value.map(|value| secret_at(&format!("{place}.{name}"), value)).transpose()
    };
    let current = at("current")?.ok_or_else(|| WrongSetting::new(format!("{place}.current"), "must be there"))?;
    Ok(SecretsAt { current, previous: at("previous")? })
}

fn secret_at(place: &str, value: &Value) -> Result<SecretAt, WrongSetting> {
    let wrong = |why: &str| WrongSetting::new(place, why);
    // Whoever writes the secret itself has just put it where it does not belong.
    let form = "must say where the secret is, {\"env\": \"NAME\"} or {\"ssm\": \"name\"}, and never be the secret";
    let fields = value.as_object().filter(|fields| fields.len() == 1).ok_or_else(|| wrong(form))?;
    let name = |kind: &str| fields.get(kind).map(|name| name.as_str().unwrap_or_default());
    let plain = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain)
    };
    match (name("env"), name("ssm")) {
        (Some(name), None) if plain(name) => Ok(SecretAt::Variable(name.to_owned())),
        (None, Some(name)) if plain(name) => Ok(SecretAt::Parameter(name.to_owned())),
        (None, None) | (Some(_), Some(_)) => Err(wrong(form)),
        _ => Err(wrong(&format!("names it by 1 to {NAME_BYTES_MAX} letters, digits, '_', '-' and '.'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(file: &Value) -> Result<Vec<Entry>, String> {
        read_file(&file.to_string(), OF_A_DEPLOYMENT).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_entry_is_what_is_written() {
        let file = json!({"connections": [
            {"connection": "acme/github/main", "displayName": " Acme ", "settings": {"scheme": "github"},
                "secrets": {"current": {"env": "ACME"}, "previous": {"ssm": "acme-before"}}},
            {"connection": "Acme/Catalogue/Shop", "schedule": {"every": 5}, "state": "paused", "secrets": null}]});
        let entries = read(&file).unwrap();
        let (sender, shop) = (&entries[0], &entries[1]);
        let variable = SecretAt::Variable("ACME".into());
        let secrets = SecretsAt { current: variable, previous: Some(SecretAt::Parameter("acme-before".into())) };
        assert_eq!((sender.display_name.as_deref(), &sender.secrets), (Some("Acme"), &Some(secrets)));
        assert_eq!((shop.connection.to_string().as_str(), &shop.secrets), ("acme/catalogue/shop", &None));
        assert_eq!((sender.paused, shop.paused), (false, true));
        assert_eq!((&shop.schedule, shop.place.as_str()), (&Some(Schedule::Every(5)), "connections[1]"));
    }

    #[test]
    fn what_is_wrong_is_named_by_place_and_field_and_quotes_no_value() {
        let of = |item: Value| json!({"connections": [item]});
        let with = |field: &str, value: Value| {
            let mut item = json!({"connection": "acme/github/main"});
            item[field] = value;
            of(item)
        };
        for (file, expected) in [
            (json!([]), "the file must be an object with connections"),
            (json!({"connections": [], "more": 1}), "the file must be an object with connections"),
            (of(json!("hunter2")), "connections[0] must be an object"),
            (of(json!({})), "connections[0].connection must be tenant/provider/name"),
            (of(json!({"connection": "acme/github"})), "connections[0].connection cannot be: a connection is"),
            (with("hunter2", json!(1)), "connections[0] has a field that is unknown; there are connection,"),
            (with("settings", json!("hunter2")), "connections[0].settings must be an object"),
            (with("state", json!("hunter2")), "connections[0].state must be active or paused"),
            (with("schedule", json!("hunter2")), "connections[0].schedule must be \"off\""),
            (with("secrets", json!("hunter2")), "connections[0].secrets must be an object"),
            (with("secrets", json!({"current": "hunter2"})), "connections[0].secrets.current must say where"),
            (with("secrets", json!({"previous": {"env": "A"}})), "connections[0].secrets.current must be there"),
            (with("secrets", json!({"current": {"env": "hunter2/"}})), "connections[0].secrets.current names it by"),
            (with("secrets", json!({"current": {"env": "A", "ssm": "B"}})), "connections[0].secrets.current must say"),
            (
                json!({"connections": [{"connection": "a/pos/b"}, {"connection": "A/POS/B"}]}),
                "connections[1] is a/pos/b again, as connections[0] is",
            ),
        ] {
            let wrong = read(&file).unwrap_err();
            assert!(wrong.starts_with(expected) && !wrong.contains("hunter2"), "{wrong}");
        }
        let Err(wrong) = read_file("{\n \"connections\": hunter2}", OF_A_DEPLOYMENT) else { panic!("it is no JSON") };
        assert_eq!(wrong.to_string(), "the file is not JSON at line 2, column 17");
    }

    #[test]
    fn a_file_has_a_size_and_a_count() {
        let limits = Limits { bytes: 40, connections: 0 };
        assert!(read_file(r#"{"connections": []}"#, limits).is_ok());
        let long = read_file(&" ".repeat(41), limits).unwrap_err();
        assert_eq!(long.to_string(), "the file may have 40 bytes");
        let many = read_file(r#"{"connections": [1]}"#, limits).unwrap_err();
        assert_eq!(many.to_string(), "connections may be 0, not 1");
        let all_wrong = json!({"connections": vec![json!(1); 12]});
        assert!(read(&all_wrong).unwrap_err().ends_with("; and 2 more"));
    }
}
