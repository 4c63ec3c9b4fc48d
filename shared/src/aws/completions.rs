//! What receivers are told of runs that are over, in the control table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#completions`, id | a [`Notice`] with its attempts, for 30 days |
//! | `@completions#due`, `time-tenant#id` | that a notice is due at that time, and whose it is |
//! | `tenant#completions#failing`, name of the receiver | that a receiver takes nothing, for 30 days |
//!
//! What begins with `@` is of all tenants, as a tick looks for it; each key has the tenant in it all the same. It is empty while everybody
//! takes what they are told.

use jiff::Timestamp;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use super::items::{Item, conditional, item, key, number, text, value};
use super::table::Table;
use super::transaction::{Declined, Transaction, built};
use crate::domain::completions::notice::{Notice, NoticeState};
use crate::domain::completions::receiver::Failing;
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::domain::place::{TIME_DIGITS, split_time};
use crate::domain::time;
use crate::environment::{Environment, StartError};

/// For how long notices are kept, in seconds.
const KEPT_SECONDS: i64 = 30 * 86_400;
const DUE: &str = "@completions#due";
/// Notices that are due are read so many at a time, and so often: those of a receiver that is down may be many.
const PART: i32 = 1_000;
const PARTS_MAX: usize = 5;

/// The notices.
#[derive(Clone, Debug)]
pub struct NoticeStore(Table);

/// That a notice is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// Whose it is.
    pub receiver: Connection,
    /// Which.
    pub id: String,
    place: String,
}

impl DueNotice {
    /// That of a notice.
    #[must_use]
    pub fn of(notice: &Notice) -> Self {
        Self { receiver: notice.receiver.clone(), id: notice.id.clone(), place: due_place(notice) }
    }

    #[cfg(test)]
    pub(crate) fn new(receiver: Connection, id: String) -> Self {
        Self { receiver, id, place: String::new() }
    }

    fn read(item: &Item) -> Option<Self> {
        let text = |name: &str| Some(item.get(name)?.as_s().ok()?.clone());
        let place = text("sk")?;
        let id = split_time(&place)?.1.split_once('#')?.1.to_owned();
        Some(Self { receiver: text("receiver")?.parse().ok()?, id, place })
    }
}

/// A page of notices, and the id that the next one begins below.
pub type NoticePage = (Vec<Notice>, Option<String>);

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#completions")
}

fn notice_key(tenant: &TenantId, id: &str) -> Item {
    key(partition(tenant), id)
}

fn failing_key(receiver: &Connection) -> Item {
    key(format!("{}#failing", partition(&receiver.tenant)), receiver.name.as_str())
}

fn due_place(notice: &Notice) -> String {
    let due_ms = notice.due_at.as_millisecond().max(0);
    format!("{due_ms:0TIME_DIGITS$}-{}#{}", notice.receiver.tenant, notice.id)
}

fn due_key(notice: &Notice) -> Item {
    key(DUE, due_place(notice))
}

fn due(notice: &Notice) -> Item {
    let mut fields = due_key(notice);
    fields.insert("receiver".into(), text(notice.receiver.to_string()));
    fields
}

fn expiring(mut fields: Item, now: Timestamp) -> Item {
    fields.insert("expires_at".into(), number(now.as_second() + KEPT_SECONDS));
    fields
}

impl NoticeStore {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// Stores a notice, and that it is due. False where it is there already: the run was told of before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn make(&self, notice: &Notice, now: Timestamp) -> Result<bool, AwsFault> {
        let fields = item(notice, notice_key(&notice.receiver.tenant, &notice.id))?;
        let put = self.0.put(expiring(fields, now)).condition_expression("attribute_not_exists(pk)");
        let transaction = Transaction::default().put(built(put.build())?).put(built(self.0.put(due(notice)).build())?);
        committed(transaction.commit(&self.0.client, "store notice").await)
    }

    /// A notice, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn one(&self, tenant: &TenantId, id: &str) -> Result<Option<Notice>, AwsFault> {
        self.0.read(notice_key(tenant, id), "read notice").await?.map(value).transpose()
    }

    /// Notices that are due by now, the longest due first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<DueNotice>, AwsFault> {
        let now_ms = now.as_millisecond().max(0) + 1;
        let (mut found, mut from) = (Vec::new(), None);
        for _ in 0..PARTS_MAX {
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk < :now")
                .expression_attribute_values(":pk", text(DUE))
                .expression_attribute_values(":now", text(format!("{now_ms:0TIME_DIGITS$}")))
                .set_exclusive_start_key(from)
                .limit(PART);
            let page = call.send().await.map_err(|error| fault("read notices that are due", &error))?;
            found.extend(page.items.unwrap_or_default().iter().filter_map(DueNotice::read));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Forgets that a notice is due: it is gone, or has another time.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn forget_due(&self, due: &DueNotice) -> Result<(), AwsFault> {
        let call = self.0.delete_item(key(DUE, due.place.as_str())).send().await;
        call.map(drop).map_err(|error| fault("forget that a notice is due", &error))
    }

    /// Writes what became of a notice: it was claimed, answered or dropped; and where it was taken, that its receiver fails no more. False
    /// where somebody else has written since.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn advance(&self, before: &Notice, after: &Notice, now: Timestamp) -> Result<bool, AwsFault> {
        let fields = item(after, notice_key(&after.receiver.tenant, &after.id))?;
        // An attempt is noted before it is made, so that no two are the same one.
        let put = self
            .0
            .put(expiring(fields, now))
            .condition_expression("#state = :state AND dueAt = :due AND size(attempts) = :attempts")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(before.state.as_str()))
            .expression_attribute_values(":due", text(time::text(before.due_at)))
            .expression_attribute_values(":attempts", number(before.attempts.len()));
        let mut transaction = Transaction::default().put(built(put.build())?);
        let (was, is) = (due_key(before), due_key(after));
        let is_open = after.state == NoticeState::Pending;
        if !is_open || was != is {
            transaction = transaction.delete(built(self.0.delete(was).build())?);
        }
        if is_open {
            transaction = transaction.put(built(self.0.put(due(after)).build())?);
        }
        if after.state == NoticeState::Delivered {
            transaction = transaction.delete(built(self.0.delete(failing_key(&after.receiver)).build())?);
        }
        committed(transaction.commit(&self.0.client, "advance notice").await)
    }

    /// That a receiver takes nothing, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn failing(&self, receiver: &Connection) -> Result<Option<Failing>, AwsFault> {
        self.0.read(failing_key(receiver), "read failures of receiver").await?.map(value).transpose()
    }

    /// Keeps that a receiver takes nothing, unless it has taken something since `before` was read.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_failing(
        &self,
        receiver: &Connection,
        before: Option<&Failing>,
        after: &Failing,
        now: Timestamp,
    ) -> Result<(), AwsFault> {
        let call = self.0.put_item(expiring(item(after, failing_key(receiver))?, now));
        let call = match before {
            None => call.condition_expression("attribute_not_exists(pk)"),
            Some(before) => call
                .condition_expression("since = :since")
                .expression_attribute_values(":since", text(time::text(before.since))),
        };
        conditional(call.send().await, "keep failures of receiver").map(drop)
    }

    /// A tenant's notices, those of the runs that were over last first: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, tenant: &TenantId, below: Option<&RunId>, limit: usize) -> Result<NoticePage, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk < :below")
            .expression_attribute_values(":pk", text(partition(tenant)))
            .expression_attribute_values(":below", text(below.map_or("~", RunId::as_str)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("list notices", &error))?;
        let items = page.items.unwrap_or_default();
        // DynamoDB ends a page at 1 MB.
        let more = items.len() > limit || page.last_evaluated_key.is_some();
        let found: Result<Vec<Notice>, _> = items.into_iter().take(limit).map(value).collect();
        let found = found?;
        let next = found.last().filter(|_| more).map(|last| last.id.clone());
        Ok((found, next))
    }
}

fn committed(done: Result<(), Declined>) -> Result<bool, AwsFault> {
    match done {
        Ok(()) => Ok(true),
        Err(Declined::Condition(_)) => Ok(false),
        Err(Declined::Fault(fault)) => Err(fault),
    }
}
