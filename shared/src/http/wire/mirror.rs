//! Mirrors, as their clients start and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::mirror::log::{MirrorLog, MirrorTally, job_of};
use crate::domain::runs::lease::WaitReason;
use crate::domain::runs::run::Run;
use crate::domain::time;

/// What a mirror is asked for by.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is described; the fields are read one by one")]
pub struct MirrorStartRequest {
    /// `platform_to_gbp` or `gbp_to_platform`.
    strategy: String,
    /// Whose; all tenants that have the feature on where none is named.
    tenant_id: Option<String>,
    /// Whether nothing is written. False where it is left out.
    dry_run: Option<bool>,
}

/// A mirror is accepted, and its row of the log is there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorAcceptedView {
    /// Always true.
    pub success: bool,
    /// Always true.
    pub accepted: bool,
    /// What its rows of the log are called.
    pub job_id: String,
    /// Which way.
    pub strategy: &'static str,
    /// Whose; null for all.
    pub tenant_id: Option<String>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// A row of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorLogView {
    /// The run, or the fan-out to all tenants.
    pub id: String,
    /// Whose; null where it is a fan-out, whose counts are the sums of its tenants'.
    pub tenant_id: Option<String>,
    /// Which way.
    pub strategy: &'static str,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// In the source alone.
    pub created: u64,
    /// In both, at another place or with another name.
    pub updated: u64,
    /// In the target alone.
    pub deleted: u64,
    /// Whether it never began.
    pub skipped: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The code of that, see `docs/errors.md`.
    pub code: Option<String>,
    /// Locations that are left alone, as Google still looks at an earlier change of them.
    pub pending: u64,
    /// Categories that are left alone, as they have none of Google's ids.
    pub unmapped: u64,
    /// What whoever asked for it was told.
    pub job_id: String,
    /// When it started.
    pub started_at: String,
    /// When it was over; null while it is not.
    pub completed_at: Option<String>,
}

impl From<MirrorLog> for MirrorLogView {
    fn from(row: MirrorLog) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant_id.map(|tenant| tenant.to_string()),
            strategy: row.strategy.as_str(),
            dry_run: row.dry_run,
            created: row.created,
            updated: row.updated,
            deleted: row.deleted,
            skipped: row.skipped,
            reason: row.reason,
            error: row.error,
            code: row.code,
            pending: row.pending,
            unmapped: row.unmapped,
            job_id: row.job_id,
            started_at: time::text(row.started_at),
            completed_at: row.completed_at.map(time::text),
        }
    }
}

/// Where a page of the log stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OffsetView {
    /// How many rows there are.
    pub total: u64,
    /// How many a page has.
    pub limit: usize,
    /// How many come before it.
    pub offset: u64,
    /// Whether there are more behind it.
    pub has_more: bool,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct MirrorLogsView {
    /// Always true.
    pub success: bool,
    /// The rows, newest first.
    pub data: Vec<MirrorLogView>,
    /// Where they stand.
    pub pagination: OffsetView,
}

/// The newest row of a kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastMirrorView {
    /// Always true.
    pub success: bool,
    /// The row; null where there is none.
    pub data: Option<MirrorLogView>,
}

/// A mirror that failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorErrorView {
    /// The run.
    pub id: String,
    /// Whose.
    pub tenant_id: Option<String>,
    /// Why.
    pub error: String,
    /// When it started.
    pub started_at: String,
}

/// The mirrors of a day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorStats {
    /// Mirrors of tenants that started.
    pub total_runs: u64,
    /// That went well.
    pub successful_runs: u64,
    /// That failed.
    pub failed_runs: u64,
    /// That never began: no success, and no failure.
    pub skipped_runs: u64,
    /// How many of a hundred went well, of those that began.
    pub success_rate: f64,
    /// That found the two sides different.
    pub out_of_sync_count: u64,
    /// The newest five that failed.
    pub recent_errors: Vec<MirrorErrorView>,
}

/// The mirrors of a day, in their envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct MirrorStatsView {
    /// Always true.
    pub success: bool,
    /// The figures.
    pub stats: MirrorStats,
}

impl MirrorStatsView {
    /// The figures of a day, and what failed.
    #[must_use]
    pub fn of(tally: &MirrorTally, failed: Vec<MirrorLog>) -> Self {
        let error = |row: MirrorLog| MirrorErrorView {
            id: row.id.to_string(),
            tenant_id: row.tenant_id.map(|tenant| tenant.to_string()),
            error: row.error.unwrap_or_default(),
            started_at: time::text(row.started_at),
        };
        let stats = MirrorStats {
            total_runs: tally.runs,
            successful_runs: tally.success,
            failed_runs: tally.failed,
            skipped_runs: tally.skipped,
            success_rate: tally.success_rate(),
            out_of_sync_count: tally.out_of_sync,
            recent_errors: failed.into_iter().map(error).collect(),
        };
        Self { success: true, stats }
    }
}

/// What may go of a run that waits for approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is described; the field is read by itself")]
pub struct ApproveRequest {
    /// How many may go; as many as it waits for where it is left out.
    removals_max: Option<u64>,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecidedView {
    /// Always true.
    pub ok: bool,
    /// The run.
    pub run_id: String,
    /// `approved`, `rejected` or `stopping`.
    pub decision: &'static str,
    /// How many may go; null where it was rejected.
    pub removals_max: Option<u64>,
}

/// A mirror that waits for somebody to approve of what it would remove.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldMirrorView {
    /// The run, as it is approved of or rejected.
    pub id: String,
    /// Whose.
    pub tenant_id: String,
    /// The kind of system that its connection leads to.
    pub provider: String,
    /// Which of them.
    pub connection: String,
    /// Which way.
    pub strategy: &'static str,
    /// What whoever asked for it was told.
    pub job_id: String,
    /// When it started.
    pub started_at: String,
    /// Since when it waits.
    pub since: String,
    /// Until when it waits, and is rejected then; null while it is planned anew.
    pub until: Option<String>,
    /// Why, for people.
    pub why: String,
    /// How many categories would go.
    pub removals: u64,
    /// Of how many.
    pub of: u64,
    /// What would go, up to 50: a location's name and Google's id, or the id and the tenant's name of it.
    pub going: Vec<String>,
}

/// The mirrors that wait for approval.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldMirrorsView {
    /// Always true.
    pub success: bool,
    /// Those, the oldest first.
    pub data: Vec<HeldMirrorView>,
    /// Whether there may be more.
    pub has_more: bool,
}

impl HeldMirrorView {
    /// A run that waits; none where it does not.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let work = run.work.mirror()?;
        let held = run.held.as_ref()?;
        Some(Self {
            id: run.id.to_string(),
            tenant_id: run.connection.tenant.to_string(),
            provider: run.connection.provider.to_string(),
            connection: run.connection.name.to_string(),
            strategy: work.strategy.as_str(),
            job_id: job_of(run, work),
            started_at: time::text(run.started_at),
            since: time::text(held.since),
            until: run.wait.filter(|wait| wait.reason == WaitReason::Approval).map(|wait| time::text(wait.until)),
            why: held.why.clone(),
            removals: held.removals,
            of: held.of,
            going: held.going.iter().cloned().collect(),
        })
    }
}
