//! Tell people of what is wrong: an event of the bus says where to look, and each minute a tick looks where nothing happens, and sends. What
//! is wrong with the service itself CloudWatch's alarms say, by SNS.

use jiff::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::Connection;
use signalbox::engine::alerts::alarms::hear;
use signalbox::engine::alerts::look::look;
use signalbox::engine::alerts::{Alerts, tick};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// What comes to the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Call {
    /// The input of its schedule in `template.yaml`.
    Tick(Tick),
    /// An event of the bus.
    Event(Event),
    /// Alarms of the service, from the topic of `infra/observability/template.yaml`. That it alone may send them is its permission's to see to.
    Alarms(Alarms),
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
    Alerts,
}

/// As EventBridge delivers it. Of its detail only what it is about counts: the rest may be older than what is stored.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "detail-type")]
    kind: String,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
struct Detail {
    connection: Connection,
}

/// As SNS delivers messages. What a message says is looked at one by one: one that cannot be read keeps no other from being heard.
#[derive(Debug, Deserialize)]
struct Alarms {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

impl Alarms {
    /// What the messages say; none of one that is no message of SNS.
    fn messages(&self) -> impl Iterator<Item = Option<&str>> {
        self.records.iter().take(RECORDS_MAX).map(|record| record["Sns"]["Message"].as_str())
    }
}

/// SNS delivers one message at a time.
const RECORDS_MAX: usize = 10;

/// What came is none of these.
#[derive(Debug, thiserror::Error)]
#[error("neither the input of the schedule in template.yaml nor an event of the bus nor a message of SNS")]
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
    let alerts = Alerts::connect(&clients, environment, outside)?;
    Ok(Function::event(move |event: Value, _context| {
        let alerts = alerts.clone();
        async move { handle(&alerts, Call::read(event)?).await }
    }))
}

async fn handle(alerts: &Alerts, call: Call) -> Result<(), Error> {
    match call {
        Call::Tick(Tick { scheduled_time, .. }) => {
            let done = tick::tick(alerts).await?;
            if done != tick::Ticked::default() {
                let tick::Ticked { looked_at, changed, messages, tried } = done;
                tracing::info!(%scheduled_time, looked_at, changed, messages, tried, "alerts looked at and told");
            }
        }
        Call::Event(Event { kind, detail: Detail { connection } }) => {
            let changed = look(alerts, &connection, None).await?;
            tracing::info!(kind, %connection, changed, "a connection looked at");
        }
        Call::Alarms(alarms) => {
            for message in alarms.messages() {
                hear(alerts, message.unwrap_or_default()).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tick_an_event_and_an_alarm_are_told_apart_and_nothing_else_is_taken() {
        let tick = json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"});
        assert!(matches!(Call::read(tick), Ok(Call::Tick(_))));
        let event = json!({
            "version": "0", "id": "e", "detail-type": "run.failed", "source": "signalbox", "account": "1",
            "time": "2026-01-15T12:00:00Z", "region": "eu-north-1", "resources": [],
            "detail": {"connection": "acme/doorloop/main", "runId": "r"},
        });
        assert!(matches!(Call::read(event), Ok(Call::Event(event)) if event.kind == "run.failed"));
        let alarms = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}, {"Sns": 7}, "?"]});
        let Ok(Call::Alarms(alarms)) = Call::read(alarms) else { panic!("SNS sends such") };
        assert_eq!(alarms.messages().collect::<Vec<_>>(), [Some("{}"), None, None]);
        for event in [
            json!({"Records": {}}),
            json!({"schedule": "watchdog", "scheduledTime": "2026-01-15T12:00:00Z"}),
            json!({"schedule": "alerts", "scheduledTime": "<aws.scheduler.scheduled-time>"}),
            json!({"detail-type": "run.failed", "detail": {"connection": "acme"}}),
            json!({"detail-type": "run.failed", "detail": {}}),
            json!("alerts"),
        ] {
            assert!(Call::read(event.clone()).is_err(), "{event}");
        }
    }
}
