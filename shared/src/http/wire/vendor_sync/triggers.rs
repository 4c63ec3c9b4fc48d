//! Starting syncs. Bodies are read field by field, so that an answer names the one that is wrong: their types describe them.

use serde::Serialize;
use utoipa::ToSchema;

use super::runs::warning;
use crate::domain::runs::run::{Mode, Run};
use crate::domain::time;

/// Whether a run writes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ModeView {
    /// Compare and count.
    DryRun,
    /// Make the snapshot equal the source.
    Apply,
}

impl From<Mode> for ModeView {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::DryRun => Self::DryRun,
            Mode::Apply => Self::Apply,
        }
    }
}

/// A sync of MOSCOT.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MoscotSyncRequest {
    /// Compare and count, write nothing.
    pub dry_run: Option<bool>,
    /// Another source than the configured one.
    pub source_path: Option<String>,
    /// Whether more than a fifth of the snapshot may be removed.
    pub allow_removals: Option<bool>,
}

/// A sync of any vendor.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct VendorSyncRequest {
    /// `dryRun` or `apply`, however spelt.
    pub mode: Option<String>,
    /// Where no mode is named.
    pub dry_run: Option<bool>,
    /// Another source than the configured one.
    pub source_path: Option<String>,
    /// Items for a dry run that only counts them.
    #[schema(value_type = Option<Vec<Object>>)]
    pub inject: Option<Vec<serde_json::Value>>,
    /// Whether more than a fifth of the snapshot may be removed.
    pub allow_removals: Option<bool>,
}

/// A run that goes on in the background.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedView {
    /// Always true.
    pub ok: bool,
    /// Always true.
    pub accepted: bool,
    /// The run.
    pub run_id: String,
    /// Its status as stored.
    pub status: &'static str,
    /// Where to look what became of it.
    pub location: String,
}

/// A run of MOSCOT that goes on in the background.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoscotAcceptedView {
    /// The run.
    #[serde(flatten)]
    pub accepted: AcceptedView,
    /// Whether it writes nothing.
    pub dry_run: bool,
}

/// A run of a vendor that goes on in the background.
#[derive(Debug, Serialize, ToSchema)]
pub struct VendorAcceptedView {
    /// The run.
    #[serde(flatten)]
    pub accepted: AcceptedView,
    /// Whether it writes.
    pub mode: ModeView,
}

/// A run of MOSCOT that is over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoscotSyncView {
    /// Always true.
    pub ok: bool,
    /// Whether it wrote nothing.
    pub dry_run: bool,
    /// The run.
    pub run_id: String,
    /// Its status as stored.
    pub status: &'static str,
    /// What it found.
    pub metrics: MoscotMetrics,
    /// Where the catalogue came from.
    pub source_path: Option<String>,
    /// What an apply would be refused for; or that rows were set aside.
    pub warning: Option<String>,
}

/// How many items, by what happened to them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoscotMetrics {
    /// Distinct ids in the source.
    pub total: u64,
    /// New.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// Gone.
    pub removed: u64,
    /// The same.
    pub unchanged: u64,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// 1 or 0, as the original had it.
    pub dry_run: u8,
}

impl From<&Run> for MoscotSyncView {
    fn from(run: &Run) -> Self {
        let counts = run.work.counts().unwrap_or_default();
        Self {
            ok: true,
            dry_run: run.mode.is_dry(),
            run_id: run.id.to_string(),
            status: run.status.as_str(),
            metrics: MoscotMetrics {
                total: counts.total,
                created: counts.created,
                updated: counts.updated,
                removed: counts.removed,
                unchanged: counts.unchanged,
                duration_ms: run.duration_ms,
                dry_run: run.mode.is_dry().into(),
            },
            source_path: run.work.catalogue().and_then(|work| work.source_path.clone()),
            warning: warning(run),
        }
    }
}

/// A run of a vendor that is over, or a dry run of nothing that is stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorSyncView {
    /// Always true.
    pub ok: bool,
    /// Whether it wrote.
    pub mode: ModeView,
    /// The run; `noop` or `inject-dry-run` where none is stored.
    pub run_id: String,
    /// What it found.
    pub summary: SyncSummary,
    /// What an apply would be refused for, or that rows were set aside; absent where no run is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub warning: Option<Option<String>>,
}

/// How many items, by what happened to them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncSummary {
    /// The vendor's slug.
    pub vendor: String,
    /// Where the catalogue came from.
    pub source_path: Option<String>,
    /// Distinct ids in the source.
    pub total: u64,
    /// New.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// The same.
    pub unchanged: u64,
    /// Gone.
    pub removed: u64,
    /// The aggregate hash of the source.
    pub hash: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// When it was over.
    pub timestamp: Option<String>,
    /// The run's status as stored; null where no run is.
    pub status: Option<&'static str>,
}

impl From<&Run> for VendorSyncView {
    fn from(run: &Run) -> Self {
        let counts = run.work.counts().unwrap_or_default();
        let summary = SyncSummary {
            vendor: run.connection.name.to_string(),
            source_path: run.work.catalogue().and_then(|work| work.source_path.clone()),
            total: counts.total,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            removed: counts.removed,
            hash: run.work.hash().unwrap_or_default().to_owned(),
            dry_run: run.mode.is_dry(),
            duration_ms: run.duration_ms,
            timestamp: run.completed_at.map(time::text),
            status: Some(run.status.as_str()),
        };
        Self { ok: true, mode: run.mode.into(), run_id: run.id.to_string(), summary, warning: Some(warning(run)) }
    }
}

impl VendorSyncView {
    /// A dry run of `count` new items that is not stored.
    #[must_use]
    pub fn unstored(vendor: &str, run_id: &str, source: &str, count: u64, now: String) -> Self {
        let summary = SyncSummary {
            vendor: vendor.to_owned(),
            source_path: Some(source.to_owned()),
            total: count,
            created: count,
            updated: 0,
            unchanged: 0,
            removed: 0,
            hash: String::new(),
            dry_run: true,
            duration_ms: Some(0),
            timestamp: Some(now),
            status: None,
        };
        Self { ok: true, mode: ModeView::DryRun, run_id: run_id.to_owned(), summary, warning: None }
    }
}
