//! What connections to vendors whose APIs are pulled have in common: settings, and what they say.

use serde_json::Value;
use url::Url;

use crate::domain::canonical::VolatilePath;
use crate::domain::connections::provider::{Setting, SettingKind, Settings, WrongSetting};
use crate::domain::connections::pull_api::PullApi;
use crate::domain::ids::Entity;
use crate::domain::pull::breaker::FAILURES_MAX;
use crate::domain::pull::drift::Policy;
use crate::domain::pull::quota::Limits;
use crate::domain::runs::held::OnRemovals;

/// Where the API is.
pub const BASE_URL: Setting = Setting {
    name: "baseUrl",
    kind: SettingKind::Text,
    required: false,
    about: "Where the API is; the vendor's own address where none is given",
};
/// How much is asked for at once.
pub const PAGE_SIZE: Setting = Setting {
    name: "pageSize",
    kind: SettingKind::Number(1, 1_000),
    required: false,
    about: "How many rows are asked for at once: more of them take fewer requests",
};
/// How often the vendor is asked.
pub const PER_MINUTE: Setting = Setting {
    name: "requestsPerMinute",
    kind: SettingKind::Number(1, 100_000),
    required: false,
    about: "How many requests the vendor takes in any minute; what it documents where none is given",
};
/// How often the vendor is asked.
pub const PER_HOUR: Setting = Setting {
    name: "requestsPerHour",
    kind: SettingKind::Number(1, 1_000_000),
    required: false,
    about: "How many requests the vendor takes in any hour; what it documents where none is given",
};
/// When a vendor counts as down.
pub const BREAKER_FAILURES: Setting = Setting {
    name: "breakerFailures",
    kind: SettingKind::Number(1, 100),
    required: false,
    about: "How many failures in five minutes open the connection's breaker, so that nobody asks for a while; 5 where none is given",
};
/// What is pulled on a schedule.
pub const ENTITIES: Setting = Setting {
    name: "entities",
    kind: SettingKind::Texts,
    required: false,
    about: "What is pulled where a run names nothing; all that there is where none is given",
};
/// What changes without meaning.
pub const VOLATILE: Setting = Setting {
    name: "volatile",
    kind: SettingKind::Texts,
    required: false,
    about: "Dotted paths of fields that change without meaning and count for nothing",
};
/// What is done about fields that change.
pub const DRIFT: Setting = Setting {
    name: "drift",
    kind: SettingKind::TextOrObject,
    required: false,
    about: "What is done where rows have other fields than before: accept, freeze or ignore, for all or by entity",
};

/// What becomes of a backfill that would remove a large share.
pub const REMOVALS: Setting = Setting {
    name: "removals",
    kind: SettingKind::Choice(OnRemovals::CHOICES),
    required: false,
    about: "What becomes of an entity of which a large share would go: it fails, or waits up to 72 hours until somebody approves",
};

/// How a vendor is pulled over one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSettings {
    /// Where the API is.
    pub base_url: Url,
    /// How many rows are asked for at once.
    pub page_rows: u64,
    /// How often it is asked.
    pub limits: Limits,
    /// The same, as it was said: in any minute, and in any hour.
    pub rates: (u32, u32),
    /// How many failures open its breaker.
    pub breaker_failures: usize,
    /// What is pulled where a run names nothing.
    pub entities: Vec<Entity>,
    /// What changes without meaning.
    pub volatile: Vec<VolatilePath>,
    /// What becomes of an entity of which a large share would go.
    pub on_removals: OnRemovals,
    drift: Value,
}

impl PullSettings {
    /// What is done about fields of an entity that change.
    #[must_use]
    pub fn drift(&self, entity: &Entity) -> Policy {
        let of_entity = self.drift.get(entity.as_str()).unwrap_or(&self.drift);
        policy(of_entity).unwrap_or_default()
    }
}

fn policy(value: &Value) -> Option<Policy> {
    serde_json::from_value(value.clone()).ok()
}

/// Whether settings can be used.
///
/// # Errors
/// What is wrong with them.
pub fn check(api: &PullApi, settings: &Settings) -> Result<(), WrongSetting> {
    read(api, settings).map(drop)
}

/// Reads what a connection is told.
///
/// # Errors
/// What is wrong with it.
pub fn read(api: &PullApi, settings: &Settings) -> Result<PullSettings, WrongSetting> {
    let number = |name: &str| settings.get(name).and_then(Value::as_u64);
    let texts = |name: &str| {
        let texts = settings.get(name).and_then(Value::as_array);
        texts.map(|texts| texts.iter().filter_map(Value::as_str).collect::<Vec<_>>())
    };
    let (default_rows, rows_max) = api.page_rows;
    let (per_minute, per_hour) = api.rates;
    let rate = |name: &str, default: u32| number(name).and_then(|rate| u32::try_from(rate).ok()).unwrap_or(default);
    let breaker_failures = number("breakerFailures").and_then(|failures| usize::try_from(failures).ok());
    let no_path = || WrongSetting::new("volatile", "has a path with an empty step");
    let paths = texts("volatile").unwrap_or_default().into_iter().map(VolatilePath::parse);
    let rates = (rate("requestsPerMinute", per_minute), rate("requestsPerHour", per_hour));
    Ok(PullSettings {
        base_url: place(settings, "baseUrl", api.base_url)?,
        page_rows: number("pageSize").unwrap_or(default_rows).min(rows_max),
        limits: Limits::new(rates.0, rates.1),
        rates,
        breaker_failures: breaker_failures.unwrap_or(FAILURES_MAX),
        entities: entities(api, texts("entities"))?,
        volatile: paths.collect::<Option<_>>().ok_or_else(no_path)?,
        on_removals: OnRemovals::parse(settings.get(REMOVALS.name).and_then(Value::as_str)).unwrap_or_default(),
        drift: drift(api, settings.get("drift"))?,
    })
}

/// Reads an address that a setting says, or the vendor's own.
///
/// # Errors
/// When it cannot be one.
pub(super) fn place(settings: &Settings, name: &str, vendor: &str) -> Result<Url, WrongSetting> {
    let text = settings.get(name).and_then(Value::as_str).unwrap_or(vendor);
    let wrong = |why: &str| WrongSetting::new(name, why);
    let url = Url::parse(text).map_err(|_| wrong("is no URL"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(wrong("must begin with https://"));
    }
    // A secret in it would be shown with the settings.
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must have no user, query or fragment"));
    }
    Ok(url)
}

fn entities(api: &PullApi, named: Option<Vec<&str>>) -> Result<Vec<Entity>, WrongSetting> {
    let all = || api.entities.iter().map(|entity| entity.entity.clone());
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(all().collect()) };
    let mut entities = Vec::new();
    for name in named {
        let known = all().find(|entity| entity.as_str().eq_ignore_ascii_case(name));
        let known =
            known.ok_or_else(|| WrongSetting::new("entities", format!("names none: there are {}", names(api))))?;
        if !entities.contains(&known) {
            entities.push(known);
        }
    }
    Ok(entities)
}

fn names(api: &PullApi) -> String {
    let names: Vec<&str> = api.entities.iter().map(|entity| entity.entity.as_str()).collect();
    names.join(", ")
}

fn drift(api: &PullApi, given: Option<&Value>) -> Result<Value, WrongSetting> {
    let wrong = |why: String| WrongSetting::new("drift", why);
    match given {
        None => Ok(Value::Null),
        Some(Value::Object(by_entity)) => {
            let known = |name: &str| api.entities.iter().any(|entity| entity.entity.as_str() == name);
            let bad = by_entity.iter().find(|(name, value)| !known(name) || policy(value).is_none());
            match bad {
                None => Ok(Value::Object(by_entity.clone())),
                Some(_) => Err(wrong(format!("must be accept, freeze or ignore for each of {}", names(api)))),
            }
        }
        Some(value) if policy(value).is_some() => Ok(value.clone()),
        Some(_) => Err(wrong("must be accept, freeze or ignore, or one of them by entity".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::doorloop;
    use serde_json::json;

    fn settings(value: Value) -> Result<PullSettings, String> {
        let api = doorloop::PROVIDER.pull.unwrap();
        read(api, value.as_object().unwrap()).map_err(|wrong| wrong.name)
    }

    #[test]
    fn without_settings_a_vendor_is_pulled_as_it_documents() {
        let found = settings(json!({})).unwrap();
        assert_eq!((found.base_url.as_str(), found.page_rows), ("https://app.doorloop.com/api", 100));
        assert_eq!((found.limits, found.entities.len()), (Limits::new(50, 500), 5));
        assert_eq!(found.breaker_failures, 5);
        assert_eq!(found.drift(&Entity::OWNERS), Policy::Accept);
    }

    #[test]
    fn settings_say_how_it_is_pulled() {
        let found = settings(json!({"baseUrl": "http://127.0.0.1:9/api", "pageSize": 10, "requestsPerMinute": 2,
            "requestsPerHour": 3, "breakerFailures": 7, "entities": ["Units", "owners", "units"], "volatile": ["a.b"], "drift": {"units": "freeze"}}));
        let found = found.unwrap();
        assert_eq!((found.page_rows, found.limits, found.volatile.len()), (10, Limits::new(2, 3), 1));
        assert_eq!((&found.entities[..], found.breaker_failures), (&[Entity::UNITS, Entity::OWNERS][..], 7));
        assert_eq!((found.drift(&Entity::UNITS), found.drift(&Entity::OWNERS)), (Policy::Freeze, Policy::Accept));
        for (wrong, name) in [
            (json!({"baseUrl": "app.doorloop.com"}), "baseUrl"),
            (json!({"baseUrl": "ftp://a.example"}), "baseUrl"),
            (json!({"baseUrl": "https://key@a.example"}), "baseUrl"),
            (json!({"baseUrl": "https://a.example?key=1"}), "baseUrl"),
            (json!({"entities": ["dogs"]}), "entities"),
            (json!({"volatile": ["a."]}), "volatile"),
            (json!({"drift": "maybe"}), "drift"),
            (json!({"drift": {"dogs": "freeze"}}), "drift"),
        ] {
            assert_eq!(settings(wrong.clone()).unwrap_err(), name, "{wrong}");
        }
    }
}
