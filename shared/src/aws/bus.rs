//! Domain events: what others may want to know, on the event bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use crate::environment::{Environment, StartError};

/// The source of all of Signalbox's events.
pub const SOURCE: &str = "signalbox";

/// An event: `detail-type` and `detail`.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainEvent {
    /// For example `run.succeeded`.
    pub kind: &'static str,
    /// What it says; no secrets, no bodies.
    pub detail: Value,
}

/// The event bus.
#[derive(Clone, Debug)]
pub struct Bus {
    eventbridge: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    /// The bus that `EVENT_BUS_NAME` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { eventbridge: clients.eventbridge.clone(), name: environment.require("EVENT_BUS_NAME")?.to_owned() })
    }

    /// Puts events on the bus, at most ten.
    ///
    /// # Errors
    /// When the bus cannot be reached or took only some of them. Those may arrive twice then: consumers go by the
    /// run's id in the detail.
    pub async fn publish(&self, events: &[DomainEvent]) -> Result<(), AwsFault> {
        const OPERATION: &str = "publish events";
        let entry = |event: &DomainEvent| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(event.kind)
                .detail(event.detail.to_string())
                .build()
        };
        let call = self.eventbridge.put_events().set_entries(Some(events.iter().map(entry).collect()));
        let answer = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        if answer.failed_entry_count > 0 {
            let code = answer.entries().iter().find_map(|entry| entry.error_code()).unwrap_or("unknown");
            return Err(AwsFault { operation: OPERATION, detail: code.to_owned(), transient: true });
        }
        Ok(())
    }
}
