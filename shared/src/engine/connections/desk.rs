//! What operators change and test connections with. Who only reads them has [`super::readers`], which may be some seconds behind.

use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::connections::store::{ConnectionStore, StoreError};
use crate::aws::faults::AwsFault;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::aws::runs::failed::FailedRuns;
use crate::domain::connections::stored::ChangeError;
use crate::domain::time;
use crate::engine::operators::Operators;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::Providers;

/// What operators change and test connections with. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// What is stored.
    pub store: ConnectionStore,
    /// Whether their vendors are asked.
    pub breakers: Breakers,
    /// Whose last apply failed.
    pub failed: FailedRuns,
    /// What secrets are sealed with.
    pub keys: DataKeys,
    /// Where it is recorded who does what.
    pub operators: Operators,
    /// Which providers there are.
    pub providers: Providers,
    /// Whether it is somebody's own machine, where more sources can be read.
    pub is_local: bool,
}

impl Desk {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            store: ConnectionStore::connect(clients, environment)?,
            breakers: Breakers::connect(clients, environment)?,
            failed: FailedRuns::connect(clients, environment)?,
            keys: DataKeys::connect(clients, environment, outside)?,
            operators: Operators::connect(clients, environment, outside)?,
            providers: outside.providers.clone(),
            is_local: environment.is_local(),
        })
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// It cannot be so, or is not what the caller knows.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// One of its addresses leads to another connection. Whose, is not for everybody to know.
    #[error("{0} leads to another connection")]
    AddressTaken(String),
    /// It was tried too often, and is not before then.
    #[error("the channel was tested too often: it is not told again before {}", time::text(*.0))]
    TooOften(Timestamp),
    /// Others changed it each time that it was tried.
    #[error("others are changing the connection at the same time: try again")]
    Contended,
    /// Its stored secrets are not of this connection, or damaged.
    #[error("what is stored of its secrets cannot be opened: write both anew")]
    Unreadable,
    /// What is stored could not be read, or its secrets not be opened or sealed: nothing was changed.
    #[error("nothing was changed: {0}")]
    Unread(AwsFault),
    /// A write failed. It may have taken effect all the same.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

impl From<KeyFault> for Refused {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Unavailable(fault) => Self::Unread(fault),
            KeyFault::Unreadable(_) => Self::Unreadable,
            KeyFault::TooLong(too_long) => super::secrets::wrong("secrets", &too_long.to_string()),
        }
    }
}

/// A write that was not done: none where another try may be.
pub(super) fn unwritten(error: StoreError) -> Option<Refused> {
    match error {
        StoreError::Changed => None,
        StoreError::AddressTaken(address) => Some(Refused::AddressTaken(address)),
        StoreError::Fault(fault) => Some(Refused::Fault(fault)),
    }
}
