//! Start: a set is written down, then the replay that names it, then its first message is sent. A crash before the second leaves
//! chunks that nothing names and that expire; one before the third a replay that the same start sends on.

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::ReplayMessage;
use crate::domain::audit::Action;
use crate::domain::dead_letter::DeadLetterId;
use crate::domain::deliveries::replay::{OutcomeCounts, Replay, ReplayChunk, ReplayId, ReplayState, Start, on_start};
use crate::engine::deliveries::replay::Replays;
use crate::engine::operators::Operator;

/// Others may begin a replay of this tenant at the same time; whoever loses so often is told of the one that runs.
const ATTEMPTS_MAX: usize = 4;

/// What a start came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// It runs, or ran before: the replay of this set.
    Ours(Box<Replay>),
    /// Another one of this tenant runs.
    Busy(Box<Replay>),
    /// Others began replays all the time.
    Contended,
}

/// Starts the replay of a set. The same set again is the same replay: it does nothing twice, goes on where it was stopped, and
/// tries again what stayed.
///
/// # Errors
/// When AWS fails. It may have begun; to start it again is harmless.
pub async fn start(
    replays: &Replays,
    operator: &Operator,
    ids: &[DeadLetterId],
    filter: &str,
) -> Result<Started, AwsFault> {
    let (store, tenant, id) = (&replays.store, &operator.tenant, ReplayId::of(ids));
    let (mut is_recorded, mut is_written) = (false, false);
    for _ in 0..ATTEMPTS_MAX {
        let now = replays.now();
        let last = store.last(tenant).await?;
        let same = store.one(tenant, &id, now).await?;
        let other = match &last {
            Some(last) if last.id != id => store.one(tenant, &last.id, now).await?,
            _ => None,
        };
        let (next, before) = match on_start(same, other) {
            Start::Done(replay) => return Ok(Started::Ours(Box::new(replay))),
            Start::SendOn(replay) => {
                send(replays, operator, &replay).await?;
                return Ok(Started::Ours(Box::new(replay)));
            }
            Start::Busy(other) => {
                if other.is_stalled(now) {
                    send(replays, operator, &other).await?;
                }
                return Ok(Started::Busy(Box::new(other)));
            }
            Start::Resume(before) => {
                let next = Replay { state: ReplayState::Running, stopped_by: None, ..before.clone() };
                (Replay { moved_ms: now.as_millisecond(), ..next }, Some(before))
            }
            Start::Again(before) => {
                let (actor, correlation_id) = (operator.actor.clone(), operator.correlation_id.clone());
                (Replay { actor, correlation_id, ..before.once_more(now) }, Some(before))
            }
            Start::New => (new(replays, operator, &id, ids, filter), None),
        };
        if !is_recorded {
            let target = format!("{id}: {} dead letters ({filter})", ids.len());
            replays.requeuer.operators.record(operator, Action::StartReplay, target, None).await?;
            is_recorded = true;
        }
        if before.is_none() && !is_written {
            store.put_chunks(tenant, &id, ReplayChunk::all(ids, replays.chunk_items, now), now).await?;
            is_written = true;
        }
        if store.begin(tenant, &next, before.as_ref(), last.as_ref(), now).await? {
            send(replays, operator, &next).await?;
            return Ok(Started::Ours(Box::new(next)));
        }
    }
    Ok(Started::Contended)
}

fn new(replays: &Replays, operator: &Operator, id: &ReplayId, ids: &[DeadLetterId], filter: &str) -> Replay {
    let now = replays.now();
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Replay {
        id: id.clone(),
        state: ReplayState::Running,
        total: count(ids.len()),
        chunks: count(ids.len().div_ceil(replays.chunk_items.max(1))),
        cursor: 0,
        round: now.as_millisecond(),
        counts: OutcomeCounts::default(),
        filter: filter.to_owned(),
        actor: operator.actor.clone(),
        correlation_id: operator.correlation_id.clone(),
        moved_ms: now.as_millisecond(),
        stopped_by: None,
        holder: None,
        held_until_ms: 0,
        expires_at: Replay::kept_until(now),
    }
}

async fn send(replays: &Replays, operator: &Operator, replay: &Replay) -> Result<(), AwsFault> {
    let message = ReplayMessage { tenant: operator.tenant.clone(), replay: replay.id.clone(), chunk: replay.cursor };
    replays.queue.send_replay(&message, 0).await
}
