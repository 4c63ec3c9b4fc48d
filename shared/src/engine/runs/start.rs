//! Start: a run is stored before the caller gets its answer.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::aws::bus::DomainEvent;
use crate::aws::connections::due::DueMove;
use crate::aws::connections::store::{ConnectionStore, Due};
use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::aws::runs::leases::Taken;
use crate::aws::runs::transitions::Started;
use crate::domain::ids::{Connection, RunId};
use crate::domain::mirror::fan_out::child_id;
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::lease::{Hold, WaitReason};
use crate::domain::runs::life::{self, MayStart};
use crate::domain::runs::log::RunLog;
use crate::domain::runs::run::{Mode, Run, RunStatus, Trigger, Work};
use crate::domain::runs::said;
use crate::domain::runs::slices::Slices;
use crate::domain::time;
use crate::engine::runs::context::Runs;
use crate::engine::runs::{kinds, publish, release, watchdog};

const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a run is given a later id. A second time somebody else was first again.
const TRIES_MAX: usize = 4;
/// Starts beside one another.
const STARTS_AT_ONCE: usize = 16;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// What is to be synced.
    pub connection: Connection,
    /// What there is to do.
    pub work: Work,
    /// Whether to write.
    pub mode: Mode,
    /// Who asks.
    pub actor: String,
    /// What asks.
    pub trigger: Trigger,
    /// The trace.
    pub correlation_id: String,
}

/// Why no run was started.
#[derive(Debug, thiserror::Error)]
pub enum StartRefused {
    /// Another run has the connection; until when it waits, if it does.
    #[error("run {0} is in progress{waiting}", waiting = waiting(*.1))]
    Busy(RunId, Option<Timestamp>),
    /// A mirror this way went well less than a minute before; until when none starts.
    #[error("cooldown: the last mirror went well less than a minute ago, and the next may start at {}", time::text(*.0))]
    Cools(Timestamp),
    /// The vendor's integration cannot be synced.
    #[error("vendor {0} is reached over an API, which catalogue sync does not support")]
    NotSupported(String),
    /// AWS failed; nothing was started, or the watchdog will find it.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

fn waiting(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!(", and waits until {}", time::text(until)))
}

impl StartRefused {
    /// The reason, as runs and clients are told it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Busy(..) => Failure::SyncInProgress,
            Self::Cools(_) => Failure::Cooldown,
            Self::NotSupported(_) => Failure::IntegrationNotSupported,
            Self::Fault(_) => Failure::StorageFailed,
        }
    }
}

/// A start as it is due: whatever becomes of it, the due time is moved in the same write.
#[derive(Clone, Copy)]
pub struct DueStart<'a> {
    /// Where due times are.
    pub store: &'a ConnectionStore,
    /// What is due.
    pub due: &'a Due,
    /// When it is due next, once a run was started.
    pub started: &'a Due,
    /// When it is due next, where none could be.
    pub passed: &'a Due,
}

impl DueStart<'_> {
    fn moved_by(&self, run: &Run) -> Result<DueMove, AwsFault> {
        let next = if run.status.is_over() { self.passed } else { self.started };
        let looked_at = (next.starts > 0).then(|| run.id.clone());
        self.store.moving(self.due, &Due { run: looked_at, ..next.clone() })
    }
}

/// What became of a start.
enum Begun {
    Run(Box<Run>, Option<Taken>),
    /// Somebody else has seen to that time.
    SeenTo,
}

/// Stores a run and reserves its connection. The caller holds the run if it asks to, and must then advance it.
///
/// # Errors
/// See [`StartRefused`].
pub async fn start_run(runs: &Runs, request: &StartRequest, hold: bool) -> Result<(Run, Option<Taken>), StartRefused> {
    match begin(runs, request, hold, None).await? {
        Begun::Run(run, taken) => Ok((*run, taken)),
        Begun::SeenTo => {
            let detail = "a start that was never due is said to be seen to".into();
            Err(AwsFault { operation: "start run", detail, transient: false }.into())
        }
    }
}

async fn begin(
    runs: &Runs,
    request: &StartRequest,
    hold: bool,
    due: Option<DueStart<'_>>,
) -> Result<Begun, StartRefused> {
    let (mut given_up, mut before, mut tries) = (false, None, 0);
    loop {
        let mut run = new_run(runs, request, before.as_ref());
        if let Some(line) = said::started(&run) {
            run.say(line);
        }
        run.log.seal(run.started_at);
        let fence = hold.then(|| runs.new_fence());
        let moved = due.map(|due| due.moved_by(&run)).transpose()?;
        let in_the_way = match runs.store.start_run(&run, fence.as_deref(), run.started_at, moved).await? {
            Started::Yes => {
                tracing::info!(run_id = %run.id, connection = %run.connection, mode = ?run.mode, "run started");
                announce(runs, &run).await;
                let hold = fence.map(|fence| Hold { run_id: run.id.clone(), fence, since: run.started_at });
                return Ok(Begun::Run(Box::new(run), hold.map(|hold| Taken { hold, stop: None, approval: None })));
            }
            Started::SeenTo | Started::Known => return Ok(Begun::SeenTo),
            Started::Cools(until) => return Err(StartRefused::Cools(until)),
            // Another instance's clock is ahead of ours, or it was in this very millisecond.
            Started::TooEarly(newest) if tries < TRIES_MAX => {
                (before, tries) = (Some(newest), tries + 1);
                continue;
            }
            Started::TooEarly(_) => {
                let detail = "others start runs at the same time".into();
                return Err(AwsFault { operation: "start run", detail, transient: true }.into());
            }
            Started::Busy(holder) => holder,
        };
        if given_up {
            return Err(StartRefused::Busy(in_the_way, None));
        }
        let (may_start, waits_until, is_held) = look_at(runs, &run.connection, &in_the_way).await?;
        match may_start {
            MayStart::Now => {}
            MayStart::AfterGivingUp(_, failure) => {
                match watchdog::give_up(runs, &run.connection, &in_the_way, failure).await? {
                    Some(over) => publish::publish_end(runs, &over).await,
                    None => return Err(StartRefused::Busy(in_the_way, None)),
                }
            }
            MayStart::Busy(holder) if is_held && takes_place(request) => {
                // What waits must not end for one that may not start.
                if let Some(until) = cools_until(runs, request).await? {
                    return Err(StartRefused::Cools(until));
                }
                let detail = format!("{} started another run in its place", request.actor);
                if release::reject(runs, &run.connection, &holder, &request.actor, detail).await?.is_none() {
                    return Err(StartRefused::Busy(holder, waits_until));
                }
            }
            MayStart::Busy(holder) => return Err(StartRefused::Busy(holder, waits_until)),
        }
        given_up = true;
    }
}

/// Whether somebody asks for a run who may well know of the one that waits for approval: it gives way. A look at what would happen ends
/// nothing, and neither does a single row that is applied once more.
fn takes_place(request: &StartRequest) -> bool {
    let is_one_of_many = request.work.mirror().is_some_and(|work| work.parent.is_some());
    let is_one_row = request.work.pull().is_some_and(|work| work.one_row);
    request.trigger == Trigger::Manual && !request.mode.is_dry() && !is_one_of_many && !is_one_row
}

/// Until when no mirror this way starts, as one went well a moment ago.
async fn cools_until(runs: &Runs, request: &StartRequest) -> Result<Option<Timestamp>, AwsFault> {
    let Some(work) = request.work.mirror() else { return Ok(None) };
    let lease = runs.store.lease_of(&request.connection).await?;
    Ok(lease.and_then(|lease| lease.cools_until(work.strategy, runs.now())))
}

/// Whether a run may start though another has the connection, until when that one waits, and whether it does so for approval.
async fn look_at(
    runs: &Runs,
    connection: &Connection,
    in_the_way: &RunId,
) -> Result<(MayStart, Option<Timestamp>, bool), AwsFault> {
    let (run, lease) =
        futures::future::try_join(runs.store.reads.one(connection, in_the_way), runs.store.lease_of(connection))
            .await?;
    let now = runs.now();
    let of_it = lease.as_ref().filter(|lease| lease.run_id.as_ref() == Some(in_the_way));
    let waits_until = of_it.and_then(|lease| lease.waits_until(now));
    let is_held = of_it.is_some_and(|lease| lease.waits_for == Some(WaitReason::Approval));
    Ok((life::may_start(run.as_ref().map(|run| (run, lease.as_ref())), now), waits_until, is_held))
}

/// A new run; where the one before it is known, with a later id.
fn new_run(runs: &Runs, request: &StartRequest, before: Option<&RunId>) -> Run {
    let parent = request.work.mirror().and_then(|work| work.parent.as_ref());
    let id = match (before, parent) {
        // However often its start is tried, it is the same one.
        (_, Some(parent)) => child_id(parent, &request.connection),
        (Some(before), None) => RunId::behind(before, runs.now(), runs.outside.entropy.bytes16()),
        (None, None) => runs.new_run_id(),
    };
    let now = id.started_at().unwrap_or_else(|| runs.now());
    Run {
        id,
        connection: request.connection.clone(),
        status: RunStatus::Pending,
        mode: request.mode,
        actor: request.actor.clone(),
        trigger: request.trigger,
        started_at: now,
        updated_at: now,
        deadline_from: now,
        completed_at: None,
        wait: None,
        slices: Slices::default(),
        spent: None,
        duration_ms: None,
        error: None,
        attempts: 0,
        unconnected: 0,
        log: RunLog::default(),
        held: None,
        held_ms: 0,
        correlation_id: request.correlation_id.clone(),
        work: request.work.clone(),
    }
}

/// A start is told of at once and at best: the run itself is stored, and its end is told of without fail.
async fn announce(runs: &Runs, run: &Run) {
    let event = DomainEvent { kind: "run.started", detail: publish::detail(run) };
    // The caller waits: a bus that is slow to answer is not waited for.
    match tokio::time::timeout(ANNOUNCE_TIMEOUT, runs.bus.publish(&[event])).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(run_id = %run.id, %error, "start of run not published"),
        Err(_) => tracing::warn!(run_id = %run.id, "start of run not published in time"),
    }
}

/// Starts a run that a worker takes up. If the connection is reserved, a skipped run is stored with the reason. None where it was
/// due, and somebody else has seen to that time.
///
/// # Errors
/// When AWS failed.
pub async fn start_in_background(
    runs: &Runs,
    request: &StartRequest,
    due: Option<DueStart<'_>>,
) -> Result<Option<Run>, StartRefused> {
    match begin(runs, request, false, due).await {
        Ok(Begun::SeenTo) => Ok(None),
        Ok(Begun::Run(run, _)) => {
            // A crash before this message leaves an open run that nobody holds: the watchdog sends it on.
            runs.queue.send(&SliceMessage::of(&run), 0).await?;
            Ok(Some(*run))
        }
        Err(StartRefused::Busy(holder, _)) => {
            let (failure, detail) = in_the_way(runs, &request.connection, &holder).await?;
            Ok(pass_over(runs, request, failure, detail, due).await?)
        }
        Err(refused @ StartRefused::Cools(_)) => {
            Ok(pass_over(runs, request, Failure::Cooldown, refused.to_string(), due).await?)
        }
        Err(other) => Err(other),
    }
}

/// Why a run is passed over for another one: that one works, or waits until somebody approves of it.
async fn in_the_way(runs: &Runs, connection: &Connection, holder: &RunId) -> Result<(Failure, String), AwsFault> {
    let lease = runs.store.lease_of(connection).await?;
    let waits_for = lease.filter(|lease| lease.run_id.as_ref() == Some(holder)).and_then(|lease| lease.waits_for);
    Ok(match waits_for {
        Some(WaitReason::Approval) => (Failure::ApprovalPending, format!("skipped: run {holder} waits for approval")),
        _ => (Failure::SyncInProgress, format!("skipped: run {holder} was in progress")),
    })
}

/// Starts a run that a worker takes up, for somebody who waits to hear that it was: nothing is stored where another one is in its way.
///
/// # Errors
/// See [`StartRefused`].
pub async fn start_by_hand(runs: &Runs, request: &StartRequest) -> Result<Run, StartRefused> {
    let (run, _) = start_run(runs, request, false).await?;
    // It is stored: told that it failed, whoever asked would meet their own run the next time. The watchdog sends it on.
    if let Err(fault) = runs.queue.send(&SliceMessage::of(&run), 0).await {
        tracing::warn!(%fault, run = %run.id, "run not sent on");
    }
    Ok(run)
}

/// Starts runs that workers take up, some beside one another: what became of each, in their order. One that is refused keeps no other
/// from it.
pub async fn start_many(runs: &Runs, requests: Vec<StartRequest>) -> Vec<Result<Option<Run>, StartRefused>> {
    let starts = requests.into_iter().map(|request| async move { start_in_background(runs, &request, None).await });
    stream::iter(starts).buffered(STARTS_AT_ONCE).collect().await
}

/// Stores a run that was over before it began, with the reason. None where it was due, and somebody else has seen to that time.
///
/// # Errors
/// When AWS failed.
pub async fn pass_over(
    runs: &Runs,
    request: &StartRequest,
    failure: Failure,
    detail: String,
    due: Option<DueStart<'_>>,
) -> Result<Option<Run>, AwsFault> {
    let run = new_run(runs, request, None);
    let at = run.started_at;
    let run = run.ended(life::status_of(failure), Some(RunError::new(failure, detail)), at);
    let moved = due.map(|due| due.moved_by(&run)).transpose()?;
    if !runs.store.record_run(&run, moved).await? {
        return Ok(None);
    }
    kinds::mirror::measure(&runs.outside, &run);
    publish::publish_end(runs, &run).await;
    Ok(Some(run))
}
