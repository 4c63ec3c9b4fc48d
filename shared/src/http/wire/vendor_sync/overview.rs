//! The last 24 hours over all vendors.

use serde::Serialize;
use utoipa::ToSchema;

use super::triggers::ModeView;
use crate::domain::runs::run::Run;
use crate::domain::runs::window::Tally;
use crate::domain::time;

/// The last 24 hours over all vendors.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverviewView {
    /// Always true.
    pub ok: bool,
    /// What was counted.
    pub metrics: OverviewMetrics,
}

/// What was counted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewMetrics {
    /// Runs that started in the last 24 hours.
    pub last24h: LastDayView,
    /// Runs that are not over, the newest first.
    pub in_progress: Vec<InProgressView>,
}

/// Runs that started in the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastDayView {
    /// All of them.
    pub total: u64,
    /// Over, all done.
    pub success: u64,
    /// Over, with a reason.
    pub failed: u64,
    /// Of those that are over, milliseconds; null where none is.
    pub avg_duration_ms: Option<u64>,
}

impl From<&Tally> for LastDayView {
    fn from(tally: &Tally) -> Self {
        Self {
            total: tally.of(&[]),
            success: tally.success,
            failed: tally.error,
            avg_duration_ms: tally.duration_ms.checked_div(tally.success + tally.error),
        }
    }
}

/// A run that is not over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InProgressView {
    /// The vendor's slug.
    pub vendor: String,
    /// The run.
    pub run_id: String,
    /// Whether it writes.
    pub mode: ModeView,
    /// Who or what asked for it.
    pub actor: String,
    /// ISO-8601, UTC, milliseconds.
    pub started_at: String,
}

impl From<&Run> for InProgressView {
    fn from(run: &Run) -> Self {
        Self {
            vendor: run.connection.name.to_string(),
            run_id: run.id.to_string(),
            mode: run.mode.into(),
            actor: run.actor.clone(),
            started_at: time::text(run.started_at),
        }
    }
}
