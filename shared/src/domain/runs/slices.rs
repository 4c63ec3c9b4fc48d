//! The slices that a run took, for those who read about it: a bounded list on the run, stored with what is written anyway.
//!
//! A run of one slice has none: its start and end say it all. A slice whose worker died left nothing, and shows as a gap.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::runs::life::CameTo;

/// How many are kept, the newest of them. Some 50 bytes each, so that a long run's item costs no more to write.
pub const KEPT_MAX: usize = 12;

/// Why a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndedBy {
    /// Its time was used up.
    Time,
    /// Its process was about to end.
    Process,
    /// A fault that may pass.
    Backoff,
    /// A vendor that asked to wait.
    RetryAfter,
    /// Somebody has to approve.
    Approval,
    /// The quota of its connection was used up.
    Quota,
    /// Its vendor was to be left alone.
    Breaker,
    /// With it the run was over.
    Over,
}

impl EndedBy {
    /// Why a slice ended that the run goes on after.
    #[must_use]
    pub fn of(came_to: CameTo, wait: Option<Wait>) -> Self {
        match (wait.map(|wait| wait.reason), came_to) {
            (Some(WaitReason::Backoff), _) => Self::Backoff,
            (Some(WaitReason::RetryAfter), _) => Self::RetryAfter,
            (Some(WaitReason::Approval), _) => Self::Approval,
            (Some(WaitReason::Quota), _) => Self::Quota,
            (Some(WaitReason::Breaker), _) => Self::Breaker,
            (None, CameTo::CutShort) => Self::Process,
            (None, _) => Self::Time,
        }
    }
}

/// A slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// When it began, epoch milliseconds.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub ms: i64,
    /// Why it ended.
    pub by: EndedBy,
}

/// The slices of a run, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slices {
    /// The newest.
    pub kept: Vec<Slice>,
    /// How many there were before these.
    #[serde(default)]
    pub before: u32,
}

impl Slices {
    /// Whether the run was never handed on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Notes one that ended.
    pub fn note(&mut self, began: Timestamp, ended: Timestamp, by: EndedBy) {
        let (at, ended) = (began.as_millisecond(), ended.as_millisecond());
        self.kept.push(Slice { at, ms: ended.saturating_sub(at).max(0), by });
        let over = self.kept.len().saturating_sub(KEPT_MAX);
        self.kept.drain(..over);
        self.before = self.before.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_others_counted() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut slices = Slices::default();
        for second in 0..15 {
            slices.note(at(second), at(second + 1), EndedBy::Time);
        }
        assert_eq!((slices.kept.len(), slices.before), (KEPT_MAX, 3));
        assert_eq!(slices.kept.last(), Some(&Slice { at: 14_000, ms: 1_000, by: EndedBy::Time }));
        assert_eq!(serde_json::to_string(&slices.kept[0]).unwrap(), r#"{"at":3000,"ms":1000,"by":"time"}"#);
    }
}
