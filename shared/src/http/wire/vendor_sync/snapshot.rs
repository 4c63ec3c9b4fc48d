//! The state after the last applied run.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::datasets::snapshot::SnapshotState;

/// The state of a vendor's snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateView {
    /// Always true.
    pub ok: bool,
    /// Null before the vendor's first run.
    pub snapshot: Option<SnapshotState>,
}
