//! Due: a worker starts the connections of a message, and says when each is due next.
//!
//! A run is started, or stored as passed over with its reason, in the write that moves the connection to its next time. So no time is
//! passed over and none is started twice, however often a message comes and whatever dies. A crash after that write leaves a run
//! whose message was not sent, which the watchdog sends on.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::aws::connections::store::{ConnectionStore, Due};
use crate::domain::connections::again::{Step, step};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::run::{CatalogueWork, Mode, Trigger, Work};
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
pub async fn start_due(runs: &Runs, store: &ConnectionStore, connections: Vec<Connection>) -> Begun {
    let until = runs.now().checked_add(TIME).unwrap_or(Timestamp::MAX);
    let starts = connections.into_iter().map(|connection| async move {
        if runs.now() < until { start_one(runs, store, &connection).await } else { Came::Moved }
    });
    let came: Vec<Came> = stream::iter(starts).buffer_unordered(AT_ONCE).collect().await;
    let count = |wanted: Came| came.iter().filter(|came| **came == wanted).count();
    Begun { started: count(Came::Started), failed: count(Came::Failed) }
}

async fn start_one(runs: &Runs, store: &ConnectionStore, connection: &Connection) -> Came {
    let due = match store.due_time(connection).await {
        Ok(Some(due)) if due.at <= runs.now() => due,
        // It is gone, or was seen to: this is another copy of the message.
        Ok(_) => return Came::Moved,
        Err(error) => {
            tracing::error!(%connection, %error, "what is due was not read, and is due still");
            return Came::Failed;
        }
    };
    match try_one(runs, store, &due).await {
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

async fn try_one(runs: &Runs, store: &ConnectionStore, due: &Due) -> Result<Came, StartRefused> {
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
    let (started, passed) = (then(at, starts), then(next, 0));
    let due_start = Some(DueStart { store, due, started: &started, passed: &passed });
    let request = |work: Work| StartRequest {
        connection: due.connection.clone(),
        work,
        mode: Mode::Apply,
        actor: "schedule".into(),
        trigger: Trigger::Schedule,
        correlation_id: format!("schedule/{}/{}", due.at, due.starts),
    };
    let seen_to = match work(&runs.outside.providers, &stored) {
        Ok(work) => start_in_background(runs, &request(work), due_start).await?,
        Err((failure, detail)) => {
            let nothing = request(Work::Catalogue(CatalogueWork::default()));
            pass_over(runs, &nothing, failure, detail, due_start).await?
        }
    };
    Ok(if seen_to.is_some() { Came::Started } else { Came::Moved })
}

/// What to start, or why there is nothing.
fn work(providers: &Providers, stored: &StoredConnection) -> Result<Work, (Failure, String)> {
    if stored.connection.provider != ProviderId::CATALOGUE {
        let delta = PullRequest::default();
        return pull::work_of(providers, stored, &delta).map_err(|refused| (refused.failure(), refused.to_string()));
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
