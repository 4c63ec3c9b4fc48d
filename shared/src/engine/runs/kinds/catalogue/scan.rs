//! Scan: read the whole source once, and find what changed since the last snapshot.

use crate::domain::canonical::VolatilePath;
use crate::domain::catalogue::aggregate::{Collected, Collector};
use crate::domain::catalogue::findings::Findings;
use crate::domain::catalogue::vendor::Vendor;
use crate::domain::datasets::diff::{Counts, Diff, Missing};
use crate::domain::datasets::manifest::{Fingerprint, Layer, Overlay};
use crate::domain::datasets::snapshot::Manifest;
use crate::engine::runs::context::Sources;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::{CatalogueReader, SourceError};

/// What a scan found.
pub(super) struct Scanned {
    /// What clients see.
    pub counts: Counts,
    /// What has to be written.
    pub layer: Layer,
    /// The aggregate hash, lower hex.
    pub hash: String,
    /// The version of the source.
    pub source_version: String,
    /// Rows, duplicates included, without those that were set aside.
    pub rows: u64,
    /// What was noticed.
    pub findings: Findings,
}

/// Reads the source to its proven end, then compares. Nothing is written, so a crash here leaves nothing.
///
/// # Errors
/// When the source is not a whole catalogue, or a step fails.
pub(super) async fn scan_catalogue(
    slice: &mut Slice<'_>,
    vendor: &Vendor,
    manifest: &Manifest,
) -> Result<Scanned, SliceFault> {
    let mut reader = open_source(slice, vendor).await?;
    let collected = collect(slice, &vendor.volatile, &mut reader).await?;
    let (hash, rows) = (hex::encode(collected.hash), collected.rows);
    let repeated = rows - collected.entries.len() as u64;
    let mut findings = Findings { repeated, repeated_ids: collected.repeated_ids, ..reader.findings() };
    tracing::info!(run_id = %slice.run.id, rows, bad_rows = findings.bad_rows, repeated, "catalogue read");

    let dataset = slice.dataset();
    let snapshots = &slice.worker.runs.store.snapshots;
    let mut overlay = Overlay::default();
    let (base, upper) = manifest.layers.split_first().map_or((None, &[][..]), |(base, upper)| (Some(base), upper));
    for layer in upper {
        overlay.lay(&snapshots.layer(&dataset, layer).await?);
    }
    let mut touched: Vec<Fingerprint> = Vec::new();
    for plan in &manifest.plans {
        let layer = snapshots.layer(&dataset, &plan.layer).await?;
        touched.extend(layer.puts.iter().map(|entry| entry.fingerprint));
        touched.extend(layer.removals);
    }
    touched.sort_unstable();
    touched.dedup();

    let mut diff = Diff::new(collected.entries, overlay);
    if let Some(base) = base {
        for number in 0..base.segments {
            slice.breathe().await?;
            diff.base(&snapshots.segment(&dataset, base, number).await?.puts);
        }
    }
    // Nobody knows whose rows those are that were set aside.
    let found = diff.finish(&touched, if findings.bad_rows > 0 { Missing::Kept } else { Missing::Removed });
    findings.items_kept = found.kept;
    let source_version = reader.version().to_owned();
    Ok(Scanned { counts: found.counts, layer: found.layer, hash, source_version, rows, findings })
}

/// Opens the run's source.
///
/// # Errors
/// When the run names none, or one that may not or cannot be read.
pub(super) async fn open_source(slice: &mut Slice<'_>, vendor: &Vendor) -> Result<CatalogueReader, SliceFault> {
    let Some(source) = slice.work().source_path.clone() else {
        let text = "the vendor has no source configured and the request names none (sourcePath)";
        return Err(SourceError::NotAllowed(text.into()).into());
    };
    let Sources { rules, environment } = slice.worker.sources();
    let stores = &slice.worker.runs.outside.stores;
    let location = rules.locate(vendor, &source)?;
    Ok(CatalogueReader::open(&location, &vendor.form, stores, environment).await?)
}

async fn collect(
    slice: &mut Slice<'_>,
    volatile: &[VolatilePath],
    reader: &mut CatalogueReader,
) -> Result<Collected, SliceFault> {
    let mut collector = Collector::default();
    let mut scratch = Vec::new();
    loop {
        while let Some(mut row) = reader.next_row()? {
            let hash = row.hash(volatile, &mut scratch);
            // Numbers may be longer in canonical form than in the source.
            if row.is_too_long(&mut scratch) {
                let (number, byte) = (row.number, row.byte);
                reader.refuse_as_too_long(number, byte)?;
                continue;
            }
            collector.add(row.catalog_id(), hash);
        }
        if !reader.more().await? {
            return Ok(collector.finish());
        }
        slice.breathe().await?;
    }
}
