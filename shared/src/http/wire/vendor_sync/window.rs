//! A window of history with its statistics.

use serde::Serialize;
use utoipa::ToSchema;

use super::runs::RunView;

/// A window of runs: in `data` as the original had it, and again as the seed had it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityView {
    /// Always true.
    pub ok: bool,
    /// As the original had it.
    pub data: Window,
    /// The page, newest first.
    pub items: Vec<RunView>,
    /// Of the whole filtered window.
    pub aggregates: Aggregates,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
}

/// The window.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The vendor's slug.
    pub vendor_id: String,
    /// Its bounds.
    pub range: Range,
    /// Runs on a page at most.
    pub page_size: usize,
    /// All runs of the filter, whatever the page.
    pub total_runs: u64,
    /// By status.
    pub counts: StatusCounts,
    /// When the newest of them started.
    pub latest_run_at: Option<String>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
    /// The page, newest first.
    pub runs: Vec<RunView>,
    /// The same as `runs`.
    pub items: Vec<RunView>,
    /// Of the whole filtered window.
    pub aggregates: Aggregates,
    /// Where `days` asks for it: each day of the window by UTC, oldest first, the last 92 at most. Whatever the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<DayCounts>>,
}

/// How many runs started on a day, by status.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DayCounts {
    /// The day, `2024-06-07`.
    pub day: String,
    /// Over, all done.
    pub success: u64,
    /// Over, with a reason.
    pub error: u64,
    /// Not over.
    pub running: u64,
    /// What those that are over cost, in dollars at list prices; 0 of days before that was counted.
    pub usd: f64,
}

/// Its bounds, both inclusive; null is open.
#[derive(Debug, Serialize, ToSchema)]
pub struct Range {
    /// ISO-8601, UTC, milliseconds.
    pub start: Option<String>,
    /// ISO-8601, UTC, milliseconds.
    pub end: Option<String>,
}

/// How many runs of the whole filtered window, by status.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatusCounts {
    /// Over, all done.
    pub success: u64,
    /// Over, with a reason.
    pub error: u64,
    /// Not over.
    pub running: u64,
}

/// Of the whole filtered window, not of the page.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Aggregates {
    /// All runs of the filter, whatever the page.
    pub total_runs: u64,
    /// When the newest of them started.
    pub latest_run_at: Option<String>,
    /// Runs on a page at most.
    pub page_size: usize,
    /// By status.
    pub counts: StatusCounts,
}
