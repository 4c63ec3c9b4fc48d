//! EventBridge: rustack matches events with rules; what it matches goes to functions and queues of the template.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use rustack_events_core::config::EventsConfig;
use rustack_events_core::delivery::{DeliveryError, Target, TargetDelivery};
use rustack_events_core::handler::RustackEventsHandler;
use rustack_events_core::provider::RustackEvents;
use rustack_events_http::body::EventsResponseBody;
use rustack_events_http::dispatch::EventsHandler;
use rustack_events_model::error::EventsError;
use rustack_events_model::operations::EventsOperation;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::EngineError;
use crate::host::invoke::Invoker;
use crate::template::{ACCOUNT, Rule};

/// How many of the latest events are remembered.
const EVENTS_REMEMBERED_MAX: usize = 1_000;

/// The latest events that were put on a bus, oldest first.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<VecDeque<Value>>>);

impl Seen {
    /// The events, as `PutEvents` entries with `Detail` read as JSON.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn remember(&self, body: &[u8]) {
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return };
        let Some(entries) = request["Entries"].as_array_mut() else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mut entry in entries.drain(..) {
            if let Some(detail) = entry["Detail"].as_str().and_then(|detail| serde_json::from_str(detail).ok()) {
                entry["Detail"] = detail;
            }
            if seen.len() == EVENTS_REMEMBERED_MAX {
                seen.pop_front();
            }
            seen.push_back(entry);
        }
    }
}

/// The buses' server.
pub(crate) struct EventHandler {
    engine: RustackEventsHandler,
    seen: Seen,
}

impl EventHandler {
    /// Creates the template's buses and rules.
    pub(crate) fn start(
        buses: &[String],
        rules: &[Rule],
        targets: Arc<Targets>,
        seen: Seen,
    ) -> Result<(Self, Arc<RustackEvents>), EngineError> {
        let provider = Arc::new(RustackEvents::new(EventsConfig::default(), targets));
        for bus in buses {
            provider.handle_create_event_bus(&typed(json!({"Name": bus}))?).map_err(refused)?;
        }
        for rule in rules {
            let state = if rule.enabled { "ENABLED" } else { "DISABLED" };
            let pattern = rule.pattern.to_string();
            let request = json!({"Name": rule.name, "EventBusName": rule.bus, "EventPattern": pattern, "State": state});
            provider.handle_put_rule(typed(request)?).map_err(refused)?;
            let targets = json!({"Rule": rule.name, "EventBusName": rule.bus, "Targets": rule.targets});
            let output = provider.handle_put_targets(typed(targets)?).map_err(refused)?;
            if output.failed_entry_count > 0 {
                return Err(EngineError::Events(format!("rule {}: {:?}", rule.name, output.failed_entries)));
            }
        }
        Ok((Self { engine: RustackEventsHandler::new(Arc::clone(&provider)), seen }, provider))
    }
}

impl EventsHandler for EventHandler {
    fn handle_operation(
        &self,
        operation: EventsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Response<EventsResponseBody>, EventsError>> + Send>> {
        let seen = (operation == EventsOperation::PutEvents).then(|| (self.seen.clone(), body.clone()));
        let work = self.engine.handle_operation(operation, body);
        Box::pin(async move {
            let answer = work.await?;
            if let Some((seen, body)) = seen {
                seen.remember(&body);
            }
            Ok(answer)
        })
    }
}

/// Where matched events go. The bus is up before the functions are, which need its address; until they are set, and
/// after the host has stopped, a delivery fails and says so.
#[derive(Default)]
pub(crate) struct Targets(OnceLock<Reach>);

struct Reach {
    invoker: Arc<Invoker>,
    sqs: aws_sdk_sqs::Client,
    sqs_endpoint: String,
}

impl Targets {
    pub(crate) fn connect(&self, invoker: Arc<Invoker>, sqs: aws_sdk_sqs::Client, sqs_endpoint: String) {
        // Called once per host; a second call would change nothing.
        let _already_connected = self.0.set(Reach { invoker, sqs, sqs_endpoint });
    }
}

impl std::fmt::Debug for Targets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Targets")
    }
}

#[async_trait]
impl TargetDelivery for Targets {
    fn validate(&self, target: &Target) -> Result<(), DeliveryError> {
        match service(&target.arn) {
            "lambda" | "sqs" => Ok(()),
            other => Err(DeliveryError::Unsupported(format!("targets of {other} are not run locally"))),
        }
    }

    async fn deliver(&self, target: &Target, event: &str) -> Result<(), DeliveryError> {
        let failed = |error: String| DeliveryError::TargetError(error);
        let Some(reach) = self.0.get() else {
            return Err(DeliveryError::Unavailable("the functions have not started".into()));
        };
        let name = target.arn.rsplit(':').next().unwrap_or_default();
        if service(&target.arn) == "lambda" {
            let event = serde_json::from_str(event).map_err(|error| failed(error.to_string()))?;
            // Queued and retried as an asynchronous invocation; the bus itself allows a delivery five seconds.
            return reach.invoker.invoke_later(&target.arn, event).map_err(|error| failed(error.to_string()));
        }
        let group = target.sqs_parameters.as_ref().map(|parameters| parameters.message_group_id.clone());
        let request = reach
            .sqs
            .send_message()
            .queue_url(format!("{}/{ACCOUNT}/{name}", reach.sqs_endpoint))
            .message_body(event)
            .set_message_group_id(group);
        request.send().await.map(drop).map_err(|error| failed(error.into_service_error().to_string()))
    }
}

fn service(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

fn typed<T: DeserializeOwned>(request: Value) -> Result<T, EngineError> {
    serde_json::from_value(request).map_err(|error| EngineError::Events(error.to_string()))
}

fn refused(error: EventsError) -> EngineError {
    EngineError::Events(error.to_string())
}
