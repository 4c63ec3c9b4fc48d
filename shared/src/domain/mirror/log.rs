//! The log of mirrors: a row for each, and what the counters over them add up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{RunId, TenantId};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::mirror::{LocationState, MirrorWork};
use crate::domain::runs::run::{Run, RunStatus};

/// How much of a reason a row shows, in characters.
const ERROR_CHARACTERS_MAX: usize = 500;

/// What became of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Running,
    /// All is done.
    Success,
    /// It failed, or was stopped.
    Failed,
    /// It never began.
    Skipped,
}

/// A row of the log. Its holder writes it with the run, at the start and at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorLog {
    /// The run, or the fan-out.
    pub id: RunId,
    /// Whose; none where it is a fan-out to all tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// Which way.
    pub strategy: Strategy,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// In the source alone.
    #[serde(default)]
    pub created: u64,
    /// In both, and different.
    #[serde(default)]
    pub updated: u64,
    /// In the target alone.
    #[serde(default)]
    pub deleted: u64,
    /// Locations whose earlier change Google still looks at.
    #[serde(default)]
    pub pending: u64,
    /// Categories without one of Google's ids.
    #[serde(default)]
    pub unmapped: u64,
    /// Whether it never began.
    #[serde(default)]
    pub skipped: bool,
    /// Why not: a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it failed, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The code of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What whoever asked for it was told.
    pub job_id: String,
    /// When it started.
    #[serde(with = "crate::domain::time")]
    pub started_at: Timestamp,
    /// When it was over.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// What whoever asks for a mirror is told: made of the run's id, so that no two have the same and none is stored beside it. Those of a
/// fan-out are one job.
#[must_use]
pub fn job_id(run: &RunId) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let started_ms = run.started_at().map_or(0, Timestamp::as_millisecond);
    // The last twelve digits of the id are random.
    let random = run.as_str().rsplit('-').next().and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let digit = |place: u32| char::from(DIGITS[(random / 36u64.pow(place) % 36) as usize]);
    let digits: String = (0..6).rev().map(digit).collect();
    format!("gbp-mirror-{started_ms}-{digits}")
}

/// The job that a run is, or is one of.
#[must_use]
pub fn job_of(run: &Run, work: &MirrorWork) -> String {
    job_id(work.parent.as_ref().unwrap_or(&run.id))
}

/// What became of a run.
#[must_use]
pub fn outcome(run: &Run) -> Outcome {
    match run.status {
        RunStatus::Pending => Outcome::Running,
        RunStatus::Success => Outcome::Success,
        RunStatus::Skipped => Outcome::Skipped,
        RunStatus::Failed | RunStatus::Cancelled => Outcome::Failed,
    }
}

/// The row of a run; none where it is no mirror.
#[must_use]
pub fn row(run: &Run) -> Option<MirrorLog> {
    let work = run.work.mirror()?;
    let counts = work.counts().unwrap_or_default();
    let skipped = run.status == RunStatus::Skipped;
    let code = run.error.as_ref().map(|error| error.code().to_owned());
    let detail = run.error.as_ref().map(|error| error.detail.chars().take(ERROR_CHARACTERS_MAX).collect());
    Some(MirrorLog {
        id: run.id.clone(),
        tenant_id: Some(run.connection.tenant.clone()),
        strategy: work.strategy,
        dry_run: run.mode.is_dry(),
        created: counts.created,
        updated: counts.updated,
        deleted: counts.removed,
        pending: work.locations_in(LocationState::Pending) as u64,
        unmapped: work.unmapped,
        skipped,
        reason: code.clone().filter(|_| skipped),
        error: detail.filter(|_| !skipped),
        code: code.filter(|_| !skipped),
        job_id: job_of(run, work),
        started_at: run.started_at,
        completed_at: run.completed_at,
    })
}

/// How many mirrors there were, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MirrorTally {
    /// Rows, those of fan-outs among them.
    pub rows: u64,
    /// Mirrors of tenants.
    pub runs: u64,
    /// That went well.
    pub success: u64,
    /// That failed.
    pub failed: u64,
    /// That never began.
    pub skipped: u64,
    /// That found the two sides different, and were not skipped.
    pub out_of_sync: u64,
}

impl std::ops::AddAssign for MirrorTally {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.runs += other.runs;
        self.success += other.success;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.out_of_sync += other.out_of_sync;
    }
}

impl MirrorTally {
    /// One row.
    #[must_use]
    pub fn of(row: &MirrorLog) -> Self {
        // A fan-out is the sum of what is counted already.
        let runs = u64::from(row.tenant_id.is_some());
        let one = |is: bool| runs * u64::from(is);
        let is_over = row.completed_at.is_some() && !row.skipped;
        let differs = row.created + row.updated + row.deleted > 0;
        Self {
            rows: 1,
            runs,
            success: one(is_over && row.error.is_none()),
            failed: one(row.error.is_some()),
            skipped: one(row.skipped),
            out_of_sync: one(!row.skipped && differs),
        }
    }

    /// How many of a hundred went well, of those that came to an end, to a tenth; none where none did. One that goes on, or waits for
    /// somebody, has not failed.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        let ended = self.success + self.failed;
        if ended == 0 { 0.0 } else { (self.success as f64 * 1_000.0 / ended as f64).round() / 10.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_after_its_start_and_six_digits_of_its_own() {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let job = job_id(&RunId::new(at, [7; 16]));
        let (start, digits) = job.rsplit_once('-').unwrap();
        assert_eq!(start, "gbp-mirror-1700000000000");
        assert!(
            digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()),
            "{job}"
        );
        assert_ne!(job, job_id(&RunId::new(at, [8; 16])));
    }

    #[test]
    fn skipped_ones_are_no_success_and_spoil_no_rate() {
        let none = MirrorTally::default();
        assert_eq!(none.success_rate(), 0.0);
        let some = MirrorTally { runs: 4, success: 2, failed: 1, skipped: 1, ..none };
        assert_eq!(some.success_rate(), 66.7);
        assert_eq!(MirrorTally { runs: 1, skipped: 1, ..none }.success_rate(), 0.0);
    }
}
