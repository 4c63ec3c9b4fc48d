//! What the use cases of deliveries work with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::aws::clients::Aws;
use crate::domain::counters::Tally;
use crate::domain::secret::Secret;
use crate::domain::sender::{Sender, parse_senders};
use crate::domain::signature::{LiveSecret, LocalBypass};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::trackstar;

/// The shortest secret of a sender that we choose ourselves.
const SECRET_LENGTH_MIN: usize = 32;
/// What waits in memory is added to the fleet's counters with this many, or when this long has passed since the last time, in
/// milliseconds. So an instance that goes idle loses one less, and one in a burst writes once for as many.
const PENDING_MAX: usize = 25;
const FLUSH_MS: i64 = 1000;

/// The context: clients, senders, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries(Arc<Parts>);

/// The parts of [`Deliveries`].
pub struct Parts {
    /// AWS.
    pub aws: Aws,
    /// Time, randomness, metrics.
    pub outside: Outside,
    /// Who may send.
    pub senders: Senders,
    pending: Mutex<Pending>,
    /// The rings of rejected deliveries that this instance has registered: a few for each source.
    rings: Mutex<BTreeSet<String>>,
}

#[derive(Default)]
struct Pending {
    counts: Tally,
    number: usize,
    since_ms: i64,
}

impl Pending {
    fn take(&mut self, now_ms: i64) -> Tally {
        std::mem::replace(self, Self { since_ms: now_ms, ..Self::default() }).counts
    }
}

/// Who may send, and how they sign.
#[derive(Default)]
pub struct Senders {
    /// Points of sale share one secret.
    pub pos: Vec<LiveSecret>,
    /// Trackstar's; empty refuses its webhooks.
    pub trackstar: Vec<LiveSecret>,
    /// Trackstar's connections, by id.
    pub connections: BTreeMap<String, trackstar::Connection>,
    /// All others, by provider and connection.
    pub others: BTreeMap<(String, String), Sender>,
    /// The right to take webhooks unsigned, on somebody's own machine.
    pub bypass: Option<LocalBypass>,
}

impl std::ops::Deref for Deliveries {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deliveries {
    /// A context that only applies and gives up: it needs no sender's secret.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn without_senders(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with(environment, outside, Senders::default())
    }

    /// A context that receives.
    ///
    /// # Errors
    /// When the environment is unusable, or a secret that must be set is not.
    pub fn with_senders(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with(environment, outside, Senders::from_environment(environment)?)
    }

    fn with(environment: &Environment, outside: &Outside, senders: Senders) -> Result<Self, StartError> {
        let aws = Aws::connect(environment, outside)?;
        Ok(Self(Arc::new(Parts {
            aws,
            outside: outside.clone(),
            senders,
            pending: Mutex::default(),
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

    /// Counts something for the whole fleet, some time soon. What an instance has counted and not yet added is lost with
    /// it; so only what no other write can carry is counted here.
    pub fn count_soon(&self, count: impl FnOnce(&mut Tally)) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.number += 1;
        count(&mut pending.counts);
    }

    /// Adds what was counted to the fleet's counters, if that is much or was not done for a while.
    pub async fn flush_counts(&self) {
        let now = self.now().as_millisecond();
        let counts = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let soon = pending.number < PENDING_MAX && now - pending.since_ms < FLUSH_MS;
            if pending.counts.is_empty() || soon {
                return;
            }
            pending.take(now)
        };
        self.count(&counts).await;
    }

    /// Adds what was counted now: for who is asked too seldom to wait for the next time.
    pub async fn flush_all_counts(&self) {
        let now = self.now().as_millisecond();
        let counts = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        self.count(&counts).await;
    }

    /// Adds to the fleet's counters: one write a source. Nothing fails with it, as graphs are no reason to do work again.
    pub async fn count(&self, tally: &Tally) {
        let writes = tally.sources().map(|(source, counters)| self.aws.count_fleet(source, counters));
        for error in futures::future::join_all(writes).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "counts not added");
        }
    }
}

impl Senders {
    /// The sender that is configured under these names, if one is.
    #[must_use]
    pub fn sender(&self, provider: &str, connection: &str) -> Option<&Sender> {
        self.others.get(&(provider.to_owned(), connection.to_owned()))
    }

    fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let live = |current: &str, previous: &str| {
            let current = environment.get(current).map(|text| LiveSecret::current(Secret::new(text.trim())));
            let previous = environment.get(previous).map(|text| LiveSecret::previous(Secret::new(text.trim())));
            current.into_iter().chain(previous).collect::<Vec<_>>()
        };
        environment.secret("WEBHOOK_SECRET", SECRET_LENGTH_MIN)?;
        let trackstar = live("TRACKSTAR_WEBHOOK_SECRET", "TRACKSTAR_WEBHOOK_SECRET_PREVIOUS");
        let connections = trackstar::parse_connections(environment.get("TRACKSTAR_CONNECTIONS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "TRACKSTAR_CONNECTIONS", reason })?;
        let others = parse_senders(environment.get("WEBHOOK_SENDERS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "WEBHOOK_SENDERS", reason })?;
        let unsigned = environment.get("SKIP_WEBHOOK_SIGNATURE_VALIDATION") == Some("true");
        let bypass = LocalBypass::new(unsigned, environment.is_local());
        if unsigned && bypass.is_none() {
            tracing::warn!("SKIP_WEBHOOK_SIGNATURE_VALIDATION has no effect outside local mode");
        }
        Ok(Self { pos: live("WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"), trackstar, connections, others, bypass })
    }
}
