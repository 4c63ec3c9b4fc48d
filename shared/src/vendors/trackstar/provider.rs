//! Trackstar as a provider: what a connection, which is a brand's link, is told.

use serde_json::Value;

use crate::domain::connections::provider::{
    CADENCE, Mistake, Provider, SecretUse, Setting, SettingKind, Settings, WrongSetting,
};

/// The longest id of Trackstar's, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Warehouses behind Trackstar.
pub const PROVIDER: Provider = Provider {
    name: "Trackstar",
    icon: "TS",
    colour: "#0f766e",
    entities: &[],
    settings: &[
        Setting {
            name: "connectionId",
            kind: SettingKind::Text,
            required: true,
            about: "Trackstar's id of the link, which stands in every event",
        },
        CADENCE,
    ],
    // Its webhooks are signed with one secret for all links, the deployment's.
    secret: SecretUse::None,
    secret_about: "",
    scheduled: false,
    // It has a door of its own.
    sender: None,
    check: |_, settings| check_id(id(settings)),
    addresses: |_, settings| vec![address(id(settings))],
    mistakes: &[Mistake {
        seen: "unknown_sender",
        remedy: "No active link has the connection_id of the event: compare it with connectionId here, letter by letter",
    }],
};

/// The address of a link, by Trackstar's id of it.
#[must_use]
pub fn address(connection_id: &str) -> String {
    format!("trackstar/{connection_id}")
}

/// Whether a link can have this id. Whoever signs events may still write anything there.
#[must_use]
pub fn is_id(text: &str) -> bool {
    check_id(text).is_ok()
}

fn id(settings: &Settings) -> &str {
    settings.get("connectionId").and_then(Value::as_str).unwrap_or_default()
}

fn check_id(id: &str) -> Result<(), WrongSetting> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(plain) {
        let why = format!("must be 1 to {ID_BYTES_MAX} letters, digits, '-', '_' and '.'");
        return Err(WrongSetting::new("connectionId", why));
    }
    Ok(())
}
