//! A mirror: the categories of a tenant and of its locations at Google, one side made like the other. Both directions read both sides,
//! compare them, and store what there is to do before they do it; what makes each go on after a crash stands in [`locations`] and
//! [`platform`]. docs/mirror.md follows it through.

mod hold;
mod locations;
mod measure;
mod platform;

pub use measure::measure;

use crate::aws::mirror::categories::CategoryStore;
use crate::domain::datasets::snapshot::SnapshotState;
use crate::domain::flags::Flag;
use crate::domain::ids::TenantId;
use crate::domain::mirror::categories::{CategoryName, TenantCategory};
use crate::domain::mirror::plan::{CategorySet, LOCATIONS_MAX, PlatformCategory, Strategy};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::mirror::{MirrorPlan, MirrorWork};
use crate::domain::runs::run::{Run, Work};
use crate::engine::gbp::Google;
use crate::engine::runs::end::Switch;
use crate::engine::runs::hold as approval;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::gbp::{Category, Location};

impl Slice<'_> {
    fn mirror(&mut self) -> &mut MirrorWork {
        match &mut self.run.work {
            Work::Mirror(work) => work,
            Work::Catalogue(_) | Work::Pull(_) => unreachable!("a step is chosen by its run's kind"),
        }
    }

    /// What there is to do. It is there once it was made.
    fn plan(&mut self) -> &mut MirrorPlan {
        self.mirror().plan.get_or_insert_default()
    }

    /// Stores how far the run got, as whoever holds it.
    async fn keep(&mut self) -> Result<(), SliceFault> {
        self.run.updated_at = self.now();
        Ok(self.worker.runs.store.commit_page(&self.run, &self.hold, None).await?)
    }
}

fn refused(failure: Failure, detail: impl Into<String>) -> SliceFault {
    SliceFault::Vendor { failure, detail: detail.into(), may_pass: false }
}

/// Makes one side like the other, as far as the slice's time goes.
pub(super) async fn step(slice: &mut Slice<'_>) -> Result<Switch, SliceFault> {
    // What was approved of is planned anew: it may be something else by now.
    approval::is_approved(slice)?;
    if slice.run.held.is_some() {
        slice.mirror().plan = None;
        slice.mirror().locations.clear();
    }
    still_wanted(slice).await?;
    match slice.mirror().strategy {
        Strategy::PlatformToGbp => locations::step(slice).await?,
        Strategy::GbpToPlatform => platform::step(slice).await?,
    }
    Ok(Switch::unchanged())
}

/// Whether it is still to be done: it may have waited for days.
async fn still_wanted(slice: &Slice<'_>) -> Result<(), SliceFault> {
    let (worker, connection) = (slice.worker, &slice.run.connection);
    let flag = Flag::TenantGbpCategorySync;
    if !worker.flags.effective(flag, Some(&connection.tenant)).await?.on {
        let detail = format!("{} was turned off for the tenant meanwhile", flag.as_str());
        return Err(refused(Failure::FeatureOff, detail));
    }
    let known = worker.connections.as_of_now().get(connection).await?.ok_or(SliceFault::VendorGone)?;
    match known.stored.is_active() {
        true => Ok(()),
        false => {
            Err(refused(Failure::VendorNotConfigured, format!("the connection {connection} was paused meanwhile")))
        }
    }
}

/// The locations of the connection, as they are now: whole, or an error, and never none.
async fn read_locations(google: &mut Google) -> Result<Vec<Location>, SliceFault> {
    let found = google.locations().await?;
    if found.is_empty() {
        return Err(refused(
            Failure::NothingListed,
            "Google lists no location of the account: nothing is concluded from that",
        ));
    }
    if found.len() > LOCATIONS_MAX {
        let detail = format!("the connection means {} locations, and a mirror takes {LOCATIONS_MAX}", found.len());
        return Err(refused(Failure::TooManyLocations, detail));
    }
    Ok(found)
}

/// The categories that a location has, called as a tenant's category could be; by no name where Google says none.
fn set_of(location: &Location) -> CategorySet {
    let all = location.primary.iter().chain(&location.additional);
    CategorySet::ordered(all.map(|Category { id, name }| {
        let fitted = CategoryName::fitted(name, id).as_str().to_owned();
        (id.as_str().to_owned(), if fitted == id.as_str() { String::new() } else { fitted })
    }))
}

fn platform_categories<'a>(rows: impl IntoIterator<Item = &'a TenantCategory>) -> Vec<PlatformCategory> {
    let of = |row: &TenantCategory| PlatformCategory {
        id: row.id.as_str().to_owned(),
        key: row.google_category_id.as_ref().map(|id| id.as_str().to_owned()),
        name: row.name.as_str().to_owned(),
        sort_order: row.sort_order,
    };
    rows.into_iter().map(of).collect()
}

async fn read_platform(store: &CategoryStore, tenant: &TenantId) -> Result<Vec<PlatformCategory>, SliceFault> {
    Ok(platform_categories(&store.active(tenant).await?))
}

/// What clients see after a run that went well.
pub(super) fn snapshot_state(run: &Run, work: &MirrorWork) -> SnapshotState {
    SnapshotState {
        vendor: run.connection.name.to_string(),
        total_items: work.counts().map_or(0, |counts| counts.total),
        last_run_at: run.completed_at,
        last_duration_ms: run.duration_ms,
        last_source: Some(work.strategy.as_str().to_owned()),
        last_hash: None,
        last_run_by: Some(run.actor.clone()),
        last_error: None,
        updated_at: Some(run.updated_at),
        created_at: None,
    }
}
