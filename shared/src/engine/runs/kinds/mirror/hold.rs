//! Whether a mirror may remove what it would, or waits until somebody approves of it.

use std::collections::BTreeSet;

use crate::domain::datasets::diff::Counts;
use crate::domain::runs::held::GOING_MAX;
use crate::engine::runs::hold::{self, Removals};
use crate::engine::runs::slice::{Slice, SliceFault};

/// A mirror may remove up to this share without being asked.
const SHARE_MAX_PERCENT: u64 = 20;

/// Lets a plan through that removes a small share, or no more than somebody approved of. A dry run removes nothing.
///
/// # Errors
/// [`SliceFault::Unapproved`] where it waits: what would go is in the run then.
pub(super) fn check(
    slice: &mut Slice<'_>,
    counts: &Counts,
    going: impl IntoIterator<Item = String>,
) -> Result<(), SliceFault> {
    let is_dry = slice.run.mode.is_dry();
    let of = counts.removed + counts.updated + counts.unchanged;
    let is_approved = hold::approved_max(slice).is_some_and(|max| counts.removed <= max);
    if is_dry || is_approved || is_small(counts.removed, of) {
        let now = slice.now();
        slice.run.let_go(now);
        return Ok(());
    }
    let going: BTreeSet<String> = going.into_iter().take(GOING_MAX).collect();
    Err(hold::hold(slice, Removals { removals: counts.removed, of, what: "categories would go", going }))
}

/// Whether so few go that nobody is asked: one, or a fifth. A set has few categories, of which a catalogue's guard would let most go.
fn is_small(removals: u64, of: u64) -> bool {
    let is_share = removals <= 1 || removals * 100 <= of * SHARE_MAX_PERCENT;
    is_share && (removals == 0 || removals * 2 <= of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_a_fifth_goes_unasked_and_never_more_than_half() {
        for (removals, of, small) in [
            (0, 0, true),
            (1, 1, false),
            (1, 2, true),
            (1, 6, true),
            (2, 6, false),
            (2, 10, true),
            (3, 10, false),
            (20, 100, true),
        ] {
            assert_eq!(is_small(removals, of), small, "{removals} of {of}");
        }
    }
}
