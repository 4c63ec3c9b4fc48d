//! The breakers of connections, each in the table of connections beside its own.
//!
//! Each change is one conditional write, on the version that was read. Who comes second decides anew, by what the write that was refused
//! brought back. Whoever asks reads; while the breaker is closed nothing is written, and after an answer nothing is read either. A
//! breaker that nothing changes for a day expires, but for one that an operator forced.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{connection_key, connection_key_as};
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, number, value};
use crate::aws::table::Table;
use crate::aws::transaction::{Declined, OLD, Transaction, built, past_conflicts};
use crate::domain::ids::Connection;
use crate::domain::pull::breaker::{Admission, Breaker, FAILURES_MAX, Force, Outcome, Pass, State, Why};
use crate::environment::{Environment, StartError};

/// How often a change is decided. Five failures open it, and then there is nothing to write: nobody comes second for long.
const TRIES_MAX: u32 = 12;
/// How long one that nobody forced is kept, in seconds: longer than any wait it knows of.
const KEPT_SECONDS: i64 = 2 * 86_400;

pub(super) fn breaker_key(connection: &Connection) -> Item {
    connection_key_as("breaker", connection)
}

/// Whose a stored one is.
fn whose(item: &Item) -> Option<Connection> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    format!("{}/{}", text("pk")?, text("sk")?.strip_prefix("breaker#")?).parse().ok()
}

/// As it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    breaker: Breaker,
    /// One more with each write.
    version: u64,
    /// Tells a write of ours whose reply was lost from a rival's.
    writer: String,
}

/// Whether a vendor may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// It may, once, and this goes with the answer.
    May(Pass),
    /// Not before this time.
    Wait(Timestamp, Why),
}

/// How a breaker turned with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It was closed, and is open.
    Opened,
    /// It was not closed, and is.
    Closed,
}

impl Turned {
    fn of(before: &Breaker, after: &Breaker, now: Timestamp) -> Option<Self> {
        match (before.state(now), after.state(now)) {
            (State::Closed, State::Open) => Some(Self::Opened),
            (State::Open | State::HalfOpen, State::Closed) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// Why a breaker was not forced.
#[derive(Debug, thiserror::Error)]
pub enum ForceError {
    /// There is no such connection.
    #[error("there is no such connection")]
    NoConnection,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// The breakers.
#[derive(Clone, Debug)]
pub struct Breakers {
    table: Table,
    failures_max: usize,
}

impl Breakers {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let table = Table::connect(clients, environment, "CONNECTIONS_TABLE")?;
        Ok(Self { table, failures_max: FAILURES_MAX })
    }

    /// The same, for a connection whose breaker so many failures open.
    #[must_use]
    pub fn opened_by(&self, failures_max: usize) -> Self {
        Self { failures_max, ..self.clone() }
    }

    /// A connection's breaker, as of a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<Breaker, AwsFault> {
        Ok(self.glance(connection).await?.unwrap_or_default().breaker)
    }

    /// The breakers of some connections, none of them named twice, as of a moment ago. One that is not among them is closed, and has
    /// counted nothing.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn some(
        &self,
        connections: impl Iterator<Item = &Connection>,
    ) -> Result<HashMap<Connection, Breaker>, AwsFault> {
        let found = self.table.glance_at(connections.map(breaker_key).collect(), None, "read breakers").await?;
        let named = found.into_iter().filter_map(|item| Some((whose(&item)?, item)));
        named.map(|(connection, item)| Ok((connection, value::<Stored>(item)?.breaker))).collect()
    }

    /// Whether a connection's vendor may be asked. `by` is a random name of this one attempt. Whether the pass is good still is to be looked
    /// at right before the request is sent, and what came of it must be told with [`Breakers::answered`].
    ///
    /// # Errors
    /// When the table cannot be read or written: the vendor is not to be asked then.
    pub async fn ask(&self, connection: &Connection, by: &str, now: Timestamp) -> Result<Asking, AwsFault> {
        let mut stored = self.glance(connection).await?;
        for _try in 0..TRIES_MAX {
            let breaker = stored.as_ref().map(|stored| stored.breaker.clone()).unwrap_or_default();
            let (pass, probing) = match breaker.admit(now, by) {
                Admission::Ask(pass) => return Ok(Asking::May(pass)),
                Admission::Wait(until, why) => return Ok(Asking::Wait(until, why)),
                Admission::Probe(pass, probing) => (pass, probing),
            };
            match self.write(connection, stored.as_ref(), probing, by, now).await? {
                Ok(()) => return Ok(Asking::May(pass)),
                Err(found) => stored = found,
            }
        }
        Err(contended())
    }

    /// Tells what came of asking. Where a vendor is well that costs nothing, unless it was the probe that shows so. `by` is the name that was
    /// asked with. How it turned with it, where it did.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn answered(
        &self,
        connection: &Connection,
        by: &str,
        pass: &Pass,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Option<Turned>, AwsFault> {
        let is_well = matches!(outcome, Outcome::Answered | Outcome::Unasked);
        if is_well && !pass.is_probe() {
            return Ok(None);
        }
        // Another writer's name than that of the probe, whose write is not this one.
        let writer = format!("{by}/answered");
        let mut stored = self.read(connection).await?;
        for _try in 0..TRIES_MAX {
            let breaker = stored.as_ref().map(|stored| stored.breaker.clone()).unwrap_or_default();
            let Some(after) = breaker.after(pass, outcome, self.failures_max, now) else { return Ok(None) };
            let turned = Turned::of(&breaker, &after, now);
            match self.write(connection, stored.as_ref(), after, &writer, now).await? {
                Ok(()) => return Ok(turned),
                Err(found) => stored = found,
            }
        }
        Err(contended())
    }

    /// Makes a connection's breaker as an operator wants it: as it is then. `writer` is a random name of this one call.
    ///
    /// # Errors
    /// When there is no such connection, or the table cannot be read or written.
    pub async fn force(
        &self,
        connection: &Connection,
        force: Force,
        operator: &str,
        writer: &str,
        now: Timestamp,
    ) -> Result<Breaker, ForceError> {
        const OPERATION: &str = "force breaker";
        for _try in 0..TRIES_MAX {
            let stored = self.read(connection).await?;
            let breaker = stored.as_ref().map(|stored| stored.breaker.clone()).unwrap_or_default();
            let is_ours = stored.as_ref().is_some_and(|stored| stored.writer == writer);
            let Some(after) = breaker.forced_by(force, operator, now).filter(|_| !is_ours) else { return Ok(breaker) };
            // In one with the connection: what is forced of one that is gone would be so for whoever has its name next.
            let exists = self.table.check(connection_key(connection)).condition_expression("attribute_exists(pk)");
            let put = self.table.put(self.item(connection, stored.as_ref(), after.clone(), writer, now)?);
            let put = match &stored {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(stored) => put
                    .condition_expression("version = :version")
                    .expression_attribute_values(":version", number(stored.version)),
            };
            let transaction = Transaction::default().check(built(exists.build())?).put(built(put.build())?);
            match transaction.commit(&self.table.client, OPERATION).await {
                Ok(()) => return Ok(after),
                Err(Declined::Fault(fault)) => return Err(fault.into()),
                Err(declined) if declined.at(0).is_some() => return Err(ForceError::NoConnection),
                Err(Declined::Condition(_)) => {}
            }
        }
        Err(contended().into())
    }

    async fn glance(&self, connection: &Connection) -> Result<Option<Stored>, AwsFault> {
        self.table.glance(breaker_key(connection), "read breaker").await?.map(value).transpose()
    }

    async fn read(&self, connection: &Connection) -> Result<Option<Stored>, AwsFault> {
        self.table.read(breaker_key(connection), "read breaker").await?.map(value).transpose()
    }

    fn item(
        &self,
        connection: &Connection,
        before: Option<&Stored>,
        breaker: Breaker,
        writer: &str,
        now: Timestamp,
    ) -> Result<Item, AwsFault> {
        let version = before.map_or(0, |before| before.version) + 1;
        let is_forced = breaker.forced().is_some();
        let mut fields = item(&Stored { breaker, version, writer: writer.to_owned() }, breaker_key(connection))?;
        if !is_forced {
            fields.insert("expires_at".into(), number(now.as_second() + KEPT_SECONDS));
        }
        Ok(fields)
    }

    /// Writes what follows from what was read; what is stored instead, where somebody came first.
    async fn write(
        &self,
        connection: &Connection,
        before: Option<&Stored>,
        after: Breaker,
        writer: &str,
        now: Timestamp,
    ) -> Result<Result<(), Option<Stored>>, AwsFault> {
        let call = self.table.put_item(self.item(connection, before, after, writer, now)?);
        let call = match before {
            None => call.condition_expression("attribute_not_exists(pk)"),
            Some(before) => call
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(before.version)),
        };
        let call = call.return_values_on_condition_check_failure(OLD);
        let Err(error) = past_conflicts(|| call.clone().send()).await else { return Ok(Ok(())) };
        let refused = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => refused,
            _ => return Err(fault("write breaker", &error)),
        };
        let found: Option<Stored> = refused.item.clone().filter(|item| !item.is_empty()).map(value).transpose()?;
        let is_ours = found.as_ref().is_some_and(|found| found.writer == writer);
        Ok(if is_ours { Ok(()) } else { Err(found) })
    }
}

fn contended() -> AwsFault {
    AwsFault { operation: "write breaker", detail: "others changed it each time".into(), transient: true }
}
