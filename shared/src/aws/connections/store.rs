//! Connections, their addresses, and when they are due.
//!
//! | partition | sort key | holds |
//! |---|---|---|
//! | tenant | `connection#provider/name` | a [`StoredConnection`]; its `provider` is the key of the index `by_provider` |
//! | tenant | `due#provider/name` | when it is due next, by which the index `due` finds it; none for one that never is |
//! | tenant | `breaker#provider/name` | its [`Breaker`](crate::domain::pull::breaker::Breaker), see [`super::breaker`] |
//! | tenant | `linking#provider/name` | that it is being made or taken away at its vendor, see [`super::linking`] |
//! | tenant | `quota#provider/name` | how much of its vendor's quota is used, see [`super::quota`] |
//! | `@address` and an address | `address` | to which connection a name leads that others than its tenant use |
//! | `@due` | `handed-out` | up to where what is due was handed out ([`HandedOut`](super::due::HandedOut)) |
//! | `@imports` | the source | what was imported of a deployment's configuration, see [`super::imports`] |
//! | `@providers` | `providers` | the providers that have ever had a connection, for a list of all |
//!
//! Tenants have no `@`. What is due changes with each start and is an item of its own: beside the settings it would rewrite them,
//! and their place in the other index, each time.

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::access_token::access_token_key;
use super::breaker::breaker_key;
use super::linking::linking_key;
use super::quota::quota_key;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, item, key, number, text, value};
use crate::aws::runs::failed::Unmark;
use crate::aws::table::Table;
use crate::aws::transaction::{Declined, Transaction, built, past_conflicts};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::environment::{Environment, StartError};

/// Over how many partitions of the index what is due is spread: a minute of ten thousand starts is not written to one.
pub const DUE_SHARDS: u8 = 8;

pub(in crate::aws) fn connection_key(connection: &Connection) -> Item {
    connection_key_as("connection", connection)
}

pub(super) fn due_key(connection: &Connection) -> Item {
    connection_key_as("due", connection)
}

/// The key of what is stored of a connection under a name.
pub(super) fn connection_key_as(what: &str, connection: &Connection) -> Item {
    key(connection.tenant.as_str(), format!("{what}#{}/{}", connection.provider, connection.name))
}

pub(in crate::aws) fn address_key(address: &str) -> Item {
    key(format!("@address#{address}"), "address")
}

/// The write by which an address leads to a connection: where it is free, or leads there already.
pub(in crate::aws) fn address_put(table: &Table, address: &str, connection: &Connection) -> Result<Put, AwsFault> {
    let mut fields = address_key(address);
    fields.insert("connection".into(), text(connection.to_string()));
    let free = table.put(fields).condition_expression("attribute_not_exists(pk) OR #connection = :connection");
    let free = free.expression_attribute_names("#connection", "connection");
    built(free.expression_attribute_values(":connection", text(connection.to_string())).build())
}

fn shard(connection: &Connection) -> String {
    let digest = Sha256::digest(connection.to_string());
    shard_key(digest[0] % DUE_SHARDS)
}

pub(super) fn shard_key(shard: u8) -> String {
    format!("due#{shard}")
}

/// A connection that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub connection: Connection,
    /// Since when.
    pub at: Timestamp,
    /// How often a run was started for this time of the schedule.
    pub starts: u32,
    /// The schedule's own next time, by which it is due for another reason than to be looked at.
    pub next: Timestamp,
    /// The version of the connection whose schedule says so.
    pub version: u64,
    /// The run that was started last for this time, and is to be looked at.
    pub run: Option<RunId>,
}

impl Due {
    /// A time of the schedule for which nothing was started yet.
    #[must_use]
    pub fn first(connection: &Connection, at: Timestamp, version: u64) -> Self {
        Self { connection: connection.clone(), at, starts: 0, next: at, version, run: None }
    }
}

/// Why a change was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the connection meanwhile.
    #[error("the connection was changed meanwhile")]
    Changed,
    /// One of its addresses leads to another connection.
    #[error("{0:?} leads to another connection already")]
    AddressTaken(String),
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// The connections.
#[derive(Clone, Debug)]
pub struct ConnectionStore(pub(super) Table);

impl ConnectionStore {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONNECTIONS_TABLE").map(Self)
    }

    /// A connection as of now, for whoever changes it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(&self, connection: &Connection) -> Result<Option<StoredConnection>, AwsFault> {
        self.0.read(connection_key(connection), "read connection").await?.map(value).transpose()
    }

    /// A connection as of a moment ago, for half the price.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn glance(&self, connection: &Connection) -> Result<Option<StoredConnection>, AwsFault> {
        self.0.glance_once(connection_key(connection), "read connection").await?.map(value).transpose()
    }

    /// Those that there are of some connections, none of them named twice, as of a moment ago, in no order.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn some(&self, wanted: impl Iterator<Item = &Connection>) -> Result<Vec<StoredConnection>, AwsFault> {
        let found = self.0.glance_at(wanted.map(connection_key).collect(), None, "read connections").await?;
        found.into_iter().map(value).collect()
    }

    /// To which connection an address leads.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn addressed(&self, address: &str) -> Result<Option<Connection>, AwsFault> {
        const OPERATION: &str = "read address";
        let Some(found) = self.0.glance_once(address_key(address), OPERATION).await? else { return Ok(None) };
        let leads_to = found.get("connection").and_then(|text| text.as_s().ok()).and_then(|text| text.parse().ok());
        leads_to.map(Some).ok_or_else(|| AwsFault::damaged(OPERATION, "it leads to no connection"))
    }

    /// Stores a change with its addresses, and when it is due where it was not before, all or nothing. Another time is told by
    /// [`ConnectionStore::reschedule`] afterwards: a
    /// crash between leaves a time of the schedule before, at which the scheduler looks at the connection as it is.
    ///
    /// # Errors
    /// When it was changed meanwhile, an address is taken, or the table cannot be written.
    pub async fn put(
        &self,
        before: Option<&StoredConnection>,
        after: &StoredConnection,
        addresses_before: &[String],
        addresses: &[String],
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "write connection";
        let connection = &after.connection;
        if before.is_none() {
            self.note_provider(&connection.provider).await?;
        }
        let mut fields = item(after, connection_key(connection))?;
        fields.insert("provider".into(), text(connection.provider.as_str()));
        fields.insert("place".into(), text(format!("{}/{}", connection.tenant, connection.name)));
        let put = self.0.put(fields);
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(before.version)),
        };
        let mut transaction = Transaction::default().put(built(put.build())?);
        let taken: Vec<&String> = addresses.iter().collect();
        for address in &taken {
            transaction = transaction.put(address_put(&self.0, address, connection)?);
        }
        for address in addresses_before.iter().filter(|address| !addresses.contains(address)) {
            transaction = transaction.delete(built(self.0.delete(address_key(address)).build())?);
        }
        // What was never due has no time at which anybody would look at it; and what is due no more must not be made so by a
        // change that came before.
        let now = after.changed.at;
        let was_due = before.and_then(|before| before.due_after(now)).is_some();
        match after.due_after(now) {
            Some(at) if !was_due => {
                let due = due_item(&Due::first(connection, at, after.version));
                transaction = transaction.put(built(self.0.put(due).build())?);
            }
            None if was_due => transaction = transaction.delete(built(self.0.delete(due_key(connection)).build())?),
            _ => {}
        }
        transaction.commit(&self.0.client, OPERATION).await.map_err(|declined| declined_by(&declined, &taken))
    }

    /// Removes a connection with its addresses, when it is due, its breaker, its quota, what is noted of its link, and its access token.
    /// What it has synced stays.
    ///
    /// # Errors
    /// When it was changed meanwhile, or the table cannot be written.
    pub async fn delete(
        &self,
        stored: &StoredConnection,
        addresses: &[String],
        unmark: Option<Unmark>,
    ) -> Result<(), StoreError> {
        let gone = self.0.delete(connection_key(&stored.connection));
        let gone = gone
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(stored.version));
        let mut transaction = Transaction::default().delete(built(gone.build())?);
        let beside =
            [due_key, breaker_key, quota_key, linking_key, access_token_key].map(|key| key(&stored.connection));
        for key in addresses.iter().map(|address| address_key(address)).chain(beside) {
            transaction = transaction.delete(built(self.0.delete(key).build())?);
        }
        let transaction =
            unmark.into_iter().fold(transaction, |transaction, Unmark(update)| transaction.update(update));
        let done = transaction.commit(&self.0.client, "delete connection").await;
        done.map_err(|declined| declined_by(&declined, &[]))
    }

    async fn note_provider(&self, provider: &ProviderId) -> Result<(), AwsFault> {
        let call = self
            .0
            .update_item(key("@providers", "providers"))
            .update_expression("ADD providers :provider")
            .expression_attribute_values(":provider", AttributeValue::Ss(vec![provider.to_string()]));
        call.send().await.map(drop).map_err(|error| fault("note provider", &error))
    }

    /// Says when a connection is due next, after a change of it at `now` that made this version. A time that has come stays, and so does one
    /// at which somebody looks what became of a run: whoever starts what is due looks at the connection as it is, and says what follows.
    /// So does one that a later version has said: of two changes, the one that came first may be the last to say.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn reschedule(
        &self,
        connection: &Connection,
        version: u64,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), AwsFault> {
        // That it is due no more went with the change.
        let Some(at) = next else { return Ok(()) };
        let call = self.0.put_item(due_item(&Due::first(connection, at, version)));
        let call = call
            .condition_expression(
                "attribute_not_exists(pk) OR (due_at > :now AND starts = :none AND version <= :version)",
            )
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":none", number(0));
        conditional(past_conflicts(|| call.clone().send()).await, "write due time").map(drop)
    }

    /// Moves a connection from one time to the next. False where somebody else has moved it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn move_due(&self, due: &Due, next: Option<&Due>) -> Result<bool, AwsFault> {
        const OPERATION: &str = "write due time";
        let still = "due_at = :seen";
        let seen = number(due.at.as_millisecond());
        let moved = match next {
            None => {
                let call = self.0.delete_item(due_key(&due.connection)).condition_expression(still);
                let call = call.expression_attribute_values(":seen", seen);
                conditional(call.send().await.map(drop), OPERATION)?
            }
            Some(next) => {
                let call = self.0.put_item(due_item(next)).condition_expression(still);
                let call = call.expression_attribute_values(":seen", seen);
                conditional(call.send().await.map(drop), OPERATION)?
            }
        };
        Ok(moved.is_some())
    }
}

pub(super) fn due_item(due: &Due) -> Item {
    let mut fields = due_key(&due.connection);
    fields.insert("connection".into(), text(due.connection.to_string()));
    fields.insert("due_shard".into(), text(shard(&due.connection)));
    fields.insert("due_at".into(), number(due.at.as_millisecond()));
    fields.insert("starts".into(), number(due.starts));
    fields.insert("next_at".into(), number(due.next.as_millisecond()));
    fields.insert("version".into(), number(due.version));
    fields.extend(due.run.as_ref().map(|run| ("run".to_owned(), text(run.as_str()))));
    fields
}

pub(super) fn due_of(item: Item) -> Result<Due, AwsFault> {
    let read = || {
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        Some(Due {
            connection: item.get("connection")?.as_s().ok()?.parse().ok()?,
            at: Timestamp::from_millisecond(number("due_at")?).ok()?,
            starts: u32::try_from(number("starts")?).ok()?,
            next: Timestamp::from_millisecond(number("next_at")?).ok()?,
            version: u64::try_from(number("version")?).ok()?,
            run: item.get("run").and_then(|run| RunId::parse(run.as_s().ok()?)),
        })
    };
    read().ok_or_else(|| AwsFault::damaged("read what is due", "an item says not what is due, or when"))
}

fn declined_by(declined: &Declined, addresses: &[&String]) -> StoreError {
    match declined {
        Declined::Fault(fault) => StoreError::Fault(fault.clone()),
        Declined::Condition(_) if declined.at(0).is_some() => StoreError::Changed,
        Declined::Condition(items) => {
            let place = items.iter().position(Option::is_some).unwrap_or_default();
            let address = addresses.get(place.saturating_sub(1)).map(|address| address.to_string());
            address.map_or(StoreError::Changed, StoreError::AddressTaken)
        }
    }
}
