//! A tenant's categories to its locations: each location gets the whole set, in one edit.
//!
//! The plan is stored before the first edit: the set, and which locations are to have it. A location is read once more right before its
//! edit, and one that has the set is done. So a run whose worker died after an edit, and before it could say so, edits nothing twice.

use crate::domain::datasets::diff::Counts;
use crate::domain::mirror::categories::GoogleCategoryId;
use crate::domain::mirror::plan::{CategorySet, Difference, Names, NotWanted, check_wanted, difference, platform_set};
use crate::domain::redact;
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::mirror::{LocationMirror, LocationState, MirrorPlan};
use crate::engine::gbp::Google;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::gbp::{Location, LocationName};

use super::{hold, read_locations, read_platform, refused, set_of};

/// How much of a location's reason is kept, in characters: each is stored in the run.
const REASON_CHARACTERS_MAX: usize = 300;

/// A location always has a primary category: without one in the answer nobody knows what would be replaced.
pub(super) const UNKNOWN: &str = "Google says nothing of its categories: nothing is concluded from that";

pub(super) async fn step(slice: &mut Slice<'_>) -> Result<(), SliceFault> {
    let mut google = Google::of(slice.worker, &slice.run.connection).await?;
    if slice.mirror().plan.is_none() {
        plan(slice, &mut google).await?;
        slice.keep().await?;
    }
    let wanted = slice.plan().wanted.clone();
    while let Some(index) = next(slice) {
        slice.breathe().await?;
        let (state, error) = match edit(slice, &mut google, index, &wanted).await {
            Ok(state) => (state, None),
            Err(SliceFault::Vendor { failure, detail, may_pass: false }) if is_of_one(failure) => {
                let detail: String = redact::error_text(&detail).chars().take(REASON_CHARACTERS_MAX).collect();
                (LocationState::Failed, Some(RunError::new(failure, detail)))
            }
            Err(fault) => return Err(fault),
        };
        if let Some(location) = slice.mirror().locations.get_mut(index) {
            (location.state, location.error) = (state, error);
        }
        // A crash before this reads the location once more, and finds that it is done.
        slice.keep().await?;
    }
    failed(slice)
}

/// Whether a refusal is of one location, and the others may go on.
fn is_of_one(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::RequestRefused | Failure::VendorNotPermitted | Failure::SourceChanged | Failure::PageInvalid
    )
}

fn next(slice: &mut Slice<'_>) -> Option<usize> {
    slice.mirror().locations.iter().position(|location| location.state == LocationState::Planned)
}

pub(super) fn failed(slice: &mut Slice<'_>) -> Result<(), SliceFault> {
    let work = slice.mirror();
    let failed = work.locations_in(LocationState::Failed);
    let first = work.locations.iter().find_map(|location| Some((&location.name, location.error.as_ref()?)));
    let Some((name, error)) = first else { return Ok(()) };
    let detail = format!("{failed} of {} locations failed, {name} first: {}", work.locations.len(), error.detail);
    Err(refused(Failure::LocationsFailed, detail))
}

/// Reads both sides, and decides what there is to do.
async fn plan(slice: &mut Slice<'_>, google: &mut Google) -> Result<(), SliceFault> {
    let categories = read_platform(&slice.worker.categories, &slice.run.connection.tenant).await?;
    let (wanted, unmapped) = platform_set(&categories);
    slice.mirror().unmapped = unmapped;
    // Before anything is asked.
    check_wanted(&wanted, google.settings().additional_max).map_err(|not_wanted| {
        let failure = match not_wanted {
            NotWanted::Nothing => Failure::NothingMapped,
            NotWanted::TooMany { .. } => Failure::TooManyCategories,
        };
        refused(failure, not_wanted.to_string())
    })?;
    let (mut locations, mut going, mut sum) = (Vec::new(), Vec::new(), Counts::default());
    for location in read_locations(google).await? {
        if location.primary.is_none() {
            let (name, error) = (location.name.to_string(), Some(RunError::new(Failure::PageInvalid, UNKNOWN)));
            locations.push(LocationMirror { name, state: LocationState::Failed, counts: Counts::default(), error });
            continue;
        }
        let found = difference(&wanted, &set_of(&location), Names::PassedOver);
        let state = state(&location, &found);
        if state != LocationState::Pending {
            sum = sum.plus(&found.counts());
            going.extend(found.deleted.iter().map(|entry| format!("{} {}", location.name, entry.key)));
        }
        let name = location.name.to_string();
        locations.push(LocationMirror { name, state, counts: found.counts(), error: None });
    }
    slice.mirror().locations = locations;
    slice.mirror().plan = Some(MirrorPlan { wanted: wanted.keys(), ..MirrorPlan::default() });
    hold::check(slice, &sum, going)
}

fn state(location: &Location, found: &Difference) -> LocationState {
    match found.is_empty() {
        true => LocationState::InSync,
        // It may be as it should be once Google has looked at it: to edit it again would undo what is on its way.
        false if location.has_pending_edits => LocationState::Pending,
        false => LocationState::Planned,
    }
}

/// Gives a location its set, unless it has it.
async fn edit(
    slice: &mut Slice<'_>,
    google: &mut Google,
    index: usize,
    wanted: &[String],
) -> Result<LocationState, SliceFault> {
    let Some(planned) = slice.mirror().locations.get(index).cloned() else { return Ok(LocationState::InSync) };
    let wrong = |what: &str| refused(Failure::RequestRefused, format!("{what} is no name that Google gives"));
    let name: LocationName = planned.name.parse().map_err(|_| wrong(&planned.name))?;
    let location = google.location(&name).await?;
    if location.primary.is_none() {
        return Err(refused(Failure::PageInvalid, UNKNOWN));
    }
    let keys = wanted.iter().map(|key| (key.clone(), String::new()));
    let found = difference(&CategorySet::ordered(keys), &set_of(&location), Names::PassedOver);
    match state(&location, &found) {
        LocationState::Planned => {}
        LocationState::Pending => return Ok(LocationState::Pending),
        // An earlier try of this run gave it its set, or somebody else did.
        _ => return Ok(LocationState::Done),
    }
    if found.counts().removed > planned.counts.removed && !slice.run.mode.is_dry() {
        let detail = "it was given other categories since it was read; the next mirror decides on them";
        return Err(refused(Failure::SourceChanged, detail));
    }
    let read = |key: &String| GoogleCategoryId::parse(key).map_err(|_| wrong(key));
    let ids: Vec<GoogleCategoryId> = wanted.iter().map(read).collect::<Result<_, _>>()?;
    let (primary, additional) = ids.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    google.set_categories(&name, primary, additional, slice.run.mode.is_dry()).await?;
    Ok(LocationState::Done)
}
