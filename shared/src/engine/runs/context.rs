//! What the use cases of runs work with: to start, watch and end them, and to advance them. Reads need less of it:
//! [`super::history`].

use std::sync::Arc;

use crate::aws::bus::Bus;
use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::connections::quota::Quotas;
use crate::aws::datasets::records::RecordStore;
use crate::aws::journal::Journal;
use crate::aws::meter::Meter;
use crate::aws::mirror::categories::CategoryStore;
use crate::aws::queues::sync::SyncQueue;
use crate::aws::runs::RunStore;
use crate::domain::ids::RunId;
use crate::engine::catalogue::vendors::Vendors;
use crate::engine::connections::readers::Connections;
use crate::engine::flags::Flags;
use crate::engine::gbp::GoogleShared;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::catalogue::SourceRules;

/// What starts, watches and ends runs: store, bus, queue, configuration, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Runs(Arc<Parts>);

/// The parts of [`Runs`].
pub struct Parts {
    /// Runs, leases and snapshots.
    pub store: RunStore,
    /// Where the world is told.
    pub bus: Bus,
    /// Where runs are handed on.
    pub queue: SyncQueue,
    /// The configured vendors.
    pub vendors: Vendors,
    /// Time, randomness, metrics.
    pub outside: Outside,
}

impl std::ops::Deref for Runs {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Runs {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Parts {
            store: RunStore::connect(clients, environment)?,
            bus: Bus::connect(clients, environment)?,
            queue: SyncQueue::connect(clients, environment)?,
            vendors: Vendors::connect(clients, environment, outside)?,
            outside: outside.clone(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
    }

    /// A new run's id.
    #[must_use]
    pub fn new_run_id(&self) -> RunId {
        RunId::new(self.now(), self.outside.entropy.bytes16())
    }

    /// A new fencing token.
    #[must_use]
    pub fn new_fence(&self) -> String {
        hex::encode(self.outside.entropy.bytes16())
    }
}

/// What advances runs: it also reads sources and writes records. Cheap to clone.
#[derive(Clone)]
pub struct RunWorker {
    /// The runs.
    pub runs: Runs,
    /// Where what they sync is kept.
    pub records: RecordStore,
    /// Connections to vendors whose APIs are pulled, with their keys.
    pub connections: Connections,
    /// Whether their vendors may be asked.
    pub breakers: Breakers,
    /// How often.
    pub quotas: Quotas,
    /// Tenants' own categories.
    pub categories: CategoryStore,
    /// What is on for them.
    pub flags: Flags,
    /// Where rows go that cannot be taken.
    pub journal: Journal,
    /// What is shared by all who ask Google.
    pub google: GoogleShared,
    /// What its slices spend.
    pub meter: Meter,
    sources: Arc<Sources>,
}

/// Where catalogues may come from.
pub struct Sources {
    /// Which of them may be read.
    pub rules: SourceRules,
    /// For stores that take their credentials from it.
    pub environment: Environment,
}

impl RunWorker {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            runs: Runs::connect(clients, environment, outside)?,
            records: RecordStore::connect(clients, environment)?,
            connections: Connections::with_secrets(clients, environment, outside)?,
            breakers: Breakers::connect(clients, environment)?,
            quotas: Quotas::connect(clients, environment)?,
            categories: CategoryStore::connect(clients, environment)?,
            flags: Flags::connect(clients, environment, outside)?,
            journal: Journal::connect(clients, environment)?,
            google: GoogleShared::connect(clients, environment, outside)?,
            meter: Meter::connect(environment, &outside.clock),
            sources: Arc::new(Sources {
                rules: SourceRules::from_environment(environment)?,
                environment: environment.clone(),
            }),
        })
    }

    /// The same, which reads each connection anew: for somebody who has just changed one and tries it.
    #[must_use]
    pub fn as_of_now(&self) -> Self {
        Self { connections: self.connections.as_of_now(), ..self.clone() }
    }

    /// Where catalogues may come from.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}
