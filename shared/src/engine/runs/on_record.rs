//! Pulls that somebody has started: on record before, and what came of it after.

use super::context::Runs;
use super::start::{StartRefused, StartRequest, start_by_hand};
use crate::aws::faults::AwsFault;
use crate::domain::audit::Action;
use crate::domain::runs::pull::{PullMode, PullWork};
use crate::domain::runs::run::{Run, Work};
use crate::domain::time;
use crate::engine::operators::{Begun, Operator, Operators};

/// Starts a pull that a worker takes up, for somebody who waits to hear that it was. `why` is what the record says beside what is pulled;
/// empty where somebody asked for just that. A crash after the entry leaves one without a result: it may have been started.
///
/// # Errors
/// See [`StartRefused`]. What cannot be recorded is not started.
pub async fn start_on_record(
    runs: &Runs,
    operators: &Operators,
    operator: &Operator,
    request: &StartRequest,
    why: &str,
) -> Result<Run, StartRefused> {
    let begun = begin(operators, operator, request, why).await?;
    let started = start_by_hand(runs, request).await;
    let result = match &started {
        Ok(run) => format!("started {}", run.id),
        Err(StartRefused::Fault(_)) => "failed".to_owned(),
        Err(refused) => format!("refused: {refused}"),
    };
    operators.noted(begun, &result).await;
    started
}

/// Records a pull that was asked for and is not started, with the reason.
///
/// # Errors
/// When AWS fails.
pub async fn refuse_on_record(
    operators: &Operators,
    operator: &Operator,
    request: &StartRequest,
    reason: &str,
) -> Result<(), AwsFault> {
    let begun = begin(operators, operator, request, "").await?;
    operators.noted(begun, &format!("refused: {reason}")).await;
    Ok(())
}

async fn begin(
    operators: &Operators,
    operator: &Operator,
    request: &StartRequest,
    why: &str,
) -> Result<Begun, AwsFault> {
    let action = match request.work.pull().map(|work| work.mode) {
        Some(PullMode::Backfill) => Action::StartBackfill,
        Some(PullMode::Delta) | None => Action::StartPull,
    };
    operators.begin(operator, action, target(request, why)).await
}

/// What is pulled, in a line.
fn target(request: &StartRequest, why: &str) -> String {
    let what = match &request.work {
        Work::Pull(work) => summary(work),
        Work::Catalogue(_) => "its catalogue".to_owned(),
        Work::Mirror(work) => format!("mirror {}", work.strategy.as_str()),
    };
    let dry = if request.mode.is_dry() { ", dry run" } else { "" };
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    format!("{}: {what}{dry}{why}", request.connection)
}

fn summary(work: &PullWork) -> String {
    let entities: Vec<&str> = work.entities.iter().map(|entity| entity.entity.as_str()).collect();
    let since = work.since.map(|since| format!(" since {}", time::text(since))).unwrap_or_default();
    let removals = if work.allow_removals { ", removals allowed" } else { "" };
    format!("{} of {}{since}{removals}", work.mode.as_str(), entities.join(", "))
}
