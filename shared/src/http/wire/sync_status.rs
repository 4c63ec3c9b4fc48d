//! How a connection that is pulled does, as the control centre's clients read it. Where they know two names for one thing, both are here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::breaker::BreakerView;
use super::held::HeldView;
use crate::domain::datasets::diff::Counts;
use crate::domain::pull::pace::pace;
use crate::domain::runs::pull::{EntityPull, EntityState};

/// How the syncs of a connection do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatusView {
    /// Always true.
    pub ok: bool,
    /// `tenant/provider/name`
    pub connection: String,
    /// Of the service.
    pub version: &'static str,
    /// Whether a run is open.
    pub is_running: bool,
    /// What is pulled where a run names nothing.
    pub entities: Vec<String>,
    /// When it is synced by itself.
    pub scheduler: SchedulerView,
    /// The run that is open; null where none is.
    pub current_run: Option<CurrentRunView>,
    /// For whom the connection is reserved; null where it is free.
    pub lock: Option<LockView>,
    /// What the open run waits for; null where it waits for nothing.
    pub waiting: Option<WaitingView>,
    /// The last run that is over; its parts are null where there is none.
    pub last_run: LastRunView,
    /// Rows that were set aside and wait for somebody: the `total` of `GET /api/admin/sync/dlq`.
    pub dlq_count: usize,
    /// Whether there may be more of them: the tenant's newest 5,000 dead letters are looked at.
    pub dlq_more: bool,
    /// Each entity.
    pub per_entity: BTreeMap<String, EntityStatusView>,
    /// By provider: the one that was asked for.
    pub integrations: BTreeMap<String, IntegrationHealthView>,
}

/// When a connection is synced by itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerView {
    /// Whether it is: it is not while its schedule is off, or while it is paused.
    pub enabled: bool,
    /// How often, in minutes, or how often it would be; null where it has a pattern of cron.
    pub interval_minutes: Option<u32>,
    /// What is pulled.
    pub entities: Vec<String>,
    /// In which hour (UTC) everything is pulled; null where none is named.
    #[serde(rename = "fullSyncHourUTC")]
    pub full_sync_hour_utc: Option<u8>,
    /// The same.
    pub nightly_full_hour_utc: Option<u8>,
    /// When it is due next.
    pub next_run: Option<String>,
    /// When everything is pulled next.
    pub next_full_sync: Option<String>,
    /// When a run was started last.
    pub last_run: Option<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// What the deployment's configuration sets, and cannot be changed by `PUT /api/admin/sync/scheduler`.
    pub env_locked: Vec<&'static str>,
    /// Which configuration; null where operators keep the connection.
    pub locked_by: Option<String>,
}

/// A run that is open.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentRunView {
    /// Its id.
    pub id: String,
    /// What it pulls.
    pub entities: Vec<String>,
    /// `delta` or `backfill`
    pub mode: &'static str,
    /// Since when a delta asks for changes, where it was told.
    pub since: Option<String>,
    /// Whether it writes nothing.
    pub dry_run: bool,
    /// When it started, in milliseconds of the Unix epoch.
    pub started_at: i64,
    /// Who or what started it.
    pub actor: String,
    /// How far it is; null before its first entity, and after its last.
    pub progress: Option<ProgressView>,
    /// Each of its entities, in the order in which they are pulled.
    pub steps: Vec<StepView>,
    /// Why it waits until somebody approves, and what would go; null where it does not.
    pub held: Option<HeldView>,
}

/// How far a run is with one of its entities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Which.
    pub entity: String,
    /// `pending`, `running`, `removing`, `held`, `done`, `failed` or `notSupported`
    #[schema(value_type = String)]
    pub state: EntityState,
    /// Pages that were read.
    pub page: u32,
    /// How many pages there will be; null where the vendor does not say, or was not asked yet.
    pub total_pages: Option<u64>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows a second, waits included.
    pub rows_per_second: Option<f64>,
    /// How long it takes still, in milliseconds, if it goes on as it did; null where nobody can say.
    pub eta: Option<i64>,
    /// What happened to its rows up to here.
    pub counts: CountsView,
    /// Rows that were set aside.
    pub set_aside: u64,
}

impl StepView {
    /// One of a run, whose pages have so many rows.
    #[must_use]
    pub fn of(entity: &EntityPull, page_rows: u64, now: Timestamp) -> Self {
        // What is over has the pace that it had.
        let until = entity.last_page_at.filter(|_| entity.state.is_over()).unwrap_or(now);
        let pace = pace(entity, page_rows, until);
        Self {
            entity: entity.entity.to_string(),
            state: entity.state,
            page: pace.page,
            total_pages: pace.pages,
            rows: pace.rows,
            rows_per_second: pace.rows_per_second,
            eta: pace.left_ms.filter(|_| !entity.state.is_over()),
            counts: CountsView::from(entity.progress.counts),
            set_aside: entity.progress.set_aside,
        }
    }
}

/// What happened to rows.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct CountsView {
    /// New ones.
    pub created: u64,
    /// Changed ones.
    pub updated: u64,
    /// Those that are gone.
    pub removed: u64,
    /// Those that are what they were.
    pub unchanged: u64,
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        let Counts { created, updated, removed, unchanged, .. } = counts;
        Self { created, updated, removed, unchanged }
    }
}

/// How far a run is with the entity that it works at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressView {
    /// Which.
    pub entity: String,
    /// Pages that were read.
    pub page: u32,
    /// Rows that were read.
    pub rows: u64,
    /// How many pages there will be; null where the vendor does not say.
    pub total_pages: Option<u64>,
    /// When its first page was asked for, in milliseconds of the Unix epoch.
    pub started_at: Option<i64>,
    /// How long it takes still, in milliseconds, if it goes on as it did; null where nobody can say.
    pub eta: Option<i64>,
    /// Requests a second, waits included.
    pub rps: Option<f64>,
    /// Rows a second, waits included.
    pub rows_per_second: Option<f64>,
}

/// For whom a connection is reserved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockView {
    /// The run.
    pub run_id: String,
    /// When it started, in milliseconds of the Unix epoch.
    pub started_at: Option<i64>,
    /// What it works at.
    pub entity: Option<String>,
    /// Whether a worker has it now.
    pub held: bool,
    /// Until when that worker may be silent.
    pub expires_at: Option<String>,
    /// Who asked it to stop; null where nobody did.
    pub stopped_by: Option<String>,
}

/// What a run waits for.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// `backoff`, `retryAfter`, `approval`, `quota` or `breaker`
    pub reason: &'static str,
    /// For people.
    pub text: &'static str,
    /// Until when.
    pub until: String,
}

/// The last run that is over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastRunView {
    /// Which.
    pub run_id: Option<String>,
    /// When it was over, in milliseconds of the Unix epoch.
    pub timestamp: Option<i64>,
    /// Whether it went well.
    pub success: Option<bool>,
    /// Why not.
    pub error: Option<String>,
}

/// How an entity does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityStatusView {
    /// When it was last pulled to its end.
    pub last_success_at: Option<String>,
    /// When it failed last, in one of the last runs that failed.
    pub last_failure_at: Option<String>,
    /// Why.
    pub last_error: Option<String>,
    /// The reason's stable code.
    pub last_error_code: Option<String>,
    /// How many records there are of it.
    pub records: u64,
}

/// How an integration does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationHealthView {
    /// From 0 to 100; null where it never ran.
    pub health_score: Option<u8>,
    /// `healthy` (from 90), `degraded` (from 70) or `failing`; null where it never ran.
    pub health: Option<&'static str>,
    /// What the score is made of, each from 0 to 100.
    pub health_score_parts: Option<ScorePartsView>,
    /// What is left of its quota.
    pub rate_limit: Option<QuotaView>,
    /// Whether its vendor is asked.
    pub circuit_breaker: BreakerView,
}

/// What a health score is made of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScorePartsView {
    /// How late the last success is; weighs 40.
    pub freshness: u8,
    /// How many of the last 20 runs went well; weighs 40.
    pub success_rate: u8,
    /// How few of their rows were set aside; weighs 20.
    pub error_rate: u8,
}

/// What is left of a connection's quota, as all instances use it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaView {
    /// Requests in any minute.
    pub limit: u32,
    /// Requests in any hour.
    pub limit_per_hour: u32,
    /// How many may be sent at once now.
    pub remaining: u32,
    /// When there is one, where there is none now.
    pub reset: Option<String>,
}

/// The last runs, entity by entity.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncRunsView {
    /// Always true.
    pub ok: bool,
    /// The newest first.
    pub runs: Vec<super::entity_runs::EntityRunView>,
}

/// How the syncs of the default tenant's connection do, for anybody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncHealthView {
    /// Whether it is synced by itself: it is not while its schedule is off, or while it is paused.
    pub enabled: bool,
    /// How often, in minutes, or how often it would be; null where it has a pattern of cron, or there is no connection.
    pub interval_minutes: Option<u32>,
    /// How long a worker may be silent before another may take its place.
    pub lock_ttl_minutes: i64,
    /// How long a run may go without progress.
    pub hard_deadline_minutes: i64,
    /// What is pulled.
    pub entities: Vec<String>,
    /// In which hour (UTC) everything is pulled; null where none is named.
    pub nightly_full_hour_utc: Option<String>,
    /// For whom it is reserved.
    pub lock: HealthLockView,
    /// What became of the last run.
    pub status: HealthStatusView,
}

/// For whom a connection is reserved.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct HealthLockView {
    /// Whether it is.
    pub locked: bool,
    /// The run.
    pub holder: Option<String>,
    /// Until when its worker may be silent.
    pub expires_at: Option<String>,
    /// When it was reserved.
    pub acquired_at: Option<String>,
    /// When the run before it was over.
    pub released_at: Option<String>,
}

/// What became of the last run.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthStatusView {
    /// When one was started last.
    pub last_run_at: Option<String>,
    /// When one last went well.
    pub last_success_at: Option<String>,
    /// When one is due.
    pub next_run_at: Option<String>,
    /// `delta` or `backfill`
    pub mode: Option<&'static str>,
    /// `never_run`, `running`, `completed`, `failed`, `skipped` or `cancelled`
    pub status: &'static str,
    /// The code of the reason.
    pub error: Option<String>,
}
