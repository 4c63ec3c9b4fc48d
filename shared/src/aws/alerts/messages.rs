//! Messages: those that are due, and a tenant's list of them.

use jiff::Timestamp;

use super::lists::is_id;
use super::{AlertStore, expiring, partition};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::transaction::{Declined, Transaction, built};
use crate::domain::alerts::delivery::{Message, MessageState};
use crate::domain::ids::TenantId;
use crate::domain::place::{TIME_DIGITS, split_time};

const UNSENT: &str = "@alerts#unsent";

pub(super) fn message_key(tenant: &TenantId, id: &str) -> Item {
    key(format!("{}#messages", partition(tenant)), id)
}

pub(super) fn unsent_key(tenant: &TenantId, message: &Message) -> Item {
    let due_ms = message.due_at.as_millisecond().max(0);
    key(UNSENT, format!("{due_ms:0TIME_DIGITS$}-{tenant}#{}", message.id))
}

/// That a message is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: String,
    place: String,
}

/// A page of messages, and the id that the next one begins below.
pub type MessagePage = (Vec<Message>, Option<String>);

impl AlertStore {
    /// Messages that are due by now, the longest due first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_messages(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, AwsFault> {
        let now_ms = now.as_millisecond().max(0) + 1;
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk < :now")
            .expression_attribute_values(":pk", text(UNSENT))
            .expression_attribute_values(":now", text(format!("{now_ms:0TIME_DIGITS$}")))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read messages that are due", &error))?;
        let due = |item: &Item| {
            let place = item.get("sk")?.as_s().ok()?.clone();
            let (tenant, id) = split_time(&place)?.1.split_once('#')?;
            Some(Due { tenant: TenantId::parse(tenant).ok()?, id: id.to_owned(), place: place.clone() })
        };
        Ok(page.items.unwrap_or_default().iter().filter_map(due).collect())
    }

    /// A tenant's message, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn message(&self, tenant: &TenantId, id: &str) -> Result<Option<Message>, AwsFault> {
        self.0.read(message_key(tenant, id), "read message").await?.map(value).transpose()
    }

    /// Forgets that a message is due: it is gone, or has another time.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn forget_due(&self, due: &Due) -> Result<(), AwsFault> {
        let call = self.0.delete_item(key(UNSENT, due.place.as_str())).send().await;
        call.map(drop).map_err(|error| fault("forget that a message is due", &error))
    }

    /// Writes what became of a message: it was claimed, or answered. False where somebody else has written since.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn advance(
        &self,
        tenant: &TenantId,
        before: &Message,
        after: &Message,
        now: Timestamp,
    ) -> Result<bool, AwsFault> {
        let put = self.0.put(expiring(item(after, message_key(tenant, &after.id))?, now));
        // An attempt is counted before it is made, so that no two have one number.
        let put = put
            .condition_expression("attempts = :attempts AND #state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":attempts", number(before.attempts))
            .expression_attribute_values(":state", text(before.state.as_str()));
        let (was, is) = (unsent_key(tenant, before), unsent_key(tenant, after));
        let is_open = matches!(after.state, MessageState::Pending | MessageState::Held);
        let mut transaction = Transaction::default().put(built(put.build())?);
        if !is_open || was != is {
            transaction = transaction.delete(built(self.0.delete(was).build())?);
        }
        if is_open {
            transaction = transaction.put(built(self.0.put(is).build())?);
        }
        match transaction.commit(&self.0.client, "advance message").await {
            Ok(()) => Ok(true),
            Err(Declined::Condition(_)) => Ok(false),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    /// Keeps a message that was sent at once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_message(&self, tenant: &TenantId, message: &Message, now: Timestamp) -> Result<(), AwsFault> {
        let fields = expiring(item(message, message_key(tenant, &message.id))?, now);
        self.0.write(fields, "keep message").await
    }

    /// A tenant's messages, the newest first: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn messages(
        &self,
        tenant: &TenantId,
        below: Option<&str>,
        limit: usize,
    ) -> Result<MessagePage, AwsFault> {
        let below = below.filter(|below| is_id(below)).unwrap_or("~");
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk < :below")
            .expression_attribute_values(":pk", text(format!("{}#messages", partition(tenant))))
            .expression_attribute_values(":below", text(below))
            .scan_index_forward(false)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("list messages", &error))?;
        let found: Result<Vec<Message>, _> = page.items.unwrap_or_default().into_iter().map(value).collect();
        let mut found = found?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.id.clone());
        Ok((found, next))
    }
}
