//! Restart: what a host does that had all workers in its own process, once it is there again after that process ended.
//!
//! It knows what time alone tells everybody else: whoever held a run is gone. So it need not wait until leases run out. It
//! must call this before it lets any work in, and while nobody else can have the tables: records are not fenced, so a
//! holder that lived after all could write some behind the back of the one that takes its run over. In AWS no function
//! knows this of another, and none calls it.

use futures::StreamExt as _;

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::domain::runs::life;
use crate::domain::runs::run::Run;
use crate::engine::runs::context::Runs;

/// Runs looked at; the rest is left to the watchdog, once their leases have run out.
const RUNS_MAX: u64 = 2_000;
/// Runs read at once.
const PAGE_RUNS: usize = 250;
/// Runs looked at at the same time.
const AT_ONCE: usize = 16;

/// Lets go of every run in the name of whoever held it, and sends it on. How many runs that were.
///
/// # Errors
/// The first fault, after all runs were looked at. What it was about is left to the watchdog.
pub async fn take_up(runs: &Runs) -> Result<u64, AwsFault> {
    let (mut looked_at, mut taken_up, mut fault, mut behind) = (0, 0, None, None);
    loop {
        let page = runs.store.open_runs(behind, PAGE_RUNS).await?;
        looked_at += page.runs.len() as u64;
        let looks = futures::stream::iter(page.runs).map(|(_, run)| look_at(runs, run));
        let mut looks = std::pin::pin!(looks.buffer_unordered(AT_ONCE));
        while let Some(seen) = looks.next().await {
            match seen {
                Ok(is_taken_up) => taken_up += u64::from(is_taken_up),
                Err(error) => {
                    tracing::warn!(%error, "a run was not taken up");
                    fault.get_or_insert(error);
                }
            }
        }
        behind = page.next;
        if behind.is_none() || looked_at >= RUNS_MAX {
            break;
        }
    }
    if taken_up > 0 {
        tracing::info!(looked_at, taken_up, "runs taken up again");
    }
    fault.map_or(Ok(taken_up), Err)
}

async fn look_at(runs: &Runs, run: Run) -> Result<bool, AwsFault> {
    let now = runs.now();
    let lease = runs.store.lease_of(&run.connection).await?;
    let Some(lease) = lease.filter(|lease| life::on_restart(&run, lease, now)) else { return Ok(false) };
    // The message first: a crash in between leaves the lease as it was, and the next start does the same again. A trigger's
    // run has no message at all, a worker's comes back from the queue: one too many finds the run held, or over.
    runs.queue.send(&SliceMessage::of(&run), 0).await?;
    runs.store.free_lease(&run.connection, &lease, now).await
}
