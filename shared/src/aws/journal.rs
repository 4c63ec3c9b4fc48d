//! The journal table: what the queues gave up on, and what operators did.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#dead-letters`, time and message id | a [`DeadLetter`], and `requeuing` once somebody began to; a long body goes on under `body#…` |
//! | `tenant#audit`, time and a random part | an [`Audit`] entry |
//!
//! [`super::replays`] are in it too.

use std::fmt::Display;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use super::items::{Item, conditional, is_expired, item, key, number, text, value};
use super::table::Table;
use crate::domain::audit::{AUDIT_DAYS, AUDIT_DAYS_RANGE, Action, Audit, AuditId};
use crate::domain::dead_letter::{DeadLetter, DeadLetterId};
use crate::domain::deliveries::delivery::BODY_PART_BYTES_MAX;
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};

const DELETE: &str = "delete dead letter";

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#dead-letters")
}

fn record(tenant: &TenantId) -> String {
    format!("{tenant}#audit")
}

fn part_key(id: &DeadLetterId, part: impl Display) -> String {
    format!("body#{id}#{part}")
}

/// Which part of a record.
#[derive(Debug, Clone, Default)]
pub struct AuditRange {
    /// Recorded at or after this, epoch milliseconds.
    pub from_ms: Option<i64>,
    /// Recorded at or before this, epoch milliseconds.
    pub to_ms: Option<i64>,
    /// Below this entry, where an earlier page ended.
    pub below: Option<AuditId>,
    /// Of this person alone.
    pub actor: Option<String>,
    /// Of these deeds alone; none means any.
    pub actions: Vec<Action>,
    /// How many entries are looked at.
    pub limit: usize,
}

/// A part of a record.
#[derive(Debug)]
pub struct AuditPart {
    /// The newest first. One that cannot be read, of a younger version perhaps, has its id all the same.
    pub entries: Vec<(AuditId, Option<Audit>)>,
    /// Below which the rest lies; none where nothing is left.
    pub rest: Option<AuditId>,
}

/// The one key of the index `dead`, which has dead letters alone: without their bodies, which lie under other keys.
const DEAD: &str = "dead";

/// What became of dropping a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// It was there, and is not any more.
    Now,
    /// It was gone: somebody else decided on it, or the SDK repeated a call of ours whose reply was lost.
    Before,
    /// It is there: somebody is requeuing it.
    Requeuing,
}

/// What stood on a dead letter that is about to be requeued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: nobody has begun before.
    Now,
    /// That somebody has begun before, and may have died.
    Before,
    /// It is gone: somebody dropped it, or requeued it to the end.
    Gone,
}

/// The journal, and for how many days what operators did is kept.
#[derive(Clone, Debug)]
pub struct Journal(Table, i64);

impl Journal {
    /// The table that `JOURNAL_TABLE` names, and the days of `AUDIT_RETENTION_DAYS`; nothing is called.
    ///
    /// # Errors
    /// When it is not set, or the days make no sense.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let days = environment.number_in("AUDIT_RETENTION_DAYS", AUDIT_DAYS, AUDIT_DAYS_RANGE)?;
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        Ok(Self(Table::connect(clients, environment, "JOURNAL_TABLE")?, days))
    }

    /// Records a dead letter; false when it was recorded before. The same message recorded twice is one entry.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_dead_letter(&self, tenant: &TenantId, letter: &DeadLetter, body: &[u8]) -> Result<bool, AwsFault> {
        const OPERATION: &str = "record dead letter";
        let parts = body.chunks(BODY_PART_BYTES_MAX).enumerate().map(|(part, bytes)| {
            let mut fields = key(partition(tenant), part_key(&letter.id, part));
            fields.insert("expires_at".into(), number(letter.expires_at));
            (fields, bytes)
        });
        self.0.write_parts("body", parts, OPERATION).await?;
        let mut fields = item(letter, key(partition(tenant), letter.id.as_str()))?;
        fields.insert("dead".into(), text(DEAD));
        let call = self.0.put_item(fields).return_values(ReturnValue::AllOld);
        let before = call.send().await.map_err(|error| fault(OPERATION, &error))?.attributes;
        Ok(before.is_none_or(|before| before.is_empty()))
    }

    /// A tenant's dead letters, newest first, from `from` on (itself included). Those that have expired and were not swept yet
    /// are among them, as one of them may be where the next part starts: see [`DeadLetter::is_expired`].
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn dead_letters(
        &self,
        tenant: &TenantId,
        from: Option<&DeadLetterId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, AwsFault> {
        // Ids start with a digit, bodies with a letter.
        self.dead_letters_between(tenant, "0", from.map_or(":", DeadLetterId::as_str), limit).await
    }

    /// As [`Journal::dead_letters`], of those whose ids lie between two texts, both included.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn dead_letters_between(
        &self,
        tenant: &TenantId,
        low: &str,
        high: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, AwsFault> {
        // DynamoDB refuses such a range.
        if low > high {
            return Ok(Vec::new());
        }
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(tenant)))
            .expression_attribute_values(":low", text(low))
            .expression_attribute_values(":high", text(high))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        letters(call).await
    }

    /// The dead letters of all tenants, the newest first, so many at most: one query. Those that have expired are among them.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn newest_dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, AwsFault> {
        let call = self
            .0
            .query()
            .index_name("dead")
            .key_condition_expression("dead = :dead")
            .expression_attribute_values(":dead", text(DEAD))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        letters(call).await
    }

    /// The dead letters of all tenants that were sent since a time, epoch milliseconds, the newest first, so many at most, and whether these
    /// are all: one query. One that cannot be read is passed over.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn dead_letters_since(&self, since_ms: i64, limit: usize) -> Result<(Vec<DeadLetter>, bool), AwsFault> {
        let call = self
            .0
            .query()
            .index_name("dead")
            .key_condition_expression("dead = :dead AND sk > :since")
            .expression_attribute_values(":dead", text(DEAD))
            .expression_attribute_values(":since", text(DeadLetterId::last_of(since_ms).as_str()))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read dead letters", &error))?;
        let are_all = page.last_evaluated_key.is_none();
        let log = |error: &AwsFault| tracing::error!(%error, "a dead letter that cannot be read passed over");
        let read = |item: Item| value(item).inspect_err(log).ok();
        Ok((page.items.unwrap_or_default().into_iter().filter_map(read).collect(), are_all))
    }

    /// A tenant's dead letters whose ids are this text or above it, the oldest first. Those that have expired are among them.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn dead_letters_from(
        &self,
        tenant: &TenantId,
        low: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(tenant)))
            .expression_attribute_values(":low", text(low))
            // Ids start with a digit, bodies with a letter.
            .expression_attribute_values(":high", text(":"))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        letters(call).await
    }

    /// One dead letter with its body, unless it has expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: &DeadLetterId,
        now: Timestamp,
    ) -> Result<Option<(DeadLetter, Vec<u8>)>, AwsFault> {
        const OPERATION: &str = "read dead letter";
        let get = |sk: String| self.0.read(key(partition(tenant), sk), OPERATION);
        let found = get(id.to_string()).await?;
        let Some(found) = found.filter(|item| !is_expired(item, now)) else { return Ok(None) };
        let letter: DeadLetter = value(found)?;
        let mut body = Vec::new();
        for part in 0..letter.parts {
            let found = get(part_key(id, part)).await?;
            let bytes = found.as_ref().and_then(|item| item.get("body")).and_then(|body| body.as_b().ok());
            // Somebody may have decided on it while it was read.
            if bytes.is_none() && get(id.to_string()).await?.is_none() {
                return Ok(None);
            }
            let bytes = bytes.ok_or_else(|| AwsFault::damaged(OPERATION, "a part of the body is missing"))?;
            body.extend_from_slice(bytes.as_ref());
        }
        Ok(Some((letter, body)))
    }

    /// Notes that a dead letter is about to be requeued, so that nobody drops it any more. To note it again is harmless: what a
    /// crash left begun is finished by requeuing it once more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn begin_requeue(&self, tenant: &TenantId, id: &DeadLetterId) -> Result<Begun, AwsFault> {
        const OPERATION: &str = "begin to requeue dead letter";
        let call = self.0.update_item(key(partition(tenant), id.as_str()));
        let call = call.update_expression("SET requeuing = :true").condition_expression("attribute_exists(pk)");
        let call = call.expression_attribute_values(":true", AttributeValue::Bool(true));
        let call = call.return_values(ReturnValue::UpdatedOld);
        let Some(noted) = conditional(call.send().await, OPERATION)? else { return Ok(Begun::Gone) };
        let before = noted.attributes.is_some_and(|before| before.contains_key("requeuing"));
        Ok(if before { Begun::Before } else { Begun::Now })
    }

    /// Notes that a dead letter is not requeued after all: it may be dropped again.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn cancel_requeue(&self, tenant: &TenantId, id: &DeadLetterId) -> Result<(), AwsFault> {
        const OPERATION: &str = "cancel to requeue dead letter";
        let call = self.0.update_item(key(partition(tenant), id.as_str()));
        let call = call.update_expression("REMOVE requeuing").condition_expression("attribute_exists(pk)");
        conditional(call.send().await, OPERATION).map(drop)
    }

    /// Notes that a dead letter was tried once more and why it failed, and that it may be dropped again.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn requeue_failed(&self, tenant: &TenantId, id: &DeadLetterId, why: &str) -> Result<(), AwsFault> {
        const OPERATION: &str = "note that a requeue failed";
        let call = self.0.update_item(key(partition(tenant), id.as_str()));
        let call = call.update_expression("SET attempts = attempts + :one, reason = :why REMOVE requeuing");
        let call = call.condition_expression("attribute_exists(pk)");
        let call = call.expression_attribute_values(":one", number(1)).expression_attribute_values(":why", text(why));
        conditional(call.send().await, OPERATION).map(drop)
    }

    /// Forgets a dead letter that nobody is requeuing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn drop_dead_letter(&self, tenant: &TenantId, letter: &DeadLetter) -> Result<Forgotten, AwsFault> {
        let call = self.0.delete_item(key(partition(tenant), letter.id.as_str())).return_values(ReturnValue::AllOld);
        let call = call.condition_expression("attribute_not_exists(requeuing)");
        let Some(deleted) = conditional(call.send().await, DELETE)? else { return Ok(Forgotten::Requeuing) };
        self.delete_parts(tenant, letter).await?;
        let was_there = deleted.attributes.is_some_and(|before| !before.is_empty());
        Ok(if was_there { Forgotten::Now } else { Forgotten::Before })
    }

    /// Forgets a dead letter, after it was requeued.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn delete_dead_letter(&self, tenant: &TenantId, letter: &DeadLetter) -> Result<(), AwsFault> {
        let call = self.0.delete_item(key(partition(tenant), letter.id.as_str()));
        call.send().await.map_err(|error| fault(DELETE, &error))?;
        self.delete_parts(tenant, letter).await
    }

    /// As [`Journal::delete_dead_letter`], by its id alone; harmless where it is gone.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn delete_dead_letter_of(&self, tenant: &TenantId, id: &DeadLetterId) -> Result<(), AwsFault> {
        let call = self.0.delete_item(key(partition(tenant), id.as_str())).return_values(ReturnValue::AllOld);
        let before = call.send().await.map_err(|error| fault(DELETE, &error))?.attributes;
        match before.filter(|before| !before.is_empty()) {
            Some(before) => self.delete_parts(tenant, &value(before)?).await,
            None => Ok(()),
        }
    }

    /// The entry goes first: a crash after it leaves parts that nothing names and that expire.
    async fn delete_parts(&self, tenant: &TenantId, letter: &DeadLetter) -> Result<(), AwsFault> {
        for part in 0..letter.parts {
            let call = self.0.delete_item(key(partition(tenant), part_key(&letter.id, part)));
            call.send().await.map_err(|error| fault(DELETE, &error))?;
        }
        Ok(())
    }

    /// Records what somebody did, before it is done: what cannot be recorded is not done.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn audit(&self, tenant: &TenantId, random: [u8; 16], entry: &Audit) -> Result<(), AwsFault> {
        let id = AuditId::new(entry.at_ms, random);
        let mut fields = item(entry, key(record(tenant), id.as_str()))?;
        fields.insert("expires_at".into(), number(entry.at_ms / 1000 + self.1 * 86_400));
        self.0.write(fields, "record audit entry").await
    }

    /// What a tenant's record says, the newest first: one query. What is not wanted is left out by the table, which costs what it
    /// costs to read it, and not the time to make sense of it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn audited(&self, tenant: &TenantId, range: &AuditRange) -> Result<AuditPart, AwsFault> {
        let low = AuditId::lowest(range.from_ms.unwrap_or(0));
        let high = range.to_ms.map_or_else(|| ":".to_owned(), AuditId::highest);
        let high = range.below.as_ref().map_or(high.clone(), |below| below.below().min(high));
        // DynamoDB refuses such a range.
        if low > high {
            return Ok(AuditPart { entries: Vec::new(), rest: None });
        }
        let mut call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(record(tenant)))
            .expression_attribute_values(":low", text(low))
            .expression_attribute_values(":high", text(high))
            .scan_index_forward(false)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX));
        let mut filter = Vec::new();
        if let Some(actor) = &range.actor {
            filter.push("actor = :actor".to_owned());
            call = call.expression_attribute_values(":actor", text(actor));
        }
        if !range.actions.is_empty() {
            let names: Vec<String> = (0..range.actions.len()).map(|index| format!(":action{index}")).collect();
            filter.push(format!("#action IN ({})", names.join(", ")));
            call = call.expression_attribute_names("#action", "action");
            for (name, action) in names.into_iter().zip(&range.actions) {
                call = call.expression_attribute_values(name, text(action.as_str()));
            }
        }
        if !filter.is_empty() {
            call = call.filter_expression(filter.join(" AND "));
        }
        let page = call.send().await.map_err(|error| fault("read record", &error))?;
        let id = |item: &Item| item.get("sk")?.as_s().ok()?.parse::<AuditId>().ok();
        let rest = page.last_evaluated_key.as_ref().and_then(id);
        let entry = |item: Item| {
            let id = id(&item)?;
            let log = |error: &AwsFault| tracing::warn!(%error, %id, "entry of a record passed over");
            let entry = value(item).inspect_err(log).ok();
            Some((id, entry))
        };
        Ok(AuditPart { entries: page.items.unwrap_or_default().into_iter().filter_map(entry).collect(), rest })
    }
}

async fn letters(call: QueryFluentBuilder) -> Result<Vec<DeadLetter>, AwsFault> {
    let page = call.send().await.map_err(|error| fault("read dead letters", &error))?;
    page.items.unwrap_or_default().into_iter().map(value).collect()
}
