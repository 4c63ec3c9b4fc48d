//! Put: the records of a page that was committed, and the removal of what is gone. Every write can be done again.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;

use crate::aws::datasets::records::{BATCH_RECORDS_MAX, Provenance, Record};
use crate::aws::faults::AwsFault;
use crate::domain::connections::pull_api::{Kept, Met, PullEntity};
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::ids::Dataset;
use crate::domain::time;
use crate::engine::runs::batches::{Batches, UNDER_WAY_MAX};
use crate::engine::runs::slice::{Slice, SliceFault};

/// Puts records. Those that webhooks write as well are put one by one, each unless it has come in a newer version.
///
/// # Errors
/// When the lease was lost, the run is to stop, or a write failed: some may be there then.
pub(super) async fn put(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    began_at: Timestamp,
    records: Vec<(Record, Option<Met>)>,
) -> Result<(), SliceFault> {
    // Whoever answered may have taken half of the lease for it.
    keep_on(slice).await?;
    let (worker, now) = (slice.worker, slice.now());
    let from = Provenance {
        source: slice.run.connection.provider.to_string(),
        fetched_at: time::text(now),
        run_id: slice.run.id.clone(),
    };
    let (mut plain, mut meeting) = (Vec::new(), Vec::new());
    for (record, met) in records {
        match met {
            None => plain.push(record),
            Some(met) => meeting.push((record, met)),
        }
    }
    for chunk in meeting.chunks(BATCH_RECORDS_MAX) {
        keep_on(slice).await?;
        let puts = chunk
            .iter()
            .map(|(record, met)| worker.records.put_newer(dataset, &from, record, met, began_at, now).boxed());
        all(puts.collect()).await?;
    }
    let mut batches = Batches::new(&worker.records, dataset, &from, UNDER_WAY_MAX);
    let outcome = send(slice, &mut batches, plain).await;
    // Whoever has the run now may have read another page: what waits must not be sent any more.
    if matches!(outcome, Err(SliceFault::LeaseLost)) || !slice.may_write() {
        return Err(SliceFault::LeaseLost);
    }
    if outcome.is_ok() {
        batches.send();
    }
    batches.settle().await?;
    outcome
}

async fn send(slice: &mut Slice<'_>, batches: &mut Batches<'_>, records: Vec<Record>) -> Result<(), SliceFault> {
    for record in records {
        if batches.add(record).await? {
            keep_on(slice).await?;
        }
    }
    Ok(())
}

/// Some writes at a time: all have ended when it has, and the first fault is told.
async fn all<T>(writes: Vec<BoxFuture<'_, Result<T, AwsFault>>>) -> Result<(), AwsFault> {
    let done: Vec<Result<T, AwsFault>> = stream::iter(writes).buffer_unordered(UNDER_WAY_MAX).collect().await;
    done.into_iter().try_for_each(|done| done.map(drop))
}

/// Breathes, but does not stop for lack of time: a page is put to its end, as it would have to be asked for again.
async fn keep_on(slice: &mut Slice<'_>) -> Result<(), SliceFault> {
    match slice.breathe().await {
        Err(SliceFault::OutOfTime) => Ok(()),
        other => other,
    }
}

/// Removes what is gone.
///
/// # Errors
/// As [`put`].
pub(super) async fn remove(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    entity: &PullEntity,
    began_at: Timestamp,
    removals: &[Fingerprint],
) -> Result<(), SliceFault> {
    let worker = slice.worker;
    for chunk in removals.chunks(BATCH_RECORDS_MAX) {
        slice.breathe().await?;
        match entity.kept {
            Kept::AsItCame => worker.records.remove(dataset, chunk).await?,
            Kept::AsWebhooks(_) => {
                let remove = |gone: &Fingerprint| worker.records.remove_older(dataset, *gone, began_at).boxed();
                all(chunk.iter().map(remove).collect()).await?;
            }
        }
    }
    Ok(())
}
