//! Batches: records on their way to the table, a few batches at a time and never more. Any kind of run writes through this.

use std::task::Poll;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use crate::aws::datasets::records::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Provenance, Record, RecordStore};
use crate::aws::faults::AwsFault;
use crate::domain::ids::Dataset;

/// Batches under way at once.
pub const UNDER_WAY_MAX: usize = 8;

/// Sends records of one dataset.
///
/// Memory is bounded by the batches under way and the one that waits. Order between batches is not promised unless only one
/// may be under way.
pub struct Batches<'a> {
    records: &'a RecordStore,
    dataset: &'a Dataset,
    from: &'a Provenance,
    under_way_max: usize,
    under_way: FuturesUnordered<BoxFuture<'a, Result<(), AwsFault>>>,
    waiting: Vec<Record>,
    waiting_bytes: usize,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(records: &'a RecordStore, dataset: &'a Dataset, from: &'a Provenance, under_way_max: usize) -> Self {
        let under_way = FuturesUnordered::new();
        Self { records, dataset, from, under_way_max, under_way, waiting: Vec::new(), waiting_bytes: 0, failed: false }
    }

    /// Adds a record. True when a batch was sent, so that the caller breathes; then no record waits.
    ///
    /// # Errors
    /// When an earlier batch failed.
    pub async fn add(&mut self, record: Record) -> Result<bool, AwsFault> {
        self.waiting_bytes += record.payload.len();
        // A batch cannot name one record twice: a later row replaces an earlier one.
        match self.waiting.iter_mut().find(|earlier| earlier.fingerprint == record.fingerprint) {
            Some(earlier) => *earlier = record,
            None => self.waiting.push(record),
        }
        if self.waiting.len() < BATCH_RECORDS_MAX && self.waiting_bytes < BATCH_BYTES_MAX {
            return Ok(false);
        }
        if self.under_way.len() >= self.under_way_max {
            let done = self.under_way.next().await;
            self.note(done)?;
        }
        self.send();
        // A future that nobody polls does not move: without this, batches would wait for the last of those under way.
        if let Poll::Ready(done) = futures::poll!(self.under_way.next()) {
            self.note(done)?;
        }
        Ok(true)
    }

    /// Sends what waits, if anything does.
    pub fn send(&mut self) {
        if !self.waiting.is_empty() {
            self.waiting_bytes = 0;
            let batch = std::mem::take(&mut self.waiting);
            self.under_way.push(Box::pin(self.records.put(self.dataset, self.from, batch)));
        }
    }

    /// Whether every record that was added has arrived, once all are settled: none waits, and no batch failed.
    #[must_use]
    pub fn all_arrived(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty() && !self.failed
    }

    /// Waits until all that was sent has arrived, or is known not to have.
    ///
    /// # Errors
    /// The first fault, after all have ended.
    pub async fn settle(&mut self) -> Result<(), AwsFault> {
        let mut all = Ok(());
        while let Some(done) = self.under_way.next().await {
            all = all.and(self.note(Some(done)));
        }
        all
    }

    fn note(&mut self, done: Option<Result<(), AwsFault>>) -> Result<(), AwsFault> {
        let done = done.unwrap_or(Ok(()));
        self.failed |= done.is_err();
        done
    }
}
