//! The categories of a tenant's locations to the tenant: what any of them has is made, renamed or restored, and what none has is deleted,
//! which leaves it to be restored.
//!
//! Changes are stored some at a time, each time in one transaction with how far the run got and with the check that it is held still. So a
//! crash leaves a tree that is whole, and whoever goes on compares anew. Where any location may be about to change, nothing is deleted.

use crate::aws::mirror::categories::Committed;
use crate::domain::datasets::diff::Counts;
use crate::domain::mirror::categories::{
    CategoryId, CategoryName, Change as CategoryChange, GoogleCategoryId, Refused, SORT_ORDER_MAX, Tree,
};
use crate::domain::mirror::plan::{
    CategorySet, Change, Difference, Names, PlatformCategory, changes, difference, platform_set,
};
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::mirror::{LocationMirror, LocationState, MirrorPlan};
use crate::engine::gbp::Google;
use crate::engine::runs::slice::{Slice, SliceFault};

use super::{hold, locations, platform_categories, read_locations, refused, set_of};

/// How often what others changed meanwhile is compared anew.
const RACES_MAX: u32 = 8;

/// So many transactions change every category a tenant may have several times over.
const ROUNDS_MAX: u32 = 200;

/// What the locations have between them.
struct Source {
    union: CategorySet,
    /// Whether one of them may be about to change.
    unsettled: bool,
}

pub(super) async fn step(slice: &mut Slice<'_>) -> Result<(), SliceFault> {
    let source = read(slice).await?;
    let (mut races, mut rounds) = (0, 0);
    loop {
        rounds += 1;
        if rounds > ROUNDS_MAX {
            let detail = "the tenant's categories do not come to rest: others change them all the time".to_owned();
            return Err(SliceFault::Vendor { failure: Failure::SourceChanged, detail, may_pass: false });
        }
        slice.breathe().await?;
        let tenant = slice.run.connection.tenant.clone();
        let mut tree = slice.worker.categories.tree(&tenant).await?;
        let rows = platform_categories(tree.active());
        let (target, unmapped) = platform_set(&rows);
        let (found, kept) = settled(difference(&source.union, &target, Names::Compared), source.unsettled);
        let mut counts = found.counts();
        counts.total += kept;
        counts.unchanged += kept;
        let work = slice.mirror();
        (work.unmapped, work.kept) = (unmapped, kept);
        let changes = changes(&source.union, &rows, &found);
        let removals = deletions(&changes);
        // A plan that came before this one may have deleted some: the share, and what is approved of, are of all together.
        let (removed, done) = (work.removed, work.plan.as_ref().map_or(0, |plan| plan.done));
        let in_all = removed + removals;
        if work.plan.as_ref().is_some_and(|plan| in_all <= plan.removals) {
            let now = slice.now();
            slice.run.let_go(now);
        } else {
            let mapped = rows.iter().filter(|row| row.key.is_some()).count() as u64;
            // What would go are the tenant's categories, however many of them stand for one of Google's.
            let of_rows = Counts { removed: in_all, updated: 0, unchanged: mapped.saturating_sub(removals), ..counts };
            slice.mirror().plan = Some(MirrorPlan { counts, removals: in_all, done, ..MirrorPlan::default() });
            hold::check(slice, &of_rows, going(&changes, &rows))?;
            slice.keep().await?;
        }
        if changes.is_empty() || slice.run.mode.is_dry() {
            return locations::failed(slice);
        }
        let made = apply(slice, &mut tree, &changes)?;
        if made == 0 {
            return Err(refused(Failure::RequestRefused, "none of what is left to be changed can be"));
        }
        let removed = deletions(changes.get(..made).unwrap_or(&changes));
        let made = made as u64;
        slice.plan().done += made;
        slice.mirror().removed += removed;
        slice.run.updated_at = slice.now();
        let beside = slice.worker.runs.store.beside(&slice.run, &slice.hold)?;
        if slice.worker.categories.commit(&tree, beside).await? == Committed::Raced {
            slice.plan().done -= made;
            slice.mirror().removed -= removed;
            races += 1;
            // Either the tree moved, or the run is somebody else's by now: this says which.
            slice.keep().await?;
            if races > RACES_MAX {
                let detail = "somebody else changes the tenant's categories at the same time".to_owned();
                return Err(SliceFault::Vendor { failure: Failure::SourceChanged, detail, may_pass: true });
            }
        }
    }
}

fn deletions(changes: &[Change]) -> u64 {
    changes.iter().filter(|change| matches!(change, Change::Delete { .. })).count() as u64
}

/// What would go, for people.
fn going(changes: &[Change], rows: &[PlatformCategory]) -> Vec<String> {
    let deleted = changes.iter().filter_map(|change| match change {
        Change::Delete { id } => rows.iter().find(|row| row.id == *id),
        _ => None,
    });
    deleted.map(|row| format!("{} {}", row.key.as_deref().unwrap_or_default(), row.name)).collect()
}

/// What is gone by, where a location's set may be about to change: nothing goes.
fn settled(found: Difference, unsettled: bool) -> (Difference, u64) {
    if !unsettled {
        return (found, 0);
    }
    let kept = found.deleted.len() as u64;
    (found.unsettled(), kept)
}

async fn read(slice: &mut Slice<'_>) -> Result<Source, SliceFault> {
    let mut google = Google::of(slice.worker, &slice.run.connection).await?;
    let (mut sets, mut found, mut unsettled) = (Vec::new(), Vec::new(), false);
    for location in read_locations(&mut google).await? {
        // What a location has of which Google says nothing is not known, and nothing follows from it (I4).
        let is_known = location.primary.is_some();
        unsettled |= location.has_pending_edits || !is_known;
        let state = match is_known {
            false => LocationState::Failed,
            true if location.has_pending_edits => LocationState::Pending,
            true => LocationState::InSync,
        };
        let error = (!is_known).then(|| RunError::new(Failure::PageInvalid, locations::UNKNOWN));
        let name = location.name.to_string();
        found.push(LocationMirror { name, state, counts: Counts::default(), error });
        sets.push(set_of(&location));
    }
    let union = CategorySet::union(&sets);
    if union.is_empty() {
        return Err(refused(
            Failure::NothingListed,
            "no location has a category at Google: nothing is concluded from that",
        ));
    }
    slice.mirror().locations = found;
    Ok(Source { union, unsettled })
}

/// Makes as many of the changes as are stored at once: how many.
fn apply(slice: &Slice<'_>, tree: &mut Tree, changes: &[Change]) -> Result<usize, SliceFault> {
    let mut made = 0;
    for change in changes {
        match apply_one(slice, tree, change) {
            Ok(true) => made += 1,
            // What is below it goes first, and it itself with the next ones.
            Ok(false) | Err(Refused::Full) => break,
            Err(Refused::TooMany) => return Err(refused(Failure::TooManyRows, Refused::TooMany.to_string())),
            Err(other) => return Err(refused(Failure::RequestRefused, other.to_string())),
        }
    }
    Ok(made)
}

fn apply_one(slice: &Slice<'_>, tree: &mut Tree, change: &Change) -> Result<bool, Refused> {
    let now = slice.now();
    // What is no id was read from the tree, or from Google: it is left alone.
    let id = |text: &str| CategoryId::parse(text).map_err(|_| Refused::NotFound);
    match change {
        Change::Create { key, name, sort_order } => {
            let google = GoogleCategoryId::parse(key).map_err(|_| Refused::NotFound)?;
            let random = slice.worker.runs.outside.entropy.bytes16();
            let made = tree.take_in(&google, name, random, now)?;
            let placed =
                CategoryChange { sort_order: Some((*sort_order).min(SORT_ORDER_MAX)), ..CategoryChange::default() };
            tree.change(&made.id, placed, None, now)?;
        }
        Change::Update { id: of, name, sort_order } => {
            let name = CategoryName::parse(name).ok();
            let updated = CategoryChange {
                name,
                sort_order: Some((*sort_order).min(SORT_ORDER_MAX)),
                ..CategoryChange::default()
            };
            tree.change(&id(of)?, updated, None, now)?;
        }
        Change::Delete { id: of } => {
            let of = id(of)?;
            if !tree.lift_children(&of, now)? {
                return Ok(false);
            }
            tree.remove(&of, None, now)?;
        }
    }
    Ok(true)
}
