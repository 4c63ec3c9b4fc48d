//! A run of a catalogue: [`scan`] finds what changed, a plan is made durable, [`write`] makes the records equal to it, and
//! [`layers`](crate::engine::runs::layers) keeps the index small. Each step can be done again.

mod scan;
mod write;

use crate::domain::catalogue::vendor::{Integration, Vendor, products};
use crate::domain::datasets::guard::{check_removals, missing};
use crate::domain::datasets::manifest::LayerRef;
use crate::domain::datasets::snapshot::{Manifest, Plan, SnapshotState};
use crate::domain::ids::Dataset;
use crate::domain::redact;
use crate::domain::runs::held::OnRemovals;
use crate::domain::runs::run::{CatalogueWork, Checkpoint, Run, Work};
use crate::engine::runs::end::{self, Switch};
use crate::engine::runs::hold::{self, Removals};
use crate::engine::runs::layers;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::engine::runs::start::StartRefused;
use crate::vendors::catalogue::SourceError;

/// What a run of a vendor's catalogue works at.
///
/// # Errors
/// When the vendor is not reached by a catalogue.
pub fn work_of(vendor: &Vendor, source_path: Option<&str>, allow_removals: bool) -> Result<Work, StartRefused> {
    if vendor.integration == Integration::Api {
        return Err(StartRefused::NotSupported(vendor.slug.to_string()));
    }
    // A source with a credential in it is refused when it is read; the history keeps what it was, without.
    let source_path = source_path.map(redact::source).or_else(|| vendor.shown_source());
    Ok(Work::Catalogue(CatalogueWork { source_path, allow_removals, ..CatalogueWork::default() }))
}

impl Slice<'_> {
    fn work(&mut self) -> &mut CatalogueWork {
        match &mut self.run.work {
            Work::Catalogue(work) => work,
            Work::Pull(_) | Work::Mirror(_) => unreachable!("a step is chosen by its run's kind"),
        }
    }

    fn dataset(&self) -> Dataset {
        products(&self.run.connection)
    }

    /// The vendor, as it is now.
    async fn vendor(&self) -> Result<Vendor, SliceFault> {
        let connection = &self.run.connection;
        let found = self.worker.runs.vendors.find(&connection.tenant, &connection.name).await?;
        found.ok_or(SliceFault::VendorGone)
    }
}

/// Scans, plans and writes as far as the slice's time goes; what is then to be switched to.
pub(super) async fn step(slice: &mut Slice<'_>) -> Result<Switch, SliceFault> {
    let (dataset, vendor) = (slice.dataset(), slice.vendor().await?);
    let manifest = slice.worker.runs.store.snapshots.manifest(&dataset).await?;
    if let Some(plan) = manifest.plan_of(&slice.run.id).cloned() {
        let now = slice.now();
        slice.run.let_go(now);
        // An earlier slice, or one that died, had scanned and planned. If it died after another plan than the one that
        // the run's checkpoint is about, nothing of this one is known to be written.
        let begun = Checkpoint { plan: manifest.plans_made(&slice.run.id), ..Checkpoint::default() };
        let work = slice.work();
        work.checkpoint = work.checkpoint.filter(|found| found.plan == begun.plan).or(Some(begun));
        let layer = slice.worker.runs.store.snapshots.layer(&dataset, &plan.layer).await?;
        match write::write_changes(slice, &vendor, &plan, &layer).await {
            // The plan is no longer what the source says: make another, which puts right what this one has written.
            Err(SliceFault::Source(SourceError::Changed)) => slice.work().checkpoint = None,
            written => {
                written?;
                return applied(slice, manifest, plan).await;
            }
        }
    }
    hold::is_approved(slice)?;
    let found = scan::scan_catalogue(slice, &vendor, &manifest).await?;
    let work = slice.work();
    work.counts = Some(found.counts);
    work.hash = Some(found.hash.clone());
    work.findings = found.findings.clone();
    // A dry run removes nothing: it is there to show what an apply would, see `RunView`.
    if slice.run.mode.is_dry() {
        return Ok(Switch::unchanged());
    }
    check(slice, vendor.on_removals, &found).await?;
    if found.layer.is_empty() && manifest.plans.is_empty() {
        return Ok(Switch::unchanged());
    }
    let (manifest, plan) = commit_plan(slice, manifest, &found).await?;
    write::write_changes(slice, &vendor, &plan, &found.layer).await?;
    applied(slice, manifest, plan).await
}

/// Lets a scan through that removes a small share, or no more than somebody approved of.
///
/// # Errors
/// The guard's refusal, or [`SliceFault::Unapproved`] where the vendor is told to wait instead: what would go is in the run then.
async fn check(slice: &mut Slice<'_>, on_removals: OnRemovals, found: &scan::Scanned) -> Result<(), SliceFault> {
    let missing = missing(&found.counts, &found.findings);
    let is_approved = hold::approved_max(slice).is_some_and(|max| missing <= max);
    let allowed = slice.work().allow_removals || is_approved;
    if let Err(refused) = check_removals(&found.counts, &found.findings, allowed) {
        if on_removals == OnRemovals::Fail {
            return Err(refused.into());
        }
        let going = hold::names_of(slice, &slice.dataset(), &found.layer.removals).await?;
        let of = found.counts.removed + found.counts.updated + found.counts.unchanged;
        let what = match found.findings.items_kept {
            0 => "items would go",
            _ => "items are not among the rows that can be read; what may be among the others stays",
        };
        return Err(hold::hold(slice, Removals { removals: missing, of, what, going }));
    }
    let now = slice.now();
    slice.run.let_go(now);
    Ok(())
}

/// Stores the plan: first its segments, which nothing names yet, then the manifest that names them.
async fn commit_plan(
    slice: &mut Slice<'_>,
    mut manifest: Manifest,
    found: &scan::Scanned,
) -> Result<(Manifest, Plan), SliceFault> {
    let dataset = slice.dataset();
    let number = manifest.plans_made(&slice.run.id);
    let layer = slice.store_layer(&dataset, &number.to_string(), &found.layer).await?;
    let plan = Plan {
        run_id: slice.run.id.clone(),
        number,
        layer,
        source_version: found.source_version.clone(),
        hash: found.hash.clone(),
        counts: found.counts,
        rows: found.rows,
        findings: found.findings.clone(),
    };
    // The new plan names every row that earlier ones do, see the diff's `touched`: it takes their place, or plans of runs
    // that fail would pile up.
    let void = std::mem::replace(&mut manifest.plans, vec![plan.clone()]);
    let runs = &slice.worker.runs;
    runs.store.commit_plan(&dataset, &slice.hold, &manifest).await?;
    let void: Vec<LayerRef> = void.into_iter().map(|plan| plan.layer).collect();
    end::expire(runs, Some((dataset, void)), slice.now()).await;
    slice.work().checkpoint = Some(Checkpoint { plan: number + 1, ..Checkpoint::default() });
    Ok((manifest, plan))
}

/// All is written: what the manifest is switched to.
async fn applied(slice: &mut Slice<'_>, manifest: Manifest, plan: Plan) -> Result<Switch, SliceFault> {
    let dataset = slice.dataset();
    let work = slice.work();
    work.counts = Some(plan.counts);
    work.hash = Some(plan.hash);
    work.findings = plan.findings;
    let (layers, replaced) = layers::with(slice, &dataset, manifest.layers, plan.layer).await?;
    // All plans are done with: their rows were in this run's, see the diff.
    let manifest = Manifest { layers, ..Manifest::default() };
    Ok(Switch { manifest: Some((dataset.clone(), manifest)), replaced: Some((dataset, replaced)) })
}

/// What clients see after a run that went well.
pub(super) fn snapshot_state(run: &Run, work: &CatalogueWork) -> SnapshotState {
    SnapshotState {
        vendor: run.connection.name.to_string(),
        total_items: work.counts.map_or(0, |counts| counts.total),
        last_run_at: run.completed_at,
        last_duration_ms: run.duration_ms,
        last_source: work.source_path.clone(),
        last_hash: work.hash.clone(),
        last_run_by: Some(run.actor.clone()),
        last_error: None,
        updated_at: Some(run.updated_at),
        created_at: None,
    }
}
