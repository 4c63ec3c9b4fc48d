//! Whether a mirror may remove what it would, or waits until somebody approves of it.

use std::collections::BTreeSet;

use crate::domain::catalogue::findings::Findings;
use crate::domain::datasets::diff::Counts;
use crate::domain::datasets::guard::check_removals;
use crate::domain::runs::mirror::{GOING_MAX, Held};
use crate::engine::runs::slice::{Slice, SliceFault};

/// Lets a plan through that removes a small share, or no more than somebody approved of. A dry run removes nothing.
///
/// # Errors
/// [`SliceFault::Unapproved`] where it waits: what would go is in the run's work then.
pub(super) fn check(
    slice: &mut Slice<'_>,
    counts: &Counts,
    going: impl IntoIterator<Item = String>,
) -> Result<(), SliceFault> {
    let approved = slice.approval.as_ref().map(|approval| approval.removals_max);
    let is_dry = slice.run.mode.is_dry();
    let is_approved = approved.is_some_and(|max| counts.removed <= max);
    if is_dry || is_approved || check_removals(counts, &Findings::default(), false).is_ok() {
        slice.mirror().held = None;
        return Ok(());
    }
    let of = counts.removed + counts.updated + counts.unchanged;
    let why = match approved {
        Some(max) => format!("{} of {of} categories would go, and {max} were approved of", counts.removed),
        None => format!("{} of {of} categories would go", counts.removed),
    };
    let going: BTreeSet<String> = going.into_iter().take(GOING_MAX).collect();
    let since = slice.now();
    let work = slice.mirror();
    work.held = Some(Held { why, removals: counts.removed, of, going, since });
    Err(SliceFault::Unapproved)
}
