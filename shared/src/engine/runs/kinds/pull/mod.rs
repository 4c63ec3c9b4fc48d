//! A pull: the entities of a vendor's API, one after another, each a page at a time. What a page does stands in [`entity`], what makes it
//! survive a crash in [`held`], and what keeps the vendor from being asked too much in [`vendor`]. docs/pulls.md follows it through.

mod drift;
mod entity;
mod held;
pub mod letters;
pub mod look;
mod put;
mod reading;
pub mod requeue;
mod set_aside;
mod start;
mod vendor;

use std::collections::BTreeSet;

pub use start::{PullRequest, Refused, work_of};
pub use vendor::Heard;

use crate::domain::datasets::snapshot::SnapshotState;
use crate::domain::redact;
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::held::Held;
use crate::domain::runs::pull::{EntityPull, EntityState, PullWork};
use crate::domain::runs::run::{Run, Work};
use crate::domain::runs::said;
use crate::engine::runs::end::Switch;
use crate::engine::runs::hold::{self, Removals};
use crate::engine::runs::slice::{Slice, SliceFault};
use vendor::Vendor;

/// How much of an entity's reason is kept, in characters: each is stored in the run.
const REASON_CHARACTERS_MAX: usize = 500;

/// Why an entity is not gone on with.
enum Ended {
    /// It ends with a reason, and the others go on.
    Failed(Failure, String),
    /// The vendor does not have it.
    NotSupported,
    /// The slice stops short.
    Stopped(SliceFault),
}

impl From<SliceFault> for Ended {
    fn from(fault: SliceFault) -> Self {
        match fault {
            // Nothing that this entity waits for: the others may go on.
            SliceFault::Removal(refused) => Self::Failed(Failure::RemovalsRefused, refused.to_string()),
            other => Self::Stopped(other),
        }
    }
}

impl Slice<'_> {
    fn pull(&mut self) -> &mut PullWork {
        match &mut self.run.work {
            Work::Pull(work) => work,
            Work::Catalogue(_) | Work::Mirror(_) => unreachable!("a step is chosen by its run's kind"),
        }
    }

    fn entity(&mut self, index: usize) -> &mut EntityPull {
        &mut self.pull().entities[index]
    }
}

/// Pulls one entity after another, as far as the slice's time goes. What each comes to is committed by itself.
pub(super) async fn step(slice: &mut Slice<'_>) -> Result<Switch, SliceFault> {
    if slice.pull().one_row {
        let detail = "whoever applied the row ended half-way: requeue it once more".to_owned();
        return Err(SliceFault::Vendor { failure: Failure::RunTooSlow, detail, may_pass: false });
    }
    if hold::is_approved(slice)? {
        let now = slice.now();
        slice.run.let_go(now);
        slice.pull().take_up_held();
    }
    let mut vendor = Vendor::of(slice.worker, &slice.run.connection).await?;
    while let Some(index) = slice.pull().current() {
        let (state, error) = match entity::pull(slice, &mut vendor, index).await {
            Ok(()) => {
                // Of an earlier slice, after which the vendor was well again.
                slice.entity(index).answer = None;
                continue;
            }
            Err(Ended::Stopped(fault)) => {
                if matches!(fault, SliceFault::Vendor { .. }) {
                    slice.entity(index).answer = vendor.heard().map(|heard| heard.said);
                }
                return Err(fault);
            }
            Err(Ended::NotSupported) => {
                let (name, now) = (slice.entity(index).entity.clone(), slice.now());
                slice.run.say(said::not_supported(&name, now));
                (EntityState::NotSupported, None)
            }
            Err(Ended::Failed(failure, detail)) => {
                let detail: String = redact::error_text(&detail).chars().take(REASON_CHARACTERS_MAX).collect();
                let entity = slice.entity(index).entity.clone();
                tracing::warn!(run_id = %slice.run.id, %entity, code = failure.code(), error = detail, "entity failed");
                let now = slice.now();
                slice.run.say(said::failed(&entity, &detail, now));
                (EntityState::Failed, Some(RunError::new(failure, detail)))
            }
        };
        let said = vendor.heard().map(|heard| heard.said).filter(|_| error.as_ref().is_some_and(is_of_an_answer));
        let entity = slice.entity(index);
        (entity.state, entity.error, entity.before, entity.answer) = (state, error, None, said);
    }
    if let Some(would) = removals_held(slice.pull()) {
        slice.pull().let_go = 0;
        return Err(hold::hold(slice, would));
    }
    let failed: Vec<String> = slice.pull().failed().map(|entity| entity.entity.to_string()).collect();
    if failed.is_empty() {
        return Ok(Switch::unchanged());
    }
    let first = slice.pull().failed().find_map(|entity| entity.error.as_ref()).map(|error| error.detail.clone());
    let detail = format!("{} failed: {}", failed.join(", "), first.unwrap_or_default());
    Err(SliceFault::Vendor { failure: Failure::EntitiesFailed, detail, may_pass: false })
}

/// What would go of the entities that wait, all together.
fn removals_held(work: &PullWork) -> Option<Removals> {
    work.held().next()?;
    let mut would = Removals { removals: 0, of: 0, what: "rows would go", going: BTreeSet::new() };
    for entity in work.held() {
        let counts = &entity.progress.counts;
        would.removals += counts.removed;
        would.of += counts.removed + counts.updated + counts.unchanged;
        entity.sample.removed.iter().for_each(|key| Held::name(&mut would.going, &format!("{} {key}", entity.entity)));
    }
    Some(would)
}

/// Whether a reason is what the vendor answered last.
fn is_of_an_answer(error: &RunError) -> bool {
    matches!(error.failure(), Some(Failure::PageInvalid | Failure::VendorNotPermitted))
}

/// What clients see after a run that went well. One that read no page, as where a single row is applied once more, has synced nothing.
pub(super) fn snapshot_state(run: &Run, work: &PullWork) -> Option<SnapshotState> {
    let has_read = work.entities.iter().any(|entity| entity.progress.chain.pages() > 0);
    has_read.then(|| SnapshotState {
        vendor: run.connection.name.to_string(),
        total_items: work.counts().map_or(0, |counts| counts.total),
        last_run_at: run.completed_at,
        last_duration_ms: run.duration_ms,
        last_source: Some(run.connection.provider.to_string()),
        last_hash: None,
        last_run_by: Some(run.actor.clone()),
        last_error: None,
        updated_at: Some(run.updated_at),
        created_at: None,
    })
}
