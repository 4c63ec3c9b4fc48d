//! The watchdog: finds runs that have stopped moving, and sends them on or gives them up; and tells of ends that nobody was
//! told of.
//!
//! A round looks at so many runs and keeps where it ended; the next one begins there. So no run is overlooked, however many are
//! open. What must not wait comes first: runs are sent on before the world is told, and telling is bounded, as a bus that does
//! not answer must not eat the round.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::aws::runs::leases::Taken;
use crate::aws::runs::transitions::CommitError;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::lease::Hold;
use crate::domain::runs::life::{self, Look};
use crate::domain::runs::run::Run;
use crate::engine::mirror::fan_out;
use crate::engine::runs::context::Runs;
use crate::engine::runs::{end, publish};

/// Runs looked at at the same time: each look is a read of its lease.
const AT_ONCE: usize = 16;
/// No run is looked at after this much of a round: the function is ended after a minute.
const LOOKING_MAX: Duration = Duration::from_secs(25);
/// Of how many ends a round tells; the rest waits for the next.
const TOLD_MAX: usize = 500;

/// How many runs a round looks at, and how long it takes over what may hang.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all; no page is begun after so many.
    pub runs_max: u64,
    /// At once.
    pub page_runs: usize,
    /// How long a look may take: a queue that does not answer must not eat the round.
    pub look_max: Duration,
    /// How long it may tell of ends; the rest waits for the next round.
    pub telling_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { runs_max: 2_000, page_runs: 250, look_max: Duration::from_secs(5), telling_max: Duration::from_secs(20) }
    }
}

/// What a round did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Round {
    /// Runs looked at.
    pub looked_at: u64,
    /// Runs whose end was told.
    pub told: u64,
    /// Runs that nobody held, sent on.
    pub sent_on: u64,
    /// Runs past their deadline, given up.
    pub given_up: u64,
    /// Runs that somebody holds, that wait, or whose message is under way.
    pub left: u64,
}

/// What became of one run.
enum Seen {
    Left,
    SentOn,
    GivenUp(Box<Run>),
    Tell(Box<Run>),
    /// Somebody else was faster.
    Gone,
}

/// Looks at open runs, from where the last round ended.
///
/// # Errors
/// The first fault, after all runs were looked at: one that cannot be mended must not keep the others waiting.
pub async fn watch(runs: &Runs) -> Result<Round, AwsFault> {
    watch_within(runs, Limits::default()).await
}

/// As [`watch`], with limits of its own.
///
/// # Errors
/// As [`watch`].
pub async fn watch_within(runs: &Runs, limits: Limits) -> Result<Round, AwsFault> {
    let (mut round, mut fault, mut to_tell) = (Round::default(), None, Vec::new());
    let began = Instant::now();
    let mut behind = runs.store.watchdog_cursor().await?;
    let had_cursor = behind.is_some();
    loop {
        let page = match runs.store.open_runs(behind.clone(), limits.page_runs).await {
            Ok(page) => page,
            // It may be the place itself that cannot be read from: the next round begins with the oldest.
            Err(error) => {
                behind = behind.filter(|_| error.transient);
                fault.get_or_insert(error);
                break;
            }
        };
        let whole = page.runs.len();
        // In order, so that the last one looked at is where the next round begins.
        let looks = futures::stream::iter(page.runs).map(|(place, run)| async {
            let id = run.id.clone();
            let late = AwsFault { operation: "look at a run", detail: "timed out".into(), transient: true };
            (place, id, timeout(limits.look_max, look_at(runs, run)).await.unwrap_or(Err(late)))
        });
        let mut looks = std::pin::pin!(looks.buffered(AT_ONCE));
        let mut looked_at = 0;
        while began.elapsed() < LOOKING_MAX
            && let Some((place, id, seen)) = looks.next().await
        {
            (behind, looked_at) = (Some(place), looked_at + 1);
            match seen {
                Ok(Seen::Left) => round.left += 1,
                Ok(Seen::SentOn) => round.sent_on += 1,
                Ok(Seen::Gone) => {}
                Ok(Seen::GivenUp(run)) => {
                    round.given_up += 1;
                    to_tell.push(*run);
                }
                Ok(Seen::Tell(run)) => to_tell.push(*run),
                Err(error) => {
                    tracing::warn!(run_id = %id, %error, "watchdog could not mend run");
                    fault.get_or_insert(error);
                }
            }
        }
        round.looked_at += looked_at as u64;
        if looked_at < whole {
            break;
        }
        behind = page.next;
        if behind.is_none() || round.looked_at >= limits.runs_max || began.elapsed() >= LOOKING_MAX {
            break;
        }
    }
    if had_cursor || behind.is_some() {
        // Without it the next round looks at these again.
        if let Err(error) = runs.store.keep_watchdog_cursor(behind.as_ref()).await {
            fault.get_or_insert(error);
        }
    }
    if let Err(error) = fan_out::watch(runs).await {
        fault.get_or_insert(error);
    }
    round.told = tell(runs, to_tell, limits.telling_max).await;
    tracing::info!(
        looked_at = round.looked_at,
        told = round.told,
        sent_on = round.sent_on,
        given_up = round.given_up,
        left = round.left,
        "watchdog round"
    );
    fault.map_or(Ok(round), Err)
}

/// Tells of ends, the oldest first; how many.
async fn tell(runs: &Runs, to_tell: Vec<Run>, telling_max: Duration) -> u64 {
    let (mut told, waiting) = (0, to_tell.len());
    let telling = async {
        let publishing = to_tell.into_iter().take(TOLD_MAX).map(|run| async move {
            publish::publish_end(runs, &run).await;
        });
        let mut publishing = std::pin::pin!(futures::stream::iter(publishing).buffer_unordered(AT_ONCE));
        while publishing.next().await.is_some() {
            told += 1;
        }
    };
    if timeout(telling_max, telling).await.is_err() {
        tracing::warn!(told, waiting, "ends of runs wait for the next round");
    }
    told
}

async fn look_at(runs: &Runs, run: Run) -> Result<Seen, AwsFault> {
    // Of one that is over the lease says nothing any more.
    let lease = if run.status.is_over() { None } else { runs.store.lease_of(&run.connection).await? };
    match life::on_watch(&run, lease.as_ref(), runs.now()) {
        Look::Leave => Ok(Seen::Left),
        Look::Tell => Ok(Seen::Tell(Box::new(run))),
        Look::GiveUp(failure) => {
            let given_up = give_up(runs, &run.connection, &run.id, failure).await?;
            Ok(given_up.map_or(Seen::Gone, |run| Seen::GivenUp(Box::new(run))))
        }
        Look::SendOn => {
            runs.queue.send(&SliceMessage::of(&run), 0).await?;
            // A crash before this sends another in the next round: two of them do no harm.
            runs.store.note_queued(&run.connection, &run.id, runs.now()).await?;
            Ok(Seen::SentOn)
        }
    }
}

/// Gives up a run that nobody holds: the run as it ended, or none where somebody has it after all. Whoever calls it tells of
/// the end.
///
/// # Errors
/// When AWS fails.
pub(super) async fn give_up(
    runs: &Runs,
    connection: &Connection,
    id: &RunId,
    failure: Failure,
) -> Result<Option<Run>, AwsFault> {
    let now = runs.now();
    let fence = runs.new_fence();
    let Ok(Taken { hold, stop, .. }) = runs.store.take_lease(connection, id, &fence, now).await? else {
        return Ok(None);
    };
    // As it is now: what the index showed may be older.
    let Some(run) = runs.store.reads.one(connection, id).await?.filter(|run| !run.status.is_over()) else {
        return Ok(None);
    };
    // It went on meanwhile: it was no more than between two slices.
    if failure == Failure::RunTooSlow && now < life::deadline(&run) {
        return send_on(runs, &run, &hold, now).await.map(|()| None);
    }
    let detail = match (failure, stop) {
        (Failure::Stopped, Some(stop)) => format!("stopped by {}, and found by nobody who could", stop.by),
        (Failure::ApprovalExpired, _) => "nobody approved of it in time".to_owned(),
        _ => "the run was not over by its deadline; records it wrote are put right by the next run".to_owned(),
    };
    let run = run.ended(life::status_of(failure), Some(RunError::new(failure, detail)), now);
    Ok(end::end(runs, &run, &hold, None).await?.then_some(run))
}

/// Lets go of a run that is not to be given up after all.
async fn send_on(runs: &Runs, run: &Run, hold: &Hold, now: Timestamp) -> Result<(), AwsFault> {
    match runs.store.hand_on(run, hold, None, now).await {
        Ok(()) => runs.queue.send(&SliceMessage::of(run), 0).await,
        Err(CommitError::Fault(fault)) => Err(fault),
        // Whoever stops it sends a message, and so does whoever has it.
        Err(CommitError::LeaseLost | CommitError::Stop(_)) => Ok(()),
    }
}
