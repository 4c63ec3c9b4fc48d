//! The configured senders of webhooks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::canonical::VolatilePath;
use crate::domain::deliveries::signature::{LiveSecret, Scheme, schemes};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::secret::Secret;

/// A sender of `/webhooks/{provider}/{connection}`.
pub struct Sender {
    /// Over which connection its deliveries come.
    pub connection: Connection,
    /// How it signs.
    pub scheme: Scheme,
    /// With what.
    pub secrets: Vec<LiveSecret>,
    /// The URL that was registered with it, for schemes that sign it.
    pub url: Option<String>,
    /// Fields of the body that it changes with each attempt: without an id that is signed, they do not make it another body.
    pub volatile: Vec<VolatilePath>,
    /// Whether its ids tell deliveries apart though they are not signed: two equal bodies under two ids are two events then, and
    /// whoever captures one may send it again under another id.
    pub unsigned_id_is_key: bool,
}

/// Reads the list of senders: a JSON array of `{"provider", "connection", "tenant", "scheme", "secrets", "url",
/// "volatileFields", "unsignedIdIsKey"}`, where the scheme is a name or an object of the generic one. Errors name the sender, never a secret.
///
/// # Errors
/// A text that says which sender is wrong, and how.
pub fn parse_senders(json: &str) -> Result<BTreeMap<(ProviderId, ConnectionName), Sender>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Raw {
        provider: String,
        connection: String,
        tenant: Option<String>,
        scheme: Value,
        secrets: Vec<String>,
        url: Option<String>,
        #[serde(default)]
        volatile_fields: Vec<String>,
        #[serde(default)]
        unsigned_id_is_key: bool,
    }
    let shape = "expected a JSON array of {provider, connection, tenant?, scheme, secrets: [current, previous?], url?, \
                 volatileFields?: [path], unsignedIdIsKey?}";
    // serde's own text may quote what it stumbled over, which may be a secret.
    let raw: Vec<Raw> = serde_json::from_str(json)
        .map_err(|error| format!("{shape}; it stops being one at column {}", error.column()))?;
    let mut senders = BTreeMap::new();
    for (index, entry) in raw.into_iter().enumerate() {
        let wrong = |what: String| format!("sender {}: {what}", index + 1);
        let provider = ProviderId::parse(&entry.provider).map_err(|_| wrong("provider is not a valid name".into()))?;
        let name =
            ConnectionName::parse(&entry.connection).map_err(|_| wrong("connection is not a valid name".into()))?;
        // Under one of their names a second door would share keys, rejected deliveries and counters, with other secrets.
        if ProviderId::NAMED.contains(&provider) {
            let why = format!("provider {:?} is the name of a provider of its own: choose another", provider.as_str());
            return Err(wrong(why));
        }
        let tenant = match &entry.tenant {
            Some(tenant) => TenantId::parse(tenant).map_err(|error| wrong(error.to_string()))?,
            None => TenantId::default(),
        };
        let scheme = match &entry.scheme {
            Value::String(name) => schemes::find(name).cloned().ok_or_else(|| wrong(format!("no scheme {name:?}")))?,
            object => Scheme::from_json(&object.to_string()).map_err(|error| wrong(error.to_string()))?,
        };
        let blank = entry.secrets.iter().any(|secret| secret.trim().is_empty());
        if blank || entry.secrets.is_empty() || entry.secrets.len() > 2 {
            return Err(wrong("secrets must be one or two texts: the current one, and the previous one".into()));
        }
        if scheme.needs_url() && entry.url.is_none() {
            return Err(wrong("the scheme signs the URL that was registered: url is missing".into()));
        }
        let label = |(index, secret): (usize, &String)| match index {
            0 => LiveSecret::current(Secret::new(secret.as_str())),
            _ => LiveSecret::previous(Secret::new(secret.as_str())),
        };
        let secrets = entry.secrets.iter().enumerate().map(label).collect();
        let connection = Connection::new(tenant, provider.clone(), name.clone());
        let volatile: Option<Vec<VolatilePath>> =
            entry.volatile_fields.iter().map(|path| VolatilePath::parse(path)).collect();
        let volatile = volatile.ok_or_else(|| wrong("a path of volatileFields has an empty step".into()))?;
        let unsigned_id_is_key = entry.unsigned_id_is_key;
        if unsigned_id_is_key && !scheme.may_leave_its_id_unsigned() {
            return Err(wrong("unsignedIdIsKey is given, and the scheme has no id in a header".into()));
        }
        let sender = Sender { connection, scheme, secrets, url: entry.url, volatile, unsigned_id_is_key };
        if senders.insert((provider, name), sender).is_some() {
            return Err(wrong("provider and connection stand twice".into()));
        }
    }
    Ok(senders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deliveries::signature::SecretLabel;

    #[test]
    fn a_wrong_list_of_senders_says_which_and_why_and_quotes_no_secret() {
        for (json, expected) in [
            (
                r#"[{"provider":"github","connection":"a","scheme":"github","secrets":"s3cret-value"}]"#,
                "expected a JSON array",
            ),
            (
                r#"[{"provider":"github","connection":"a","scheme":"gitlab","secrets":["s3cret-value"]}]"#,
                "sender 1: no scheme \"gitlab\"",
            ),
            (
                r#"[{"provider":"git hub","connection":"a","scheme":"github","secrets":["s3cret-value"]}]"#,
                "provider is not a valid name",
            ),
            (r#"[{"provider":"github","connection":"a","scheme":"github","secrets":[]}]"#, "one or two texts"),
            (
                r#"[{"provider":"github","connection":"a","scheme":"github","secrets":["s3cret-value"," "]}]"#,
                "one or two texts",
            ),
            (
                r#"[{"provider":"github","connection":"a","scheme":"github","secrets":["s3cret-1","s3cret-2","s3cret-3"]}]"#,
                "one or two texts",
            ),
            (
                r#"[{"provider":"github","connection":"a","scheme":"github","secrets":["s3cret-value"]},
                    {"provider":"GitHub","connection":"a","scheme":"pos","secrets":["s3cret-value"]}]"#,
                "sender 2: provider and connection stand twice",
            ),
            (
                r#"[{"provider":"Trackstar","connection":"a","scheme":"svix","secrets":["s3cret-value"]}]"#,
                "sender 1: provider \"trackstar\" is the name of a provider of its own",
            ),
            (
                r#"[{"provider":"catalogue","connection":"a","scheme":"svix","secrets":["s3cret-value"]}]"#,
                "sender 1: provider \"catalogue\" is the name of a provider of its own",
            ),
            (
                r#"[{"provider":"square","connection":"a","scheme":"square","secrets":["s3cret-value"]}]"#,
                "url is missing",
            ),
            (
                r#"[{"provider":"stripe","connection":"a","scheme":"stripe","secrets":["s3cret-value"],"unsignedIdIsKey":true}]"#,
                "sender 1: unsignedIdIsKey is given, and the scheme has no id in a header",
            ),
            (
                r#"[{"provider":"slack","connection":"a","scheme":"slack","secrets":["s3cret-value"],"volatileFields":["a..b"]}]"#,
                "sender 1: a path of volatileFields has an empty step",
            ),
        ] {
            let Err(error) = parse_senders(json) else { panic!("{json} passed") };
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn senders_are_found_by_provider_and_connection() {
        let senders = parse_senders(
            r#"[{"provider":"github","connection":"a","scheme":"github","secrets":["new","old"]},
                {"provider":"square","connection":"a","tenant":"acme","scheme":"square","secrets":["s"],"url":"https://us"},
                {"provider":"erp","connection":"a","scheme":{"header":"x-erp"},"secrets":["s"],"url":"https://us"}]"#,
        )
        .unwrap();
        let sender =
            |provider: &str| &senders[&(ProviderId::parse(provider).unwrap(), ConnectionName::parse("a").unwrap())];
        for (provider, tenant, scheme, url) in [
            ("github", TenantId::default(), "github", None),
            ("square", TenantId::parse("acme").unwrap(), "square", Some("https://us")),
            ("erp", TenantId::default(), "generic", Some("https://us")),
        ] {
            let sender = sender(provider);
            assert_eq!(
                (&sender.connection.tenant, sender.scheme.name(), sender.url.as_deref()),
                (&tenant, scheme, url)
            );
        }
        let secrets = sender("github").secrets.iter().map(|live| (live.label, live.secret.expose()));
        assert_eq!(
            secrets.collect::<Vec<_>>(),
            [(SecretLabel::Current, &b"new"[..]), (SecretLabel::Previous, &b"old"[..])]
        );
    }
}
