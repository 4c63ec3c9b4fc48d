//! Health score: one number from 0 to 100 for how a connection that is pulled does, with its parts.
//!
//! | part | is 100 | falls to 0 | weighs |
//! |---|---|---|---|
//! | freshness | within two cadences of the last success; without a schedule within 24 hours | at once to 70 when that is over, and to 0 by four times as long | 40 |
//! | success rate | where no run of those that are looked at failed | with each that failed; 0 where all did | 40 |
//! | error rate | where no row was set aside | with their share of all rows; 0 from one in twenty on | 20 |
//!
//! The score is their weighted sum, rounded: it never rises because something got worse.

use serde::Serialize;

/// From this score on it is healthy.
pub const HEALTHY_MIN: u8 = 90;
/// And from this one degraded; below it is failing.
pub const DEGRADED_MIN: u8 = 70;

/// For how long a success is fresh where nothing says when the next one is due, in milliseconds.
const UNSCHEDULED_MS: i64 = 86_400_000;
/// In how many cadences one success must follow another.
const CADENCES: i64 = 2;
/// In how many times as long nothing of freshness is left.
const STALE_AFTER: f64 = 4.0;
/// What is left of it at once when it is late: with all else well that is degraded.
const LATE: f64 = 70.0;
/// From which share of rows that were set aside on nothing is left.
const BAD_ROWS_MAX: f64 = 0.05;
const WEIGHTS: [f64; 3] = [0.4, 0.4, 0.2];

/// What is known of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// How long ago a run last went well, in milliseconds; none where none ever did.
    pub since_success_ms: Option<i64>,
    /// How often one is due, in milliseconds; none where nothing says so.
    pub cadence_ms: Option<i64>,
    /// How many of the runs that are looked at went well.
    pub succeeded: u64,
    /// And how many failed.
    pub failed: u64,
    /// How many rows they have read.
    pub rows: u64,
    /// How many of these could not be taken.
    pub bad_rows: u64,
}

/// How it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Below 70.
    Failing,
    /// From 70 on.
    Degraded,
    /// From 90 on.
    Healthy,
}

impl Band {
    /// That of a score.
    #[must_use]
    pub fn of(score: u8) -> Self {
        match score {
            HEALTHY_MIN.. => Self::Healthy,
            DEGRADED_MIN.. => Self::Degraded,
            _ => Self::Failing,
        }
    }

    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Degraded => "degraded",
            Self::Healthy => "healthy",
        }
    }
}

/// A score and its parts, each from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// All of it.
    pub score: u8,
    /// How late the last success is.
    pub freshness: u8,
    /// How many runs went well.
    pub success_rate: u8,
    /// How few rows were set aside.
    pub error_rate: u8,
}

impl Score {
    /// How it does.
    #[must_use]
    pub fn band(&self) -> Band {
        Band::of(self.score)
    }
}

/// Scores a connection; none where it never ran, of which nothing can be said.
#[must_use]
pub fn score(evidence: &Evidence) -> Option<Score> {
    if evidence.since_success_ms.is_none() && evidence.succeeded + evidence.failed == 0 {
        return None;
    }
    let parts = [freshness(evidence), success_rate(evidence), error_rate(evidence)];
    let sum: f64 = parts.iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum();
    let [freshness, success_rate, error_rate] = parts.map(whole);
    Some(Score { score: whole(sum), freshness, success_rate, error_rate })
}

/// Each part is within 0 and 100.
fn whole(part: f64) -> u8 {
    part.round().clamp(0.0, 100.0) as u8
}

fn freshness(evidence: &Evidence) -> f64 {
    let Some(age_ms) = evidence.since_success_ms else { return 0.0 };
    let cadence_ms = evidence.cadence_ms.map(|cadence| cadence.max(1).saturating_mul(CADENCES));
    let grace = cadence_ms.unwrap_or(UNSCHEDULED_MS) as f64;
    let late = age_ms as f64 / grace - 1.0;
    if late <= 0.0 { 100.0 } else { (LATE * (1.0 - late / (STALE_AFTER - 1.0))).max(0.0) }
}

fn success_rate(evidence: &Evidence) -> f64 {
    let all = evidence.succeeded.saturating_add(evidence.failed);
    if all == 0 { 100.0 } else { evidence.succeeded as f64 / all as f64 * 100.0 }
}

fn error_rate(evidence: &Evidence) -> f64 {
    let all = evidence.rows.max(evidence.bad_rows);
    if all == 0 {
        return 100.0;
    }
    let share = evidence.bad_rows as f64 / all as f64;
    (100.0 * (1.0 - share / BAD_ROWS_MAX)).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const WELL: Evidence = Evidence {
        since_success_ms: Some(5 * MINUTE),
        cadence_ms: Some(10 * MINUTE),
        succeeded: 20,
        failed: 0,
        rows: 1_000,
        bad_rows: 0,
    };

    #[test]
    fn scores_and_their_bands() {
        let late = |minutes: i64| Evidence { since_success_ms: Some(minutes * MINUTE), ..WELL };
        let unscheduled = |hours: i64| Evidence { cadence_ms: None, ..late(hours * 60) };
        for (evidence, expected, band) in [
            (WELL, (100, 100, 100, 100), Band::Healthy),
            (late(20), (100, 100, 100, 100), Band::Healthy),
            (late(21), (88, 69, 100, 100), Band::Degraded),
            (late(80), (60, 0, 100, 100), Band::Failing),
            (unscheduled(24), (100, 100, 100, 100), Band::Healthy),
            (unscheduled(25), (88, 69, 100, 100), Band::Degraded),
            (Evidence { succeeded: 15, failed: 5, ..WELL }, (90, 100, 75, 100), Band::Healthy),
            (Evidence { succeeded: 14, failed: 6, ..WELL }, (88, 100, 70, 100), Band::Degraded),
            (Evidence { succeeded: 0, failed: 20, ..WELL }, (60, 100, 0, 100), Band::Failing),
            (Evidence { bad_rows: 25, ..WELL }, (90, 100, 100, 50), Band::Healthy),
            (Evidence { bad_rows: 50, ..WELL }, (80, 100, 100, 0), Band::Degraded),
            (Evidence { bad_rows: 7, rows: 0, ..WELL }, (80, 100, 100, 0), Band::Degraded),
            (Evidence { since_success_ms: None, succeeded: 0, failed: 1, ..WELL }, (20, 0, 0, 100), Band::Failing),
        ] {
            let Score { score, freshness, success_rate, error_rate } = score(&evidence).unwrap();
            assert_eq!((score, freshness, success_rate, error_rate), expected, "{evidence:?}");
            assert_eq!(Band::of(score), band, "{evidence:?}");
        }
        assert_eq!(score(&Evidence { cadence_ms: Some(MINUTE), ..Evidence::default() }), None, "it never ran");
        let bands = [0, 69, 70, 89, 90, 100].map(|score| Band::of(score).as_str());
        assert_eq!(bands, ["failing", "failing", "degraded", "degraded", "healthy", "healthy"]);
    }

    fn evidence() -> impl Strategy<Value = Evidence> {
        let ms = || 0..10_000 * MINUTE;
        let rows = (0..10_000_u64, 0..2_000_u64);
        (ms(), proptest::option::of(1..2_000 * MINUTE), (0..50_u64, 0..50_u64), rows).prop_map(
            |(since, cadence_ms, (succeeded, failed), (rows, bad_rows))| Evidence {
                since_success_ms: Some(since),
                cadence_ms,
                succeeded,
                failed,
                rows,
                bad_rows,
            },
        )
    }

    proptest! {
        #[test]
        fn it_never_rises_because_something_got_worse(one in evidence(), more in 1..1_000_u64) {
            let of = |evidence: &Evidence| score(evidence).unwrap();
            let before = of(&one);
            prop_assert!(before.score <= 100);
            let later = Evidence { since_success_ms: one.since_success_ms.map(|ms| ms + more as i64 * MINUTE), ..one };
            let failed = Evidence { failed: one.failed + more, ..one };
            let bad = Evidence { bad_rows: one.bad_rows + more, ..one };
            let never = Evidence { since_success_ms: None, failed: one.failed.max(1), ..one };
            for worse in [later, failed, bad, never] {
                prop_assert!(of(&worse).score <= before.score, "{one:?} {worse:?}");
            }
            let better = Evidence { succeeded: one.succeeded + more, ..one };
            prop_assert!(of(&better).score >= before.score, "{one:?} {better:?}");
        }
    }
}
