//! The state after the last applied run.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::datasets::snapshot::SnapshotState;
use crate::domain::time;

/// The state of a vendor's snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateView {
    /// Always true.
    pub ok: bool,
    /// Null before the vendor's first run.
    pub snapshot: Option<SnapshotView>,
}

/// A snapshot: the state after the vendor's last applied run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// The vendor's slug.
    pub vendor: String,
    /// Items in the snapshot.
    pub total_items: u64,
    /// When the last apply was over.
    #[schema(format = DateTime)]
    pub last_run_at: Option<String>,
    /// How long it took, in milliseconds.
    pub last_duration_ms: Option<u64>,
    /// Where its items came from.
    pub last_source: Option<String>,
    /// The aggregate hash of its items.
    pub last_hash: Option<String>,
    /// Who asked for it.
    pub last_run_by: Option<String>,
    /// Why the latest run failed; null again after the next successful apply.
    pub last_error: Option<String>,
    /// When this state last changed.
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
    /// When it was first stored.
    #[schema(format = DateTime)]
    pub created_at: Option<String>,
}

impl From<SnapshotState> for SnapshotView {
    fn from(state: SnapshotState) -> Self {
        Self {
            vendor: state.vendor,
            total_items: state.total_items,
            last_run_at: state.last_run_at.map(time::text),
            last_duration_ms: state.last_duration_ms,
            last_source: state.last_source,
            last_hash: state.last_hash,
            last_run_by: state.last_run_by,
            last_error: state.last_error,
            updated_at: state.updated_at.map(time::text),
            created_at: state.created_at.map(time::text),
        }
    }
}
