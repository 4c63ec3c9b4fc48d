//! Completion webhooks: a run that is over is told to whoever its tenant names.
//!
//! The end of a run comes as a message of a queue, which is forgotten once there is a [notice](tell) for each receiver. These are
//! [sent](sending) at once, and again by a [`tick`] until they are taken, or a day is over. By the write that a crash comes after, it leaves:
//!
//! - nothing, or notices for some receivers: the message comes again, and makes those that are not there
//! - a notice: the next tick sends it
//! - a notice that is claimed: it is sent once the claim is over, two minutes later; a second time where it was taken already
//! - that a receiver fails, or its pause: the notice is tried again, or found to be for nobody

mod sending;
pub mod tell;
pub mod tick;

use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::completions::NoticeStore;
use crate::aws::runs::RunReads;
use crate::engine::connections::desk::Desk;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What receivers are told with. Cheap to clone.
#[derive(Clone)]
pub struct Completions(Arc<Parts>);

/// The parts of [`Completions`].
pub struct Parts {
    store: NoticeStore,
    runs: RunReads,
    /// The receivers, and what one is disabled with.
    desk: Desk,
    outside: Outside,
    /// Where the console is.
    console: Option<String>,
}

impl std::ops::Deref for Completions {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Completions {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let console = environment.get("CONSOLE_URL").map(|console| console.trim().trim_end_matches('/').to_owned());
        Ok(Self(Arc::new(Parts {
            store: NoticeStore::connect(clients, environment)?,
            runs: RunReads::connect(clients, environment)?,
            desk: Desk::connect(clients, environment, outside)?,
            outside: outside.clone(),
            console,
        })))
    }

    fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }
}
