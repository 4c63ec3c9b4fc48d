//! What every use case that moves a run works with. Reads need less of it: [`super::history`] and [`super::vendors`].

use std::sync::Arc;

use crate::aws::clients::Aws;
use crate::aws::queues::SyncQueue;
use crate::domain::ids::RunId;
use crate::engine::catalogue::vendors::Vendors;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::catalogue::SourceRules;

/// The engine: clients, configuration, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

/// The parts of an [`Engine`].
pub struct Parts {
    /// AWS.
    pub aws: Aws,
    /// Time, randomness, metrics, stores.
    pub outside: Outside,
    /// Where runs are handed on.
    pub queue: SyncQueue,
    /// The configured vendors.
    pub vendors: Vendors,
    /// Which sources may be read.
    pub sources: SourceRules,
    /// For stores that take their credentials from it.
    pub environment: Environment,
}

impl std::ops::Deref for Engine {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Engine {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn new(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let aws = Aws::connect(environment, outside)?;
        Ok(Self(Arc::new(Parts {
            queue: SyncQueue::connect(&aws, environment)?,
            aws,
            outside: outside.clone(),
            vendors: Vendors::from_environment(environment)?,
            sources: SourceRules::from_environment(environment)?,
            environment: environment.clone(),
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
