//! Due: what connections are to be synced by now, and when each is due next.
//!
//! A run is started first, and the connection moved to its next time afterwards. A crash between leaves it due: whoever looks next
//! finds that its newest run came from this very time, and moves it. So no time is passed over, and none is started twice.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::aws::connections::store::{ConnectionStore, Due};
use crate::aws::faults::AwsFault;
use crate::aws::runs::reads::Wanted;
use crate::domain::connections::again::{Step, step};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::runs::run::{Mode, Trigger};
use crate::engine::runs::context::Runs;
use crate::engine::runs::kinds::catalogue::work_of;
use crate::engine::runs::start::{StartRefused, StartRequest, start_in_background};
use crate::vendors::catalogue::provider::vendor;

/// What is read of each shard of the index at once.
const PAGE: usize = 100;
/// How many are started at once. Each start is a few short calls.
const AT_ONCE: usize = 32;
/// How long one call goes on taking up what is due. The rest is due still at the next minute.
const TIME: Duration = Duration::from_secs(8);

/// When what could not be started is due again.
const LATER: Duration = Duration::from_secs(60);

/// What came of one that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// A run was started, or stored as skipped.
    Started,
    /// There was nothing to start.
    Moved,
    /// It could not be started, and is due still.
    Failed,
}

/// Starts what is due; how many runs that were.
///
/// # Errors
/// When what is due cannot be read. What could not be started is logged, is due still, and keeps no other waiting.
pub async fn start_due(runs: &Runs, store: &ConnectionStore) -> Result<usize, AwsFault> {
    let until = runs.now().checked_add(TIME).unwrap_or(Timestamp::MAX);
    let mut started = 0;
    loop {
        let due = store.due(runs.now(), PAGE).await?;
        let starts = due.into_iter().map(|due| start_one(runs, store, due));
        let came: Vec<Came> = stream::iter(starts).buffer_unordered(AT_ONCE).collect().await;
        started += came.iter().filter(|came| **came == Came::Started).count();
        // The index may still show what was moved a moment ago: without a start there is nothing to go on for.
        if !came.contains(&Came::Started) || runs.now() >= until {
            return Ok(started);
        }
    }
}

async fn start_one(runs: &Runs, store: &ConnectionStore, due: Due) -> Came {
    match try_one(runs, store, &due).await {
        Ok(came) => came,
        Err(error) => {
            tracing::error!(connection = %due.connection, due_at = %due.at, %error, "what is due was not started");
            // A minute later, so that those that fail each time do not stand before all others.
            let later = runs.now().checked_add(LATER).unwrap_or(Timestamp::MAX);
            let moved = store.move_due(&due, Some(&Due { at: later, ..due.clone() })).await;
            let _due_still =
                moved.inspect_err(|error| tracing::error!(connection = %due.connection, %error, "it is due still"));
            Came::Failed
        }
    }
}

async fn try_one(runs: &Runs, store: &ConnectionStore, due: &Due) -> Result<Came, StartRefused> {
    let now = runs.now();
    // As of now and not as of half a minute ago: somebody may just have paused it.
    let stored = store.read(&due.connection).await?;
    let next = stored.as_ref().and_then(|stored| stored.due_after(now));
    let trace = format!("schedule/{}/{}", due.at, due.starts);
    let request = stored.as_ref().and_then(|stored| request(stored, trace.clone()));
    let (Some(next), Some(request)) = (next, request) else {
        // It is gone, paused, has no schedule any more, or nothing that could be synced.
        store.move_due(due, None).await?;
        return Ok(Came::Moved);
    };
    let newest = runs.store.reads.page(&due.connection, &Wanted { limit: 1, ..Wanted::default() }).await?.pop();
    // Somebody died after the start, or is a little ahead.
    let is_started = newest.as_ref().is_some_and(|run| run.correlation_id == trace);
    let found = newest.filter(|_| !is_started);
    // A look that comes late must not take the place of the schedule's own time.
    let starts = if due.next <= now { 0 } else { due.starts };
    let (came, at, starts) = match step(starts, found.as_ref(), now, next) {
        Step::Start { then, starts } if is_started => (Came::Moved, then, starts),
        Step::Start { then, starts } => {
            start_in_background(runs, &request).await?;
            (Came::Started, then, starts)
        }
        Step::Wait { then, starts } => (Came::Moved, then, starts),
    };
    store.move_due(due, Some(&Due { at, starts, next, ..due.clone() })).await?;
    Ok(came)
}

/// What to start; none where there is nothing to sync.
fn request(stored: &StoredConnection, correlation_id: String) -> Option<StartRequest> {
    let vendor = vendor(stored).ok().filter(|vendor| vendor.source.is_some())?;
    Some(StartRequest {
        connection: stored.connection.clone(),
        work: work_of(&vendor, None, false).ok()?,
        mode: Mode::Apply,
        actor: "schedule".into(),
        trigger: Trigger::Schedule,
        correlation_id,
    })
}
