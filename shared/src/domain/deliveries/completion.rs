//! Completion: when the claim of a delivery that has had its effect says so too.
//!
//! The entry says that the effect has happened, and whoever asks goes by that. The claim says it for the door alone, which then
//! answers a duplicate without a message. Most events have none, so to complete every claim was a write for nothing: it is
//! completed once a duplicate came, and where it has to be sooner.

use jiff::Timestamp;

use crate::domain::deliveries::claim::CLAIM_SECONDS;

/// How long a message may be on its way after it was claimed, in seconds: as long as both queues keep one, 4 days and 14.
const UNDER_WAY_SECONDS: i64 = 18 * 86_400;

/// The largest body whose claim waits for a duplicate, in bytes: what a queue takes for one request. The first duplicate of a longer one
/// would pay for more requests, and for more of a read, than the completion does.
const WAITS_BYTES_MAX: usize = 64 * 1024;

/// An effect that has happened, as its worker knows it.
#[derive(Debug, Clone, Copy)]
pub struct Happened {
    /// Whether it had before, by its entry.
    pub before: bool,
    /// Whether its label is that of a first attempt.
    pub first_attempt: bool,
    /// How often the queue handed the message out, this time included; 0 where it does not say.
    pub receives: u32,
    /// When its entry goes; none where it stays.
    pub entry_ends: Option<Timestamp>,
    /// The body's length in bytes.
    pub body_bytes: usize,
}

impl Happened {
    /// Whether its claim is to be completed now.
    #[must_use]
    pub fn completes_claim(&self, now: Timestamp) -> bool {
        // The claim was made by now, so it ends by then, and so does the way of whatever it lets through.
        let judged_until = now.as_second().saturating_add(CLAIM_SECONDS + UNDER_WAY_SECONDS);
        self.before
            // An attempt may have failed, which the claim has counted: completing it says so.
            || !self.first_attempt
            || self.receives != 1
            || self.body_bytes > WAITS_BYTES_MAX
            // Without its entry a duplicate would be applied again.
            || self.entry_ends.is_some_and(|ends| ends.as_second() < judged_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::retention::{DELIVERIES_DAYS_MIN, Retention};

    const NEW: Happened =
        Happened { before: false, first_attempt: true, receives: 1, entry_ends: None, body_bytes: 64 * 1024 };

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    #[test]
    fn a_claim_waits_for_a_duplicate_where_nothing_else_may_have_happened() {
        for (happened, completes) in [
            (NEW, false),
            (Happened { before: true, ..NEW }, true),
            (Happened { first_attempt: false, ..NEW }, true),
            (Happened { receives: 2, ..NEW }, true),
            (Happened { receives: 0, ..NEW }, true),
            (Happened { body_bytes: 64 * 1024 + 1, ..NEW }, true),
            (Happened { entry_ends: Some(day(48)), ..NEW }, false),
            (Happened { entry_ends: Some(day(47)), ..NEW }, true),
        ] {
            assert_eq!(happened.completes_claim(day(0)), completes, "{happened:?}");
        }
    }

    /// One that was refused, and let in on the last of 14 days, and was in the queue for four more.
    #[test]
    fn the_shortest_retention_keeps_an_entry_for_longer_than_its_claim_lets_anything_through() {
        let entry_ends = Retention::of_days(DELIVERIES_DAYS_MIN, DELIVERIES_DAYS_MIN).unwrap().ends(day(0), day(0));
        assert!(!Happened { entry_ends, ..NEW }.completes_claim(day(18)));
        // Requeued after 90 days it is completed by its label; and by this, had its label not said so.
        assert!(Happened { entry_ends, ..NEW }.completes_claim(day(90)));
    }
}
