//! Syncs that are due, which it hands out and does not start; nightly ones; the watchdog over runs that have stopped moving; and
//! the import of connections that the deployment's configuration names.
//!
//! What a schedule sends is the `Input` that `template.yaml` gives it: its name, and the time it was due.

use std::fmt;

use jiff::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::aws::queues::due::DueQueue;
use signalbox::engine::connections::hand_out::hand_out;
use signalbox::engine::connections::import::{Importer, Outcome};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::{schedule, watchdog};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::{By, Unit};

/// One firing of a schedule.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tick {
    schedule: Schedule,
    #[serde(with = "signalbox::domain::time")]
    scheduled_time: Timestamp,
}

/// The schedules of `template.yaml`.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Schedule {
    Nightly,
    Due,
    Import,
    Watchdog,
}

/// What comes to the scheduler is not what its schedules send.
#[derive(Debug, thiserror::Error)]
#[error("not the input of a schedule in template.yaml: {0}")]
struct NotATick(#[from] serde_json::Error);

impl Tick {
    fn read(event: Value) -> Result<Self, NotATick> {
        Ok(serde_json::from_value(event)?)
    }

    /// The same for each delivery of the same tick: the scheduler delivers at least once, and Lambda repeats what failed.
    fn id(&self) -> String {
        format!("{}/{}", self.schedule, self.scheduled_time)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nightly => "nightly",
            Self::Due => "due",
            Self::Import => "import",
            Self::Watchdog => "watchdog",
        })
    }
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?;
    let runs = Runs::connect(&clients, environment, outside)?;
    let due = Due {
        connections: ConnectionStore::connect(&clients, environment)?,
        queue: DueQueue::connect(&clients, environment)?,
    };
    let importer = Importer::connect(&clients, environment, outside)?;
    Ok(Function::event(move |event: Value, _context| {
        let (runs, due, importer) = (runs.clone(), due.clone(), importer.clone());
        async move { handle(&runs, &due, &importer, &Tick::read(event)?).await }
    }))
}

/// What is due, and where it is handed out.
#[derive(Clone)]
struct Due {
    connections: ConnectionStore,
    queue: DueQueue,
}

async fn handle(runs: &Runs, due: &Due, importer: &Importer, tick: &Tick) -> Result<(), Error> {
    // That it came, whatever becomes of it: a schedule that is gone is not seen by what the others do, and what fails has its own count.
    let came = [("scheduler.ticks", 1.0, Unit::Count)];
    let schedule = tick.schedule.to_string();
    runs.outside.metrics.emit(runs.now(), &[By(&[("schedule", &schedule)], &came)], &[("tick", tick.id().into())]);
    match tick.schedule {
        Schedule::Nightly => {
            let started = schedule::start_all(runs, &tick.id()).await?;
            tracing::info!(runs = started.len(), "nightly runs started");
        }
        Schedule::Due => {
            let _logged = hand_out(&runs.outside, &due.connections, &due.queue).await?;
        }
        // Boxed: it is a large part of what every other tick would carry.
        Schedule::Import => {
            let done = Box::pin(importer.import(&tick.id())).await;
            done.outcomes.iter().for_each(say);
            done.failed.map_or(Ok(()), Err)?;
        }
        Schedule::Watchdog => {
            let _logged = watchdog::watch(runs).await?;
        }
    }
    Ok(())
}

fn say(outcome: &Outcome) {
    let Outcome { source, made, changed, removed, left, refused, unfinished } = outcome;
    tracing::info!(source, made, changed, removed, left, unfinished, "connections imported");
    for why in refused {
        tracing::warn!(source, why, "a connection was not imported");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signalbox::domain::correlation::is_plain;

    use super::*;

    fn tick(schedule: &str, scheduled_time: &str) -> Result<Tick, String> {
        let event = json!({"schedule": schedule, "scheduledTime": scheduled_time});
        Tick::read(event).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tick_has_one_id_however_often_it_is_delivered() {
        let id = |schedule, time| tick(schedule, time).unwrap().id();
        let first = id("nightly", "2026-01-15T02:00:00Z");
        assert_eq!(first, "nightly/2026-01-15T02:00:00Z");
        assert_eq!(first, id("nightly", "2026-01-15T02:00:00Z"));
        assert_ne!(first, id("nightly", "2026-01-16T02:00:00Z"));
        assert_ne!(first, id("watchdog", "2026-01-15T02:00:00Z"));
        assert!(is_plain(&first), "it is the trace of the runs it starts");
    }

    #[test]
    fn what_no_schedule_sends_is_refused_with_the_reason() {
        let unknown = tick("weekly", "2026-01-15T02:00:00Z").unwrap_err();
        assert!(unknown.contains("`weekly`") && unknown.contains("`nightly`"), "{unknown}");
        // Where nobody fills the attribute in, every night would have the same id.
        assert!(tick("nightly", "<aws.scheduler.scheduled-time>").is_err());
        for event in [
            json!({"schedule": "nightly"}),
            json!({"detail-type": "Scheduled Event", "resources": ["arn:aws:events:::rule/signalbox-nightly"]}),
            json!("nightly"),
        ] {
            assert!(Tick::read(event.clone()).is_err(), "{event}");
        }
    }
}
