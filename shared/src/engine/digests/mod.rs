//! Weekly digests: how the mirrors of a week did, told to each recipient at most once.
//!
//! On Monday the [`round`] makes a record for each recipient, and [`sending`] claims each before it is sent. By the write that a crash comes
//! after, it leaves:
//!
//! - nothing, or some records: the next tick makes those that are not there
//! - a record: the next tick sends it
//! - one that is claimed: nobody knows whether it came. By itself it is never sent again; that is shown, and somebody may send it by hand

pub mod desk;
mod round;
mod sending;

use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::digests::DigestStore;
use crate::aws::faults::AwsFault;
use crate::aws::keys::DataKeys;
use crate::aws::mail::Mail;
use crate::aws::runs::RunReads;
use crate::domain::service_secrets::ServiceSecrets;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// Who a mail is from on somebody's own machine, where nobody gets it.
const LOCAL_FROM: &str = "Signalbox <digest@signalbox.localhost>";

/// What digests are made and sent with. Cheap to clone.
#[derive(Clone)]
pub struct Digests(Arc<Parts>);

/// The parts of [`Digests`].
pub struct Parts {
    store: DigestStore,
    connections: ConnectionStore,
    runs: RunReads,
    keys: DataKeys,
    mail: Mail,
    secrets: ServiceSecrets,
    outside: Outside,
    /// Where the console is.
    console: Option<String>,
    /// Who mails are from; none where none are sent.
    from: Option<String>,
    local: bool,
}

impl std::ops::Deref for Digests {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a tick did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ticked {
    /// Records that were made.
    pub made: usize,
    /// Records that were sent.
    pub sent: usize,
}

impl Digests {
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
        let text = |name: &str| environment.get(name).map(str::trim).filter(|text| !text.is_empty()).map(String::from);
        let local = environment.is_local();
        Ok(Self(Arc::new(Parts {
            store: DigestStore::connect(clients, environment)?,
            connections: ConnectionStore::connect(clients, environment)?,
            runs: RunReads::connect(clients, environment)?,
            keys: DataKeys::connect(clients, environment, outside)?,
            mail: Mail::connect(clients),
            secrets,
            outside: outside.clone(),
            console: text("CONSOLE_URL").map(|console| console.trim_end_matches('/').to_owned()),
            from: text("DIGEST_FROM").or_else(|| local.then(|| LOCAL_FROM.to_owned())),
            local,
        })))
    }

    fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// Makes the records of a week that is to be told, and sends those that are to be sent.
    ///
    /// # Errors
    /// The first fault, after both were tried.
    pub async fn tick(&self) -> Result<Ticked, AwsFault> {
        let made = round::make(self).await;
        let sent = sending::send_wanted(self).await;
        Ok(Ticked { made: made?, sent: sent? })
    }
}
