//! Messages: those that are due, and a tenant's list of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::lists::is_id;
use super::refusals::refusal_key;
use super::{AlertStore, expiring, partition};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::transaction::{Declined, Transaction, built};
use crate::domain::alerts::delivery::{Message, MessageState};
use crate::domain::ids::TenantId;
use crate::domain::place::{NoPlace, TIME_DIGITS, split_time};

const UNSENT: &str = "@alerts#unsent";
/// Messages that are due are read so many at a time, and so often: those of a channel that is down are many, and one of another channel
/// may be behind them.
const PART: i32 = 1_000;
const PARTS_MAX: usize = 5;

pub(super) fn message_key(tenant: &TenantId, id: &str) -> Item {
    key(format!("{}#messages", partition(tenant)), id)
}

fn unsent_key(tenant: &TenantId, message: &Message) -> Item {
    let due_ms = message.due_at.as_millisecond().max(0);
    key(UNSENT, format!("{due_ms:0TIME_DIGITS$}-{tenant}#{}", message.id))
}

/// That a message is due, with its channel: whose turn it is is known without reading the message.
pub(super) fn unsent(tenant: &TenantId, message: &Message) -> Item {
    let mut fields = unsent_key(tenant, message);
    fields.insert("channel".into(), text(message.channel.to_string()));
    fields
}

/// That a message is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: String,
    place: String,
    /// Its channel; its own id where another version wrote it.
    channel: String,
}

impl Due {
    fn read(item: &Item) -> Option<Self> {
        let text = |name: &str| Some(item.get(name)?.as_s().ok()?.clone());
        let place = text("sk")?;
        let (tenant, id) = split_time(&place)?.1.split_once('#')?;
        let (tenant, id) = (TenantId::parse(tenant).ok()?, id.to_owned());
        let channel = text("channel").unwrap_or_else(|| id.clone());
        Some(Self { tenant, id, place, channel })
    }
}

/// One of each channel, the longest due, and so many in all: the first of each tenant before the second of any.
fn in_turns(due: Vec<Due>, limit: usize) -> Vec<Due> {
    let (mut channels, mut turns) = (BTreeSet::new(), BTreeMap::<TenantId, usize>::new());
    let mut taken: Vec<(usize, Due)> = Vec::new();
    for one in due {
        if channels.insert((one.tenant.clone(), one.channel.clone())) {
            let turn = turns.entry(one.tenant.clone()).or_default();
            taken.push((*turn, one));
            *turn += 1;
        }
    }
    taken.sort_by_key(|(turn, _)| *turn);
    taken.into_iter().take(limit).map(|(_, one)| one).collect()
}

/// A place in a list of messages: below which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePlace(String);

impl fmt::Display for MessagePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for MessagePlace {
    type Err = NoPlace;
    fn from_str(place: &str) -> Result<Self, NoPlace> {
        is_id(place).then(|| Self(place.to_owned())).ok_or(NoPlace)
    }
}

/// A page of messages, and where the next one begins.
pub type MessagePage = (Vec<Message>, Option<MessagePlace>);

impl AlertStore {
    /// Messages that are due by now, one of each channel at most, tenants in turns and the longest due first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_messages(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, AwsFault> {
        let now_ms = now.as_millisecond().max(0) + 1;
        let (mut due, mut from) = (Vec::new(), None);
        for _ in 0..PARTS_MAX {
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk < :now")
                .expression_attribute_values(":pk", text(UNSENT))
                .expression_attribute_values(":now", text(format!("{now_ms:0TIME_DIGITS$}")))
                .set_exclusive_start_key(from)
                .limit(PART);
            let page = call.send().await.map_err(|error| fault("read messages that are due", &error))?;
            due.extend(page.items.unwrap_or_default().iter().filter_map(Due::read));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(in_turns(due, limit))
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

    /// Writes what became of a message: it was claimed, or answered; and where it was taken, that its channel refuses no more. False where
    /// somebody else has written since.
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
            transaction = transaction.put(built(self.0.put(unsent(tenant, after)).build())?);
        }
        if after.state == MessageState::Sent {
            transaction = transaction.delete(built(self.0.delete(refusal_key(&after.channel)).build())?);
        }
        match transaction.commit(&self.0.client, "advance message").await {
            Ok(()) => Ok(true),
            Err(Declined::Condition(_)) => Ok(false),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    /// Keeps a message that was sent at once; and where it was taken, that its channel refuses no more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_message(&self, tenant: &TenantId, message: &Message, now: Timestamp) -> Result<(), AwsFault> {
        const OPERATION: &str = "keep message";
        let fields = expiring(item(message, message_key(tenant, &message.id))?, now);
        if message.state != MessageState::Sent {
            return self.0.write(fields, OPERATION).await;
        }
        let transaction = Transaction::default().put(built(self.0.put(fields).build())?);
        let transaction = transaction.delete(built(self.0.delete(refusal_key(&message.channel)).build())?);
        match transaction.commit(&self.0.client, OPERATION).await {
            Ok(()) => Ok(()),
            Err(Declined::Condition(_)) => Err(AwsFault::damaged(OPERATION, "unexpected condition")),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    /// A tenant's messages, the newest first: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn messages(
        &self,
        tenant: &TenantId,
        below: Option<&MessagePlace>,
        limit: usize,
    ) -> Result<MessagePage, AwsFault> {
        let below = below.map_or("~", |below| below.0.as_str());
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
        let next = found.last().filter(|_| more).map(|last| MessagePlace(last.id.clone()));
        Ok((found, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_and_channels_take_turns() {
        let due = |tenant: &str, channel: &str, number: usize| Due {
            tenant: TenantId::parse(tenant).unwrap(),
            id: format!("{tenant}-{channel}-{number}"),
            place: String::new(),
            channel: channel.to_owned(),
        };
        // A channel that is down, and others behind it.
        let mut all: Vec<Due> = (0..3_000).map(|number| due("acme", "teams/down", number)).collect();
        all.extend([due("acme", "teams/well", 0), due("acme", "teams/third", 0), due("beta", "teams/main", 0)]);
        let ids = |limit| in_turns(all.clone(), limit).into_iter().map(|one| one.id).collect::<Vec<_>>();
        let expected = ["acme-teams/down-0", "beta-teams/main-0", "acme-teams/well-0", "acme-teams/third-0"];
        assert_eq!(ids(200), expected);
        assert_eq!(ids(2), expected[..2]);
    }
}
