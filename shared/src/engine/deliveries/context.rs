//! What the use cases of deliveries work with: at the door, and behind the queue.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aws::clients::Clients;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::queues::webhook::WebhookQueue;
use crate::domain::deliveries::flood::Flood;
use crate::domain::deliveries::placement::{SHARDS_DEFAULT, SHARDS_MAX};
use crate::engine::deliveries::counts::WaitingCounts;
use crate::engine::deliveries::senders::Senders;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What takes deliveries in: store, queue, senders, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries(Arc<Parts>);

/// The parts of [`Deliveries`].
pub struct Parts {
    /// Claims, what was not let in, and counters.
    pub store: DeliveryStore,
    /// Where deliveries are handed on.
    pub queue: WebhookQueue,
    /// Time, randomness, metrics.
    pub outside: Outside,
    /// Who may send.
    pub senders: Senders,
    /// What is counted for the whole fleet.
    pub counts: WaitingCounts,
    /// What this instance may still keep of refusals, and has counted of the others.
    flood: Mutex<Flood>,
    /// Over how many shards a tenant's effects of an hour are spread.
    pub shards: u8,
    /// The rings of rejected deliveries that this instance has registered: a few for each origin.
    rings: Mutex<BTreeSet<String>>,
}

impl std::ops::Deref for Deliveries {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deliveries {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable, or a secret that must be set is not.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let store = DeliveryStore::connect(clients, environment)?;
        Ok(Self(Arc::new(Parts {
            queue: WebhookQueue::connect(clients, environment)?,
            counts: WaitingCounts::new(store.clone()),
            shards: shards(environment)?,
            store,
            outside: outside.clone(),
            senders: Senders::from_environment(environment)?,
            flood: Mutex::default(),
            rings: Mutex::default(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
    }

    /// What this instance does about refusals. Not to be held over a call.
    pub(super) fn flood(&self) -> MutexGuard<'_, Flood> {
        self.flood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this instance has registered a ring of rejected deliveries.
    #[must_use]
    pub fn has_registered(&self, ring: &str) -> bool {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner).contains(ring)
    }

    /// Notes that this instance has.
    pub fn note_registered(&self, ring: String) {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner).insert(ring);
    }
}

fn shards(environment: &Environment) -> Result<u8, StartError> {
    let range = 1..=u64::from(SHARDS_MAX);
    let shards = environment.number_in("DELIVERY_SHARDS", u64::from(SHARDS_DEFAULT), range)?;
    Ok(u8::try_from(shards).unwrap_or(SHARDS_MAX))
}

/// What applies deliveries: it needs no sender's secret. Cheap to clone.
#[derive(Clone)]
pub struct DeliveryWorker {
    /// Claims and counters.
    pub store: DeliveryStore,
    /// What deliveries leave behind.
    pub effects: EffectStore,
    /// Where a delivery that failed waits.
    pub queue: WebhookQueue,
    /// Time and metrics.
    pub outside: Outside,
}

impl DeliveryWorker {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            store: DeliveryStore::connect(clients, environment)?,
            effects: EffectStore::connect(clients, environment)?,
            queue: WebhookQueue::connect(clients, environment)?,
            outside: outside.clone(),
        })
    }
}
