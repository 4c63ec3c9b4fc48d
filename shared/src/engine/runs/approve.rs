//! Approve: somebody decides on what a run would remove that waits for that. Who, when and how many may go is on the run's lease, and in
//! the journal before it.

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::domain::audit::Action;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::held::Held;
use crate::domain::runs::lease::Approval;
use crate::domain::runs::run::Run;
use crate::engine::operators::{Operator, Operators};
use crate::engine::runs::context::Runs;
use crate::engine::runs::release;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// So many may go, and the run goes on: it is planned anew first.
    Approved(u64),
    /// The run is over.
    Rejected,
    /// There is no such run that waits for approval.
    NotHeld,
}

async fn held(runs: &Runs, connection: &Connection, id: &RunId) -> Result<Option<(Run, Held)>, AwsFault> {
    let run = runs.store.reads.one(connection, id).await?.filter(|run| !run.status.is_over());
    Ok(run.and_then(|run| {
        let held = run.held.clone()?;
        Some((run, held))
    }))
}

/// Lets a run remove up to `removals_max`, or as many as it waits for where nobody says how many. One that would remove more, once it was
/// planned anew, waits again.
///
/// # Errors
/// When AWS fails. What was approved of stands if it was stored.
pub async fn approve(
    runs: &Runs,
    (operators, operator): (&Operators, &Operator),
    (connection, id): (&Connection, &RunId),
    removals_max: Option<u64>,
) -> Result<Decided, AwsFault> {
    let Some((run, held)) = held(runs, connection, id).await? else { return Ok(Decided::NotHeld) };
    let removals_max = removals_max.unwrap_or(held.removals);
    let begun =
        operators.begin(operator, Action::ApproveRun, format!("{connection}#{id}: {removals_max} removals")).await?;
    // What it is held for came before, whatever the clock says that it was stored by.
    let at_ms = runs.now().max(held.since).as_millisecond();
    let approval = Approval { by: operator.actor.clone(), at_ms, removals_max };
    if !runs.store.approve(connection, id, &approval).await? {
        operators.noted(begun, "refused: it does not wait for approval").await;
        return Ok(Decided::NotHeld);
    }
    // A crash before this message leaves a run that nobody holds: the watchdog sends it on.
    if let Err(fault) = runs.queue.send(&SliceMessage::of(&run), 0).await {
        tracing::warn!(run_id = %id, %fault, "a run that was approved of is left to the watchdog");
    }
    operators.noted(begun, "approved").await;
    Ok(Decided::Approved(removals_max))
}

/// Ends a run that waits for approval: nothing of it is removed.
///
/// # Errors
/// When AWS fails.
pub async fn reject(
    runs: &Runs,
    (operators, operator): (&Operators, &Operator),
    (connection, id): (&Connection, &RunId),
) -> Result<Decided, AwsFault> {
    if held(runs, connection, id).await?.is_none() {
        return Ok(Decided::NotHeld);
    }
    let begun = operators.begin(operator, Action::RejectRun, format!("{connection}#{id}")).await?;
    let detail = format!("rejected by {}", operator.actor);
    let over = release::reject(runs, connection, id, &operator.actor, detail).await?;
    operators.noted(begun, if over.is_some() { "rejected" } else { "refused: it does not wait for approval" }).await;
    Ok(if over.is_some() { Decided::Rejected } else { Decided::NotHeld })
}
