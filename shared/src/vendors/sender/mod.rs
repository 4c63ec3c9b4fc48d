//! Any sender of signed webhooks as a provider: GitHub, Stripe, Slack, or one whose scheme is described.

use serde_json::Value;

use crate::domain::canonical::VolatilePath;
use crate::domain::connections::provider::{
    CADENCE, Mistake, Provider, SecretUse, Setting, SettingKind, Settings, WrongSetting,
};
use crate::domain::deliveries::sender::Sender;
use crate::domain::deliveries::signature::{LiveSecret, Scheme, schemes};
use crate::domain::ids::{Connection, ProviderId};

/// Senders of signed webhooks.
pub const PROVIDER: Provider = Provider {
    name: "Signed webhooks",
    icon: "WH",
    colour: "#7c3aed",
    entities: &[],
    settings: &[
        Setting {
            name: "scheme",
            kind: SettingKind::TextOrObject,
            required: false,
            about: "How it signs: a known scheme, or a description of one; the provider's own name where none is given",
        },
        Setting {
            name: "url",
            kind: SettingKind::Text,
            required: false,
            about: "The URL that was registered with the sender, for schemes that sign it",
        },
        Setting {
            name: "volatileFields",
            kind: SettingKind::Texts,
            required: false,
            about: "Dotted paths of fields that it changes with each attempt",
        },
        Setting {
            name: "unsignedIdIsKey",
            kind: SettingKind::Switch,
            required: false,
            about: "Whether ids that are not signed tell deliveries apart",
        },
        CADENCE,
    ],
    secret: SecretUse::Required,
    secret_about: "What it signs with",
    scheduled: false,
    sender: Some(sender),
    pull: None,
    check,
    addresses: |connection, _| vec![address(connection.provider.as_str(), connection.name.as_str())],
    mistakes: &[
        Mistake {
            seen: "bad_signature",
            remedy: "Put a captured delivery through `signalbox verify`: it says which of the usual mistakes it is",
        },
        Mistake {
            seen: "unknown_sender",
            remedy: "The path is /webhooks/{provider}/{name}, in lower case, with the names of the connection",
        },
    ],
};

/// The address of a sender: what stands in the path of its webhooks.
#[must_use]
pub fn address(provider: &str, name: &str) -> String {
    format!("webhooks/{provider}/{name}")
}

fn check(connection: &Connection, settings: &Settings) -> Result<(), WrongSetting> {
    if connection.provider == ProviderId::IMPORTS {
        // What imports note is sealed under it.
        return Err(WrongSetting::new("", "cannot be those of a sender of this name: imports is reserved"));
    }
    sender(connection, settings, Vec::new()).map(drop)
}

fn sender(connection: &Connection, settings: &Settings, secrets: Vec<LiveSecret>) -> Result<Sender, WrongSetting> {
    let wrong = |name: &'static str, why: &str| WrongSetting::new(name, why);
    let named = |name: &str, why: &str| {
        schemes::find(name).cloned().ok_or_else(|| {
            let known = schemes::ALL.map(Scheme::name).join(", ");
            let text =
                format!("there is no scheme {name:?}{why}: it must be one of {known}, or described as an object");
            WrongSetting::new("scheme", text)
        })
    };
    let scheme = match settings.get("scheme") {
        None => named(connection.provider.as_str(), ", the provider's name, which is taken where no scheme is given")?,
        Some(Value::String(name)) => named(name, "")?,
        Some(object) => Scheme::from_json(&object.to_string()).map_err(|error| wrong("scheme", &error.to_string()))?,
    };
    let url = settings.get("url").and_then(Value::as_str).map(str::to_owned);
    if scheme.needs_url() && url.is_none() {
        return Err(wrong("url", "must be there: the scheme signs the URL that was registered"));
    }
    let paths = settings.get("volatileFields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let volatile: Option<Vec<VolatilePath>> =
        paths.iter().map(|path| VolatilePath::parse(path.as_str().unwrap_or_default())).collect();
    let volatile = volatile.ok_or_else(|| wrong("volatileFields", "has a path with an empty step"))?;
    let unsigned_id_is_key = settings.get("unsignedIdIsKey").and_then(Value::as_bool).unwrap_or(false);
    if unsigned_id_is_key && !scheme.may_leave_its_id_unsigned() {
        return Err(wrong("unsignedIdIsKey", "is given, and the scheme has no id in a header"));
    }
    Ok(Sender { connection: connection.clone(), scheme, secrets, url, volatile, unsigned_id_is_key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sender_s_settings_are_checked_by_its_scheme() {
        for (provider, settings, wrong) in [
            ("github", json!({}), None),
            ("erp", json!({"scheme": "github", "unsignedIdIsKey": true}), None),
            ("erp", json!({"scheme": {"header": "x-erp-signature"}, "volatileFields": ["meta.attempt"]}), None),
            ("square", json!({"url": "https://till.example/hook"}), None),
            ("square", json!({}), Some("url")),
            ("erp", json!({}), Some("scheme")),
            ("erp", json!({"scheme": "gitlab"}), Some("scheme")),
            ("erp", json!({"scheme": {"no": "header"}}), Some("scheme")),
            ("stripe", json!({"unsignedIdIsKey": true}), Some("unsignedIdIsKey")),
            ("slack", json!({"volatileFields": ["a..b"]}), Some("volatileFields")),
            ("imports", json!({"scheme": "github"}), Some("")),
        ] {
            let connection: Connection = format!("acme/{provider}/main").parse().unwrap();
            let found = PROVIDER.checked(&connection, settings.as_object().unwrap());
            let found = found.err().map(|wrong| wrong[0].name.clone());
            assert_eq!(found.as_deref(), wrong, "{provider} {settings}");
        }
    }

    #[test]
    fn a_scheme_that_there_is_not_is_told_with_those_that_there_are() {
        let connection: Connection = "acme/erp/main".parse().unwrap();
        for (settings, expected) in [
            (json!({}), "there is no scheme \"erp\", the provider's name, which is taken where no scheme is given: "),
            (json!({"scheme": "gitlab"}), "there is no scheme \"gitlab\": it must be one of standard-webhooks, "),
        ] {
            let wrong = PROVIDER.checked(&connection, settings.as_object().unwrap()).unwrap_err();
            assert!(wrong[0].why.starts_with(expected), "{wrong:?}");
        }
    }
}
