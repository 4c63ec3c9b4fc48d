//! A line of the live log. Under both names that clients know.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::RunId;
use crate::domain::runs::log::Line;
use crate::domain::time;

/// A line: the data of an event `log`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLineView {
    /// info, warn, error or progress.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same.
    level: &'static str,
    /// When it was said.
    ts: String,
    /// The same, in epoch milliseconds.
    timestamp: i64,
    /// By which run.
    run_id: String,
    /// Of which entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    /// Which page of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// How many of its rows were read so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// How many there are, where the vendor says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Rows a second over the last minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    /// The same, as the status names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_second: Option<f64>,
    /// How many seconds the entity takes still at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<u64>,
    /// The same in milliseconds, as the status names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta: Option<u64>,
    /// What the vendor said of its limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<SeenLimitView>,
    /// Which row, as the vendor names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Why a row was set aside, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Since when changes are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// What the run waits for: backoff, retryAfter, quota or breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    waiting_for: Option<crate::domain::runs::lease::WaitReason>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What happened, for people.
    msg: String,
    /// The same.
    message: String,
}

/// What a vendor said of its limits.
#[derive(Debug, Serialize, ToSchema)]
struct SeenLimitView {
    /// Requests of its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// How many are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    /// When there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<String>,
}

impl LogLineView {
    /// A run's line.
    #[must_use]
    pub fn new(run: &RunId, line: &Line) -> Self {
        let at = jiff::Timestamp::from_millisecond(line.at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let message = line.message.as_str().to_owned();
        let rows_per_second = line.hundredths_per_second.map(|hundredths| hundredths as f64 / 100.0);
        Self {
            kind: line.level.as_str(),
            level: line.level.as_str(),
            ts: time::text(at),
            timestamp: line.at_ms,
            run_id: run.to_string(),
            entity: line.entity.as_ref().map(ToString::to_string),
            page: line.page,
            rows: line.rows,
            total: line.total,
            rate_per_second: rows_per_second,
            rows_per_second,
            eta_seconds: line.eta_seconds,
            eta: line.eta_seconds.map(|seconds| seconds.saturating_mul(1_000)),
            rate_limit: line.rate_limit.map(|seen| SeenLimitView {
                limit: seen.limit,
                remaining: seen.remaining,
                reset: seen.resets_at.map(time::text),
            }),
            key: line.key.as_ref().map(|key| key.as_str().to_owned()),
            code: line.code.clone(),
            since: line.since.map(time::text),
            waiting_for: line.waiting_for,
            until: line.until.map(time::text),
            msg: message.clone(),
            message,
        }
    }
}
