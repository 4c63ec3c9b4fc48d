//! Where a pulled row and a webhook are about the same thing: which of the two is newer.
//!
//! The vendor's own time decides, whichever way a version came. Where one of them has none, or both the same, the row wins if its
//! pull began after the event came: it was read with the event's change in it. Else the event wins, as the page may have been made before.
//!
//! Of two the verdict is the same whichever comes first. Of three, where only some have the vendor's time, the last to come may
//! win: an entity's rows should all have one, or none.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::domain::deliveries::version::Version;

/// One version of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Come {
    /// When the vendor says that it changed it.
    pub version: Option<Version>,
    /// How it came, and when.
    pub way: Way,
}

/// How a version came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a pull that began then.
    Pulled(Timestamp),
    /// By a webhook that was received then.
    Received(Timestamp),
}

/// Whether what comes takes the place of what is stored.
#[must_use]
pub fn takes_its_place(comes: &Come, stored: &Come) -> bool {
    let by_vendor = match (comes.version, stored.version) {
        (Some(comes), Some(stored)) => comes.cmp(&stored),
        _ => Ordering::Equal,
    };
    match by_vendor {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => match (comes.way, stored.way) {
            (Way::Pulled(began), Way::Received(received)) => began > received,
            (Way::Received(received), Way::Pulled(began)) => began <= received,
            // Of the same kind the later; one that is seen twice changes nothing.
            (Way::Pulled(comes), Way::Pulled(stored)) | (Way::Received(comes), Way::Received(stored)) => comes > stored,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn come(version: Option<i64>, way: Way) -> Come {
        Come { version: version.map(|second| Version::at(at(second))), way }
    }

    fn pulled(version: Option<i64>, began: i64) -> Come {
        come(version, Way::Pulled(at(began)))
    }

    fn received(version: Option<i64>, at_second: i64) -> Come {
        come(version, Way::Received(at(at_second)))
    }

    #[test]
    fn where_a_pull_and_a_webhook_meet() {
        for (row, event, row_wins, why) in [
            (pulled(Some(2), 1), received(Some(1), 9), true, "the vendor's newer time, though it was read before"),
            (pulled(Some(1), 9), received(Some(2), 1), false, "the vendor's newer time, though it came before"),
            (pulled(Some(1), 9), received(Some(1), 5), true, "the same time: the pull began after the event came"),
            (pulled(Some(1), 5), received(Some(1), 9), false, "the same time: the event came while the pull ran"),
            (pulled(Some(1), 5), received(Some(1), 5), false, "the same moment: the page may be older"),
            (pulled(None, 9), received(None, 5), true, "no times: the pull began after the event came"),
            (pulled(None, 5), received(None, 9), false, "no times: the event came while the pull ran"),
            (pulled(None, 5), received(None, 5), false, "no times, the same moment"),
            (pulled(Some(1), 9), received(None, 5), true, "the event has none"),
            (pulled(Some(9), 5), received(None, 9), false, "the event has none, and came while the pull ran"),
            (pulled(None, 9), received(Some(9), 5), true, "the row has none"),
            (pulled(None, 5), received(Some(1), 9), false, "the row has none, and the event came while the pull ran"),
        ] {
            assert_eq!(takes_its_place(&row, &event), row_wins, "the row comes second: {why}");
            assert_eq!(takes_its_place(&event, &row), !row_wins, "the event comes second: {why}");
        }
    }

    #[test]
    fn of_two_that_came_the_same_way_the_later_wins_and_the_same_changes_nothing() {
        for way in [pulled, received] {
            assert!(takes_its_place(&way(None, 2), &way(None, 1)) && !takes_its_place(&way(None, 1), &way(None, 2)));
            assert!(!takes_its_place(&way(Some(1), 2), &way(Some(2), 1)), "an older version that comes later");
            assert!(!takes_its_place(&way(Some(1), 1), &way(Some(1), 1)), "the same once more");
        }
    }

    fn any_come(version: impl Strategy<Value = Option<i64>>) -> impl Strategy<Value = Come> {
        (version, 0i64..4, any::<bool>()).prop_map(|(version, second, by_pull)| {
            if by_pull { pulled(version, second) } else { received(version, second) }
        })
    }

    proptest! {
        #[test]
        fn of_a_row_and_an_event_it_does_not_matter_which_comes_first(
            (row, began) in (prop::option::of(0i64..3), 0i64..4),
            (event, at_second) in (prop::option::of(0i64..3), 0i64..4),
        ) {
            let (row, event) = (pulled(row, began), received(event, at_second));
            prop_assert!(takes_its_place(&row, &event) != takes_its_place(&event, &row));
        }

        /// What is left in the end is the same whatever order they come in.
        #[test]
        fn of_many_that_all_have_the_vendors_time_the_order_does_not_matter(
            mut all in prop::collection::vec(any_come((0i64..3).prop_map(Some)), 1..6),
            rotate in 0usize..6,
        ) {
            let last = |all: &[Come]| {
                all.iter().skip(1).fold(all[0], |kept, comes| if takes_its_place(comes, &kept) { *comes } else { kept })
            };
            let one = last(&all);
            let by = rotate % all.len();
            all.rotate_left(by);
            prop_assert_eq!(one, last(&all));
            all.reverse();
            prop_assert_eq!(one, last(&all));
        }
    }
}
