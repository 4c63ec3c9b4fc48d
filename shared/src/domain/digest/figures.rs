//! A week, and how its mirrors did.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::mirror::log::{MirrorLog, MirrorTally};

const DAY_SECONDS: i64 = 86_400;
const WEEK_SECONDS: i64 = 7 * DAY_SECONDS;
/// 1970-01-05, the first Monday.
const FIRST_MONDAY_SECONDS: i64 = 4 * DAY_SECONDS;
/// When on its Monday a week is told, and for how long afterwards it is still begun.
const TOLD_FROM: SignedDuration = SignedDuration::from_hours(6);
const TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// So many failures are named; the others are counted.
pub const FAILURES_MAX: usize = 10;

/// A week, by the Monday on which it was over, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Week(#[serde(with = "crate::domain::time")] Timestamp);

impl Week {
    /// The last week that was over at a time.
    #[must_use]
    pub fn before(now: Timestamp) -> Self {
        let since = now.as_second() - FIRST_MONDAY_SECONDS;
        let monday = since.div_euclid(WEEK_SECONDS) * WEEK_SECONDS + FIRST_MONDAY_SECONDS;
        Self(Timestamp::from_second(monday).unwrap_or(now))
    }

    /// When it was over.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.0
    }

    /// When it began.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.0.checked_sub(SignedDuration::from_secs(WEEK_SECONDS)).unwrap_or(Timestamp::MIN)
    }

    /// Whether it is to be told now by itself: on its Monday from six o'clock on, for a day.
    #[must_use]
    pub fn is_told_at(self, now: Timestamp) -> bool {
        let since = now.duration_since(self.0);
        since >= TOLD_FROM && since < TOLD_FROM + TOLD_WITHIN
    }

    /// Its first and its last day, for people.
    #[must_use]
    pub fn days(self) -> (String, String) {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        (day(self.start()), day(self.0.checked_sub(SignedDuration::from_secs(1)).unwrap_or(self.0)))
    }
}

/// How the mirrors of a week did.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Which.
    pub week: Week,
    /// How many there were.
    pub tally: MirrorTally,
    /// Those that failed, the newest first, [`FAILURES_MAX`] at most.
    pub failures: Vec<MirrorLog>,
}

impl Figures {
    /// How many of those that began went well, for people.
    #[must_use]
    pub fn rate(&self) -> String {
        match self.tally.runs.saturating_sub(self.tally.skipped) {
            0 => "–".to_owned(),
            _ => format!("{} %", self.tally.success_rate()),
        }
    }
}
