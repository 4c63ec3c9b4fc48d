//! Deliveries: claims, what was not let in, and the counters over them, in one table; what they leave behind, in the records
//! table.

mod claims;
pub mod effects;
mod fleet;
mod hours;
pub mod listed;
pub mod partitions;
pub mod rejected;

use std::time::Duration;

pub use self::claims::Completed;

use super::clients::Clients;
use super::faults::AwsFault;
use super::items::key;
use super::retention::retention;
use super::table::Table;
use crate::domain::retention::{DELIVERIES_DAYS_MIN, Retention};
use crate::environment::{Environment, StartError};

/// For how long deliveries that had their effect are kept. For ever unless it is said otherwise: an event's entry is its effect.
fn kept(environment: &Environment) -> Result<Retention, StartError> {
    retention(environment, "DELIVERIES_RETENTION_DAYS", 0, DELIVERIES_DAYS_MIN)
}

/// The deliveries table.
#[derive(Clone, Debug)]
pub struct DeliveryStore(Table);

impl DeliveryStore {
    /// The table that `DELIVERIES_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "DELIVERIES_TABLE").map(Self)
    }

    /// Whether storage answers in time, for probes: a read of one item, which need not be there. The SDK tries a call again for
    /// up to 15 s, longer than whoever probes waits for an answer.
    ///
    /// # Errors
    /// When the table cannot be read, or not in time.
    pub async fn storage_answers(&self, within: Duration) -> Result<(), AwsFault> {
        const OPERATION: &str = "probe storage";
        match tokio::time::timeout(within, self.0.read(key("probe", "probe"), OPERATION)).await {
            Ok(read) => read.map(drop),
            Err(_) => Err(AwsFault::unanswered(OPERATION, within)),
        }
    }
}
