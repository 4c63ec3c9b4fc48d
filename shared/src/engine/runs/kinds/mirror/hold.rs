//! Whether a mirror may remove what it would, or waits until somebody approves of it.

use std::collections::BTreeSet;

use crate::domain::catalogue::findings::Findings;
use crate::domain::datasets::diff::Counts;
use crate::domain::datasets::guard::check_removals;
use crate::domain::runs::held::GOING_MAX;
use crate::engine::runs::hold::{self, Removals};
use crate::engine::runs::slice::{Slice, SliceFault};

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
    let is_approved = hold::approved_max(slice).is_some_and(|max| counts.removed <= max);
    if is_dry || is_approved || check_removals(counts, &Findings::default(), false).is_ok() {
        let now = slice.now();
        slice.run.let_go(now);
        return Ok(());
    }
    let of = counts.removed + counts.updated + counts.unchanged;
    let going: BTreeSet<String> = going.into_iter().take(GOING_MAX).collect();
    Err(hold::hold(slice, Removals { removals: counts.removed, of, what: "categories would go", going }))
}
