//! What a mirror works at: one tenant's categories and those of its locations at Google. A run goes on from here after any crash, wait or
//! stop: the plan says what there is to do, and each location, or each change of a category, moves it on by itself.

use serde::{Deserialize, Serialize};

use crate::domain::datasets::diff::Counts;
use crate::domain::ids::RunId;
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::failure::RunError;

/// Where a location stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LocationState {
    /// It has what it should.
    InSync,
    /// It is to be given another set.
    Planned,
    /// It was given it; of a dry run, Google said that it would take it.
    Done,
    /// Google still looks at an earlier change of it: that is no drift, and it is left alone.
    Pending,
    /// It could not be given it, and others go on.
    Failed,
}

/// A location of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationMirror {
    /// Google's name of it, `locations/…`.
    pub name: String,
    /// Where it stands.
    pub state: LocationState,
    /// What differs.
    #[serde(default)]
    pub counts: Counts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// What a mirror found that there is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorPlan {
    /// Of locations: the set that each is to have, the primary one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
    /// Of the tenant's categories: what differs.
    #[serde(default)]
    pub counts: Counts,
    /// Of the tenant's categories: how many changes were made.
    #[serde(default)]
    pub done: u64,
    /// Of the tenant's categories: how many may be deleted. Several may stand for one of Google's, so they are more than what differs.
    #[serde(default)]
    pub removals: u64,
}

/// The work of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorWork {
    /// Which side is made like the other.
    pub strategy: Strategy,
    /// The fan-out that it is one of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// How many of the tenant's categories have none of Google's ids.
    #[serde(default)]
    pub unmapped: u64,
    /// How many deletions were left undone, as a location's set may be about to change.
    #[serde(default)]
    pub kept: u64,
    /// How many of the tenant's categories were deleted, by this plan and by those before it: what is approved of is all of them together.
    #[serde(default)]
    pub removed: u64,
    /// What there is to do, once both sides were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<MirrorPlan>,
    /// The locations, once they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationMirror>,
}

impl MirrorWork {
    /// A mirror of which nothing was read yet.
    #[must_use]
    pub fn new(strategy: Strategy, parent: Option<RunId>) -> Self {
        Self { strategy, parent, unmapped: 0, kept: 0, removed: 0, plan: None, locations: Vec::new() }
    }

    /// What differs, once it is known. Of locations it is the sum over those that are not left alone.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        let plan = self.plan.as_ref()?;
        if self.strategy == Strategy::GbpToPlatform {
            return Some(plan.counts);
        }
        let compared = self.locations.iter().filter(|location| location.state != LocationState::Pending);
        Some(compared.fold(Counts::default(), |sum, location| sum.plus(&location.counts)))
    }

    /// Whether the two sides differed.
    #[must_use]
    pub fn is_out_of_sync(&self) -> bool {
        self.counts().is_some_and(|counts| counts.created + counts.updated + counts.removed > 0)
    }

    /// How many locations stand there.
    #[must_use]
    pub fn locations_in(&self, state: LocationState) -> usize {
        self.locations.iter().filter(|location| location.state == state).count()
    }

    /// Whether it got further than it was.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> bool {
        let place = |work: &Self| {
            let left = work.locations_in(LocationState::Planned);
            (work.plan.is_some(), work.plan.as_ref().map(|plan| plan.done), left)
        };
        // A plan in place of another is none.
        self.plan.is_some() && place(self) != place(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(state: LocationState, created: u64) -> LocationMirror {
        let counts = Counts { total: created, created, ..Counts::default() };
        LocationMirror { name: "locations/1".into(), state, counts, error: None }
    }

    #[test]
    fn a_mirror_is_stored_under_these_names() {
        let counts = serde_json::json!({"total": 2, "created": 1, "updated": 0, "removed": 3, "unchanged": 1});
        let stored = serde_json::json!({
            "strategy": "platform_to_gbp", "parent": "018bcfe5-6800-7000-8000-000000000000", "unmapped": 1, "kept": 2, "removed": 1,
            "plan": {"wanted": ["gcid:a"], "counts": counts, "done": 1, "removals": 2},
            "locations": [{"name": "locations/1", "state": "planned", "counts": counts,
                "error": {"code": "vendor_refused", "detail": "why"}}],
        });
        let work: MirrorWork = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&work).unwrap(), stored);
    }

    #[test]
    fn what_google_still_looks_at_is_no_drift() {
        let mut work = MirrorWork::new(Strategy::PlatformToGbp, None);
        assert_eq!(work.counts(), None);
        work.plan = Some(MirrorPlan::default());
        work.locations = vec![location(LocationState::Pending, 7)];
        assert!(!work.is_out_of_sync());
        work.locations.push(location(LocationState::Done, 2));
        assert_eq!(work.counts().map(|counts| counts.created), Some(2));
        assert!(work.is_out_of_sync());
    }

    #[test]
    fn a_plan_or_a_location_done_is_progress_and_another_plan_is_none() {
        let new = MirrorWork::new(Strategy::PlatformToGbp, None);
        let mut planned = new.clone();
        planned.plan = Some(MirrorPlan::default());
        planned.locations = vec![location(LocationState::Planned, 1)];
        let mut done = planned.clone();
        done.locations[0].state = LocationState::Done;
        let mut other = planned.clone();
        other.plan = Some(MirrorPlan { wanted: vec!["gcid:b".into()], ..MirrorPlan::default() });
        assert!(planned.moved_since(&new) && done.moved_since(&planned));
        assert!(!new.moved_since(&planned) && !other.moved_since(&planned) && !planned.moved_since(&planned));
    }
}
