//! The variables of single-tenant systems before this one, as the default tenant's connection to DoorLoop: where it is, how often it is
//! asked, what is pulled of it, and when.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::secrets::VARIABLE;
use crate::domain::connections::import::{Entry, SecretAt, SecretsAt, Wrong};
use crate::domain::connections::provider::Settings;
use crate::domain::connections::schedule::{
    EVERY_MINUTES_MAX, PULL_EVERY_MINUTES, PULL_EVERY_MINUTES_MIN, PullTimes, Schedule,
};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::environment::{Environment, StartError};
use crate::vendors::{doorloop, pulled};

/// Where its key is: the name of a parameter, and on somebody's own machine of a variable.
const API_KEY: &str = "DOORLOOP_API_KEY";
const BASE_URL: &str = "DOORLOOP_BASE_URL";
pub(in crate::engine::connections) const ENTITIES: &str = "SYNC_ENTITIES";
pub(in crate::engine::connections) const ENABLED: &str = "AUTO_SYNC_ENABLED";
pub(in crate::engine::connections) const EVERY: &str = "AUTO_SYNC_INTERVAL_MINUTES";
pub(in crate::engine::connections) const FULL_AT: &str = "AUTO_SYNC_FULL_AT_HOUR_UTC";
/// Those that are settings of numbers, each with its bounds.
const NUMBERS: [(&str, &str, RangeInclusive<u64>); 3] = [
    ("DOORLOOP_PAGE_SIZE", pulled::PAGE_SIZE.name, 1..=1_000),
    ("DOORLOOP_RATE_LIMIT_PER_MINUTE", pulled::PER_MINUTE.name, 1..=100_000),
    ("DOORLOOP_RATE_LIMIT_PER_HOUR", pulled::PER_HOUR.name, 1..=1_000_000),
];

fn names() -> impl Iterator<Item = &'static str> {
    let numbers = NUMBERS.into_iter().map(|(name, ..)| name);
    [BASE_URL, ENTITIES, ENABLED, EVERY, FULL_AT].into_iter().chain(numbers)
}

/// What they are, for whoever tells one version of them from another. A key that is a variable is among it.
pub(super) fn texts(environment: &Environment) -> Vec<&str> {
    names().map(|name| environment.get(name).unwrap_or_default()).chain([local_key(environment)]).collect()
}

fn local_key(environment: &Environment) -> &str {
    environment.get(&format!("{VARIABLE}{API_KEY}")).filter(|_| environment.is_local()).unwrap_or_default()
}

/// The connection that they name; none where none of them is set.
///
/// # Errors
/// When one is not what it must be.
pub(super) fn read(environment: &Environment) -> Result<Option<Entry>, Wrong> {
    if texts(environment).iter().all(|text| text.is_empty()) {
        return Ok(None);
    }
    entry(environment).map(Some).map_err(|error| match error {
        StartError::Missing(name) => Wrong::at(name, "is not set"),
        StartError::Invalid { name, reason } => Wrong::at(name, format!("is not usable: {reason}")),
    })
}

/// Whether they can be used: what is wrong refuses the start.
///
/// # Errors
/// When one is not what it must be.
pub(super) fn check(environment: &Environment) -> Result<(), StartError> {
    entry(environment).map(drop)
}

fn entry(environment: &Environment) -> Result<Entry, StartError> {
    let mut settings = Settings::new();
    let mut set = |name: &str, value: Value| drop(settings.insert(name.to_owned(), value));
    for (name, setting, bounds) in NUMBERS {
        if environment.get(name).is_some() {
            set(setting, environment.number_in(name, *bounds.start(), bounds)?.into());
        }
    }
    if let Some(url) = environment.get(BASE_URL) {
        set(pulled::BASE_URL.name, url.trim().into());
    }
    let entities = environment.list(ENTITIES);
    if !entities.is_empty() {
        set(pulled::ENTITIES.name, entities.into());
    }
    if let Some(Err(wrong)) = doorloop::PROVIDER.pull.map(|api| pulled::check(api, &settings)) {
        let name = if wrong.name == pulled::ENTITIES.name { ENTITIES } else { BASE_URL };
        return Err(StartError::Invalid { name, reason: format!("it {}", wrong.why) });
    }
    let every = environment.number_in(
        EVERY,
        PULL_EVERY_MINUTES.into(),
        PULL_EVERY_MINUTES_MIN.into()..=EVERY_MINUTES_MAX.into(),
    )?;
    let full_at = match environment.get(FULL_AT) {
        None => None,
        Some(_) => u8::try_from(environment.number_in(FULL_AT, 0, 0..=23)?).ok(),
    };
    let schedule = Schedule::of_pull(PullTimes {
        every: u32::try_from(every).unwrap_or(PULL_EVERY_MINUTES),
        full_at_hour_utc: full_at,
        enabled: environment.switch(ENABLED, false)?,
    });
    Ok(Entry {
        place: "DOORLOOP".to_owned(),
        connection: Connection::new(TenantId::DEFAULT, ProviderId::DOORLOOP, ConnectionName::MAIN),
        display_name: Some("DoorLoop".to_owned()),
        settings,
        schedule: Some(schedule),
        paused: false,
        secrets: Some(SecretsAt { current: SecretAt::Parameter(API_KEY.to_owned()), previous: None }),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::connections::stored::KeptBy;
    use crate::vendors::Providers;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().copied().collect()
    }

    #[test]
    fn what_the_variables_name_is_what_its_provider_takes() {
        assert_eq!(read(&environment(&[])).unwrap(), None);
        let all = [
            ("DOORLOOP_BASE_URL", "https://app.doorloop.com/api"),
            ("DOORLOOP_PAGE_SIZE", "50"),
            ("DOORLOOP_RATE_LIMIT_PER_MINUTE", "40"),
            ("DOORLOOP_RATE_LIMIT_PER_HOUR", "400"),
            ("SYNC_ENTITIES", "owners, units"),
            ("AUTO_SYNC_ENABLED", "true"),
            ("AUTO_SYNC_INTERVAL_MINUTES", "15"),
            ("AUTO_SYNC_FULL_AT_HOUR_UTC", "5"),
        ];
        let entry = read(&environment(&all)).unwrap().unwrap();
        assert_eq!(
            Value::from(entry.settings.clone()),
            json!({"baseUrl": "https://app.doorloop.com/api", "pageSize": 50, "requestsPerMinute": 40,
                "requestsPerHour": 400, "entities": ["owners", "units"]})
        );
        assert_eq!(serde_json::to_value(&entry.schedule).unwrap(), json!({"every": 15, "fullAtHourUtc": 5}));
        let providers = Providers::default();
        let checked =
            entry.wanted(KeptBy::Operators).checked(&entry.connection, providers.of(&ProviderId::DOORLOOP), true);
        assert!(checked.is_ok(), "{checked:?}");
        // On its own each makes it, and it is pulled by itself where somebody says so alone.
        for variable in all {
            let entry = read(&environment(&[variable])).unwrap().unwrap();
            let times = entry.schedule.unwrap().pull_times().unwrap();
            assert_eq!(times.enabled, variable.0 == "AUTO_SYNC_ENABLED", "{variable:?}");
        }
        assert!(
            read(&environment(&[("SIGNALBOX_STAGE", "local"), ("env:DOORLOOP_API_KEY", "key")])).unwrap().is_some()
        );
    }

    #[test]
    fn one_that_is_wrong_is_named() {
        for (name, value, why) in [
            ("DOORLOOP_BASE_URL", "app.doorloop.com", "is no URL"),
            ("DOORLOOP_PAGE_SIZE", "0", "from 1 to 1000"),
            ("DOORLOOP_PAGE_SIZE", "many", "whole number from 1 to 1000"),
            ("DOORLOOP_RATE_LIMIT_PER_MINUTE", "0", "from 1 to 100000"),
            ("DOORLOOP_RATE_LIMIT_PER_HOUR", "-1", "whole number"),
            ("SYNC_ENTITIES", "dogs", "names none"),
            ("AUTO_SYNC_ENABLED", "on", "true or false"),
            ("AUTO_SYNC_INTERVAL_MINUTES", "1", "from 2 to 10080"),
            ("AUTO_SYNC_FULL_AT_HOUR_UTC", "24", "from 0 to 23"),
        ] {
            let refused = check(&environment(&[(name, value)])).unwrap_err().to_string();
            assert!(refused.starts_with(name) && refused.contains(why), "{refused}");
            let wrong = read(&environment(&[(name, value)])).unwrap_err().to_string();
            assert!(wrong.starts_with(name), "{wrong}");
        }
    }
}
