//! Weekly digests, in the control table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#digests`, id | a [`Record`], for 90 days |
//! | `@digests#wanted`, `tenant#id` | that a record is to be sent |
//! | `tenant#digests#unsubscribed`, `scope#address` | that an address does not want it any more |
//! | `@digests`, `round` | how far the records of a week were made |

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use super::items::{Item, item, key, number, text, value};
use super::table::Table;
use super::transaction::{Declined, Transaction, built};
use crate::domain::digest::figures::Week;
use crate::domain::digest::recipient::Scope;
use crate::domain::digest::record::{Record, RecordState};
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::environment::{Environment, StartError};

/// For how long records are kept, in seconds.
const KEPT_SECONDS: i64 = 90 * 86_400;
const WANTED: &str = "@digests#wanted";

/// The digests.
#[derive(Clone, Debug)]
pub struct DigestStore(Table);

/// That a record is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRecord {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: String,
}

/// How far the records of a week were made: through the connections of some providers, one after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// Which week.
    pub week: Week,
    /// Which of the providers is gone through.
    pub provider: usize,
    /// Behind which of its connections; none at its first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Connection>,
}

/// A page of records, and the id that the next one begins below.
pub type RecordPage = (Vec<Record>, Option<String>);

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#digests")
}

fn record_key(tenant: &TenantId, id: &str) -> Item {
    key(partition(tenant), id)
}

fn wanted_key(tenant: &TenantId, id: &str) -> Item {
    key(WANTED, format!("{tenant}#{id}"))
}

fn unsubscribed_key(tenant: &TenantId, scope: Scope, address: &str) -> Item {
    key(format!("{}#unsubscribed", partition(tenant)), format!("{}#{address}", scope.as_str()))
}

impl DigestStore {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    fn stored(&self, record: &Record, now: Timestamp) -> Result<Item, AwsFault> {
        let mut fields = item(record, record_key(&record.connection.tenant, &record.id))?;
        fields.insert("expires_at".into(), number(now.as_second() + KEPT_SECONDS));
        Ok(fields)
    }

    /// Stores a record, and that it is to be sent. False where it is there already: the recipient was told of this week, or is about to be.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn make(&self, record: &Record, now: Timestamp) -> Result<bool, AwsFault> {
        let put = self.0.put(self.stored(record, now)?).condition_expression("attribute_not_exists(pk)");
        let wanted = self.0.put(wanted_key(&record.connection.tenant, &record.id)).build();
        let transaction = Transaction::default().put(built(put.build())?).put(built(wanted)?);
        committed(transaction.commit(&self.0.client, "store digest").await)
    }

    /// Writes what became of a record: it was claimed, answered, or is to be sent by hand. False where somebody else has written since.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn advance(&self, before: &Record, after: &Record, now: Timestamp) -> Result<bool, AwsFault> {
        let tenant = &after.connection.tenant;
        let put = self
            .0
            .put(self.stored(after, now)?)
            .condition_expression("#state = :state AND tries = :tries")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(before.state.as_str()))
            .expression_attribute_values(":tries", number(before.tries));
        let wanted = wanted_key(tenant, &after.id);
        let transaction = Transaction::default().put(built(put.build())?);
        let transaction = match after.state {
            RecordState::Wanted => transaction.put(built(self.0.put(wanted).build())?),
            _ => transaction.delete(built(self.0.delete(wanted).build())?),
        };
        committed(transaction.commit(&self.0.client, "advance digest").await)
    }

    /// A tenant's record, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn one(&self, tenant: &TenantId, id: &str) -> Result<Option<Record>, AwsFault> {
        self.0.read(record_key(tenant, id), "read digest").await?.map(value).transpose()
    }

    /// Records that are to be sent, so many at most.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn wanted(&self, limit: usize) -> Result<Vec<WantedRecord>, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(WANTED))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read digests that are to be sent", &error))?;
        let read = |item: &Item| {
            let (tenant, id) = item.get("sk")?.as_s().ok()?.split_once('#')?;
            Some(WantedRecord { tenant: TenantId::parse(tenant).ok()?, id: id.to_owned() })
        };
        Ok(page.items.unwrap_or_default().iter().filter_map(read).collect())
    }

    /// Forgets that a record is to be sent: it is gone.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn forget_wanted(&self, wanted: &WantedRecord) -> Result<(), AwsFault> {
        let call = self.0.delete_item(wanted_key(&wanted.tenant, &wanted.id)).send().await;
        call.map(drop).map_err(|error| fault("forget that a digest is to be sent", &error))
    }

    /// A tenant's records, those of the newest week first: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, tenant: &TenantId, below: Option<&RunId>, limit: usize) -> Result<RecordPage, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk < :below")
            .expression_attribute_values(":pk", text(partition(tenant)))
            .expression_attribute_values(":below", text(below.map_or("~", RunId::as_str)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("list digests", &error))?;
        let items = page.items.unwrap_or_default();
        // DynamoDB ends a page at 1 MB.
        let more = items.len() > limit || page.last_evaluated_key.is_some();
        let found: Vec<Record> = items.into_iter().take(limit).map(value).collect::<Result<_, _>>()?;
        let next = found.last().filter(|_| more).map(|last| last.id.clone());
        Ok((found, next))
    }

    /// Whether an address does not want it any more, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn is_unsubscribed(&self, tenant: &TenantId, scope: Scope, address: &str) -> Result<bool, AwsFault> {
        let found = self.0.read(unsubscribed_key(tenant, scope, address), "read who unsubscribed").await?;
        Ok(found.is_some())
    }

    /// Keeps, or forgets, that an address does not want it any more. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn unsubscribe(
        &self,
        (tenant, scope, address): (&TenantId, Scope, &str),
        gone: bool,
        now: Timestamp,
    ) -> Result<(), AwsFault> {
        const OPERATION: &str = "keep who unsubscribed";
        let mut fields = unsubscribed_key(tenant, scope, address);
        if gone {
            fields.insert("at".into(), AttributeValue::S(crate::domain::time::text(now)));
            return self.0.write(fields, OPERATION).await;
        }
        let call = self.0.delete_item(fields).send().await;
        call.map(drop).map_err(|error| fault(OPERATION, &error))
    }

    /// How far the records of the last week were made; none before the first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn round(&self) -> Result<Option<Round>, AwsFault> {
        self.0.read(key("@digests", "round"), "read round of digests").await?.map(value).transpose()
    }

    /// Keeps how far they were made. A crash before it has some made again, which are there already.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_round(&self, round: &Round) -> Result<(), AwsFault> {
        self.0.write(item(round, key("@digests", "round"))?, "keep round of digests").await
    }
}

fn committed(done: Result<(), Declined>) -> Result<bool, AwsFault> {
    match done {
        Ok(()) => Ok(true),
        Err(Declined::Condition(_)) => Ok(false),
        Err(Declined::Fault(fault)) => Err(fault),
    }
}
