//! Advance: one chunk of a replay, for one message.
//!
//! The chunk is taken, each of its dead letters is sent through again, what became of each is kept, those are forgotten, and only then
//! the replay goes on. So whoever comes after a crash finds every letter that is not accounted for, and none is counted twice.

use futures::{StreamExt as _, TryStreamExt as _};

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::ReplayMessage;
use crate::domain::dead_letter::{DeadLetterId, Subject};
use crate::domain::deliveries::replay::{
    CHUNK_KEPT_SECONDS, Late, Outcome, Replay, ReplayChunk, ReplayItem, ReplayState, STAGGER_SECONDS, on_late_message,
};
use crate::domain::redact;
use crate::engine::deliveries::preview::{Prospect, prospect};
use crate::engine::deliveries::replay::Replays;
use crate::engine::deliveries::requeue::{Duplicates, SentAgain, send_again};
use crate::engine::operators::Operator;

/// Dead letters that are sent through beside one another: connections that a small function can open.
const WIDTH: usize = 8;

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// The chunk is through; the replay as it is now.
    Through(Box<Replay>),
    /// Somebody else has the chunk or had it, and the replay was sent on.
    SentOn,
    /// The replay is over, stopped or gone.
    Over,
}

/// Does what a message asks for.
///
/// # Errors
/// When AWS fails: the message comes again.
pub async fn advance(replays: &Replays, message: &ReplayMessage) -> Result<Advanced, AwsFault> {
    let (store, now) = (&replays.store, replays.now());
    let ReplayMessage { tenant, replay: id, chunk: number } = message;
    let holder = hex::encode(replays.requeuer.operators.outside.entropy.bytes16());
    let Some(replay) = store.take(tenant, id, *number, &holder, now).await? else {
        return late(replays, message).await;
    };

    let missing =
        || AwsFault { operation: "read chunk of a replay", detail: "it is not there".into(), transient: false };
    let mut chunk = store.chunk(tenant, id, *number).await?.ok_or_else(missing)?;
    if chunk.round < replay.round {
        let tried = try_all(replays, message, &replay, chunk).await?;
        let is_kept = store.put_results(tenant, id, *number, &tried).await?;
        chunk = if is_kept { tried } else { store.chunk(tenant, id, *number).await?.ok_or_else(missing)? };
    }
    forget(replays, message, &chunk).await?;
    let Some(replay) = store.go_on(tenant, &replay.behind(&chunk), &holder, replays.now()).await? else {
        return late(replays, message).await;
    };
    if replay.state == ReplayState::Running {
        send_on(replays, message, replay.cursor, STAGGER_SECONDS).await?;
    }
    Ok(Advanced::Through(Box::new(replay)))
}

async fn late(replays: &Replays, message: &ReplayMessage) -> Result<Advanced, AwsFault> {
    let now = replays.now();
    let replay = replays.store.one(&message.tenant, &message.replay, now).await?;
    match on_late_message(replay.as_ref(), message.chunk, now) {
        Late::Over => Ok(Advanced::Over),
        Late::SendOn { chunk, seconds } => {
            send_on(replays, message, chunk, seconds).await?;
            Ok(Advanced::SentOn)
        }
    }
}

async fn send_on(replays: &Replays, message: &ReplayMessage, chunk: u32, seconds: u32) -> Result<(), AwsFault> {
    replays.queue.send_replay(&ReplayMessage { chunk, ..message.clone() }, seconds).await
}

/// Tries all of a chunk that are not dealt with since an earlier round.
async fn try_all(
    replays: &Replays,
    message: &ReplayMessage,
    replay: &Replay,
    chunk: ReplayChunk,
) -> Result<ReplayChunk, AwsFault> {
    let operator = Operator {
        tenant: message.tenant.clone(),
        actor: replay.actor.clone(),
        correlation_id: replay.correlation_id.clone(),
    };
    let tried = chunk.items.into_iter().map(|item| try_one(replays, &operator, item));
    let items = futures::stream::iter(tried).buffered(WIDTH).try_collect().await?;
    let expires_at = replays.now().as_second() + CHUNK_KEPT_SECONDS;
    Ok(ReplayChunk { items, round: replay.round, expires_at })
}

async fn try_one(replays: &Replays, operator: &Operator, item: ReplayItem) -> Result<ReplayItem, AwsFault> {
    if item.outcome.is_some_and(|outcome| !outcome.stays()) {
        return Ok(item);
    }
    let (outcome, detail) = match outcome(replays, operator, &item).await {
        Ok(found) => found,
        // One that is damaged must not keep all the others waiting.
        Err(fault) if !fault.transient => {
            tracing::error!(%fault, id = %item.id, "dead letter not replayed");
            (Outcome::Fail, Some("it cannot be read, or sent; the log says how".to_owned()))
        }
        Err(fault) => return Err(fault),
    };
    Ok(ReplayItem { id: item.id, outcome: Some(outcome), detail })
}

async fn outcome(
    replays: &Replays,
    operator: &Operator,
    item: &ReplayItem,
) -> Result<(Outcome, Option<String>), AwsFault> {
    let journal = &replays.requeuer.operators.journal;
    let Some((letter, body)) = journal.dead_letter(&operator.tenant, &item.id, replays.now()).await? else {
        return Ok((Outcome::Gone, None));
    };
    let label = match &letter.subject {
        Subject::Delivery { label: Some(label) } => label,
        Subject::Delivery { label: None } => return Ok((Outcome::NoLabel, None)),
        Subject::Record { .. } | Subject::Sync { .. } => return Ok((Outcome::NotADelivery, None)),
    };
    let sent = match prospect(&replays.requeuer.effects, label, &body, replays.now()).await? {
        Prospect::Fail(why) => return Ok((Outcome::Fail, Some(redact::error_text(&why)))),
        Prospect::Stale => Outcome::Stale,
        Prospect::New => Outcome::Requeued,
    };
    let outcome = match send_again(&replays.requeuer, operator, (&letter, &body), label, Duplicates::LeaveOut).await? {
        SentAgain::Sent => sent,
        SentAgain::Applied => Outcome::Duplicate,
        SentAgain::Conflict => Outcome::Conflict,
        SentAgain::Decided => Outcome::Gone,
    };
    Ok((outcome, None))
}

/// Forgets those that are dealt with. They are accounted for by now.
async fn forget(replays: &Replays, message: &ReplayMessage, chunk: &ReplayChunk) -> Result<(), AwsFault> {
    let (journal, tenant) = (&replays.requeuer.operators.journal, &message.tenant);
    let dealt_with = chunk.items.iter().filter(|item| item.outcome.is_some_and(Outcome::is_dealt_with));
    let ids: Vec<DeadLetterId> = dealt_with.map(|item| item.id.clone()).collect();
    let forgotten = ids.into_iter().map(|id| async move { journal.delete_dead_letter_of(tenant, &id).await });
    futures::stream::iter(forgotten).buffer_unordered(WIDTH).try_collect().await
}
