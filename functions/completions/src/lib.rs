//! Tell receivers of runs that are over: messages of a queue say which, and each minute a tick tells those again that took nothing.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::{Connection, RunId};
use signalbox::engine::completions::tell::tell;
use signalbox::engine::completions::{Completions, tick};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// What comes to the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Call {
    /// The input of its schedule in `template.yaml`.
    Tick(Tick),
    /// Messages of its queue: each is an event of the bus.
    Ended(SqsEvent),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tick {
    #[serde(rename = "schedule")]
    _schedule: Schedule,
    #[serde(with = "signalbox::domain::time")]
    scheduled_time: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Schedule {
    Completions,
}

/// As EventBridge puts it on the queue. Of its detail only which run it is about counts: the rest may be older than what is stored.
#[derive(Debug, Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    connection: Connection,
    run_id: RunId,
}

/// What came is neither.
#[derive(Debug, thiserror::Error)]
#[error("neither the input of the schedule in template.yaml nor messages of the queue")]
struct Unknown;

impl Call {
    fn read(event: Value) -> Result<Self, Unknown> {
        serde_json::from_value(event).map_err(|_| Unknown)
    }
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?;
    let completions = Completions::connect(&clients, environment, outside)?;
    Ok(Function::event(move |event: Value, _context| {
        let completions = completions.clone();
        async move { handle(&completions, Call::read(event)?).await }
    }))
}

async fn handle(completions: &Completions, call: Call) -> Result<(), Error> {
    match call {
        Call::Tick(Tick { scheduled_time, .. }) => {
            let taken = tick::tick(completions).await?;
            if taken > 0 {
                tracing::info!(%scheduled_time, taken, "notices of runs were taken");
            }
        }
        // Where one fails all come again: those that were told of are known by then.
        Call::Ended(event) => {
            let ended: Vec<(Connection, RunId)> = event.records.iter().filter_map(run).collect();
            let made = tell(completions, &ended).await?;
            tracing::debug!(ended = ended.len(), made, "receivers told of runs");
        }
    }
    Ok(())
}

/// The run that a message is about; none where it cannot be read, as it never could be.
fn run(message: &SqsMessage) -> Option<(Connection, RunId)> {
    let body = message.body.as_deref().unwrap_or_default();
    let read = serde_json::from_str::<Event>(body);
    let Event { detail } = read.inspect_err(|error| tracing::error!(%error, "a message of no run forgotten")).ok()?;
    Some((detail.connection, detail.run_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tick_and_messages_are_told_apart_and_nothing_else_is_taken() {
        let tick = json!({"schedule": "completions", "scheduledTime": "2026-01-15T12:00:00Z"});
        assert!(matches!(Call::read(tick), Ok(Call::Tick(_))));
        let body = json!({
            "version": "0", "id": "e", "detail-type": "run.succeeded", "source": "signalbox", "account": "1",
            "time": "2026-01-15T12:00:00Z", "region": "eu-north-1", "resources": [],
            "detail": {"connection": "acme/gbp/main", "runId": "018bcfe5-6800-7000-8000-000000000000"},
        });
        let messages =
            json!({"Records": [{"messageId": "1", "body": body.to_string()}, {"messageId": "2", "body": "{}"}]});
        let Ok(Call::Ended(event)) = Call::read(messages) else { panic!("messages") };
        let runs: Vec<_> = event.records.iter().filter_map(run).collect();
        assert_eq!(runs.len(), 1, "one that cannot be read keeps no other from being told of");
        for event in [
            json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"}),
            json!({"schedule": "completions", "scheduledTime": "<aws.scheduler.scheduled-time>"}),
            json!("completions"),
        ] {
            assert!(Call::read(event.clone()).is_err(), "{event}");
        }
    }
}
