//! What one instance of a door does about refusals, so that a flood of them costs little: of each ring it
//! keeps a few whole, and counts the rest in one write a second. What that costs goes by time, not by how many come.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::deliveries::counters::Counter;
use crate::domain::deliveries::rejected::{Rejection, Ring};

/// How many refusals of a ring an instance keeps one after the other.
pub const KEPT_AT_ONCE: i64 = 10;
/// How long it takes until it keeps one more, in milliseconds.
pub const KEPT_EVERY_MS: i64 = 30_000;
/// How long an instance keeps counts to itself after it has written some, in milliseconds.
pub const COUNTED_EVERY_MS: i64 = 1_000;

/// How many refusals of a ring an instance may still keep.
///
/// It is one number, the time when the allowance is whole again: each refusal that is kept moves it on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    whole_at_ms: i64,
}

impl Allowance {
    /// Takes one, unless nothing is left. Times are epoch milliseconds.
    pub fn take(&mut self, now_ms: i64) -> bool {
        let empty_ms = now_ms + KEPT_AT_ONCE * KEPT_EVERY_MS;
        // Nothing is saved up beyond the ten; and after a clock that was set back it is empty at worst, not for ever.
        let whole_at_ms = self.whole_at_ms.clamp(now_ms, empty_ms);
        let next_ms = whole_at_ms + KEPT_EVERY_MS;
        let left = next_ms <= empty_ms;
        self.whole_at_ms = if left { next_ms } else { whole_at_ms };
        left
    }
}

/// What an instance counts of one origin.
pub type Counts = BTreeMap<Counter, u64>;

/// The refusals of one instance: what it may still keep, and what it has counted and not written down yet.
///
/// Both are bounded by the origins, which are a bounded set: no caller can make one up.
#[derive(Debug, Default)]
pub struct Flood {
    allowances: BTreeMap<Ring, Allowance>,
    /// By origin, the one that has waited longest first.
    waiting: VecDeque<(String, Counts)>,
    written_ms: i64,
    /// When storage did not answer in time last.
    silent_ms: i64,
}

impl Flood {
    /// Whether one more refusal of this ring is to be kept. None while storage rests: what it is given then is lost, and taken
    /// off what may be kept once it answers again.
    pub fn keeps(&mut self, ring: &Ring, now_ms: i64) -> bool {
        !is_recent(self.silent_ms, now_ms) && self.allowances.entry(ring.clone()).or_default().take(now_ms)
    }

    /// Counts a refusal that is not kept. One that has a number in its ring was counted there.
    pub fn count(&mut self, origin: &str, reason: Rejection, numbered: bool) {
        let place = self.waiting.iter().position(|(waiting, _)| waiting == origin).unwrap_or_else(|| {
            self.waiting.push_back((origin.to_owned(), Counts::new()));
            self.waiting.len() - 1
        });
        let counts = &mut self.waiting[place].1;
        *counts.entry(Counter::Unkept).or_default() += 1;
        if !numbered {
            *counts.entry(Counter::Refused(reason)).or_default() += 1;
        }
    }

    /// The counts to write now, if any: those of one origin, so that it is one write a second however many origins are in
    /// flood. They are no longer here: should the write fail, they are lost.
    pub fn due(&mut self, now_ms: i64) -> Option<(String, Counts)> {
        if is_recent(self.written_ms, now_ms) {
            return None;
        }
        let counted = self.waiting.pop_front()?;
        self.written_ms = now_ms;
        Some(counted)
    }

    /// Storage did not answer in time: it is asked nothing more for a second.
    pub fn rest(&mut self, now_ms: i64) {
        self.written_ms = now_ms;
        self.silent_ms = now_ms;
    }
}

/// Less than a second ago. A clock that was set back does not make it so for long.
fn is_recent(then_ms: i64, now_ms: i64) -> bool {
    (0..COUNTED_EVERY_MS).contains(&(now_ms - then_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::deliveries::rejected::RingKind;

    const NOW: i64 = 1_731_705_121_000;

    fn ring(origin: &str, kind: RingKind) -> Ring {
        Ring { origin: origin.to_owned(), kind }
    }

    #[test]
    fn ten_are_kept_at_once_and_one_more_every_half_minute() {
        let mut allowance = Allowance::default();
        // After how long, how many come, and how many of them are kept.
        for (after_ms, come, kept) in [
            (0, 12, 10),
            (29_999, 1, 0),
            (1, 2, 1),
            (60_000, 5, 2),
            (299_999, 20, 9),
            (1, 1, 1),
            // Nothing is saved up beyond the ten.
            (86_400_000, 30, 10),
        ]
        .into_iter()
        .scan(NOW, |now_ms, (after_ms, come, kept)| {
            *now_ms += after_ms;
            Some((*now_ms, come, kept))
        }) {
            let found = (0..come).filter(|_| allowance.take(after_ms)).count();
            assert_eq!(found, kept, "{} ms from the start", after_ms - NOW);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_an_allowance_empty_at_worst() {
        let mut allowance = Allowance::default();
        assert_eq!((0..20).filter(|_| allowance.take(NOW)).count(), 10);
        let earlier = NOW - 86_400_000;
        assert!(!allowance.take(earlier));
        assert!(allowance.take(earlier + KEPT_EVERY_MS));

        let mut flood = Flood::default();
        flood.count("pos", Rejection::BadSignature, false);
        assert!(flood.due(NOW).is_some());
        flood.count("pos", Rejection::BadSignature, false);
        assert!(flood.due(earlier).is_some());
    }

    #[test]
    fn each_ring_has_an_allowance_of_its_own() {
        let mut flood = Flood::default();
        let rings = [ring("pos", RingKind::Open), ring("pos", RingKind::Proved), ring("unknown", RingKind::Open)];
        for one in &rings {
            assert_eq!((0..20).filter(|_| flood.keeps(one, NOW)).count(), 10, "{one}");
        }
    }

    #[test]
    fn counts_wait_for_a_second_and_the_origin_that_waited_longest_goes_first() {
        let mut flood = Flood::default();
        assert_eq!(flood.due(NOW), None, "nothing waits");
        let refused = |reason, count| Counts::from([(Counter::Refused(reason), count), (Counter::Unkept, count)]);
        flood.count("pos", Rejection::BadSignature, false);
        // The first at once: an instance that is asked once in a while keeps nothing to itself.
        assert_eq!(flood.due(NOW), Some(("pos".into(), refused(Rejection::BadSignature, 1))));
        for _ in 0..3 {
            flood.count("pos", Rejection::BadSignature, false);
            flood.count("unknown", Rejection::UnknownSender, false);
        }
        assert_eq!(flood.due(NOW + 999), None);
        assert_eq!(flood.due(NOW + 1_000), Some(("pos".into(), refused(Rejection::BadSignature, 3))));
        // In flood still, and behind the other now.
        flood.count("pos", Rejection::BadSignature, false);
        assert_eq!(flood.due(NOW + 2_000), Some(("unknown".into(), refused(Rejection::UnknownSender, 3))));
        assert_eq!(flood.due(NOW + 3_000), Some(("pos".into(), refused(Rejection::BadSignature, 1))));
        assert_eq!(flood.due(NOW + 4_000), None);

        // One that was counted where it was numbered is not counted twice.
        flood.count("pos", Rejection::BadBody, true);
        flood.rest(NOW + 5_000);
        assert_eq!(flood.due(NOW + 5_999), None, "storage rests");
        let pos = ring("pos", RingKind::Open);
        assert_eq!([5_999, 6_000].map(|ms| flood.keeps(&pos, NOW + ms)), [false, true]);
        assert_eq!(flood.due(NOW + 6_000), Some(("pos".into(), Counts::from([(Counter::Unkept, 1)]))));
    }

    proptest! {
        /// However refusals come, whatever they are of: what is kept, written and waits is all of them, and what is kept and
        /// written is bounded by time.
        #[test]
        fn what_a_flood_costs_is_bounded_by_time_and_nothing_is_counted_twice(
            refusals in prop::collection::vec((0_i64..20_000, 0_usize..5), 1..2_000),
        ) {
            let origins = ["pos", "trackstar", "unknown", "github/acme", "github/globex"];
            let (mut flood, mut now_ms) = (Flood::default(), NOW);
            let (mut kept, mut writes, mut written) = ([0_i64; 5], 0_i64, 0);
            let mut tally = |counted: Option<(String, Counts)>| {
                let counts = counted.map(|(_, counts)| counts).unwrap_or_default();
                writes += i64::from(!counts.is_empty());
                written += counts.get(&Counter::Unkept).copied().unwrap_or_default();
                assert_eq!(counts.get(&Counter::Unkept), counts.get(&Counter::Refused(Rejection::BadSignature)));
            };
            for (after_ms, origin) in &refusals {
                // Mostly close together.
                now_ms += after_ms / 100;
                if flood.keeps(&ring(origins[*origin], RingKind::Open), now_ms) {
                    kept[*origin] += 1;
                } else {
                    flood.count(origins[*origin], Rejection::BadSignature, false);
                }
                tally(flood.due(now_ms));
            }
            let passed_ms = now_ms - NOW;
            prop_assert!(kept.iter().all(|kept| *kept <= KEPT_AT_ONCE + passed_ms / KEPT_EVERY_MS), "{kept:?}");
            let left = flood.waiting.len();
            prop_assert!(left <= origins.len());
            for second in 1..=origins.len() as i64 {
                tally(flood.due(now_ms + second * COUNTED_EVERY_MS));
            }
            prop_assert!(flood.waiting.is_empty());
            prop_assert!(writes <= 1 + passed_ms / COUNTED_EVERY_MS + left as i64, "{writes} writes in {passed_ms} ms");
            prop_assert_eq!(kept.iter().sum::<i64>().unsigned_abs() + written, refusals.len() as u64);
        }
    }
}
