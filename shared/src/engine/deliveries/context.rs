//! What the use cases of deliveries work with: at the door, and behind the queue.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aws::clients::Clients;
use crate::aws::connections::last_used::LastUses;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::faults::AwsFault;
use crate::aws::queues::webhook::WebhookQueue;
use crate::domain::deliveries::delivery::Door;
use crate::domain::deliveries::flood::Flood;
use crate::domain::deliveries::placement::{SHARDS_DEFAULT, SHARDS_MAX};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::service_secrets::ServiceSecrets;
use crate::engine::connections::readers::{Connections, Known};
use crate::engine::connections::uses::Uses;
use crate::engine::deliveries::counts::WaitingCounts;
use crate::engine::deliveries::senders::Senders;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::sender;

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
    /// Who may send, by configuration.
    pub senders: Senders,
    /// Who may send, by the table.
    pub connections: Connections,
    /// What is counted for the whole fleet.
    pub counts: WaitingCounts,
    /// What this instance may still keep of refusals, and has counted of the others.
    flood: Mutex<Flood>,
    /// Over how many shards a tenant's effects of an hour are spread.
    pub shards: u8,
    /// The rings of rejected deliveries that this instance has registered: a few for each origin.
    rings: Mutex<BTreeSet<String>>,
}

/// Where the connection is that a door names.
enum Place<'a> {
    /// In the table, under an address.
    Address(String),
    /// In the table.
    Connection(Connection),
    /// Among the variables, and perhaps in the table.
    Imported(&'a Connection),
    /// There is none.
    Nowhere,
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
    /// When the environment is unusable.
    pub fn connect(
        clients: &Clients,
        environment: &Environment,
        outside: &Outside,
        secrets: ServiceSecrets,
    ) -> Result<Self, StartError> {
        let store = DeliveryStore::connect(clients, environment)?;
        Ok(Self(Arc::new(Parts {
            queue: WebhookQueue::connect(clients, environment)?,
            counts: WaitingCounts::new(store.clone()),
            shards: shards(environment)?,
            store,
            outside: outside.clone(),
            senders: Senders::from_environment(environment, secrets)?,
            connections: Connections::at_doors(clients, environment, outside)?,
            flood: Mutex::default(),
            rings: Mutex::default(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
    }

    /// The connection that a door names, where it is in the table. What configuration names goes before it. Nothing of it is
    /// proved: it is whom to verify with.
    ///
    /// # Errors
    /// When it cannot be read: whoever it is must come again.
    pub async fn behind(&self, door: &Door) -> Result<Option<Arc<Known>>, AwsFault> {
        self.behind_by(&self.connections, door).await
    }

    /// The same by these connections.
    pub(super) async fn behind_by(
        &self,
        connections: &Connections,
        door: &Door,
    ) -> Result<Option<Arc<Known>>, AwsFault> {
        match self.place(door) {
            Place::Address(address) => connections.addressed(&address).await,
            Place::Connection(connection) => connections.get(&connection).await,
            // An operator may have paused it. Its secrets are the variables', and stay sealed here.
            Place::Imported(connection) => connections.unopened(connection).await,
            Place::Nowhere => Ok(None),
        }
    }

    /// The connection that a door names, read once more where what is known of it refuses a signature: it may be of a secret that was
    /// made just now. None where there is nothing newer to go by.
    pub(super) async fn behind_newer(&self, door: &Door, than: &Arc<Known>) -> Option<Arc<Known>> {
        match self.place(door) {
            Place::Address(address) => self.connections.newer_addressed(&address, than).await,
            Place::Connection(connection) => self.connections.newer(&connection, than).await,
            // Their secrets are not the table's.
            Place::Imported(_) | Place::Nowhere => None,
        }
    }

    /// Where the connection is that a door names.
    fn place(&self, door: &Door) -> Place<'_> {
        match door {
            Door::Sender { provider, connection } => match self.senders.sender(provider, connection) {
                Some(sender) => Place::Imported(&sender.connection),
                None => match Senders::names(provider, connection) {
                    Some((provider, name)) if self.outside.providers.of(&provider).sender.is_some() => {
                        Place::Address(sender::address(provider.as_str(), name.as_str()))
                    }
                    _ => Place::Nowhere,
                },
            },
            Door::Pos { source, tenant } => match (TenantId::parse(tenant), ConnectionName::parse(source)) {
                (Ok(tenant), Ok(source)) => Place::Connection(Connection::new(tenant, ProviderId::POS, source)),
                _ => Place::Nowhere,
            },
            // Its connections stand in bodies, which are not looked into before they are verified.
            Door::Trackstar { .. } => Place::Nowhere,
        }
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
    /// Which secrets deliveries were verified with.
    pub uses: Uses,
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
            uses: Uses::new(LastUses::connect(clients, environment)?, outside.providers.clone()),
            outside: outside.clone(),
        })
    }
}
