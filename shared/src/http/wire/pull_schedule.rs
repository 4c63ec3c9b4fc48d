//! When a connection is pulled by itself, as clients of the control centre read and change it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::connections::schedule::Schedule;
use crate::domain::connections::stored::{KeptBy, StoredConnection};
use crate::domain::connections::times::Times;
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::run::Run;
use crate::domain::time;

/// When a connection is pulled by itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullScheduleView {
    /// Always true.
    pub ok: bool,
    /// `tenant/provider/name`
    pub connection: String,
    /// Whether it is: it is not while its schedule is off, or while it is paused.
    pub enabled: bool,
    /// Every how many minutes changes are pulled, or would be; null where a pattern of cron says when.
    pub interval_minutes: Option<u32>,
    /// In which hour of the UTC day everything is pulled; null where it is not.
    #[serde(rename = "fullSyncHourUTC")]
    pub full_sync_hour_utc: Option<u8>,
    /// The same.
    pub nightly_full_hour_utc: Option<u8>,
    /// What is pulled.
    pub entities: Vec<String>,
    /// The connection's schedule, as it is stored.
    #[schema(value_type = Object)]
    pub schedule: Schedule,
    /// Whether the connection is paused: nothing is started then, whatever the schedule says.
    pub paused: bool,
    /// When it is due next; null where it is not.
    pub next_run: Option<String>,
    /// When everything is due next; null where it is not.
    pub next_full_sync: Option<String>,
    /// What the deployment's configuration sets, and cannot be changed here.
    pub env_locked: Vec<&'static str>,
    /// Which configuration; null where operators keep the connection.
    pub locked_by: Option<String>,
    /// Ticks that started nothing, of the newest 50 runs, the newest first.
    pub skipped_ticks: Vec<SkippedTickView>,
}

/// A tick that started nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkippedTickView {
    /// When.
    pub at: String,
    /// `lock_held`: another run had the connection. `missing_api_key`: it has no key. Else the code of docs/errors.md
    pub reason: String,
    /// For people.
    pub detail: String,
    /// Under which it stands in the history.
    pub run_id: String,
}

/// What a configuration that keeps a connection sets.
const LOCKED: [&str; 4] = ["enabled", "intervalMinutes", "fullSyncHourUTC", "entities"];

/// What the deployment's configuration sets of when a connection is pulled, and which configuration.
#[must_use]
pub fn locked(stored: &StoredConnection) -> (Vec<&'static str>, Option<String>) {
    match &stored.kept_by {
        KeptBy::Operators => (Vec::new(), None),
        KeptBy::Configuration { source } => (LOCKED.to_vec(), Some(source.clone())),
    }
}

impl PullScheduleView {
    /// That of a connection. `next_run` is when it is due, `skipped` the runs that never began, the newest first.
    #[must_use]
    pub fn new(
        stored: &StoredConnection,
        entities: Vec<String>,
        next_run: Option<Timestamp>,
        skipped: &[Run],
        now: Timestamp,
    ) -> Self {
        let times = Times::of(stored, now);
        let (env_locked, locked_by) = locked(stored);
        Self {
            ok: true,
            connection: stored.connection.to_string(),
            enabled: times.enabled,
            interval_minutes: times.every,
            full_sync_hour_utc: times.full_at_hour_utc,
            nightly_full_hour_utc: times.full_at_hour_utc,
            entities,
            schedule: stored.schedule.clone(),
            paused: !stored.is_active(),
            next_run: times.next(next_run).map(time::text),
            next_full_sync: times.next_full.map(time::text),
            env_locked,
            locked_by,
            skipped_ticks: skipped.iter().map(SkippedTickView::from).collect(),
        }
    }
}

impl From<&Run> for SkippedTickView {
    fn from(run: &Run) -> Self {
        let code = run.error.as_ref().map_or("", RunError::code);
        let reason = if code == Failure::SyncInProgress.code() { "lock_held" } else { code };
        Self {
            at: time::text(run.started_at),
            reason: reason.to_owned(),
            detail: run.error.as_ref().map(|error| error.detail.clone()).unwrap_or_default(),
            run_id: run.id.to_string(),
        }
    }
}

/// What is to be changed; what is left out stays.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PullScheduleRequest {
    /// Whether it is pulled by itself.
    pub enabled: Option<bool>,
    /// Every how many minutes changes are pulled: 2 to 10,080.
    pub interval_minutes: Option<u32>,
    /// In which hour of the UTC day everything is pulled, 0 to 23; null for none. Also `nightlyFullHourUtc`
    #[schema(rename = "fullSyncHourUTC")]
    pub full_sync_hour_utc: Option<u8>,
    /// What is pulled: at least one.
    pub entities: Option<Vec<String>>,
}
