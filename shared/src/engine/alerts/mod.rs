//! Alerts: who is looked at, what is stored of what was seen, and how people are told.
//!
//! An event names a connection to [`look`] at, and a [`tick`] looks at those of which nothing comes, so a lost event is one that is a few
//! minutes late. What was seen is stored with the note of it; the notes become messages, and these are [`sending`]. By the write that a
//! crash comes after, it leaves:
//!
//! - nothing: the next look sees the same
//! - alert, history and note: the next tick makes a message of the note
//! - a message, and notes that are known to be part of it: the next tick removes these
//! - a message that is claimed: it is sent once the claim is over, two minutes later; a second time where it was taken already

pub mod acknowledge;
pub mod look;
pub mod sending;
pub mod tick;
pub mod try_channel;

use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::alerts::AlertStore;
use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::connections::last_test::LastTests;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::datasets::snapshots::SnapshotStore;
use crate::aws::journal::Journal;
use crate::aws::keys::DataKeys;
use crate::aws::runs::RunReads;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::ids::RunId;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What alerts are made and told with. Cheap to clone.
#[derive(Clone)]
pub struct Alerts(Arc<Parts>);

/// The parts of [`Alerts`].
pub struct Parts {
    /// The alerts.
    pub store: AlertStore,
    /// What they are about, and over which people are told.
    pub connections: ConnectionStore,
    runs: RunReads,
    failed: FailedRuns,
    snapshots: SnapshotStore,
    breakers: Breakers,
    tests: LastTests,
    journal: Journal,
    keys: DataKeys,
    outside: Outside,
    /// Where the console is.
    link: Option<String>,
    local: bool,
}

impl std::ops::Deref for Alerts {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Alerts {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Parts {
            store: AlertStore::connect(clients, environment)?,
            connections: ConnectionStore::connect(clients, environment)?,
            runs: RunReads::connect(clients, environment)?,
            failed: FailedRuns::connect(clients, environment)?,
            snapshots: SnapshotStore::connect(clients, environment)?,
            breakers: Breakers::connect(clients, environment)?,
            tests: LastTests::connect(clients, environment)?,
            journal: Journal::connect(clients, environment)?,
            keys: DataKeys::connect(clients, environment, outside)?,
            outside: outside.clone(),
            link: link(environment),
            local: environment.is_local(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// An id that sorts by time.
    fn new_id(&self) -> String {
        RunId::new(self.now(), self.outside.entropy.bytes16()).to_string()
    }
}

/// Where alerts are shown, by where the console is.
fn link(environment: &Environment) -> Option<String> {
    let console = environment.get("CONSOLE_URL")?.trim().trim_end_matches('/');
    Some(format!("{console}/systems/integrations"))
}
