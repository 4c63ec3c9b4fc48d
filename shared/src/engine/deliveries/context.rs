//! What the use cases of deliveries work with.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aws::clients::Aws;
use crate::aws::queues::WebhookQueue;
use crate::engine::deliveries::counts::Counts;
use crate::engine::deliveries::senders::Senders;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// The context: clients, senders, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries(Arc<Parts>);

/// The parts of [`Deliveries`].
pub struct Parts {
    /// AWS.
    pub aws: Aws,
    /// Where deliveries are handed on.
    pub queue: WebhookQueue,
    /// Time, randomness, metrics.
    pub outside: Outside,
    /// Who may send.
    pub senders: Senders,
    /// What is counted for the whole fleet.
    pub counts: Counts,
    /// The rings of rejected deliveries that this instance has registered: a few for each source.
    rings: Mutex<BTreeSet<String>>,
}

impl std::ops::Deref for Deliveries {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deliveries {
    /// A context that only applies: it needs no sender's secret.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn without_senders(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with(Aws::connect(environment, outside)?, environment, outside, Senders::default())
    }

    /// A context that receives.
    ///
    /// # Errors
    /// When the environment is unusable, or a secret that must be set is not.
    pub fn with_senders(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with_senders_over(Aws::connect(environment, outside)?, environment, outside)
    }

    /// A context that receives, over the clients of another one: each set of them has connections of its own.
    ///
    /// # Errors
    /// When a secret or the queue's address that must be set is not, or is unusable.
    pub fn with_senders_over(aws: Aws, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with(aws, environment, outside, Senders::from_environment(environment)?)
    }

    fn with(aws: Aws, environment: &Environment, outside: &Outside, senders: Senders) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Parts {
            queue: WebhookQueue::connect(&aws, environment)?,
            counts: Counts::new(aws.clone()),
            aws,
            outside: outside.clone(),
            senders,
            rings: Mutex::default(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
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
