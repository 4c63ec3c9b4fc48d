//! Make a connection, or change it. Who does it, and what differs by it, is recorded first.

use jiff::Timestamp;
use serde_json::Value;

use super::desk::{Desk, Refused, unwritten};
use super::secrets::{self, Given, Rotation};
use super::tries::{TRIES_MAX, pause};
use crate::aws::faults::AwsFault;
use crate::domain::audit::Action;
use crate::domain::connections::changes;
use crate::domain::connections::provider::SecretUse;
use crate::domain::connections::stored::{
    Change, ConnectionState, KeptBy, Knows, LiveSecrets, REASON_CHARACTERS_MAX, StoredConnection, Wanted,
};
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::secret::Secret;
use crate::engine::operators::Operator;
use crate::vendors::catalogue::never_readable;
use crate::vendors::channels::{wrong_secret, wrong_settings};

/// What is to be changed.
#[derive(Debug, Clone)]
pub enum Deed {
    /// It is to be this. Secrets that are not given stay, and so does a state.
    Put {
        /// All but secrets and state.
        wanted: Wanted,
        /// Its secrets, in place of those it has.
        secrets: Option<Given>,
        /// Whether it is to work.
        active: Option<bool>,
    },
    /// It is to stand still.
    Pause {
        /// Why; empty where nobody says.
        why: String,
    },
    /// It is to work again.
    Resume,
    /// Its secrets.
    Rotate(Rotation),
}

impl Deed {
    fn action(&self) -> Action {
        match self {
            Self::Put { .. } => Action::PutConnection,
            Self::Pause { .. } => Action::PauseConnection,
            Self::Resume => Action::ResumeConnection,
            Self::Rotate(_) => Action::RotateSecrets,
        }
    }
}

/// What a change came to.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The connection, as it is stored.
    pub connection: StoredConnection,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Changes a connection. What there is nothing to change about keeps its version.
///
/// What a crash leaves, by the call it comes after:
///
/// - a data key, or the entry on record: nothing else. The entry is one for what was not done
/// - the name of the provider among those that lists of all go through: a list that looks there and finds nothing
/// - the connection with its addresses, which are written together: all but when it is due next. A second try finds it as it
///   is to be, and says when. Without one, a time of the schedule before is left, or none; the scheduler mends that
///
/// A second try makes another version of a connection that is put, and of one that is rotated none: the secret that is given
/// is the current one already, so that the previous one is not lost to it.
///
/// # Errors
/// When it is refused, or AWS fails.
pub async fn change(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    knows: Knows,
    deed: &Deed,
) -> Result<Changed, Refused> {
    let Desk { store, operators, providers, .. } = desk;
    let provider = providers.of(&connection.provider);
    for tries in 0..TRIES_MAX {
        let now = operators.now();
        let before = store.read(connection).await.map_err(Refused::Unread)?;
        knows.agrees(before.as_ref())?;
        let change = Change { at: now, by: operator.actor.clone() };
        let Some(after) = after(desk, connection, before.as_ref(), deed, change).await? else {
            let connection = before.ok_or(Refused::NotFound)?;
            reschedule(desk, deed, &connection, now).await?;
            return Ok(Changed { connection, is_new: false });
        };
        let changed = changes::names(before.as_ref(), &after);
        operators.record_change(operator, deed.action(), connection.to_string(), changed).await?;
        let addresses = |stored: &StoredConnection| (provider.addresses)(connection, &stored.settings);
        let addresses_before = before.as_ref().map(addresses).unwrap_or_default();
        match store.put(before.as_ref(), &after, &addresses_before, &addresses(&after)).await.map_err(unwritten) {
            Ok(()) => {
                reschedule(desk, deed, &after, now).await?;
                return Ok(Changed { connection: after, is_new: before.is_none() });
            }
            Err(Some(refused)) => return Err(refused),
            Err(None) => pause(&desk.operators, tries).await,
        }
    }
    Err(Refused::Contended)
}

async fn reschedule(desk: &Desk, deed: &Deed, stored: &StoredConnection, now: Timestamp) -> Result<(), AwsFault> {
    match deed {
        // A secret changes nothing about when it is due.
        Deed::Rotate(_) => Ok(()),
        Deed::Put { .. } | Deed::Pause { .. } | Deed::Resume => {
            desk.store.reschedule(&stored.connection, stored.version, stored.due_after(now), now).await
        }
    }
}

/// What the connection becomes; none where it is so already.
async fn after(
    desk: &Desk,
    connection: &Connection,
    before: Option<&StoredConnection>,
    deed: &Deed,
    change: Change,
) -> Result<Option<StoredConnection>, Refused> {
    let there = || before.ok_or(Refused::NotFound);
    let (by, since) = (change.by.clone(), change.at);
    let paused = |why: &str| ConnectionState::Paused { by, why: why.to_owned(), since };
    match deed {
        Deed::Put { wanted, secrets, active } => {
            before.map(|before| before.may_be_written_by(&wanted.kept_by)).transpose()?;
            let state = match (active, before.is_none_or(StoredConnection::is_active)) {
                (Some(true), false) => Some(ConnectionState::Active),
                (Some(false), true) => Some(paused("")),
                _ => None,
            };
            secrets.iter().try_for_each(|given| check_secrets(desk, connection, "secrets.", given))?;
            let secrets = match secrets {
                Some(given) => Some(sealed(desk, connection, before, given, change.at).await?),
                None => None,
            };
            let provider = desk.providers.of(&connection.provider);
            let mut after = StoredConnection::put(before, connection, provider, wanted.clone(), secrets, change)?;
            after.state = state.unwrap_or(after.state);
            check_source(desk, &after)?;
            check_settings(desk, &after)?;
            // An import that comes again finds its work done.
            let is_import = matches!(after.kept_by, KeptBy::Configuration { .. });
            let is_done = is_import && before.is_some_and(|before| changes::names(Some(before), &after).is_empty());
            Ok((!is_done).then_some(after))
        }
        Deed::Pause { why } => {
            if why.chars().count() > REASON_CHARACTERS_MAX {
                return Err(secrets::wrong("why", &format!("may have {REASON_CHARACTERS_MAX} characters")));
            }
            if why.chars().any(char::is_control) {
                return Err(secrets::wrong("why", "must have no control characters"));
            }
            let before = there()?;
            Ok(before.is_active().then(|| before.in_state(paused(why), change)))
        }
        Deed::Resume => {
            let before = there()?;
            Ok((!before.is_active()).then(|| before.in_state(ConnectionState::Active, change)))
        }
        Deed::Rotate(rotation) => {
            let before = there()?;
            before.kept_here()?;
            if desk.providers.of(&connection.provider).secret == SecretUse::None {
                return Err(secrets::wrong("secrets", "are not used by this provider"));
            }
            match rotation {
                Rotation::Next(secret) => check_secret(desk, connection, "secret", secret)?,
                Rotation::Both(given) => check_secrets(desk, connection, "", given)?,
                Rotation::DropPrevious | Rotation::Rewrap => {}
            }
            let known = before.secrets.as_ref();
            let after = secrets::rotated(&desk.keys, connection, known, rotation, change.at).await?;
            Ok((known != Some(&after)).then(|| before.with_secrets(after, change)))
        }
    }
}

/// Refuses a catalogue's source that no run could ever read. A configuration's is not looked at: one that is wrong must not hold up the
/// others of its source, and its runs say so.
fn check_source(desk: &Desk, after: &StoredConnection) -> Result<(), Refused> {
    let is_looked_at = after.connection.provider == ProviderId::CATALOGUE && after.kept_by == KeptBy::Operators;
    let source = after.settings.get("source").and_then(Value::as_str).filter(|_| is_looked_at);
    match source.and_then(|source| never_readable(source, desk.is_local)) {
        Some(why) => Err(secrets::wrong("settings.source", &why)),
        None => Ok(()),
    }
}

/// Refuses a channel to which no message could ever be sent.
fn check_settings(desk: &Desk, after: &StoredConnection) -> Result<(), Refused> {
    match wrong_settings(&after.connection.provider, &after.settings, desk.is_local) {
        Some(wrong) => Err(secrets::wrong(&format!("settings.{}", wrong.name), &wrong.why)),
        None => Ok(()),
    }
}

/// Refuses a secret that no message could ever be sent with.
fn check_secret(desk: &Desk, connection: &Connection, name: &str, secret: &Secret) -> Result<(), Refused> {
    match wrong_secret(&connection.provider, secret, desk.is_local) {
        Some(why) => Err(secrets::wrong(name, &why)),
        None => Ok(()),
    }
}

fn check_secrets(desk: &Desk, connection: &Connection, within: &str, given: &Given) -> Result<(), Refused> {
    check_secret(desk, connection, &format!("{within}current"), &given.current)?;
    let previous = given.previous.as_ref();
    previous.map_or(Ok(()), |previous| check_secret(desk, connection, &format!("{within}previous"), previous))
}

async fn sealed(
    desk: &Desk,
    connection: &Connection,
    before: Option<&StoredConnection>,
    given: &Given,
    now: Timestamp,
) -> Result<LiveSecrets, Refused> {
    let before = before.and_then(|before| before.secrets.as_ref());
    secrets::sealed(&desk.keys, connection, before, given, now).await
}
