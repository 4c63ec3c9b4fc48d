//! What becomes of the dead letters of a replay.

use serde::{Deserialize, Serialize};

/// What became of one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was sent through again.
    Requeued,
    /// It was sent through again, and changes nothing: a newer version was there.
    Stale,
    /// Its event had had its effect since: it was forgotten.
    Duplicate,
    /// It was not there any more: somebody had requeued or dropped it, or it had expired.
    Gone,
    /// Another body came under its key since: it stays.
    Conflict,
    /// It would have been given up again: it stays.
    Fail,
    /// It has no label that says where it goes: it stays.
    NoLabel,
    /// It is a record of a run: it stays.
    NotADelivery,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Requeued,
        Self::Stale,
        Self::Duplicate,
        Self::Gone,
        Self::Conflict,
        Self::Fail,
        Self::NoLabel,
        Self::NotADelivery,
    ];

    /// Its name in answers, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requeued => "requeued",
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::Fail => "fail",
            Self::NoLabel => "no_label",
            Self::NotADelivery => "not_a_delivery",
        }
    }

    /// Whether the dead letter is dealt with, and is to be forgotten if it is still there.
    #[must_use]
    pub fn is_dealt_with(self) -> bool {
        matches!(self, Self::Requeued | Self::Stale | Self::Duplicate)
    }

    /// Whether to try again comes to something else.
    #[must_use]
    pub fn stays(self) -> bool {
        !self.is_dealt_with() && self != Self::Gone
    }
}

/// How many dead letters came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeCounts([u32; Outcome::ALL.len()]);

impl OutcomeCounts {
    /// Counts one.
    pub fn add(&mut self, outcome: Outcome) {
        for (count, of) in self.0.iter_mut().zip(Outcome::ALL) {
            *count += u32::from(of == outcome);
        }
    }

    /// How many came to this end.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u32 {
        self.0.iter().zip(Outcome::ALL).filter(|(_, of)| *of == outcome).map(|(count, _)| *count).sum()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_and_stored_under_their_names() {
        let mut counts = OutcomeCounts::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
            (0..times).for_each(|_| counts.add(outcome));
            assert_eq!(counts.of(outcome), u32::try_from(times).unwrap());
            assert!(!(outcome.is_dealt_with() && outcome.stays()), "{outcome:?}");
        }
        assert_eq!(counts.total(), 28);
    }
}
