//! Stop: an operator asks a run to stop. It is on record, and the run stops at its next effect, also while it waits.

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::domain::audit::Action;
use crate::domain::ids::{Connection, RunId};
use crate::engine::operators::{Operator, Operators};
use crate::engine::runs::context::Runs;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopping {
    /// The run stops.
    Asked,
    /// There is no such run that is not over.
    NotRunning,
}

/// Asks a run to stop. Asking twice is harmless: the first who asked is remembered.
///
/// # Errors
/// When AWS fails. What was asked stands if it was stored: the watchdog sees to it.
pub async fn stop_run(
    runs: &Runs,
    operators: &Operators,
    operator: &Operator,
    connection: &Connection,
    id: &RunId,
) -> Result<Stopping, AwsFault> {
    if connection.tenant != operator.tenant {
        return Ok(Stopping::NotRunning);
    }
    let Some(run) = runs.store.reads.one(connection, id).await?.filter(|run| !run.status.is_over()) else {
        return Ok(Stopping::NotRunning);
    };
    operators.record(operator, Action::Stop, format!("{connection}#{id}"), None).await?;
    let now = runs.now();
    let Some(lease) = runs.store.request_stop(connection, id, &operator.actor, now).await? else {
        return Ok(Stopping::NotRunning);
    };
    if !lease.is_held(now) {
        // It waits, or its message is under way: a stop is not to wait for either.
        runs.queue.send(&SliceMessage::of(&run), 0).await?;
    }
    Ok(Stopping::Asked)
}
