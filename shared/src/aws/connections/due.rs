//! What is due: who finds it, up to where it was handed out, and a start that moves it in the same write.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::Put;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::store::{ConnectionStore, DUE_SHARDS, Due, due_item, due_key, due_of, shard_key};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::transaction::{OLD, built};
use crate::domain::ids::Connection;

/// For how long what was handed out is not handed out again. The queue forgets it after the same time.
pub const LAP: SignedDuration = SignedDuration::from_mins(10);

/// A place in a shard of what is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuePlace {
    /// When it is due, epoch milliseconds.
    pub at: i64,
    /// Which.
    pub connection: Connection,
}

/// Up to where what is due was handed out since a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOut {
    /// Since when, epoch milliseconds.
    since: i64,
    /// The last of each shard.
    after: BTreeMap<String, DuePlace>,
}

impl HandedOut {
    /// Nothing, from now on.
    #[must_use]
    pub fn nothing(now: Timestamp) -> Self {
        Self { since: now.as_millisecond(), after: BTreeMap::new() }
    }

    /// The last of a shard.
    #[must_use]
    pub fn after(&self, shard: u8) -> Option<&DuePlace> {
        self.after.get(&shard_key(shard))
    }

    /// The same, handed out up to a place of a shard.
    pub fn reach(&mut self, shard: u8, place: DuePlace) {
        self.after.insert(shard_key(shard), place);
    }

    /// Whether what it is behind may still be in the queue.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        // A clock that was set back must not keep everything waiting.
        let age = now.as_millisecond() - self.since;
        (0..LAP.as_millis()).contains(&age.into())
    }
}

/// The move of what is due to its next time, to be written with something else or not at all.
#[derive(Debug, Clone)]
pub struct DueMove(pub(in crate::aws) Put);

/// A part of what is due in a shard, and whether more follows.
pub type DuePage = (Vec<DuePlace>, bool);

fn handed_out_key() -> Item {
    key("@due", "handed-out")
}

impl ConnectionStore {
    /// When a connection is due, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_time(&self, connection: &Connection) -> Result<Option<Due>, AwsFault> {
        self.0.read(due_key(connection), "read due time").await?.map(due_of).transpose()
    }

    /// The move of a connection from one time to the next, where nobody else has moved it.
    ///
    /// # Errors
    /// Never, but for what this crate itself leaves out.
    pub fn moving(&self, due: &Due, next: &Due) -> Result<DueMove, AwsFault> {
        let put = self.0.put(due_item(next)).condition_expression("due_at = :seen");
        let put = put.expression_attribute_values(":seen", number(due.at.as_millisecond()));
        built(put.return_values_on_condition_check_failure(OLD).build()).map(DueMove)
    }

    /// What is due by `now` in a shard, the longest due first, behind a place.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&DuePlace>,
        limit: usize,
    ) -> Result<DuePage, AwsFault> {
        let start = after.map(|place| {
            let mut start = due_key(&place.connection);
            start.insert("due_shard".into(), text(shard_key(shard)));
            start.insert("due_at".into(), number(place.at));
            start
        });
        let call = self
            .0
            .query()
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(shard_key(shard)))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read what is due", &error))?;
        let more = page.last_evaluated_key.is_some_and(|key| !key.is_empty());
        let place = |item: Item| {
            // One that cannot be read must not keep all others waiting.
            let due = due_of(item).inspect_err(|fault| tracing::error!(%fault, "a due time was passed over")).ok()?;
            Some(DuePlace { at: due.at.as_millisecond(), connection: due.connection })
        };
        Ok((page.items.unwrap_or_default().into_iter().filter_map(place).collect(), more))
    }

    /// All shards of what is due.
    pub fn due_shards() -> impl Iterator<Item = u8> {
        0..DUE_SHARDS
    }

    /// Up to where what is due was handed out.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn handed_out(&self) -> Result<Option<HandedOut>, AwsFault> {
        let found = self.0.glance(handed_out_key(), "read what was handed out").await?;
        // One that cannot be read would stop all schedules; without it what is due is handed out once more.
        let log = |fault: &AwsFault| tracing::error!(%fault, "what was handed out cannot be read");
        Ok(found.and_then(|found| value(found).inspect_err(log).ok()))
    }

    /// Keeps up to where what is due was handed out.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_handed_out(&self, handed_out: &HandedOut) -> Result<(), AwsFault> {
        self.0.write(item(handed_out, handed_out_key())?, "keep what was handed out").await
    }
}
