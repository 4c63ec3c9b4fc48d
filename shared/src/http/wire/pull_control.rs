//! Starting and stopping pulls, as clients of the control centre write and read it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::Connection;
use crate::domain::runs::pull::PullMode;
use crate::domain::runs::run::{Run, Work};
use crate::domain::time;

/// What is to be pulled.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PullRunRequest {
    /// Which entities; without it `["owners"]`, or all that the connection pulls where its vendor has none.
    pub entities: Option<Vec<String>>,
    /// `delta` (the default) or `backfill`; also `incremental` and `full`
    pub mode: Option<String>,
    /// Since when a delta asks for changes; without it since the last pull that went well.
    pub since: Option<String>,
    /// The same in days before now, 1 to 365, also as a text; not beside `since`. Sent empty it is 30.
    pub since_days: Option<u32>,
    /// Compare and count, and write nothing.
    pub dry_run: Option<bool>,
    /// Let a backfill remove more than the removal guard lets it.
    pub allow_removals: Option<bool>,
}

/// A pull that was started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullStartedView {
    /// Always true.
    pub ok: bool,
    /// The run.
    pub run_id: String,
    /// For people.
    pub message: &'static str,
    /// `delta` or `backfill`
    pub mode: &'static str,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Since when changes are asked for; null where that is known when the run begins.
    pub since: Option<String>,
    /// `tenant/provider/name`
    pub connection: String,
    /// What is pulled, one after another.
    pub results: Vec<PullStartedEntityView>,
}

/// An entity of a pull that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct PullStartedEntityView {
    /// Which.
    pub entity: String,
    /// Always `started`: what comes of it, the run says.
    pub status: &'static str,
}

impl From<&Run> for PullStartedView {
    fn from(run: &Run) -> Self {
        let (mode, since, entities) = match &run.work {
            Work::Pull(work) => (work.mode, work.since, work.entities.as_slice()),
            Work::Catalogue(_) | Work::Mirror(_) => (PullMode::default(), None, &[][..]),
        };
        let started = |entity: String| PullStartedEntityView { entity, status: "started" };
        Self {
            ok: true,
            run_id: run.id.to_string(),
            message: "Sync started",
            mode: mode.as_str(),
            dry_run: run.mode.is_dry(),
            since: since.map(time::text),
            connection: run.connection.to_string(),
            results: entities.iter().map(|entity| started(entity.entity.to_string())).collect(),
        }
    }
}

/// What became of whatever had a connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullStoppedView {
    /// Always true.
    pub ok: bool,
    /// Whether there was a run to stop.
    pub stopped: bool,
    /// For people.
    pub message: &'static str,
    /// `idle`: nothing ran. `stopped`: the run is over, and another may start. `stopping`: its worker stops at its next effect. `cut_off`:
    /// its worker is cut off, and another may start at `freeAt`
    pub state: &'static str,
    /// The run; null where there was none.
    pub run_id: Option<String>,
    /// When another may start, at the latest; null where that is now, or not known.
    pub free_at: Option<String>,
    /// `tenant/provider/name`
    pub connection: String,
}

impl PullStoppedView {
    /// What is told, for a state.
    #[must_use]
    pub fn new(connection: &Connection, state: &'static str, message: &'static str) -> Self {
        let connection = connection.to_string();
        Self { ok: true, stopped: state != "idle", message, state, run_id: None, free_at: None, connection }
    }
}
