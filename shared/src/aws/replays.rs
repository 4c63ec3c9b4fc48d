//! Replays, in the journal table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#replays`, `replay#id` | a [`Replay`] |
//! | `tenant#replays`, `chunk#id#number` | a [`ReplayChunk`], written before its replay |
//! | `tenant#replays`, `at#time#id` | an entry of the list, for each round of a replay the last one alone |
//! | `tenant#replays`, `last` | which replay began last, as one of a tenant runs at a time |

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use super::items::{Item, conditional, is_expired, item, key, number, text, value};
use super::table::Table;
use super::transaction::{Declined, Transaction, built};
use crate::domain::deliveries::replay::{Replay, ReplayChunk, ReplayId, ReplayState};
use crate::domain::ids::TenantId;
use crate::domain::place::{NoPlace, split_time};
use crate::environment::{Environment, StartError};

/// Items that are read or written beside one another.
const WIDTH: usize = 8;
const BEGIN: &str = "begin replay";
const RESULTS: &str = "keep results of a replay";

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#replays")
}

fn replay_key(tenant: &TenantId, id: &ReplayId) -> Item {
    key(partition(tenant), format!("replay#{id}"))
}

fn chunk_key(tenant: &TenantId, id: &ReplayId, chunk: u32) -> Item {
    key(partition(tenant), format!("chunk#{id}#{chunk:06}"))
}

fn last_key(tenant: &TenantId) -> Item {
    key(partition(tenant), "last")
}

/// A place in the list of a tenant's replays: when one began, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayPlace(String);

impl ReplayPlace {
    fn of(replay: &Replay) -> Self {
        Self(format!("{:013}-{}", replay.round, replay.id))
    }

    fn key(&self, tenant: &TenantId) -> Item {
        key(partition(tenant), format!("at#{}", self.0))
    }

    fn id(&self) -> Option<ReplayId> {
        split_time(&self.0)?.1.parse().ok()
    }
}

impl std::str::FromStr for ReplayPlace {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let place = Self(text.to_owned());
        if place.id().is_some() { Ok(place) } else { Err(NoPlace) }
    }
}

impl std::fmt::Display for ReplayPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which replay a tenant began last, and how many it had begun by then: who has read it knows whether it is the last still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBegun {
    /// Which one.
    pub id: ReplayId,
    begun: u64,
}

/// The replays.
#[derive(Clone, Debug)]
pub struct ReplayStore(Table);

impl ReplayStore {
    /// The table that `JOURNAL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "JOURNAL_TABLE").map(Self)
    }

    /// One replay, unless it has expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn one(&self, tenant: &TenantId, id: &ReplayId, now: Timestamp) -> Result<Option<Replay>, AwsFault> {
        let found = self.0.read(replay_key(tenant, id), "read replay").await?;
        found.filter(|item| !is_expired(item, now)).map(value).transpose()
    }

    /// Which replay a tenant began last.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn last(&self, tenant: &TenantId) -> Result<Option<LastBegun>, AwsFault> {
        self.0.read(last_key(tenant), "read last replay").await?.map(value).transpose()
    }

    /// A tenant's replays, the one that began last first, below a place, and the place of each. Those that have expired are left out.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn list(
        &self,
        tenant: &TenantId,
        below: Option<&ReplayPlace>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<(ReplayPlace, Option<Replay>)>, AwsFault> {
        let high = below.map_or_else(|| "at#:".to_owned(), |below| format!("at#{below}"));
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(tenant)))
            .expression_attribute_values(":low", text("at#"))
            .expression_attribute_values(":high", text(high))
            .scan_index_forward(false)
            // The place itself is among them.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("list replays", &error))?;
        let place = |item: Item| item.get("sk")?.as_s().ok()?.strip_prefix("at#")?.parse::<ReplayPlace>().ok();
        let places = page.items.unwrap_or_default().into_iter().filter_map(place);
        let places: Vec<ReplayPlace> = places.filter(|place| Some(place) != below).take(limit).collect();
        let looked_at = places.into_iter().map(|place| async move {
            let Some(id) = place.id() else { return Ok((place, None)) };
            let replay = self.one(tenant, &id, now).await?;
            Ok((place, replay))
        });
        futures::stream::iter(looked_at).buffered(WIDTH).try_collect().await
    }

    /// Writes the chunks of a replay that is to begin. One that is there already stays: it is the same, of somebody who began the
    /// same set, or a leftover of who died doing so.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_chunks(
        &self,
        tenant: &TenantId,
        id: &ReplayId,
        chunks: Vec<ReplayChunk>,
        now: Timestamp,
    ) -> Result<(), AwsFault> {
        const OPERATION: &str = "write set of a replay";
        let written = (0..).zip(chunks).map(|(at, chunk)| async move {
            let call = self.0.put_item(item(&chunk, chunk_key(tenant, id, at))?);
            let call = call.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
            let call = call.expression_attribute_values(":now", number(now.as_second()));
            conditional(call.send().await, OPERATION).map(drop)
        });
        futures::stream::iter(written).buffer_unordered(WIDTH).try_collect().await
    }

    /// Begins a replay, or goes on with `before`; false where somebody else has begun one since `last` was read. All at once: the
    /// replay, that it is the last of its tenant, and its entry in the list.
    ///
    /// # Errors
    /// When the table cannot be written. It may have begun all the same; to do it again finds it running.
    pub async fn begin(
        &self,
        tenant: &TenantId,
        replay: &Replay,
        before: Option<&Replay>,
        last: Option<&LastBegun>,
        now: Timestamp,
    ) -> Result<bool, AwsFault> {
        let begun = LastBegun { id: replay.id.clone(), begun: last.map_or(0, |last| last.begun) + 1 };
        let put = self.0.put(item(&begun, last_key(tenant))?);
        let put = match last {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(last) => {
                put.condition_expression("begun = :begun").expression_attribute_values(":begun", number(last.begun))
            }
        };
        let mut transaction = Transaction::default().put(built(put.build())?);
        if let Some(before) = before.filter(|before| before.round == replay.round) {
            // A worker may have its chunk still, so that it goes on from where it is and not from what was read.
            let update = self
                .0
                .update(replay_key(tenant, &before.id))
                .update_expression("SET #state = :running, movedMs = :now REMOVE stoppedBy")
                .condition_expression("#state = :stopped AND round = :round")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":running", state(ReplayState::Running))
                .expression_attribute_values(":stopped", state(ReplayState::Stopped))
                .expression_attribute_values(":now", number(now.as_millisecond()))
                .expression_attribute_values(":round", number(before.round));
            transaction = transaction.update(built(update.build())?);
        } else {
            let put = self.0.put(item(replay, replay_key(tenant, &replay.id))?);
            let put = match before {
                None => put
                    .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
                    .expression_attribute_values(":now", number(now.as_second())),
                Some(before) => put
                    .condition_expression("#state = :done AND round = :round")
                    .expression_attribute_names("#state", "state")
                    .expression_attribute_values(":done", state(ReplayState::Done))
                    .expression_attribute_values(":round", number(before.round)),
            };
            let mut entry = ReplayPlace::of(replay).key(tenant);
            entry.insert("expires_at".into(), number(replay.expires_at));
            transaction = transaction.put(built(put.build())?).put(built(self.0.put(entry).build())?);
            if let Some(before) = before {
                let old = self.0.delete(ReplayPlace::of(before).key(tenant));
                transaction = transaction.delete(built(old.build())?);
            }
        }
        match transaction.commit(&self.0.client, BEGIN).await {
            Ok(()) => Ok(true),
            Err(Declined::Condition(_)) => Ok(false),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    /// Takes the chunk at the cursor of a replay that runs, for as long as a worker may need; none where it is another one, or
    /// somebody has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take(
        &self,
        tenant: &TenantId,
        id: &ReplayId,
        chunk: u32,
        holder: &str,
        now: Timestamp,
    ) -> Result<Option<Replay>, AwsFault> {
        const OPERATION: &str = "take chunk of a replay";
        let call = self
            .0
            .update_item(replay_key(tenant, id))
            .update_expression("SET holder = :holder, heldUntilMs = :until")
            .condition_expression(
                "#state = :running AND #cursor = :chunk AND expires_at > :seconds \
                 AND (attribute_not_exists(holder) OR heldUntilMs <= :now OR holder = :holder)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":until", number(Replay::held_until(now)))
            .expression_attribute_values(":running", state(ReplayState::Running))
            .expression_attribute_values(":chunk", number(chunk))
            .expression_attribute_values(":seconds", number(now.as_second()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew);
        let taken = conditional(call.send().await, OPERATION)?;
        taken.and_then(|taken| taken.attributes).map(value).transpose()
    }

    /// A chunk of a replay.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn chunk(&self, tenant: &TenantId, id: &ReplayId, chunk: u32) -> Result<Option<ReplayChunk>, AwsFault> {
        self.0.read(chunk_key(tenant, id, chunk), "read chunk of a replay").await?.map(value).transpose()
    }

    /// Keeps what became of a chunk in a round; what was kept of that round before stays, and false says so.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_results(
        &self,
        tenant: &TenantId,
        id: &ReplayId,
        chunk: u32,
        results: &ReplayChunk,
    ) -> Result<bool, AwsFault> {
        let call = self.0.put_item(item(results, chunk_key(tenant, id, chunk))?);
        let call = call.condition_expression("round < :round");
        let call = call.expression_attribute_values(":round", number(results.round));
        Ok(conditional(call.send().await, RESULTS)?.is_some())
    }

    /// Notes that the chunk at the cursor is through, and lets go of it: the replay as it is then; none where somebody else has
    /// noted it. Whether it was stopped meanwhile is not changed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn go_on(
        &self,
        tenant: &TenantId,
        behind: &Replay,
        holder: &str,
        now: Timestamp,
    ) -> Result<Option<Replay>, AwsFault> {
        const OPERATION: &str = "go on with a replay";
        let is_done = behind.cursor >= behind.chunks;
        let set = "SET #cursor = :next, counts = :counts, movedMs = :now";
        let counts = serde_dynamo::to_attribute_value(behind.counts);
        let counts: AttributeValue = counts.map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let mut call = self
            .0
            .update_item(replay_key(tenant, &behind.id))
            .condition_expression("#cursor = :chunk AND holder = :holder AND round = :round")
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":chunk", number(behind.cursor.saturating_sub(1)))
            .expression_attribute_values(":next", number(behind.cursor))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":round", number(behind.round))
            .expression_attribute_values(":counts", counts)
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew);
        call = if is_done {
            call.update_expression(format!("{set}, #state = :done REMOVE holder"))
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":done", state(ReplayState::Done))
        } else {
            call.update_expression(format!("{set} REMOVE holder"))
        };
        let gone_on = conditional(call.send().await, OPERATION)?;
        gone_on.and_then(|gone_on| gone_on.attributes).map(value).transpose()
    }

    /// Stops a replay that runs; false where none does.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn stop(&self, tenant: &TenantId, id: &ReplayId, by: &str, now: Timestamp) -> Result<bool, AwsFault> {
        let call = self
            .0
            .update_item(replay_key(tenant, id))
            .update_expression("SET #state = :stopped, stoppedBy = :by, movedMs = :now")
            .condition_expression("#state = :running")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":stopped", state(ReplayState::Stopped))
            .expression_attribute_values(":running", state(ReplayState::Running))
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        Ok(conditional(call.send().await, "stop replay")?.is_some())
    }
}

fn state(state: ReplayState) -> AttributeValue {
    text(state.as_str())
}
