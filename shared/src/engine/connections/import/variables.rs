//! `VENDORS`, `WEBHOOK_SENDERS`, `TRACKSTAR_CONNECTIONS`, `INTEGRATIONS_TEAMS_WEBHOOK` and those of DoorLoop ([`pulled_variables`]) as connections. Each is read by its own reader first, so that an import
//! takes what the doors and runs take, and no more.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::pulled_variables;
use crate::domain::catalogue::vendor::parse_vendors;
use crate::domain::connections::import::{Entry, SecretAt, SecretsAt, Wrong};
use crate::domain::connections::provider::Settings;
use crate::domain::deliveries::sender::parse_senders;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::secret::Secret;
use crate::environment::Environment;
use crate::vendors::trackstar::parse_links;

const VENDORS: &str = "VENDORS";
const SENDERS: &str = "WEBHOOK_SENDERS";
const LINKS: &str = "TRACKSTAR_CONNECTIONS";
/// The URL of the default tenant's channel of Teams.
const TEAMS: &str = "INTEGRATIONS_TEAMS_WEBHOOK";

/// What the variables are, for whoever tells one version of them from another.
pub(super) fn text(environment: &Environment) -> String {
    let texts = [VENDORS, SENDERS, LINKS, TEAMS].into_iter().map(|name| environment.get(name).unwrap_or_default());
    Value::from_iter(texts.chain(pulled_variables::texts(environment))).to_string()
}

/// The connections that the variables name.
///
/// # Errors
/// When one of them is not what it must be.
pub(super) fn read(environment: &Environment) -> Result<Vec<Entry>, Wrong> {
    let mut entries = vendors(environment.get(VENDORS).unwrap_or("[]"))?;
    entries.extend(senders(environment.get(SENDERS).unwrap_or("[]"))?);
    entries.extend(links(environment.get(LINKS).unwrap_or("[]"))?);
    entries.extend(pulled_variables::read(environment)?);
    entries.extend(environment.get(TEAMS).map(teams));
    Ok(entries)
}

/// An object of a variable, and its place.
type Placed = (String, Map<String, Value>);

/// The objects of a list that was read before.
fn objects(name: &'static str, json: &str) -> Result<Vec<Placed>, Wrong> {
    let objects: Vec<Map<String, Value>> =
        serde_json::from_str(json).map_err(|_| Wrong::at(name, "is no list of objects"))?;
    Ok(objects.into_iter().enumerate().map(|(index, fields)| (format!("{name}[{index}]"), fields)).collect())
}

fn text_of(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whose it is; the default tenant's where none is named.
fn tenant(fields: &Map<String, Value>) -> TenantId {
    TenantId::parse(&text_of(fields, "tenant")).unwrap_or_default()
}

/// The fields that are settings of the provider, without those that are not given.
fn settings(fields: &Map<String, Value>, names: &[&str]) -> Settings {
    let is_given = |value: &&Value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
    let given = names.iter().filter_map(|name| Some((*name, fields.get(*name).filter(is_given)?)));
    given.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

fn vendors(json: &str) -> Result<Vec<Entry>, Wrong> {
    let vendors = parse_vendors(json).map_err(|why| Wrong::at(VENDORS, format!("is not usable: {why}")))?;
    let entry = |(place, fields): Placed| {
        let slug = ConnectionName::parse(&text_of(&fields, "slug")).ok()?;
        let connection = Connection::catalogue(tenant(&fields), slug);
        let vendor = vendors.iter().find(|vendor| vendor.connection() == connection)?;
        let settings =
            settings(&fields, &["source", "type", "volatile", "id", "items", "total", "badRows", "removals"]);
        let display_name = Some(vendor.name.clone());
        Some(Entry { place, connection, display_name, settings, schedule: None, paused: false, secrets: None })
    };
    Ok(objects(VENDORS, json)?.into_iter().filter_map(entry).collect())
}

fn senders(json: &str) -> Result<Vec<Entry>, Wrong> {
    parse_senders(json).map_err(|why| Wrong::at(SENDERS, format!("is not usable: {why}")))?;
    let entry = |(place, fields): Placed| {
        let provider = ProviderId::parse(&text_of(&fields, "provider")).ok()?;
        let name = ConnectionName::parse(&text_of(&fields, "connection")).ok()?;
        let secret = |index: usize| {
            let text = fields.get("secrets")?.get(index)?.as_str()?;
            Some(SecretAt::Given(Secret::new(text)))
        };
        let secrets = Some(SecretsAt { current: secret(0)?, previous: secret(1) });
        let settings = settings(&fields, &["scheme", "url", "volatileFields", "unsignedIdIsKey"]);
        let connection = Connection::new(tenant(&fields), provider, name);
        Some(Entry { place, connection, display_name: None, settings, schedule: None, paused: false, secrets })
    };
    Ok(objects(SENDERS, json)?.into_iter().filter_map(entry).collect())
}

/// A link that is not active is none: its events are refused as those of nobody, as they are without an import.
fn links(json: &str) -> Result<Vec<Entry>, Wrong> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Place {
        connection_id: String,
    }
    let links = parse_links(json).map_err(|why| Wrong::at(LINKS, format!("is not usable: {why}")))?;
    let places: Vec<Place> = serde_json::from_str(json).map_err(|_| Wrong::at(LINKS, "is no list of objects"))?;
    let entry = |(index, Place { connection_id }): (usize, Place)| {
        let link = links.get(&connection_id).filter(|link| link.active)?;
        let settings = Settings::from_iter([("connectionId".to_owned(), Value::from(connection_id))]);
        let (place, connection) = (format!("{LINKS}[{index}]"), link.connection.clone());
        Some(Entry { place, connection, display_name: None, settings, schedule: None, paused: false, secrets: None })
    };
    Ok(places.into_iter().enumerate().filter_map(entry).collect())
}

fn teams(url: &str) -> Entry {
    Entry {
        place: TEAMS.to_owned(),
        connection: Connection::new(TenantId::DEFAULT, ProviderId::TEAMS, ConnectionName::MAIN),
        display_name: Some("Teams".to_owned()),
        settings: Settings::new(),
        schedule: None,
        paused: false,
        secrets: Some(SecretsAt { current: SecretAt::Given(Secret::new(url.trim())), previous: None }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::connections::stored::KeptBy;
    use crate::vendors::Providers;

    fn environment(variables: &[(&str, Value)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect()
    }

    #[test]
    fn what_the_variables_name_is_what_its_provider_takes() {
        let found = read(&environment(&[
            (
                VENDORS,
                json!([{"slug": "MOSCOT", "source": "moscot.json", "volatile": ["a.b"]},
                    {"slug": "bare", "name": "Bare", "tenant": "globex", "source": " ", "type": "API"}]),
            ),
            (
                SENDERS,
                json!([{"provider": "erp", "connection": "main", "tenant": "acme", "scheme": {"header": "x-erp"},
                    "secrets": ["current-one", "previous-one"], "volatileFields": ["a"]}]),
            ),
            (
                LINKS,
                json!([{"connectionId": "conn-1", "brand": "north"}, {"connectionId": "conn-2", "active": false},
                    {"connectionId": "Conn-3"}]),
            ),
            (TEAMS, json!("https://flow.example/a?sig=b")),
        ]))
        .unwrap();
        let shown: Vec<(&str, String, Option<&str>)> = found
            .iter()
            .map(|entry| (entry.place.as_str(), entry.connection.to_string(), entry.display_name.as_deref()))
            .collect();
        let row = |place, connection: &str, name| (place, connection.to_owned(), name);
        assert_eq!(
            shown,
            [
                row("VENDORS[0]", "default/catalogue/moscot", Some("MOSCOT")),
                row("VENDORS[1]", "globex/catalogue/bare", Some("Bare")),
                row("WEBHOOK_SENDERS[0]", "acme/erp/main", None),
                row("TRACKSTAR_CONNECTIONS[0]", "default/trackstar/north", None),
                row("TRACKSTAR_CONNECTIONS[2]", "default/trackstar/conn-3", None),
                row("INTEGRATIONS_TEAMS_WEBHOOK", "default/teams/main", Some("Teams")),
            ]
        );
        assert_eq!(Value::from(found[1].settings.clone()), json!({"type": "API"}));
        assert_eq!(Value::from(found[4].settings.clone()), json!({"connectionId": "Conn-3"}));
        let secret = |text: &str| SecretAt::Given(Secret::new(text));
        let secrets = SecretsAt { current: secret("current-one"), previous: Some(secret("previous-one")) };
        assert_eq!(found[2].secrets, Some(secrets));
        for entry in &found {
            let providers = Providers::default();
            let of = providers.of(&entry.connection.provider);
            let checked = entry.wanted(KeptBy::Operators).checked(&entry.connection, of, entry.secrets.is_some());
            assert!(checked.is_ok(), "{checked:?}");
        }
    }

    #[test]
    fn a_variable_that_is_wrong_is_named() {
        for (name, value, expected) in [
            (VENDORS, json!({}), "VENDORS is not usable: it must be a JSON array"),
            (SENDERS, json!([{"provider": "github", "secrets": "hunter2"}]), "WEBHOOK_SENDERS is not usable: expected"),
            (LINKS, json!([{"connectionId": "a b"}]), "TRACKSTAR_CONNECTIONS is not usable: connection"),
        ] {
            let wrong = read(&environment(&[(name, value)])).unwrap_err().to_string();
            assert!(wrong.starts_with(expected) && !wrong.contains("hunter2"), "{wrong}");
        }
    }
}
