//! Write: make the records equal to the plan. Every write can be done again.

use crate::aws::datasets::records::{BATCH_RECORDS_MAX, Provenance, Record};
use crate::domain::canonical::VolatilePath;
use crate::domain::catalogue::rows::Row;
use crate::domain::catalogue::vendor::Vendor;
use crate::domain::datasets::manifest::{Entry, Fingerprint, Layer};
use crate::domain::datasets::snapshot::Plan;
use crate::domain::time;
use crate::engine::runs::batches::{Batches, UNDER_WAY_MAX};
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::{CatalogueReader, SourceError};

use super::scan::open_source;

/// Writes the plan's rows and removals, from the run's checkpoint on. The source is read again rather than kept in
/// memory; if it is another version by now, the plan is void.
///
/// # Errors
/// [`SourceError::Changed`] when the source is not the one that was planned with; otherwise what a step failed with.
/// The run's checkpoint says how far it got.
pub(super) async fn write_changes(
    slice: &mut Slice<'_>,
    vendor: &Vendor,
    plan: &Plan,
    layer: &Layer,
) -> Result<(), SliceFault> {
    if !layer.puts.is_empty() {
        put_rows(slice, vendor, plan, &layer.puts).await?;
    }
    remove_rows(slice, &layer.removals).await
}

/// The rows that a plan puts, found again in the source.
struct PlannedRows<'a> {
    puts: &'a [Entry],
    volatile: &'a [VolatilePath],
    /// Rows up to this one are written.
    done: u64,
    seen: Vec<bool>,
    last_row: u64,
    scratch: Vec<u8>,
}

impl<'a> PlannedRows<'a> {
    fn new(puts: &'a [Entry], volatile: &'a [VolatilePath], done: u64) -> Self {
        Self { puts, volatile, done, seen: vec![false; puts.len()], last_row: 0, scratch: Vec::new() }
    }

    /// The record of a row, if the plan puts it and it is not written yet.
    fn record(&mut self, mut row: Row<'_>) -> Option<Record> {
        self.last_row = row.number;
        let fingerprint = Fingerprint::of(row.catalog_id().as_bytes());
        let Ok(index) = self.puts.binary_search_by_key(&fingerprint, |entry| entry.fingerprint) else {
            return None;
        };
        let hash = row.hash(self.volatile, &mut self.scratch);
        // An earlier row of a repeated id is not the planned one.
        if Entry::new(fingerprint, &hash).content != self.puts[index].content {
            return None;
        }
        // The scan set it aside: another row of the same id and hash is the planned one, with other volatile fields.
        if row.is_too_long(&mut self.scratch) {
            return None;
        }
        self.seen[index] = true;
        if row.number <= self.done || !row.write_stored(&mut self.scratch) {
            return None;
        }
        Some(Record {
            fingerprint,
            catalog_id: row.catalog_id().to_owned(),
            payload: String::from_utf8_lossy(&self.scratch).into_owned(),
            hash: hex::encode(hash),
        })
    }

    /// Whether all of them were in the source.
    fn all_seen(&self) -> bool {
        self.seen.iter().all(|seen| *seen)
    }
}

async fn put_rows(slice: &mut Slice<'_>, vendor: &Vendor, plan: &Plan, puts: &[Entry]) -> Result<(), SliceFault> {
    let done = slice.work().checkpoint.unwrap_or_default().rows_written;
    if done >= plan.source_rows() {
        return Ok(());
    }
    let mut reader = open_source(slice, vendor).await?;
    if reader.version() != plan.source_version {
        return Err(SourceError::Changed.into());
    }
    let (worker, dataset) = (slice.worker, slice.dataset());
    let from = Provenance {
        source: slice.work().source_path.clone().unwrap_or_default(),
        fetched_at: time::text(slice.now()),
        run_id: slice.run.id.clone(),
    };
    // Of two rows with one id the later wins: then batches must not overtake each other.
    let under_way_max =
        if plan.rows == plan.counts.total.saturating_sub(plan.findings.items_kept) { UNDER_WAY_MAX } else { 1 };
    let mut batches = Batches::new(&worker.records, &dataset, &from, under_way_max);
    let mut rows = PlannedRows::new(puts, &vendor.volatile, done);
    let outcome = send_rows(slice, &mut reader, &mut rows, &mut batches).await;

    // Whoever has the run now may have read another version: what waits must not be sent any more.
    if matches!(outcome, Err(SliceFault::LeaseLost)) || !slice.may_write() {
        return Err(SliceFault::LeaseLost);
    }
    // Whatever else stopped the loop, what was sent must be known to have arrived before the checkpoint says so.
    if matches!(outcome, Ok(()) | Err(SliceFault::OutOfTime)) {
        batches.send();
    }
    batches.settle().await?;
    match outcome {
        Ok(()) if rows.all_seen() => {
            slice.work().checkpoint.get_or_insert_default().rows_written = plan.source_rows();
            Ok(())
        }
        // Same version, other content: the version lied.
        Ok(()) => Err(SourceError::Changed.into()),
        Err(fault) => {
            // Rows that wait, or whose batch failed, are not written; which ones, nobody counts.
            let written = if batches.all_arrived() { rows.last_row } else { 0 };
            // Only who has read to the end knows that all were there: until then the last row counts as not written.
            let written = written.min(plan.source_rows().saturating_sub(1));
            let checkpoint = slice.work().checkpoint.get_or_insert_default();
            checkpoint.rows_written = checkpoint.rows_written.max(written);
            Err(fault)
        }
    }
}

async fn send_rows(
    slice: &mut Slice<'_>,
    reader: &mut CatalogueReader,
    rows: &mut PlannedRows<'_>,
    batches: &mut Batches<'_>,
) -> Result<(), SliceFault> {
    loop {
        while let Some(row) = reader.next_row()? {
            if let Some(record) = rows.record(row)
                && batches.add(record).await?
            {
                slice.breathe().await?;
            }
        }
        if !reader.more().await? {
            return Ok(());
        }
        slice.breathe().await?;
    }
}

async fn remove_rows(slice: &mut Slice<'_>, removals: &[Fingerprint]) -> Result<(), SliceFault> {
    let (worker, dataset) = (slice.worker, slice.dataset());
    let done = usize::try_from(slice.work().checkpoint.unwrap_or_default().removals_done).unwrap_or(usize::MAX);
    for chunk in removals.get(done..).unwrap_or_default().chunks(BATCH_RECORDS_MAX) {
        slice.breathe().await?;
        worker.records.remove(&dataset, chunk).await?;
        slice.work().checkpoint.get_or_insert_default().removals_done += chunk.len() as u64;
    }
    Ok(())
}
