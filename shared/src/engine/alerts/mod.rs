//! Alerts: who is looked at, what is stored of what was seen, and how people are told.
//!
//! An event names a connection to [`look`] at, and a [`tick`] looks at those of which nothing comes, so a lost event is one that is a few
//! minutes late. Of the service itself, [`alarms`] tell. What was seen is stored with the note of it; the notes become messages, and these are [`sending`]. By the write that a
//! crash comes after, it leaves:
//!
//! - nothing: the next look sees the same
//! - alert, history and note: the next tick makes a message of the note
//! - a message, and notes that are known to be part of it: the next tick removes these
//! - a message that is claimed: it is sent once the claim is over, two minutes later; a second time where it was taken already

pub mod acknowledge;
pub mod alarms;
pub mod channels;
pub mod look;
pub mod sending;
pub mod tick;
pub mod try_channel;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::alerts::AlertStore;
use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::connections::last_test::LastTests;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::datasets::snapshots::SnapshotStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::keys::DataKeys;
use crate::aws::runs::RunReads;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::alerts::delivery::Message;
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::Providers;

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

/// Of a message that tells of more alerts it is not looked up which connections they are of.
const LOOKED_AT_MAX: usize = 5;

impl Alerts {
    /// Where a message leads to. What cannot be read now is left out, as it must not keep the message back.
    async fn link_of(&self, message: &Message) -> Option<String> {
        let (page, tenant) = (self.link.as_deref()?, &message.channel.tenant);
        let ids: BTreeSet<&str> = message.lines.iter().map(|line| line.alert.as_str()).collect();
        let is_whole = message.total == u64::try_from(message.lines.len()).unwrap_or(0) && ids.len() <= LOOKED_AT_MAX;
        let mut told = BTreeSet::new();
        for id in ids.into_iter().filter(|_| is_whole) {
            match self.store.listed(tenant, id).await {
                Ok(Some(alert)) => told.insert(alert.connection),
                Ok(None) | Err(_) => return Some(place(page, tenant, &BTreeSet::new())),
            };
        }
        Some(place(page, tenant, &told))
    }
}

/// The page of a tenant, and there that of the connection, where these are one, and it has a page.
fn place(page: &str, tenant: &TenantId, told: &BTreeSet<Connection>) -> String {
    let is_pulled = |one: &&Connection| told.len() == 1 && Providers::default().of(&one.provider).pull.is_some();
    let one = told.first().filter(is_pulled);
    let of = one.map(|one| format!("&provider={}&connection={}", one.provider, one.name));
    format!("{page}?for={tenant}{}", of.unwrap_or_default())
}

/// The first of some faults, after all was tried; each is logged where it is found.
fn one_fault(faults: impl IntoIterator<Item = AwsFault>) -> Result<(), AwsFault> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

/// Where alerts are shown, by where the console is.
fn link(environment: &Environment) -> Option<String> {
    let console = environment.get("CONSOLE_URL")?.trim().trim_end_matches('/');
    Some(format!("{console}/systems/integrations"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leads_to_its_tenant_and_to_the_one_pulled_connection_that_it_tells_of() {
        let tenant = TenantId::parse("acme").unwrap();
        for (told, leads_to) in [
            (&["acme/doorloop/main"][..], "/p?for=acme&provider=doorloop&connection=main"),
            (&["acme/doorloop/main", "acme/trackstar/main"], "/p?for=acme"),
            (&["acme/catalogue/moscot"], "/p?for=acme"),
            (&[], "/p?for=acme"),
        ] {
            let told = told.iter().map(|one| one.parse().unwrap()).collect();
            assert_eq!(place("/p", &tenant, &told), leads_to);
        }
    }
}
