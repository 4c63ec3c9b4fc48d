//! Write: make the records equal to the plan. Every write can be done again.

use std::task::Poll;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use crate::aws::datasets::records::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Provenance, Record};
use crate::aws::faults::AwsFault;
use crate::domain::catalogue::rows::{ROW_BYTES_MAX, RowError};
use crate::domain::datasets::manifest::{Entry, Fingerprint, Layer};
use crate::domain::datasets::snapshot::Plan;
use crate::domain::time;
use crate::engine::runs::kinds::catalogue::scan::open_source;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::SourceError;

/// Batches under way at once.
const BATCHES_MAX: usize = 8;

/// Writes the plan's rows and removals, from the run's checkpoint on. The source is read again rather than kept in
/// memory; if it is another version by now, the plan is void.
///
/// # Errors
/// [`SourceError::Changed`] when the source is not the one that was planned with; otherwise what a step failed with.
/// The run's checkpoint says how far it got.
pub async fn write_changes(slice: &mut Slice<'_>, plan: &Plan, layer: &Layer) -> Result<(), SliceFault> {
    if !layer.puts.is_empty() {
        put_rows(slice, plan, &layer.puts).await?;
    }
    remove_rows(slice, &layer.removals).await
}

async fn put_rows(slice: &mut Slice<'_>, plan: &Plan, puts: &[Entry]) -> Result<(), SliceFault> {
    let done = slice.run.checkpoint.unwrap_or_default().rows_written;
    if done >= plan.rows {
        return Ok(());
    }
    let mut reader = open_source(slice).await?;
    if reader.version() != plan.source_version {
        return Err(SourceError::Changed.into());
    }
    let engine = slice.engine;
    let connection = slice.connection();
    let volatile = slice.volatile();
    let from = Provenance {
        source: slice.run.source_path.clone().unwrap_or_default(),
        fetched_at: time::text(engine.now()),
        run_id: slice.run.id.clone(),
    };
    // Of two rows with one id the later wins: then batches must not overtake each other.
    let batches_max = if plan.rows == plan.counts.total { BATCHES_MAX } else { 1 };
    let send = |records: Vec<Record>| engine.aws.put_records(&connection, &from, records);
    let mut under_way = FuturesUnordered::new();
    let mut batch = Batch::default();
    let mut seen = vec![false; puts.len()];
    let (mut scratch, mut last_row) = (Vec::new(), 0);

    let outcome: Result<(), SliceFault> = async {
        loop {
            while let Some(mut row) = reader.next_row()? {
                last_row = row.number;
                let fingerprint = Fingerprint::of(row.catalog_id().as_bytes());
                let Ok(index) = puts.binary_search_by_key(&fingerprint, |entry| entry.fingerprint) else { continue };
                let hash = row.hash(volatile, &mut scratch);
                // An earlier row of a repeated id is not the planned one.
                if Entry::new(fingerprint, &hash).content != puts[index].content {
                    continue;
                }
                seen[index] = true;
                if row.number <= done {
                    continue;
                }
                scratch.clear();
                row.item.write_canonical(&[], &mut scratch);
                if scratch.len() > ROW_BYTES_MAX {
                    return Err(SourceError::from(RowError::TooLong { row: row.number }).into());
                }
                batch.add(Record {
                    fingerprint,
                    catalog_id: row.catalog_id().to_owned(),
                    payload: String::from_utf8_lossy(&scratch).into_owned(),
                    hash: hex::encode(hash),
                });
                if batch.is_full() {
                    // The checkpoint counts whole batches: this one included once all under way are done.
                    if under_way.len() >= batches_max {
                        settle(under_way.next().await)?;
                    }
                    under_way.push(send(batch.take()));
                    // A future that nobody polls does not move: without this, batches would wait for the eighth.
                    if let Poll::Ready(done) = futures::poll!(under_way.next()) {
                        settle(done)?;
                    }
                    slice.breathe().await?;
                }
            }
            if !reader.more().await? {
                return Ok(());
            }
            slice.breathe().await?;
        }
    }
    .await;

    // Whoever has the run now may have read another version: what waits must not be sent any more.
    if matches!(outcome, Err(SliceFault::LeaseLost)) || !slice.may_write() {
        return Err(SliceFault::LeaseLost);
    }
    // Whatever else stopped the loop, what was sent must be known to have arrived before the checkpoint says so.
    if matches!(outcome, Ok(()) | Err(SliceFault::OutOfTime)) && !batch.is_empty() {
        under_way.push(send(batch.take()));
    }
    let mut settled = Ok(());
    while let Some(done) = under_way.next().await {
        settled = settled.and(done);
    }
    settled?;
    // Rows that wait in the batch are not written yet.
    let first_waiting = if batch.is_empty() { last_row } else { 0 };
    match outcome {
        Ok(()) if seen.iter().all(|seen| *seen) => {
            slice.run.checkpoint.get_or_insert_default().rows_written = plan.rows;
            Ok(())
        }
        // Same version, other content: the version lied.
        Ok(()) => Err(SourceError::Changed.into()),
        Err(fault) => {
            let checkpoint = slice.run.checkpoint.get_or_insert_default();
            checkpoint.rows_written = checkpoint.rows_written.max(first_waiting);
            Err(fault)
        }
    }
}

async fn remove_rows(slice: &mut Slice<'_>, removals: &[Fingerprint]) -> Result<(), SliceFault> {
    let connection = slice.connection();
    let done = usize::try_from(slice.run.checkpoint.unwrap_or_default().removals_done).unwrap_or(usize::MAX);
    for chunk in removals.get(done..).unwrap_or_default().chunks(BATCH_RECORDS_MAX) {
        slice.breathe().await?;
        slice.engine.aws.remove_records(&connection, chunk).await?;
        slice.run.checkpoint.get_or_insert_default().removals_done += chunk.len() as u64;
    }
    Ok(())
}

fn settle(done: Option<Result<(), AwsFault>>) -> Result<(), AwsFault> {
    done.unwrap_or(Ok(()))
}

#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

impl Batch {
    /// A batch cannot name one record twice: a later row replaces an earlier one.
    fn add(&mut self, record: Record) {
        self.bytes += record.payload.len();
        match self.records.iter_mut().find(|earlier| earlier.fingerprint == record.fingerprint) {
            Some(earlier) => *earlier = record,
            None => self.records.push(record),
        }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn take(&mut self) -> Vec<Record> {
        self.bytes = 0;
        std::mem::take(&mut self.records)
    }
}
