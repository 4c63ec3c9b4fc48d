//! What doors, workers and runs know of connections: one cache an instance, in front of the table and of KMS.
//!
//! What is known is 30 seconds old at most, and that somebody is not known 5. So a secret that was revoked is out everywhere within
//! half a minute, and a connection that was made just now is found soon. Nothing older is gone by, also while the table is
//! down: whoever needs it answers that it failed then, acknowledges nothing and refuses nobody.
//!
//! Anybody can make up a name and have it looked for, before anything is verified. So nobody is looked for for long, nor more than
//! twice. Whoever could not be read is not asked for again for a second: one slow read is no reason to turn others away. After two
//! failures in a row nobody at all is: a flood while the table is down must not hold all instances.
//!
//! A signature that does not fit may be one of a secret that was made just now. So whoever is known for two seconds is read once
//! more for it, and then for two seconds not again, however many such signatures come.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Clients;
use crate::aws::connections::lists::{After, Listed, Page};
use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::domain::connections::provider::WrongSetting;
use crate::domain::connections::sealed::Sealed;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::deliveries::sender::Sender;
use crate::domain::deliveries::signature::LiveSecret;
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};
use crate::outside::{Clock, Outside};
use crate::single_flight::Flights;
use crate::vendors::Providers;

/// How long what is known is gone by.
const KNOWN_MAX: SignedDuration = SignedDuration::from_secs(30);
/// How long what is known is gone by though it refuses somebody.
const DOUBTED_MAX: SignedDuration = SignedDuration::from_secs(2);
/// How long that somebody is not known is gone by.
const UNKNOWN_MAX: SignedDuration = SignedDuration::from_secs(5);
/// What takes longer has failed at a door: a sender waits, and comes again, and a flood must not hold all instances.
const READ_AT_DOORS_MAX: Duration = Duration::from_millis(500);
/// What takes longer has failed for anybody else. Whoever asks was verified, and would rather wait than come again: a call to storage that is
/// tried again takes seconds where it is busy. It is less than one try of the SDK may take, and an answer waits for few reads.
const READ_MAX: Duration = Duration::from_secs(5);
/// For how long nothing is read of a name whose read failed, and nothing at all after [`FAILURES_MAX`] in a row.
const REST: SignedDuration = SignedDuration::from_secs(1);
/// How many reads may fail in a row before no name is read.
const FAILURES_MAX: u32 = 2;
/// How many connections are kept. Each has a few kilobytes.
const KEPT_MAX: usize = 2_000;
/// How many names that lead to none are kept. Callers make them up: they have a place of their own, from which they push out
/// nobody who is known.
const UNKNOWN_KEPT_MAX: usize = 2_000;

/// A connection, with its secrets in the clear where they are read.
pub struct Known {
    /// What is stored.
    pub stored: StoredConnection,
    /// Its live secrets, the current one first. None where it has none, and where what is stored cannot be opened.
    pub secrets: Vec<LiveSecret>,
    /// The sender of signed webhooks that it is, if it is one: read once, and not with each delivery.
    pub sender: Option<Sender>,
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Known({}, version {})", self.stored.connection, self.stored.version)
    }
}

/// Whom somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    /// A connection.
    Connection(Connection),
    /// A connection without its secrets.
    Unopened(Connection),
    /// Whoever has an address.
    Address(String),
}

type Found = Option<Arc<Known>>;

/// What is known, and since when.
struct Entry {
    known: Arc<Known>,
    at: Timestamp,
    /// When it was asked for last: at first, or as somebody doubted it.
    asked_at: Timestamp,
}

/// The connections as this instance knows them. Clones are the same.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
    /// Whether nothing that is kept will do.
    as_of_now: bool,
}

struct Inner {
    store: ConnectionStore,
    /// For whoever needs secrets.
    keys: Option<DataKeys>,
    providers: Providers,
    clock: Clock,
    /// How long a read may take that others wait for.
    read_max: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    known: HashMap<Name, Entry>,
    unknown: HashMap<Name, Timestamp>,
    asked: Flights<Name, Result<Found, AwsFault>>,
    doubted: Flights<Name, Found>,
    /// When somebody could not be read once more.
    doubt_failed_at: Option<Timestamp>,
    /// Which reads failed since one went well.
    failed: Option<Failed>,
}

/// Reads that failed, one after another.
struct Failed {
    /// How many.
    in_a_row: u32,
    /// Of the last of them: who was asked for, why it failed, and when.
    name: Name,
    fault: AwsFault,
    at: Timestamp,
}

impl Connections {
    /// Reads connections without their secrets; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Self::with(clients, environment, outside, (None, READ_MAX))
    }

    /// Reads connections with their secrets; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn with_secrets(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let keys = DataKeys::connect(clients, environment, outside)?;
        Self::with(clients, environment, outside, (Some(keys), READ_MAX))
    }

    /// Reads connections with their secrets for the doors of webhooks, where nobody is read for long; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn at_doors(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let keys = DataKeys::connect(clients, environment, outside)?;
        Self::with(clients, environment, outside, (Some(keys), READ_AT_DOORS_MAX))
    }

    fn with(
        clients: &Clients,
        environment: &Environment,
        outside: &Outside,
        (keys, read_max): (Option<DataKeys>, Duration),
    ) -> Result<Self, StartError> {
        let store = ConnectionStore::connect(clients, environment)?;
        let (providers, clock) = (outside.providers.clone(), outside.clock.clone());
        let inner = Inner { store, keys, providers, clock, read_max, kept: Mutex::default() };
        Ok(Self { inner: Arc::new(inner), as_of_now: false })
    }

    /// The same connections, each read when it is asked for: for an operator who decides by what was changed a moment ago. What is
    /// read is kept for all others.
    #[must_use]
    pub fn as_of_now(&self) -> Self {
        Self { as_of_now: true, ..self.clone() }
    }

    /// A connection, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, and was not within the last 30 seconds.
    pub async fn get(&self, connection: &Connection) -> Result<Found, AwsFault> {
        self.find(Name::Connection(connection.clone())).await
    }

    /// A connection without its secrets, so that nothing need open them.
    ///
    /// # Errors
    /// When it cannot be read, and was not within the last 30 seconds.
    pub async fn unopened(&self, connection: &Connection) -> Result<Found, AwsFault> {
        self.find(Name::Unopened(connection.clone())).await
    }

    /// The connection that an address leads to, if it leads to one.
    ///
    /// # Errors
    /// When it cannot be read, and was not within the last 30 seconds.
    pub async fn addressed(&self, address: &str) -> Result<Found, AwsFault> {
        self.find(Name::Address(address.to_owned())).await
    }

    /// What is newer of a connection than what is known and refuses somebody: none where there is nothing newer, where it was asked for a
    /// moment ago, and where it cannot be read. What is known is good for its 30 seconds then.
    pub async fn newer(&self, connection: &Connection, than: &Arc<Known>) -> Found {
        self.doubt(Name::Connection(connection.clone()), than).await
    }

    /// The same of the connection that an address leads to.
    pub async fn newer_addressed(&self, address: &str, than: &Arc<Known>) -> Found {
        self.doubt(Name::Address(address.to_owned()), than).await
    }

    /// A page of a list. Lists are read anew each time.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, listed: &Listed, after: Option<&After>, limit: usize) -> Result<Page, AwsFault> {
        self.inner.store.page(listed, after, limit).await
    }

    /// What is kept, or what is read for the first who asks while all others wait for the same answer.
    async fn find(&self, name: Name) -> Result<Found, AwsFault> {
        if self.as_of_now {
            return Arc::clone(&self.inner).read(name, READ_MAX).await;
        }
        let asked = {
            let mut kept = self.inner.kept();
            let now = self.inner.clock.now();
            if let Some(found) = kept.fresh(&name, now) {
                return Ok(found);
            }
            if let Some(fault) = kept.resting(&name, now) {
                return Err(fault.clone());
            }
            kept.asked.join(&name, || Arc::clone(&self.inner).read(name.clone(), self.inner.read_max).boxed())
        };
        asked.await
    }

    async fn doubt(&self, name: Name, than: &Arc<Known>) -> Found {
        let asked = {
            let mut kept = self.inner.kept();
            let now = self.inner.clock.now();
            if let Some(Some(known)) =
                kept.fresh(&name, now).filter(|found| !found.as_ref().is_some_and(|known| Arc::ptr_eq(known, than)))
            {
                return Some(known);
            }
            match kept.doubted.joined(&name) {
                Some(asked) => asked,
                None if kept.may_doubt(&name, now) => {
                    kept.doubted.join(&name, || Arc::clone(&self.inner).read_again(name.clone()).boxed())
                }
                None => return None,
            }
        };
        asked.await
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(self: Arc<Self>, name: Name, within: Duration) -> Result<Found, AwsFault> {
        // Before the read: what is read may be as old as that.
        let asked_at = self.clock.now();
        let answer = self.look_up_in_time(&name, within).await;
        let mut kept = self.kept();
        kept.asked.landed(&name);
        kept.note(&name, answer.as_ref().err(), self.clock.now());
        let found = answer?;
        kept.keep(name, found.clone(), asked_at);
        Ok(found)
    }

    async fn read_again(self: Arc<Self>, name: Name) -> Found {
        let asked_at = self.clock.now();
        let answer = self.look_up_in_time(&name, self.read_max).await;
        let mut kept = self.kept();
        kept.doubted.landed(&name);
        match answer {
            Ok(found) => {
                kept.keep(name, found.clone(), asked_at);
                found
            }
            // What is known stays, and whoever is not known yet is asked for all the same.
            Err(fault) => {
                tracing::warn!(%fault, "a connection is not read again");
                kept.doubt_failed_at = Some(self.clock.now());
                None
            }
        }
    }

    async fn look_up_in_time(&self, name: &Name, within: Duration) -> Result<Found, AwsFault> {
        let look = async {
            match self.look_up(name).await {
                Err(fault) if fault.transient => self.look_up(name).await,
                answer => answer,
            }
        };
        let answer = self.clock.within(within, look).await;
        answer.unwrap_or_else(|| Err(AwsFault::unanswered("read connection", within)))
    }

    async fn look_up(&self, name: &Name) -> Result<Found, AwsFault> {
        let connection = match name {
            Name::Connection(connection) | Name::Unopened(connection) => connection.clone(),
            Name::Address(address) => match self.store.addressed(address).await? {
                Some(connection) => connection,
                None => return Ok(None),
            },
        };
        let Some(stored) = self.store.glance(&connection).await? else { return Ok(None) };
        if matches!(name, Name::Unopened(_)) {
            return Ok(Some(Arc::new(Known { stored, secrets: Vec::new(), sender: None })));
        }
        let secrets = self.opened(&stored).await?;
        let sender = self.providers.of(&stored.connection.provider).sender;
        let sender = sender.map(|of| of(&stored.connection, &stored.settings, secrets.clone())).and_then(|sender| {
            let log = |wrong: &WrongSetting| tracing::error!(connection = %stored.connection, ?wrong, "a sender cannot be used");
            sender.inspect_err(log).ok()
        });
        Ok(Some(Arc::new(Known { stored, secrets, sender })))
    }

    async fn opened(&self, stored: &StoredConnection) -> Result<Vec<LiveSecret>, AwsFault> {
        let (Some(keys), Some(secrets)) = (&self.keys, &stored.secrets) else { return Ok(Vec::new()) };
        let open = async |sealed: &Sealed| match keys.open(&stored.connection, sealed).await {
            Ok(secret) => Ok(Some(secret)),
            Err(KeyFault::Unavailable(fault)) => Err(fault),
            // No time mends it. Whoever needs the secret has none, and says that it is our fault.
            Err(error) => {
                tracing::error!(connection = %stored.connection, %error, "a connection's secret cannot be opened");
                Ok(None)
            }
        };
        let current = open(&secrets.current).await?.map(LiveSecret::current);
        let previous = match &secrets.previous {
            Some(previous) => open(previous).await?.map(LiveSecret::previous),
            None => None,
        };
        Ok(current.into_iter().chain(previous).collect())
    }
}

impl Kept {
    fn fresh(&self, name: &Name, now: Timestamp) -> Option<Found> {
        if let Some(entry) = self.known.get(name)
            && now.duration_since(entry.at) < KNOWN_MAX
        {
            return Some(Some(Arc::clone(&entry.known)));
        }
        let unknown = self.unknown.get(name).is_some_and(|at| now.duration_since(*at) < UNKNOWN_MAX);
        unknown.then_some(None)
    }

    /// Why nothing is read of a name for now, if nothing is.
    fn resting(&self, name: &Name, now: Timestamp) -> Option<&AwsFault> {
        let failed = self.failed.as_ref().filter(|failed| now.duration_since(failed.at) < REST)?;
        (failed.in_a_row >= FAILURES_MAX || failed.name == *name).then_some(&failed.fault)
    }

    /// Notes what became of a read. One that goes well ends what failed before it.
    fn note(&mut self, name: &Name, fault: Option<&AwsFault>, at: Timestamp) {
        let before = self.failed.take().map_or(0, |failed| failed.in_a_row);
        let in_a_row = before.saturating_add(1);
        self.failed = fault.map(|fault| Failed { in_a_row, name: name.clone(), fault: fault.clone(), at });
    }

    /// Whether somebody who is known is to be read once more, as what is known refuses somebody. From then on it is not, for a while.
    fn may_doubt(&mut self, name: &Name, now: Timestamp) -> bool {
        let rests = |at: Timestamp| now.duration_since(at) < REST;
        if self.doubt_failed_at.is_some_and(rests) || self.resting(name, now).is_some() {
            return false;
        }
        let old = self.known.get_mut(name).filter(|entry| now.duration_since(entry.asked_at) >= DOUBTED_MAX);
        old.map(|entry| entry.asked_at = now).is_some()
    }

    fn keep(&mut self, name: Name, found: Found, at: Timestamp) {
        self.known.remove(&name);
        self.unknown.remove(&name);
        match found {
            Some(known) => {
                make_room(&mut self.known, KEPT_MAX, |entry| at.duration_since(entry.at) < KNOWN_MAX);
                self.known.insert(name, Entry { known, at, asked_at: at });
            }
            None => {
                make_room(&mut self.unknown, UNKNOWN_KEPT_MAX, |kept_at| at.duration_since(*kept_at) < UNKNOWN_MAX);
                self.unknown.insert(name, at);
            }
        }
    }
}

/// Lets go of what is too old once there is no room, and of all of it if that makes none: it is read again, once.
fn make_room<K: Eq + Hash, V>(kept: &mut HashMap<K, V>, most: usize, is_fresh: impl Fn(&V) -> bool) {
    if kept.len() >= most {
        kept.retain(|_, value| is_fresh(value));
    }
    if kept.len() >= most {
        kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connections::provider::Settings;
    use crate::domain::connections::stored::{Change, KeptBy, Wanted};

    fn address(number: usize) -> Name {
        Name::Address(format!("webhooks/github/{number}"))
    }

    fn known() -> Arc<Known> {
        let connection: Connection = "acme/catalogue/shop".parse().unwrap();
        let wanted =
            Wanted { display_name: None, settings: Settings::new(), schedule: None, kept_by: KeptBy::Operators };
        let change = Change { at: Timestamp::UNIX_EPOCH, by: "ada".into() };
        let providers = Providers::default();
        let provider = providers.of(&connection.provider);
        let stored = StoredConnection::put(None, &connection, provider, wanted, None, change).unwrap();
        Arc::new(Known { stored, secrets: Vec::new(), sender: None })
    }

    #[test]
    fn names_that_callers_make_up_take_so_much_room_and_nobody_else_s() {
        let (mut kept, now) = (Kept::default(), Timestamp::UNIX_EPOCH);
        let shop = Name::Address("webhooks/github/shop".to_owned());
        kept.keep(shop.clone(), Some(known()), now);
        for number in 0..3 * UNKNOWN_KEPT_MAX {
            kept.keep(address(number), None, now);
            assert!(kept.unknown.len() <= UNKNOWN_KEPT_MAX);
            assert!(matches!(kept.fresh(&address(number), now), Some(None)), "{number} is not asked for again");
        }
        assert!(matches!(kept.fresh(&shop, now), Some(Some(_))));
    }

    #[test]
    fn what_is_known_takes_so_much_room() {
        let (mut kept, now, known) = (Kept::default(), Timestamp::UNIX_EPOCH, known());
        for number in 0..3 * KEPT_MAX {
            kept.keep(address(number), Some(Arc::clone(&known)), now);
            assert!(kept.known.len() <= KEPT_MAX);
        }
    }
}
