//! How connections do, in the words of the warehouse API's clients, and what they do not have: the reasons.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::checkpoints::CheckpointView;
use crate::domain::deliveries::hours::{HourCounter, HourCounts, LAG_BOUNDS_MS};
use crate::domain::health::{Health, Judgement, Limits, Measure, Reason, Thresholds};
use crate::domain::runs::pulls::Pulls;
use crate::domain::time;

/// How connections do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthView {
    /// Always `success`.
    pub status: &'static str,
    /// Over all links, where there are 200 at most; else over those of this page.
    pub aggregate: AggregateView,
    /// The last changed first.
    pub integrations: Vec<IntegrationView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// Over all links, or a page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregateView {
    /// How many.
    pub total_integrations: usize,
    /// Of these, healthy.
    pub healthy_integrations: usize,
    /// Degraded.
    pub degraded_integrations: usize,
    /// Unhealthy.
    pub unhealthy_integrations: usize,
    /// Milliseconds; null where none is known.
    pub avg_sync_lag: Option<i64>,
    /// Milliseconds; null where none is known.
    pub avg_webhook_lag: Option<i64>,
    /// Of a day, together.
    pub total_recent_failures: u64,
    /// That of all links together, by the name that clients know, and by its connection each that is not as it should be.
    pub circuit_breaker_stats: BTreeMap<String, CircuitBreakerView>,
    /// When this was looked at.
    pub generated_at: String,
}

/// How one connection does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationView {
    /// Whose.
    pub tenant_id: String,
    /// The same: tenants have no other name here.
    pub tenant_name: String,
    /// Which of its connections.
    pub brand_id: String,
    /// The name people read.
    pub brand_name: String,
    /// The kind of system.
    pub integration_name: &'static str,
    /// The vendor's id of the link; null where it has none.
    pub connection_id: Option<String>,
    /// `healthy`, `degraded` or `unhealthy`
    pub status: &'static str,
    /// Every threshold that was passed, the worst first.
    pub reasons: Vec<ReasonView>,
    /// Whether no webhook came for a day, which degrades nothing.
    pub idle: bool,
    /// When the last pull that went well was over; null where there was none, or nothing is pulled of it.
    pub last_synced_at: Option<String>,
    /// When the last webhook came, of the last 8 days.
    pub last_webhook_at: Option<String>,
    /// Milliseconds.
    pub sync_lag_ms: Option<i64>,
    /// Milliseconds.
    pub webhook_lag_ms: Option<i64>,
    /// Deliveries of a day that failed and have not had their effect since.
    pub recent_failures: u64,
    /// Deliveries of a day that had their effect.
    pub recent_successes: u64,
    /// Percent, to two decimals.
    pub error_rate: f64,
    /// Of the queues that all connections share.
    pub queue_stats: QueueStatsView,
    /// Of the calls to its API.
    pub circuit_breaker: CircuitBreakerView,
    /// What it is told, and what it is judged by.
    pub config: ConfigView,
    /// How long the day's deliveries took from their receipt to their effect.
    pub processing: HistogramView,
}

/// One threshold that was passed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonView {
    /// `syncLag`, `webhookLag`, `errorRate`, `failures`, `breaker` or `lastRun`
    #[schema(value_type = String)]
    pub measure: Measure,
    /// `degraded` or `unhealthy`
    #[schema(value_type = String)]
    pub status: Health,
    /// What was measured: milliseconds, percent, a number, or 1 for yes.
    pub value: f64,
    /// What it is above.
    pub threshold: f64,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        let Reason { measure, status, value, threshold } = *reason;
        Self { measure, status, value, threshold }
    }
}

/// The reasons of a judgement.
#[must_use]
pub fn reasons(judgement: &Judgement) -> Vec<ReasonView> {
    judgement.reasons.iter().map(ReasonView::from).collect()
}

/// What lies in the queues, about.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatsView {
    /// That of runs.
    pub sync_queue: QueueView,
    /// That of deliveries.
    pub webhook_queue: QueueView,
    /// Always null: SQS tells the age to CloudWatch alone.
    pub oldest_job_age: Option<i64>,
}

/// What lies in a queue, about. Null where it could not be asked; what is over, SQS does not count.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct QueueView {
    /// Not handed out.
    pub waiting: Option<u64>,
    /// Handed out, or waiting for another attempt.
    pub active: Option<u64>,
    /// Always null.
    pub completed: Option<u64>,
    /// Always null: what failed for good is a dead letter.
    pub failed: Option<u64>,
    /// Not to be handed out yet.
    pub delayed: Option<u64>,
}

/// A circuit breaker. A call that goes well is not counted, as nothing is written for it: what went well is counted by pulls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreakerView {
    /// `closed`, `open` or `half_open`
    pub state: &'static str,
    /// Calls that failed in the last 5 minutes, at most 5 of a connection.
    pub failure_count: u64,
    /// Pulls of a day that went well.
    pub success_count: u64,
    /// When a call failed last.
    pub last_failure_time: Option<String>,
    /// When the last pull that went well was over.
    pub last_success_time: Option<String>,
    /// When the vendor is asked again, if that is not now and is known.
    pub next_retry_time: Option<String>,
    /// Pulls of a day that are over.
    pub total_requests: u64,
}

impl CircuitBreakerView {
    /// One that has counted nothing.
    pub const CLOSED: Self = Self {
        state: "closed",
        failure_count: 0,
        success_count: 0,
        last_failure_time: None,
        last_success_time: None,
        next_retry_time: None,
        total_requests: 0,
    };

    /// That of a connection, with what is known of its pulls.
    #[must_use]
    pub fn new(pulls: &Pulls, now: Timestamp) -> Self {
        let Pulls { synced_at, day, breaker } = pulls;
        Self {
            state: breaker.state(now).as_str(),
            failure_count: breaker.failures(now) as u64,
            success_count: day.success,
            last_failure_time: breaker.last_failure().map(time::text),
            last_success_time: synced_at.map(time::text),
            next_retry_time: breaker.asks_again_at(now).map(time::text),
            total_requests: day.success + day.error,
        }
    }

    /// All of some connections in one: the worst state, counts together, the last times, and when the first of them is asked again.
    #[must_use]
    pub fn together<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let badness = |state: &str| ["closed", "half_open", "open"].iter().position(|known| *known == state);
        // Times of one form sort as text.
        all.fold(Self::CLOSED, |sum, one| Self {
            state: if badness(one.state) > badness(sum.state) { one.state } else { sum.state },
            failure_count: sum.failure_count + one.failure_count,
            success_count: sum.success_count + one.success_count,
            last_failure_time: sum.last_failure_time.max(one.last_failure_time.clone()),
            last_success_time: sum.last_success_time.max(one.last_success_time.clone()),
            next_retry_time: [sum.next_retry_time, one.next_retry_time.clone()].into_iter().flatten().min(),
            total_requests: sum.total_requests + one.total_requests,
        })
    }

    /// Whether it says more than that nothing is wrong.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.state != Self::CLOSED.state || self.failure_count > 0 || self.next_retry_time.is_some()
    }
}

/// What a connection is told, and what it is judged by.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigView {
    /// As in `GET /api/admin/connections`.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// What is above one is degraded or unhealthy.
    pub thresholds: ThresholdsView,
}

/// Thresholds. They follow the connection's cadence, where it is told one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdsView {
    /// Milliseconds.
    pub sync_lag: LimitsView,
    /// Milliseconds.
    pub webhook_lag: LimitsView,
    /// Percent.
    pub error_rate: LimitsView,
    /// A number.
    pub failures: LimitsView,
}

/// Two thresholds.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// The lower one.
    pub degraded: f64,
    /// The higher one.
    pub unhealthy: f64,
}

impl From<Thresholds> for ThresholdsView {
    fn from(thresholds: Thresholds) -> Self {
        let limits = |Limits { degraded, unhealthy }| LimitsView { degraded, unhealthy };
        Self {
            sync_lag: limits(thresholds.sync_lag),
            webhook_lag: limits(thresholds.webhook_lag),
            error_rate: limits(thresholds.error_rate),
            failures: limits(thresholds.failures),
        }
    }
}

/// How long deliveries took.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistogramView {
    /// By upper bound.
    pub buckets: Vec<BucketView>,
    /// Milliseconds; null where there were none.
    pub avg_ms: Option<u64>,
}

/// A bucket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketView {
    /// Its upper bound, milliseconds; null of what is above all others.
    pub up_to_ms: Option<u64>,
    /// How many.
    pub count: u64,
}

impl From<&HourCounts> for HistogramView {
    fn from(counts: &HourCounts) -> Self {
        let buckets = (0..=LAG_BOUNDS_MS.len()).map(|place| BucketView {
            up_to_ms: LAG_BOUNDS_MS.get(place).copied(),
            count: counts.count(HourCounter::Lag(place)),
        });
        let sum = counts.count(HourCounter::LagSumMs);
        Self { buckets: buckets.collect(), avg_ms: sum.checked_div(counts.count(HourCounter::Processed)) }
    }
}

/// How late a brand is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagView {
    /// Which.
    pub brand_id: String,
    /// The name people read.
    pub brand_name: String,
    /// Whose.
    pub tenant_id: String,
    /// The same: tenants have no other name here.
    pub tenant_name: String,
    /// `active` or `paused`
    pub integration_status: &'static str,
    /// How late.
    pub lag: LagsView,
    /// When this was looked at.
    pub generated_at: String,
}

/// How late, in what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagsView {
    /// Since it was synced.
    pub sync_lag: SyncLagView,
    /// Since the last webhook.
    pub webhook_lag: WebhookLagView,
    /// From receipt to effect, of the newest 100 deliveries of a day.
    pub processing_lag: ProcessingLagView,
    /// What came.
    pub recent_activity: RecentActivityView,
}

/// Since it was synced. Null where no pull went well yet, or nothing is pulled of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncLagView {
    /// When the last pull that went well was over.
    pub last_sync_at: Option<String>,
    /// Milliseconds.
    pub lag_ms: Option<i64>,
    /// How far each of its lists is; none where nothing is pulled of it.
    pub checkpoints: Vec<CheckpointView>,
}

/// Since the last webhook of 8 days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookLagView {
    /// When it came.
    pub last_webhook_at: Option<String>,
    /// Milliseconds.
    pub lag_ms: Option<i64>,
}

/// From receipt to effect. All null where there was none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingLagView {
    /// Of how many.
    pub count: usize,
    /// Milliseconds.
    pub avg_ms: Option<i64>,
    /// Half of them took less.
    pub p50_ms: Option<i64>,
    /// 95 of a hundred did.
    pub p95_ms: Option<i64>,
    /// 99 of a hundred did.
    pub p99_ms: Option<i64>,
    /// The longest.
    pub max_ms: Option<i64>,
    /// Whether all that are wanted were looked at: a tenant with very many others is not looked through to the end.
    pub complete: bool,
}

/// What came.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecentActivityView {
    /// Of the last 24 hours, and of the hour that they begin in.
    pub last24h: DayView,
}

/// What came within a day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DayView {
    /// Handled for the first time.
    pub webhooks_received: u64,
    /// Had their effect.
    pub webhooks_processed: u64,
    /// Failed, and have not had their effect since.
    pub webhooks_failed: u64,
}

/// What a replay did, or would do. Which fields there are goes by `type` and `action`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayView {
    /// `dry_run` or `replay`
    pub action: &'static str,
    /// `webhook` or `sync`
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Webhooks that failed, within the bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_found: Option<usize>,
    /// Of a dry run: the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<ReplayEventView>>,
    /// Sent through again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_queued: Option<usize>,
    /// Brands of which something can be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brands_found: Option<usize>,
    /// Of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brands: Option<Vec<ReplayBrandView>>,
    /// Runs that were started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_triggered: Option<usize>,
}

/// A webhook that failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayEventView {
    /// The dead letter.
    pub event_id: String,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// Whose.
    pub tenant_id: String,
    /// Over which connection.
    pub brand_id: String,
    /// When it was taken in.
    pub created_at: Option<String>,
    /// Why applying it failed last.
    pub error: String,
}

/// A brand of which something can be fetched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayBrandView {
    /// Which.
    pub brand_id: String,
    /// The name people read.
    pub brand_name: String,
}

/// What to replay.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described, never made")]
#[schema(rename_all = "camelCase")]
pub struct ReplayRequest {
    /// `webhook` or `sync`
    #[schema(rename = "type")]
    kind: String,
    /// Of one brand alone.
    brand_id: Option<String>,
    /// These alone, at most 100: ids of dead letters, or the sender's ids of the events.
    event_ids: Option<Vec<String>>,
    /// At most so many hours old, 1 to 168; 24 where nothing is said.
    max_age: Option<u32>,
    /// Say what would be done, and do nothing.
    dry_run: Option<bool>,
}
