//! Due: a worker starts the connections of a message, and says when each is due next.
//!
//! A run is started, or stored as passed over with its reason, in the write that moves the connection to its next time. So no time is
//! passed over and none is started twice, however often a message comes and whatever dies. A crash after that write leaves a run
//! whose message was not sent, which the watchdog sends on.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use crate::aws::connections::store::Due;
use crate::aws::faults::AwsFault;
use crate::aws::runs::reads::Wanted;
use crate::domain::connections::again::{Step, step};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::flags::Flag;
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::mirror::MirrorWork;
use crate::domain::runs::pull::PullMode;
use crate::domain::runs::run::{CatalogueWork, Mode, Run, RunStatus, Trigger, Work};
use crate::engine::mirror::Mirrors;
use crate::engine::runs::context::Runs;
use crate::engine::runs::kinds::catalogue::work_of;
use crate::engine::runs::kinds::pull::{self, PullRequest};
use crate::engine::runs::start::{DueStart, StartRefused, StartRequest, pass_over, start_in_background};
use crate::vendors::Providers;
use crate::vendors::catalogue::provider::vendor;

/// How many are started at once. Each start is a few short calls.
const AT_ONCE: usize = 8;
/// How long one message is worked on: a minute less than the function has. What is not begun by then is due still, and is handed out
/// again with all that is.
const TIME: Duration = Duration::from_secs(240);
/// When what could not be started is due again.
const LATER: Duration = Duration::from_secs(60);

/// The setting of a connection to Google that says which way its schedule mirrors.
const STRATEGY: &str = "mirrorStrategy";

/// When a nightly backfill that met another run is tried again, while its hour lasts.
const FULL_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// How many runs of that hour are looked through for one that was started.
const RUNS_OF_AN_HOUR_MAX: usize = 100;

/// What became of connections that were due.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Those for which a run was started, or stored as passed over.
    pub started: usize,
    /// Those that could not be started, and are due again a minute later.
    pub failed: usize,
}

/// What came of one that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Started,
    /// There was nothing to start, or somebody else has.
    Moved,
    Failed,
}

/// Starts what is due of these connections. What could not be started is logged, is due a minute later, and keeps no other
/// waiting: that is no reason to have the whole message again.
pub async fn start_due(mirrors: &Mirrors, connections: Vec<Connection>) -> Begun {
    let runs = &mirrors.runs;
    let until = runs.now().checked_add(TIME).unwrap_or(Timestamp::MAX);
    let starts = connections.into_iter().map(|connection| async move {
        if runs.now() < until { start_one(mirrors, &connection).await } else { Came::Moved }
    });
    let came: Vec<Came> = stream::iter(starts).buffer_unordered(AT_ONCE).collect().await;
    let count = |wanted: Came| came.iter().filter(|came| **came == wanted).count();
    Begun { started: count(Came::Started), failed: count(Came::Failed) }
}

async fn start_one(mirrors: &Mirrors, connection: &Connection) -> Came {
    let (runs, store) = (&mirrors.runs, &mirrors.connections);
    let due = match store.due_time(connection).await {
        Ok(Some(due)) if due.at <= runs.now() => due,
        // It is gone, or was seen to: this is another copy of the message.
        Ok(_) => return Came::Moved,
        Err(error) => {
            tracing::error!(%connection, %error, "what is due was not read, and is due still");
            return Came::Failed;
        }
    };
    match try_one(mirrors, &due).await {
        Ok(came) => came,
        Err(error) => {
            tracing::error!(%connection, due_at = %due.at, %error, "what is due was not started");
            // A minute later, so that those that fail each time are not handed out before all others.
            let later = runs.now().checked_add(LATER).unwrap_or(Timestamp::MAX);
            let moved = store.move_due(&due, Some(&Due { at: later, ..due.clone() })).await;
            let _due_still = moved.inspect_err(|error| tracing::error!(%connection, %error, "it is due still"));
            Came::Failed
        }
    }
}

async fn try_one(mirrors: &Mirrors, due: &Due) -> Result<Came, StartRefused> {
    let (runs, store) = (&mirrors.runs, &mirrors.connections);
    let now = runs.now();
    // As of now and not as of half a minute ago: somebody may just have paused it.
    let stored = store.read(&due.connection).await?;
    let next = stored.as_ref().and_then(|stored| stored.due_after(now));
    let (Some(stored), Some(next)) = (stored, next) else {
        // It is gone, paused, or has no schedule any more: what it says itself is the reason.
        store.move_due(due, None).await?;
        return Ok(Came::Moved);
    };
    // A look that comes late must not take the place of the schedule's own time.
    let starts = if due.next <= now { 0 } else { due.starts };
    let looked_at = match &due.run {
        Some(run) if starts > 0 => runs.store.reads.one(&due.connection, run).await?,
        _ => None,
    };
    let version = stored.version;
    let then = |at: Timestamp, starts: u32| Due { starts, next, ..Due::first(&due.connection, at, version) };
    let (at, starts) = match step(starts, looked_at.as_ref(), now, next) {
        Step::Start { then, starts } => (then, starts),
        Step::Wait { then: at, starts } => {
            let run = due.run.clone().filter(|_| starts > 0);
            store.move_due(due, Some(&Due { run, ..then(at, starts) })).await?;
            return Ok(Came::Moved);
        }
    };
    if !has_feature(mirrors, &stored.connection).await? {
        // What is off is not synced, and leaves no run that says so each time.
        store.move_due(due, Some(&then(next, 0))).await?;
        return Ok(Came::Moved);
    }
    let mode = mode(runs, &stored, due, looked_at.as_ref(), now).await?;
    let is_full = mode == PullMode::Backfill;
    let (started, passed_until) = (then(at, starts), full_again(&stored, is_full, now, next));
    let passed = then(passed_until, 0);
    let due_start = Some(DueStart { store, due, started: &started, passed: &passed });
    let request = |work: Work| StartRequest {
        connection: due.connection.clone(),
        work,
        mode: Mode::Apply,
        actor: "schedule".into(),
        trigger: Trigger::Schedule,
        correlation_id: format!("schedule/{}/{}", due.at, due.starts),
    };
    let seen_to = match work(&runs.outside.providers, &stored, mode) {
        Ok(work) => start_in_background(runs, &request(work), due_start).await?,
        Err((failure, detail)) => {
            // Of a mirror it is a row of their log.
            let nothing = request(match due.connection.provider == ProviderId::GBP {
                true => Work::Mirror(MirrorWork::new(Strategy::PlatformToGbp, None)),
                false => Work::Catalogue(CatalogueWork::default()),
            });
            pass_over(runs, &nothing, failure, detail, due_start).await?
        }
    };
    Ok(if seen_to.is_some() { Came::Started } else { Came::Moved })
}

/// Whether what would be started is on for the tenant. Where that cannot be read the connection stays due: taken for off, it would lose
/// this time without a word.
async fn has_feature(mirrors: &Mirrors, connection: &Connection) -> Result<bool, AwsFault> {
    let flags = &mirrors.flags;
    Ok(connection.provider != ProviderId::GBP
        || flags.effective(Flag::CategoryMirroring, None).await?.on
            && flags.effective(Flag::TenantGbpCategorySync, Some(&connection.tenant)).await?.on)
}

/// How much is to be pulled: everything in the hour that the schedule names, once in it, and again what is started again; else what
/// changed. That one was started is told by history, so that no crash and no change of the schedule makes it two.
async fn mode(
    runs: &Runs,
    stored: &StoredConnection,
    due: &Due,
    again: Option<&Run>,
    now: Timestamp,
) -> Result<PullMode, AwsFault> {
    if let Some(Work::Pull(work)) = again.map(|run| &run.work) {
        return Ok(work.mode);
    }
    // A tick that comes late is of its own hour.
    let since = stored.schedule.full_since(due.at).or_else(|| stored.schedule.full_since(now));
    let Some(since) = since else { return Ok(PullMode::Delta) };
    let wanted = Wanted { start: Some(since), limit: RUNS_OF_AN_HOUR_MAX, ..Wanted::default() };
    let found = runs.store.reads.page(&stored.connection, &wanted).await?;
    Ok(if found.iter().any(is_nightly) { PullMode::Delta } else { PullMode::Backfill })
}

fn is_nightly(run: &Run) -> bool {
    let is_full = matches!(&run.work, Work::Pull(work) if work.mode == PullMode::Backfill);
    is_full && run.trigger == Trigger::Schedule && run.status != RunStatus::Skipped
}

/// When a tick that could not be started is due next.
fn full_again(stored: &StoredConnection, is_full: bool, now: Timestamp, next: Timestamp) -> Timestamp {
    let again = now.checked_add(FULL_AGAIN).ok().filter(|again| is_full && *again < next);
    again.filter(|again| stored.schedule.full_since(*again).is_some()).unwrap_or(next)
}

/// What to start, or why there is nothing.
fn work(providers: &Providers, stored: &StoredConnection, mode: PullMode) -> Result<Work, (Failure, String)> {
    if stored.connection.provider != ProviderId::CATALOGUE {
        if stored.secrets.is_none() {
            return Err((Failure::MissingApiKey, "skipped: the connection has no API key".into()));
        }
        if stored.connection.provider == ProviderId::GBP {
            let strategy = stored.settings.get(STRATEGY).and_then(|strategy| Strategy::parse(strategy.as_str()?));
            return Ok(Work::Mirror(MirrorWork::new(strategy.unwrap_or(Strategy::PlatformToGbp), None)));
        }
        let request = PullRequest { mode, ..PullRequest::default() };
        return pull::work_of(providers, stored, &request).map_err(|refused| (refused.failure(), refused.to_string()));
    }
    let vendor = vendor(stored).map_err(|wrong| {
        let detail = format!("its setting {} cannot be used: it {}", wrong.name, wrong.why);
        (Failure::VendorNotConfigured, detail)
    })?;
    let work = work_of(&vendor, None, false).map_err(|refused| (refused.failure(), refused.to_string()))?;
    match vendor.source {
        Some(_) => Ok(work),
        None => Err((Failure::SourceNotAllowed, "it is on a schedule and names no source".into())),
    }
}
