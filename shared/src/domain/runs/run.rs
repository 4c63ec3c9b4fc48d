//! A run: one execution of a sync for one connection.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::datasets::diff::Counts;
use crate::domain::ids::{Connection, RunId, Slug, TenantId};

/// A run must be over by then; the watchdog fails one that is not.
pub const RUN_MINUTES_MAX: i64 = 60;
/// How often a run is tried again after a transient fault.
pub const ATTEMPTS_MAX: u32 = 6;

/// Where a run stands, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// Started and not over.
    Pending,
    /// Over, all done.
    Success,
    /// Over, with a reason.
    Failed,
    /// Never started, with a reason.
    Skipped,
    /// Stopped by an operator.
    Cancelled,
}

/// Where a run stands, as clients of the vendor sync see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeenStatus {
    /// Not over.
    Running,
    /// Over, all done.
    Success,
    /// Anything else.
    Error,
}

impl RunStatus {
    /// What clients see.
    #[must_use]
    pub fn seen(self) -> SeenStatus {
        match self {
            Self::Pending => SeenStatus::Running,
            Self::Success => SeenStatus::Success,
            Self::Failed | Self::Skipped | Self::Cancelled => SeenStatus::Error,
        }
    }

    /// The status in a stored attribute or an answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(self) -> bool {
        self != Self::Pending
    }
}

impl SeenStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Success, Self::Error];

    /// The status in an answer, an index key and a counter's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
        }
    }

    /// Reads a filter value, case-insensitively, with the names that older clients use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "running" | "pending" | "in_progress" | "processing" | "active" => Some(Self::Running),
            "success" | "ok" | "completed" | "done" => Some(Self::Success),
            "error" | "failed" | "failure" => Some(Self::Error),
            _ => None,
        }
    }
}

/// Whether a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Compare and count, write nothing but the run (I5).
    DryRun,
    /// Make the snapshot equal the source.
    Apply,
}

impl Mode {
    /// Reads a mode as clients spell it: lower-cased, everything but letters dropped (`DRY_RUN`, `dry-run`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text.to_lowercase().chars().filter(char::is_ascii_lowercase).collect();
        match letters.as_str() {
            "dryrun" => Some(Self::DryRun),
            "apply" => Some(Self::Apply),
            _ => None,
        }
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_dry(self) -> bool {
        self == Self::DryRun
    }
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A client's request.
    Manual,
    /// The schedule.
    Schedule,
}

/// Why a run failed or was skipped: a stable code, and a text that carries no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// A code of `docs/errors.md`.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// How far the write phase got: where the next slice starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Which of the run's plans it is about, counted from 1: another plan starts from nothing.
    #[serde(default)]
    pub plan: u32,
    /// All planned rows up to this row of the source are written.
    pub rows_written: u64,
    /// So many of the planned removals are done.
    pub removals_done: u64,
}

/// A run, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Sorts by start.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// Which vendor's catalogue.
    pub vendor: Slug,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether it writes.
    pub mode: Mode,
    /// Who or what asked for it.
    pub actor: String,
    /// What started it.
    pub trigger: Trigger,
    /// The source as asked for or configured: a path below the root, `s3://…` or `https://…`.
    pub source_path: Option<String>,
    /// Whether the removal guard was told to let go.
    #[serde(default)]
    pub allow_removals: bool,
    /// When it started.
    #[serde(with = "crate::domain::time")]
    pub started_at: Timestamp,
    /// When the stored run last changed.
    #[serde(with = "crate::domain::time")]
    pub updated_at: Timestamp,
    /// When it was over.
    #[serde(default, with = "crate::domain::time::optional")]
    pub completed_at: Option<Timestamp>,
    /// From start to end, in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<u64>,
    /// What it found, once the scan was whole.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// The aggregate hash of the source, lower hex.
    #[serde(default)]
    pub hash: Option<String>,
    /// Why it failed or was skipped.
    #[serde(default)]
    pub error: Option<RunError>,
    /// Where the next slice starts.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// Slices that ended in a transient fault.
    #[serde(default)]
    pub attempts: u32,
    /// The trace of the request that started it.
    pub correlation_id: String,
}

impl Run {
    /// The connection it syncs.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::new(self.tenant.clone(), self.vendor.clone())
    }

    /// When the watchdog gives it up.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let at = self.started_at.as_millisecond() + RUN_MINUTES_MAX * 60_000;
        Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX)
    }

    /// The run as it is once it is over.
    #[must_use]
    pub fn ended(mut self, status: RunStatus, at: Timestamp) -> Self {
        self.status = status;
        self.updated_at = at;
        self.completed_at = Some(at);
        let elapsed = at.as_millisecond() - self.started_at.as_millisecond();
        self.duration_ms = Some(u64::try_from(elapsed).unwrap_or(0));
        self.checkpoint = None;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_statuses_are_read_as_clients_spell_them() {
        for (text, expected) in [
            ("dry-run", Some(Mode::DryRun)),
            ("DRY_RUN", Some(Mode::DryRun)),
            ("dryRun", Some(Mode::DryRun)),
            ("Apply", Some(Mode::Apply)),
            ("", None),
            ("full", None),
        ] {
            assert_eq!(Mode::parse(text), expected, "{text}");
        }
        for (text, expected) in [
            ("Error", Some(SeenStatus::Error)),
            ("failed", Some(SeenStatus::Error)),
            ("PENDING", Some(SeenStatus::Running)),
            ("success", Some(SeenStatus::Success)),
            ("sleeping", None),
        ] {
            assert_eq!(SeenStatus::parse(text), expected, "{text}");
        }
    }
}
