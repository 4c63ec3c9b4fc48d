//! A run that would remove a large share waits until somebody approves of it: what it waits for, and whether it may go on. At approval it
//! is planned anew, and one that would remove more by then waits again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::ids::Dataset;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::held::{GOING_MAX, Held};
use crate::domain::runs::life::APPROVAL;
use crate::engine::runs::slice::{Slice, SliceFault};

/// What would go of how many, and some of it by name.
pub(super) struct Removals {
    /// How many.
    pub removals: u64,
    /// Of how many.
    pub of: u64,
    /// What happens to what, for people: `categories would go`.
    pub what: &'static str,
    /// Some of them.
    pub going: BTreeSet<String>,
}

/// Whether the run was held and may be planned anew, as somebody approved of it.
///
/// # Errors
/// When nobody did in time: a worker may come before the watchdog does.
pub(super) fn is_approved(slice: &Slice<'_>) -> Result<bool, SliceFault> {
    let Some(held) = &slice.run.held else { return Ok(false) };
    let is_approved = held.is_approved_by(slice.approval.as_ref());
    let until = held.since.checked_add(APPROVAL).unwrap_or(Timestamp::MAX);
    if !is_approved && slice.now() >= until {
        let detail = "nobody approved of it in time".to_owned();
        return Err(SliceFault::Vendor { failure: Failure::ApprovalExpired, detail, may_pass: false });
    }
    Ok(is_approved)
}

/// How many may go, as somebody approved of it: of what the run is held for now, where it is.
pub(super) fn approved_max(slice: &Slice<'_>) -> Option<u64> {
    let approval = slice.approval.as_ref()?;
    let is_of_this = slice.run.held.as_ref().is_none_or(|held| held.is_approved_by(Some(approval)));
    is_of_this.then_some(approval.removals_max)
}

/// Has the run wait: what would go is stored with it.
pub(super) fn hold(slice: &mut Slice<'_>, would: Removals) -> SliceFault {
    let Removals { removals, of, what, going } = would;
    let why = match approved_max(slice) {
        Some(max) => format!("{removals} of {of} {what}, and {max} were approved of"),
        None => format!("{removals} of {of} {what}"),
    };
    let now = slice.now();
    slice.run.let_go(now);
    // Later than what was approved of before, whatever the clock of whoever approved said: that is not for this.
    let approved_ms = slice.approval.as_ref().map_or(i64::MIN, |approval| approval.at_ms);
    let behind = Timestamp::from_millisecond(approved_ms.saturating_add(1)).unwrap_or(Timestamp::MIN);
    slice.run.held = Some(Held { why, removals, of, going, since: now.max(behind) });
    SliceFault::Unapproved
}

/// What some of the records that would go are called.
///
/// # Errors
/// When the table cannot be read.
pub(super) async fn names_of(
    slice: &Slice<'_>,
    dataset: &Dataset,
    going: &[Fingerprint],
) -> Result<BTreeSet<String>, SliceFault> {
    let some = going.get(..GOING_MAX).unwrap_or(going);
    let names = slice.worker.records.names_of(dataset, some).await?;
    let mut going = BTreeSet::new();
    names.iter().for_each(|name| Held::name(&mut going, name));
    Ok(going)
}
