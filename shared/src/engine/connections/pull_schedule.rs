//! When a connection is pulled by itself, and of what: what operators switch without a deployment.

use serde_json::Value;

use crate::domain::audit::Action;
use crate::domain::connections::import::ENVIRONMENT;
use crate::domain::connections::pull_api::PullApi;
use crate::domain::connections::schedule::{PullTimes, Schedule};
use crate::domain::connections::stored::{ChangeError, KeptBy, Knows, StoredConnection, Wanted};
use crate::domain::ids::{Connection, ProviderId};
use crate::engine::operators::Operator;

use super::change::{Deed, change};
use super::desk::{Desk, Refused};
use super::import::pulled_variables;
use super::tries::{TRIES_MAX, pause};

/// What is to be changed; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleChange {
    /// Whether it is pulled by itself.
    pub enabled: Option<bool>,
    /// Every how many minutes changes are pulled.
    pub every: Option<u32>,
    /// In which hour of the UTC day everything is pulled, or that it is not.
    pub full_at_hour_utc: Option<Option<u8>>,
    /// What is pulled where a run names nothing.
    pub entities: Option<Vec<String>>,
}

impl ScheduleChange {
    /// What a schedule becomes; none where it is a pattern, which says nothing of an interval.
    fn of(&self, before: &Schedule) -> Option<Schedule> {
        if self.enabled.is_none() && self.every.is_none() && self.full_at_hour_utc.is_none() {
            return Some(before.clone());
        }
        let times = match (before.pull_times(), self.every) {
            (Some(times), _) => times,
            (None, Some(every)) => PullTimes { every, full_at_hour_utc: None, enabled: true },
            (None, None) => return None,
        };
        Some(Schedule::of_pull(PullTimes {
            every: self.every.unwrap_or(times.every),
            full_at_hour_utc: self.full_at_hour_utc.unwrap_or(times.full_at_hour_utc),
            enabled: self.enabled.unwrap_or(times.enabled),
        }))
    }

    /// The first that is to be pulled and that the vendor does not have.
    fn unknown_entity(&self, api: Option<&PullApi>) -> Option<&str> {
        let known = |name: &str| api.is_some_and(|api| api.has_entity(name));
        self.entities.iter().flatten().map(String::as_str).find(|name| !known(name))
    }

    /// What sets what is to be changed, where a source keeps the connection: its variables, or the source.
    fn set_by(&self, source: &str, connection: &Connection) -> String {
        if source != ENVIRONMENT || connection.provider != ProviderId::DOORLOOP {
            return source.to_owned();
        }
        let named = [
            (self.enabled.is_some(), pulled_variables::ENABLED),
            (self.every.is_some(), pulled_variables::EVERY),
            (self.full_at_hour_utc.is_some(), pulled_variables::FULL_AT),
            (self.entities.is_some(), pulled_variables::ENTITIES),
        ];
        let named: Vec<&str> = named.into_iter().filter_map(|(is_named, name)| is_named.then_some(name)).collect();
        format!("{source} ({})", named.join(", "))
    }

    /// For the record.
    fn summary(&self, connection: &Connection) -> String {
        let enabled = self.enabled.map(|enabled| if enabled { "on".to_owned() } else { "off".to_owned() });
        let every = self.every.map(|every| format!("every {every} min"));
        let full = self.full_at_hour_utc.map(|hour| match hour {
            Some(hour) => format!("everything at {hour:02} UTC"),
            None => "everything at no hour".to_owned(),
        });
        let entities = self.entities.as_ref().map(|entities| format!("entities {}", entities.join(", ")));
        let said: Vec<String> = [enabled, every, full, entities].into_iter().flatten().collect();
        format!("{connection}: {}", said.join(", "))
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The deployment's configuration keeps the connection.
    #[error("{0} sets it: change it there")]
    Locked(String),
    /// Its schedule is a pattern, and no interval was given in its place.
    #[error(
        "the connection's schedule is a pattern of cron: give intervalMinutes in its place, or change the connection"
    )]
    Pattern,
    /// What is to be pulled is not what its vendor has.
    #[error("there is no entity {0}")]
    Entity(String),
    /// As with any change of a connection.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Changes when a connection is pulled by itself, at whatever version it is: as it is then. It is on record before, and what came of it
/// after; so is what is refused.
///
/// # Errors
/// When it is refused, or AWS fails.
pub async fn change_schedule(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    wanted: &ScheduleChange,
) -> Result<StoredConnection, NotChanged> {
    let target = wanted.summary(connection);
    let noted = desk.operators.begin(operator, Action::ChangeSchedule, target).await.map_err(Refused::Fault)?;
    let changed = tried(desk, operator, connection, wanted).await;
    let result = match &changed {
        Ok(_) => "changed".to_owned(),
        Err(NotChanged::Refused(Refused::Fault(_) | Refused::Unread(_))) => "failed".to_owned(),
        Err(refused) => format!("refused: {refused}"),
    };
    desk.operators.noted(noted, &result).await;
    changed
}

async fn tried(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    wanted: &ScheduleChange,
) -> Result<StoredConnection, NotChanged> {
    for tries in 0..TRIES_MAX {
        let stored = desk.store.read(connection).await.map_err(Refused::Unread)?.ok_or(Refused::NotFound)?;
        if let KeptBy::Configuration { source } = &stored.kept_by {
            return Err(NotChanged::Locked(wanted.set_by(source, connection)));
        }
        if let Some(unknown) = wanted.unknown_entity(desk.providers.of(&connection.provider).pull) {
            return Err(NotChanged::Entity(unknown.to_owned()));
        }
        let schedule = wanted.of(&stored.schedule).ok_or(NotChanged::Pattern)?;
        let mut settings = stored.settings.clone();
        if let Some(entities) = &wanted.entities {
            settings.insert("entities".to_owned(), Value::from(entities.clone()));
        }
        if schedule == stored.schedule && settings == stored.settings {
            return Ok(stored);
        }
        let display_name = Some(stored.display_name.clone());
        let to = Wanted { display_name, settings, schedule: Some(schedule), kept_by: KeptBy::Operators };
        let deed = Deed::Put { wanted: to, secrets: None, active: None };
        match change(desk, operator, connection, Knows::Version(stored.version), &deed).await {
            Ok(changed) => return Ok(changed.connection),
            // Somebody else changed something of it: theirs stays, and this comes on top.
            Err(Refused::Change(ChangeError::Stale(_))) => pause(&desk.operators, tries).await,
            Err(refused) => return Err(refused.into()),
        }
    }
    Err(Refused::Contended.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_change_it_is_told_which_variables_do() {
        let change = ScheduleChange { enabled: Some(true), every: Some(5), ..ScheduleChange::default() };
        for (source, connection, told) in [
            (ENVIRONMENT, "default/doorloop/main", "environment (AUTO_SYNC_ENABLED, AUTO_SYNC_INTERVAL_MINUTES)"),
            (ENVIRONMENT, "default/trackstar/north", "environment"),
            ("s3://config/connections.json", "default/doorloop/main", "s3://config/connections.json"),
        ] {
            assert_eq!(change.set_by(source, &connection.parse().unwrap()), told);
        }
    }

    #[test]
    fn what_is_not_named_stays_also_while_it_is_off() {
        let times =
            |every, full_at_hour_utc, enabled| Schedule::of_pull(PullTimes { every, full_at_hour_utc, enabled });
        let off = ScheduleChange { enabled: Some(false), ..ScheduleChange::default() };
        let on = ScheduleChange { enabled: Some(true), ..ScheduleChange::default() };
        let nightly = ScheduleChange { full_at_hour_utc: Some(Some(5)), ..ScheduleChange::default() };
        let never = ScheduleChange { full_at_hour_utc: Some(None), every: Some(30), ..ScheduleChange::default() };
        let pattern = Schedule::cron("0 2 * * *", "UTC").unwrap();
        for (change, before, after) in [
            (&off, Schedule::Every(15), Some(times(15, None, false))),
            (&on, times(15, Some(5), false), Some(times(15, Some(5), true))),
            (&on, Schedule::Off, Some(Schedule::Every(10))),
            (&nightly, Schedule::Every(15), Some(times(15, Some(5), true))),
            (&nightly, Schedule::Off, Some(times(10, Some(5), false))),
            (&never, times(15, Some(5), true), Some(Schedule::Every(30))),
            (&never, pattern.clone(), Some(Schedule::Every(30))),
            (&off, pattern.clone(), None),
            (&ScheduleChange::default(), pattern.clone(), Some(pattern.clone())),
        ] {
            assert_eq!(change.of(&before), after, "{change:?} {before:?}");
        }
    }
}
