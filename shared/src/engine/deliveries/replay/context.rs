//! What replays work with.

use crate::aws::clients::Clients;
use crate::aws::queues::sync::SyncQueue;
use crate::aws::replays::ReplayStore;
use crate::domain::deliveries::replay::CHUNK_ITEMS;
use crate::engine::deliveries::requeue::Requeuer;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What begins replays and goes on with them. Cheap to clone.
#[derive(Clone)]
pub struct Replays {
    /// Replays and their sets.
    pub store: ReplayStore,
    /// Where their chunks are handed on.
    pub queue: SyncQueue,
    /// What sends a dead letter through again.
    pub requeuer: Requeuer,
    /// How many dead letters a new replay has in a chunk.
    pub chunk_items: usize,
}

impl Replays {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            store: ReplayStore::connect(clients, environment)?,
            queue: SyncQueue::connect(clients, environment)?,
            requeuer: Requeuer::connect(clients, environment, outside)?,
            chunk_items: CHUNK_ITEMS,
        })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.requeuer.operators.now()
    }
}
