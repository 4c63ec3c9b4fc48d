//! From when on a delta asks for changes: what changed before has been read, so no delta asks for it again.
//!
//! A list by numbers that moves while it is read may pass a row over, and nobody sees it (`pages.rs`): a delta that relied on such a
//! read would never ask for that row, as it does not change. So what was read once from a list that may have moved is read a
//! second time, by the next delta. A row that both passed over is missed until the next backfill; as of removals, two reads are
//! believed.

use jiff::{SignedDuration, Timestamp};

/// How much earlier changes are asked for: clocks differ, and a vendor's list may lag behind.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// What the pulls of a dataset have read of its vendor's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// What changed before this was read; at the beginning of time nothing was.
    pub known_to: Timestamp,
    /// What changed from then to here was read once, from a list that may have moved.
    pub read_once_to: Option<Timestamp>,
}

/// What a pull that came to its end has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullRead {
    /// Since when it asked for changes; none where it asked for the whole list.
    pub since: Option<Timestamp>,
    /// When its first page was asked for.
    pub began_at: Timestamp,
    /// Whether it can have passed no row over.
    pub is_sure: bool,
}

impl Basis {
    /// Nothing was read.
    pub const NOTHING: Self = Self { known_to: Timestamp::UNIX_EPOCH, read_once_to: None };

    /// Since when a delta asks for changes; none where it is to ask for the whole list.
    #[must_use]
    pub fn since(self) -> Option<Timestamp> {
        if self.known_to <= Timestamp::UNIX_EPOCH {
            return None;
        }
        self.known_to.checked_sub(OVERLAP).ok()
    }

    /// What is known after a pull.
    #[must_use]
    pub fn after(self, pull: PullRead) -> Self {
        if pull.since.is_some_and(|since| since > self.known_to) {
            // What changed between was not asked for: the next delta asks for it.
            return self;
        }
        if pull.is_sure {
            return Self { known_to: pull.began_at, read_once_to: None };
        }
        Self { known_to: self.read_once_to.unwrap_or(self.known_to), read_once_to: Some(pull.began_at) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn basis(known_to: i64, read_once_to: Option<i64>) -> Basis {
        Basis { known_to: at(known_to), read_once_to: read_once_to.map(at) }
    }

    #[test]
    fn what_may_have_been_passed_over_is_asked_for_once_more() {
        for (before, since, is_sure, after) in [
            (Basis::NOTHING, None, true, basis(100, None)),
            (Basis::NOTHING, None, false, basis(0, Some(100))),
            // Somebody said since when, and nothing was read before.
            (Basis::NOTHING, Some(50), true, Basis::NOTHING),
            (basis(50, None), Some(48), true, basis(100, None)),
            (basis(50, None), None, false, basis(50, Some(100))),
            (basis(50, None), Some(51), true, basis(50, None)),
            (basis(0, Some(50)), None, false, basis(50, Some(100))),
            (basis(0, Some(50)), None, true, basis(100, None)),
            (basis(20, Some(50)), Some(18), false, basis(50, Some(100))),
            (basis(20, Some(50)), Some(40), true, basis(20, Some(50))),
        ] {
            let pull = PullRead { since: since.map(at), began_at: at(100), is_sure };
            assert_eq!(before.after(pull), after, "{before:?} {pull:?}");
        }
        assert_eq!((Basis::NOTHING.since(), basis(50, Some(60)).since()), (None, Some(at(48))));
    }

    proptest! {
        /// Whatever is not asked for any more was read by one pull that can have passed nothing over, or by two.
        #[test]
        fn no_change_is_forgotten(pulls in prop::collection::vec((prop::option::of(0i64..2_000), any::<bool>()), 1..12)) {
            let mut basis = Basis::NOTHING;
            let mut read: Vec<PullRead> = Vec::new();
            for (pull, (since, is_sure)) in (1..).zip(pulls) {
                let since = since.map(at).or(basis.since());
                let pull = PullRead { since, began_at: at(pull * 100), is_sure };
                read.push(pull);
                basis = basis.after(pull);
                for changed in (1..basis.known_to.as_second() / 60).map(at) {
                    let asked = read.iter().filter(|pull| pull.since.is_none_or(|since| since <= changed) && changed < pull.began_at);
                    let (sure, in_all) = asked.fold((0, 0), |(sure, all), pull| (sure + i32::from(pull.is_sure), all + 1));
                    prop_assert!(sure > 0 || in_all > 1, "{changed}: {read:?}");
                }
            }
        }
    }
}
