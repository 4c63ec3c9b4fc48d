//! Requeue: a row that was set aside is applied for real, as a run of its own. So it is in the manifest with all others, nobody else
//! changes the dataset meanwhile, and history shows it.
//!
//! The row is asked for once more, where it has an id: what is applied is what the vendor has now, and whoever asked is told where that
//! is not what was set aside. A fault ends the run. A crash after the start leaves an open one that nobody can go on with, as the row is
//! not in it: it is given up once its lease has run out, by the next who starts a run or by the watchdog, and the row stays set aside.

use jiff::{SignedDuration, Timestamp};

use crate::aws::faults::AwsFault;
use crate::domain::canonical::Node;
use crate::domain::connections::pull_api::PullApi;
use crate::domain::datasets::diff::Counts;
use crate::domain::datasets::snapshot::Pulled;
use crate::domain::ids::{Dataset, RunId};
use crate::domain::pull::rows::{RowForm, text_of};
use crate::domain::runs::lease::LEASE_MS;
use crate::domain::runs::pull::{EntityPull, EntityState, PullWork};
use crate::domain::runs::run::{Mode, RunStatus, Trigger, Work};
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::engine::runs::start::{StartRefused, StartRequest, start_run};
use crate::engine::runs::{advance, end, publish};

use super::held::{Held, Ours};
use super::look::NotLooked;
use super::put;
use super::reading::{Read, Reader};
use super::vendor::Vendor;

/// What became of a row that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordRequeued {
    /// It is applied, by this run.
    Applied {
        /// Which.
        run_id: RunId,
        /// Whether the vendor has another row by now, which was applied in its place.
        changed_since: bool,
    },
    /// It still cannot be taken.
    Refused(String),
    /// Another run has the connection.
    Busy(RunId),
}

/// Applies a row of a dataset that was set aside as `row`, under `key` where it had an id. Who asks must have it on record.
///
/// # Errors
/// When the connection cannot be used or read, or AWS fails. The row stays set aside then.
pub async fn requeue_record(
    worker: &RunWorker,
    dataset: &Dataset,
    (key, row): (&str, &[u8]),
    actor: &str,
    correlation_id: &str,
) -> Result<RecordRequeued, NotLooked> {
    let connection = &dataset.connection;
    let mut vendor = Vendor::of(worker, connection).await?;
    let unknown = || NotLooked::UnknownEntity(dataset.entity.clone());
    let entity = vendor.api.entity(&dataset.entity).ok_or_else(unknown)?;
    let form = RowForm::of(entity, &vendor.settings.volatile).ok_or_else(unknown)?;
    let began_at = worker.runs.now();
    let now_there = if key.is_empty() { None } else { vendor.row_once(entity, key).await? };
    let current = now_there.as_ref().and_then(|answer| row_of(vendor.api, &answer.body));
    let aside = Node::read(row).ok();
    let text = |row: &Node<'_>| text_of(&mut row.clone());
    let changed_since = match (&current, &aside) {
        (Some(current), Some(aside)) => text(current) != text(aside),
        (Some(_), None) => true,
        (None, _) => false,
    };
    let Some(row) = current.or(aside) else { return Ok(RecordRequeued::Refused("it is no JSON".to_owned())) };
    let mut read = Reader { entity, form: &form, name: &connection.name, began_at }.read(vec![row]);
    if let Some(unmapped) = read.unmapped.pop() {
        return Ok(RecordRequeued::Refused(unmapped.why));
    }
    let mut work = EntityPull::new(dataset.entity.clone());
    (work.state, work.began_at) = (EntityState::Running, Some(began_at));
    let request = StartRequest {
        connection: connection.clone(),
        work: Work::Pull(PullWork { entities: vec![work], one_row: true, ..PullWork::default() }),
        mode: Mode::Apply,
        actor: actor.to_owned(),
        trigger: Trigger::Manual,
        correlation_id: correlation_id.to_owned(),
    };
    let (run, taken) = match start_run(&worker.runs, &request, true).await {
        Ok((run, Some(taken))) => (run, taken),
        Ok((run, None)) => return Ok(RecordRequeued::Busy(run.id)),
        Err(StartRefused::Busy(other, _)) => return Ok(RecordRequeued::Busy(other)),
        Err(StartRefused::Fault(fault)) => return Err(SliceFault::Aws(fault).into()),
        Err(refused @ (StartRefused::NotSupported(_) | StartRefused::Cools(_))) => {
            return Ok(RecordRequeued::Refused(refused.to_string()));
        }
    };
    let run_id = run.id.clone();
    // As long as the lease lasts: nobody waits for longer.
    let until = began_at.checked_add(SignedDuration::from_millis(LEASE_MS)).unwrap_or(began_at);
    let begun = run.work.clone();
    let mut slice = Slice { worker, run, hold: taken.hold, since: began_at, until, approval: None, begun };
    if let Err(fault) = apply(&mut slice, dataset, began_at, read).await {
        // Where that fails as well, it is given up once its lease has run out.
        if let Err(error) = advance::end_short(slice, &fault).await {
            tracing::warn!(%run_id, %error, "a run that applied a row is left open");
        }
        return Err(fault.into());
    }
    let run = slice.run.ended(RunStatus::Success, None, worker.runs.now());
    if end::end(&worker.runs, &run, &slice.hold, None).await.map_err(SliceFault::Aws)? {
        publish::publish_end(&worker.runs, &run).await;
        return Ok(RecordRequeued::Applied { run_id, changed_since });
    }
    let lost = AwsFault { operation: "requeue record", detail: "the lease was lost".into(), transient: true };
    Err(SliceFault::Aws(lost).into())
}

/// Puts the row, as a pull puts a page.
async fn apply(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    began_at: Timestamp,
    mut read: Read<'_>,
) -> Result<(), SliceFault> {
    let mut held = Held::load(slice, dataset.clone(), Ours::default()).await?;
    let changes = held.known.compare(&read.entries(), &held.touched, Counts::default());
    slice.entity(0).progress.counts = changes.counts;
    held.commit(slice, 1, &changes.layer, &[]).await?;
    put::put(slice, dataset, began_at, read.records(&changes.rows)).await?;
    held.arrived(&changes);
    slice.entity(0).state = EntityState::Done;
    // The next delta goes on from where it would have; a row that was never taken is one more.
    let last = held.pulled().map(|last| Pulled { records: held.known.rows(), ..last.clone() });
    held.finish(slice, last).await
}

/// A row that was asked for by itself: as it is, or where lists have their rows.
fn row_of<'a>(api: &PullApi, body: &'a [u8]) -> Option<Node<'a>> {
    match Node::read(body).ok()? {
        Node::Object(members) => {
            let within = members.iter().position(|(name, value)| name == api.rows && matches!(value, Node::Object(_)));
            match within {
                Some(place) => members.into_iter().nth(place).map(|(_, row)| row),
                None => Some(Node::Object(members)),
            }
        }
        _ => None,
    }
}
