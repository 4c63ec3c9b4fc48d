//! Tell people each Monday how the mirrors of a week did. Each minute a tick looks whether it is time, and sends what is to be sent, also by
//! hand.

use jiff::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::domain::service_secrets::SESSION_JWT;
use signalbox::engine::digests::{Digests, Ticked};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// The input of its schedule in `template.yaml`.
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
    Digests,
}

/// What came is something else.
#[derive(Debug, thiserror::Error)]
#[error("not the input of the schedule in template.yaml")]
struct Unknown;

impl Tick {
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
    let secrets = SecretsReader::start(&clients, environment, outside, &[SESSION_JWT]).await?;
    let digests = Digests::connect(&clients, environment, outside, secrets.secrets())?;
    Ok(Function::event(move |event: Value, _context| {
        let (digests, secrets) = (digests.clone(), secrets.clone());
        async move { secrets.during(handle(&digests, Tick::read(event)?)).await }
    }))
}

async fn handle(digests: &Digests, Tick { scheduled_time, .. }: Tick) -> Result<(), Error> {
    let done = digests.tick().await?;
    if done != Ticked::default() {
        let Ticked { made, sent } = done;
        tracing::info!(%scheduled_time, made, sent, "weekly digests made and sent");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tick_is_taken_and_nothing_else() {
        assert!(Tick::read(json!({"schedule": "digests", "scheduledTime": "2026-01-15T12:00:00Z"})).is_ok());
        for event in [
            json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"}),
            json!({"schedule": "digests", "scheduledTime": "<aws.scheduler.scheduled-time>"}),
            json!("digests"),
        ] {
            assert!(Tick::read(event.clone()).is_err(), "{event}");
        }
    }
}
