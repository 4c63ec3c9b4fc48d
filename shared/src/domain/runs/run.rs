//! A run: one execution of a sync for one connection.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::catalogue::findings::Findings;
use crate::domain::datasets::diff::Counts;
use crate::domain::ids::{Connection, RunId};
use crate::domain::mirror::backoff;
use crate::domain::runs::failure::RunError;
use crate::domain::runs::held::Held;
use crate::domain::runs::lease::{LEASE_MS, Wait};
use crate::domain::runs::log::{Line, RunLog};
use crate::domain::runs::mirror::MirrorWork;
use crate::domain::runs::pull::{EntityState, PullWork};
use crate::domain::runs::said;
use crate::domain::runs::slices::Slices;
use crate::domain::runs::spent::Spent;

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

/// How long a kind of run is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Without progress; a wait that the vendor asked for does not count.
    pub without_progress: SignedDuration,
    /// From start to end, waits included: nothing may wait for ever.
    pub in_all: SignedDuration,
    /// Slices in a row that end in a fault, or without progress.
    pub attempts_max: u32,
}

/// What a kind of run works at, and how far it got. Stored under its kind, so that a kind that a version does not know is
/// told from a damaged item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Work {
    /// One dataset, whose source can be read again in the same version.
    Catalogue(CatalogueWork),
    /// Entities of a vendor's API, read a page at a time.
    Pull(PullWork),
    /// The categories of a tenant and of its locations, one side made like the other.
    Mirror(MirrorWork),
}

/// The work of a catalogue's run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueWork {
    /// The source as asked for or configured: a path below the root, `s3://…` or `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
    /// Whether the removal guard was told to let go.
    #[serde(default)]
    pub allow_removals: bool,
    /// What it found, once the scan was whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// The aggregate hash of the source, lower hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// What it noticed beside.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
    /// Where the next slice starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

impl Work {
    /// The kind's name in events.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Catalogue(_) => "catalogue",
            Self::Pull(_) => "pull",
            Self::Mirror(_) => "mirror",
        }
    }

    /// How long such a run is given.
    #[must_use]
    pub fn patience(&self) -> Patience {
        match self {
            // It is given up as soon as the lease of whoever began it may have run out.
            Self::Pull(work) if work.one_row => {
                let lease = SignedDuration::from_millis(LEASE_MS);
                Patience { without_progress: lease, in_all: lease, attempts_max: 1 }
            }
            Self::Catalogue(_) | Self::Pull(_) | Self::Mirror(_) => Patience {
                without_progress: SignedDuration::from_mins(60),
                in_all: SignedDuration::from_hours(24),
                attempts_max: if let Self::Mirror(_) = self { backoff::ATTEMPTS_MAX } else { 6 },
            },
        }
    }

    /// Whether it got further than it was.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Catalogue(now), Self::Catalogue(before)) => {
                // A plan in place of another is none: of a source that is never twice the same there is one after another.
                let plan = before.checkpoint.as_ref().map_or(1, |before| before.plan);
                now.checkpoint != before.checkpoint && now.checkpoint.as_ref().is_some_and(|now| now.plan == plan)
            }
            (Self::Pull(now), Self::Pull(before)) => now.moved_since(before),
            (Self::Mirror(now), Self::Mirror(before)) => now.moved_since(before),
            _ => false,
        }
    }

    /// The hash of what it found, once that is known.
    #[must_use]
    pub fn hash(&self) -> Option<&str> {
        match self {
            Self::Catalogue(work) => work.hash.as_deref(),
            Self::Pull(_) | Self::Mirror(_) => None,
        }
    }

    /// What it found, once that is known.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        match self {
            Self::Catalogue(work) => work.counts,
            Self::Pull(work) => work.counts(),
            Self::Mirror(work) => work.counts(),
        }
    }

    /// That of a catalogue, if it is one.
    #[must_use]
    pub fn catalogue(&self) -> Option<&CatalogueWork> {
        match self {
            Self::Catalogue(work) => Some(work),
            Self::Pull(_) | Self::Mirror(_) => None,
        }
    }

    /// That of a pull, if it is one.
    #[must_use]
    pub fn pull(&self) -> Option<&PullWork> {
        match self {
            Self::Pull(work) => Some(work),
            Self::Catalogue(_) | Self::Mirror(_) => None,
        }
    }

    /// That of a mirror, if it is one.
    #[must_use]
    pub fn mirror(&self) -> Option<&MirrorWork> {
        match self {
            Self::Mirror(work) => Some(work),
            Self::Catalogue(_) | Self::Pull(_) => None,
        }
    }
}

/// A run, as stored: what all kinds have, and its [`Work`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Sorts by start.
    pub id: RunId,
    /// What it syncs.
    pub connection: Connection,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether it writes.
    pub mode: Mode,
    /// Who or what asked for it.
    pub actor: String,
    /// What started it.
    pub trigger: Trigger,
    /// When it started.
    #[serde(with = "crate::domain::time")]
    pub started_at: Timestamp,
    /// When the stored run last changed.
    #[serde(with = "crate::domain::time")]
    pub updated_at: Timestamp,
    /// From when its deadline is counted: its last progress, or the end of a wait that the vendor asked for.
    #[serde(with = "crate::domain::time")]
    pub deadline_from: Timestamp,
    /// When it was over.
    #[serde(default, with = "crate::domain::time::optional")]
    pub completed_at: Option<Timestamp>,
    /// From start to end, in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<u64>,
    /// Why it failed, was skipped or was stopped.
    #[serde(default)]
    pub error: Option<RunError>,
    /// Slices in a row that ended in a fault, or without progress.
    #[serde(default)]
    pub attempts: u32,
    /// How many of them, in a row, could not connect to its vendor. A fault of our own between them says nothing of the vendor.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unconnected: u32,
    /// What it waits for since its latest slice, for those who read about it: its lease decides. Past once it has gone on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The slices it took, once there was more than one.
    #[serde(default, skip_serializing_if = "Slices::is_empty")]
    pub slices: Slices,
    /// What it has spent up to its latest commit. Runs of before it was counted have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// What it says of itself while it goes on, where somebody can watch it.
    #[serde(default, skip_serializing_if = "RunLog::is_silent")]
    pub log: RunLog,
    /// Why it waits for approval, and what would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// For how long it waited for approval before, in milliseconds: that is given to it beside its own time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_ms: u64,
    /// The trace of the request that started it.
    pub correlation_id: String,
    /// What it works at.
    pub work: Work,
}

pub(super) fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl Run {
    /// The run as it is once it is over.
    #[must_use]
    pub fn ended(mut self, status: RunStatus, error: Option<RunError>, at: Timestamp) -> Self {
        self.status = status;
        self.error = error;
        self.wait = None;
        if self.held.take().is_some() {
            self.forget_removals();
        }
        self.updated_at = at;
        self.completed_at = Some(at);
        let elapsed = at.as_millisecond() - self.started_at.as_millisecond();
        self.duration_ms = Some(u64::try_from(elapsed).unwrap_or(0));
        match &mut self.work {
            Work::Catalogue(work) => work.checkpoint = None,
            // Where each entity ended is what people look for.
            Work::Pull(work) => work.entities.iter_mut().for_each(|entity| entity.before = None),
            Work::Mirror(_) => {}
        }
        if let Some(line) = said::over(&self, at) {
            self.say(line);
        }
        self.log.seal(at);
        self
    }

    /// What it would have removed, and was not let: none of that was done.
    fn forget_removals(&mut self) {
        match &mut self.work {
            // Nothing of a catalogue is done before its plan is let through.
            Work::Catalogue(work) => work.counts = None,
            // Of a mirror a plan before may have been: then the counts stay, as some of it was done.
            Work::Mirror(work) if work.removed == 0 && work.plan.as_ref().is_none_or(|plan| plan.done == 0) => {
                (work.plan, work.locations) = (None, Vec::new());
            }
            Work::Mirror(_) => {}
            Work::Pull(work) => {
                let held = work.entities.iter_mut().filter(|entity| entity.state == EntityState::Held);
                held.for_each(|entity| entity.progress.counts.removed = 0);
            }
        }
    }

    /// Ends what it is held for, if it is.
    pub fn let_go(&mut self, now: Timestamp) {
        let Some(held) = self.held.take() else { return };
        let waited = now.as_millisecond().saturating_sub(held.since.as_millisecond());
        self.held_ms = self.held_ms.saturating_add(u64::try_from(waited).unwrap_or(0));
    }

    /// Says something to whoever watches it: of a pull, as nobody can watch another kind. It is stored with the next commit.
    pub fn say(&mut self, line: Line) {
        if self.work.pull().is_some() {
            self.log.say(line);
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
