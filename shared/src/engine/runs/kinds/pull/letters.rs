//! Letters: the rows of a connection that were set aside, as operators list them and decide on them.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::journal::{Begun, Forgotten, Journal};
use crate::domain::audit::Action;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::dead_letter::{DeadLetter, DeadLetterId, Subject};
use crate::domain::ids::{Connection, Dataset, Entity, RunId};
use crate::domain::redact;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::Wait;
use crate::engine::operators::{Operator, Operators};
use crate::engine::runs::context::RunWorker;

use super::look::NotLooked;
use super::requeue::{RecordRequeued, requeue_record};

/// How often applying a row is tried where the reason may pass.
pub const TRIES_MAX: u32 = 3;
/// How many rows one call applies: each is a run of its own.
pub const REQUEUED_MAX: usize = 25;
/// How many rows one call forgets.
pub const FORGOTTEN_MAX: usize = 500;
/// How many of a tenant's dead letters one call looks at: those of webhooks lie between them.
const READ_MAX: usize = 5_000;
/// How many are read at once.
const PAGE: usize = 250;
/// How many rows are read, or forgotten, at the same time.
const AT_ONCE: usize = 8;

/// Which rows that were set aside.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// Of which connection; none of those of one that was removed, and had its name.
    pub stored: &'a StoredConnection,
    /// Of which entity alone.
    pub entity: Option<&'a Entity>,
}

impl Which<'_> {
    fn has(&self, letter: &DeadLetter) -> bool {
        let Subject::Record { dataset, run_id, .. } = &letter.subject else { return false };
        let is_of_it = dataset.connection == self.stored.connection && self.stored.has_run(run_id);
        is_of_it && self.entity.is_none_or(|entity| dataset.entity == *entity)
    }
}

fn dataset_of(letter: &DeadLetter) -> Option<&Dataset> {
    match &letter.subject {
        Subject::Record { dataset, .. } => Some(dataset),
        Subject::Delivery { .. } | Subject::Sync { .. } => None,
    }
}

/// Rows that were set aside.
#[derive(Debug, Default)]
pub struct Listed {
    /// The newest, the newest first.
    pub letters: Vec<DeadLetter>,
    /// How many there are among those that were looked at.
    pub total: usize,
    /// Where to look on; none where all were looked at.
    pub next: Option<DeadLetterId>,
}

/// Rows that were set aside, from `from` on (itself included), or from the newest: so many at most, and how many there are.
///
/// # Errors
/// When AWS fails.
pub async fn list(
    journal: &Journal,
    now: Timestamp,
    which: Which<'_>,
    from: Option<DeadLetterId>,
    shown_max: usize,
) -> Result<Listed, AwsFault> {
    let (mut listed, mut read) = (Listed { next: from, ..Listed::default() }, 0);
    loop {
        let mut letters = journal.dead_letters(&which.stored.connection.tenant, listed.next.as_ref(), PAGE + 1).await?;
        // One more than fits was read: it is where the next part starts.
        listed.next = if letters.len() > PAGE { letters.pop().map(|letter| letter.id) } else { None };
        read += letters.len();
        for letter in letters.into_iter().filter(|letter| !letter.is_expired(now) && which.has(letter)) {
            listed.total += 1;
            if listed.letters.len() < shown_max {
                listed.letters.push(letter);
            }
        }
        if listed.next.is_none() || read >= READ_MAX {
            return Ok(listed);
        }
    }
}

/// These letters with their rows; none of those that somebody decided on meanwhile.
///
/// # Errors
/// When AWS fails.
pub async fn with_rows(
    journal: &Journal,
    now: Timestamp,
    connection: &Connection,
    letters: Vec<DeadLetter>,
) -> Result<Vec<(DeadLetter, Vec<u8>)>, AwsFault> {
    let read =
        letters.into_iter().map(|letter| async move { journal.dead_letter(&connection.tenant, &letter.id, now).await });
    let found: Vec<_> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What became of a row that was to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It is applied, and its letter is gone.
    Applied {
        /// By which run.
        run_id: RunId,
        /// Whether the vendor has another row by now, which was applied in its place.
        changed_since: bool,
    },
    /// There is no such letter of the connection.
    NotFound,
    /// Somebody else dropped it meanwhile, or applied it.
    Decided,
    /// Another run has the connection. It stays.
    Busy(RunId),
    /// It still cannot be taken. It stays.
    Refused {
        /// Why.
        why: String,
        /// What can be done about it.
        remedy: &'static str,
    },
    /// Its vendor is not to be asked before a time. It stays, and was not tried.
    Waits(Wait),
    /// It could not be tried to the end, three times. It stays, for the reason that it was set aside for.
    Failed(String),
}

/// Applies a row that was set aside, up to three times where the reason may pass. It is on record before, and what came of it after. A
/// crash before its letter is forgotten leaves it listed; to apply it again is harmless.
///
/// # Errors
/// When AWS fails before it is tried, or its letter cannot be forgotten.
pub async fn requeue(
    worker: &RunWorker,
    operators: &Operators,
    operator: &Operator,
    stored: &StoredConnection,
    id: &DeadLetterId,
) -> Result<Requeued, AwsFault> {
    let (journal, tenant) = (&operators.journal, &stored.connection.tenant);
    let which = Which { stored, entity: None };
    let found = journal.dead_letter(tenant, id, operators.now()).await?.filter(|(letter, _)| which.has(letter));
    let Some((letter, row)) = found else { return Ok(Requeued::NotFound) };
    let Subject::Record { dataset, key, .. } = &letter.subject else { return Ok(Requeued::NotFound) };
    let noted = operators.begin(operator, Action::RequeueRow, target(dataset, id)).await?;
    if journal.begin_requeue(tenant, id).await? == Begun::Gone {
        operators.noted(noted, "refused: somebody else decided on it").await;
        return Ok(Requeued::Decided);
    }
    let requeued = tried(worker, operator, dataset, (key, &row)).await;
    let result = match &requeued {
        Requeued::Applied { run_id, changed_since: true } => format!("applied by {run_id}, as the vendor has it now"),
        Requeued::Applied { run_id, .. } => format!("applied by {run_id}"),
        Requeued::Busy(run_id) => format!("refused: {run_id} is in progress"),
        Requeued::Refused { why, .. } => format!("refused: {why}"),
        Requeued::Waits(wait) => format!("refused: {}", wait.reason.text()),
        Requeued::Failed(why) => format!("failed: {why}"),
        Requeued::NotFound | Requeued::Decided => "refused".to_owned(),
    };
    let done = match &requeued {
        Requeued::Applied { .. } => journal.delete_dead_letter(tenant, &letter).await,
        Requeued::Refused { why, .. } => journal.requeue_failed(tenant, id, &redact::error_text(why)).await,
        // What kept it from being tried is nothing that is wrong with the row.
        Requeued::Failed(_) => journal.requeue_failed(tenant, id, &letter.reason).await,
        Requeued::Busy(_) | Requeued::Waits(_) | Requeued::NotFound | Requeued::Decided => {
            journal.cancel_requeue(tenant, id).await
        }
    };
    operators.noted(noted, &result).await;
    done.map(|()| requeued)
}

fn target(dataset: &Dataset, id: &DeadLetterId) -> String {
    format!("{dataset}#{id}")
}

async fn tried(worker: &RunWorker, operator: &Operator, dataset: &Dataset, row: (&str, &[u8])) -> Requeued {
    let mut tries = 0;
    loop {
        tries += 1;
        let trace = &operator.correlation_id;
        let not_looked = match requeue_record(worker, dataset, row, &operator.actor, trace).await {
            Ok(RecordRequeued::Applied { run_id, changed_since }) => {
                return Requeued::Applied { run_id, changed_since };
            }
            Ok(RecordRequeued::Refused(why)) => return Requeued::Refused { why, remedy: remedy(row.0) },
            Ok(RecordRequeued::Busy(run_id)) => return Requeued::Busy(run_id),
            Err(not_looked) => not_looked,
        };
        tracing::warn!(%dataset, tries, error = %not_looked, "a row that was set aside was not applied");
        if tries >= TRIES_MAX || !may_pass(&not_looked, worker.runs.now()) {
            return match not_looked {
                NotLooked::Waits(wait) => Requeued::Waits(wait),
                other => Requeued::Failed(told(&other)),
            };
        }
        worker.runs.outside.pause(Duration::from_secs(2 * u64::from(tries))).await;
    }
}

/// What can be done about a row that cannot be taken. One without an id cannot be asked for by itself.
fn remedy(key: &str) -> &'static str {
    match key {
        "" => {
            "it has no id by which the vendor could be asked for it: correct it at the vendor and start a backfill, which reads it anew, then delete it here"
        }
        _ => "correct it at the vendor, then requeue it; or delete it",
    }
}

/// What people are told: of a failure of ours no more than that.
fn told(not_looked: &NotLooked) -> String {
    match not_looked {
        NotLooked::Fault(fault) => {
            tracing::error!(cause = %fault, "a row that was set aside was not applied");
            "something failed that is ours to mend".to_owned()
        }
        other => other.to_string(),
    }
}

fn may_pass(not_looked: &NotLooked, now: Timestamp) -> bool {
    match not_looked {
        NotLooked::Refused(failure, _) => *failure == Failure::SourceUnreadable,
        NotLooked::Waits(wait) => wait.until.as_millisecond() - now.as_millisecond() <= 4_000,
        NotLooked::Fault(fault) => fault.may_pass(),
        NotLooked::UnknownEntity(_) | NotLooked::NotSupported => false,
    }
}

/// What became of many.
#[derive(Debug, Default)]
pub struct RequeuedMany {
    /// How many were applied.
    pub applied: usize,
    /// Of how many of these the vendor had another row by now.
    pub changed: usize,
    /// How many stay.
    pub stayed: usize,
    /// Where to go on; none where nothing is left.
    pub next: Option<DeadLetterId>,
    /// The run that has the connection, where one was in the way.
    pub busy: Option<RunId>,
    /// Until when the vendor is not to be asked, and why, where that was in the way.
    pub waits: Option<Wait>,
}

/// Applies rows that were set aside one after another, from `from` on (itself included), or from the newest: [`REQUEUED_MAX`] at most, and
/// none after `until`. It ends where another run has the connection, or the vendor is not to be asked.
///
/// # Errors
/// When AWS fails. Some may have been applied; to begin again is harmless.
pub async fn requeue_all(
    worker: &RunWorker,
    operators: &Operators,
    operator: &Operator,
    which: Which<'_>,
    from: Option<DeadLetterId>,
    until: Timestamp,
) -> Result<RequeuedMany, AwsFault> {
    let listed = list(&operators.journal, operators.now(), which, from, REQUEUED_MAX + 1).await?;
    let mut done = RequeuedMany { next: listed.next, ..RequeuedMany::default() };
    for (place, letter) in listed.letters.into_iter().enumerate() {
        if place == REQUEUED_MAX || operators.now() >= until {
            done.next = Some(letter.id);
            break;
        }
        match requeue(worker, operators, operator, which.stored, &letter.id).await? {
            Requeued::Applied { changed_since, .. } => {
                done.applied += 1;
                done.changed += usize::from(changed_since);
            }
            Requeued::Busy(run_id) => {
                (done.next, done.busy) = (Some(letter.id), Some(run_id));
                break;
            }
            Requeued::Waits(wait) => {
                (done.next, done.waits) = (Some(letter.id), Some(wait));
                break;
            }
            Requeued::Refused { .. } | Requeued::Failed(_) => done.stayed += 1,
            Requeued::NotFound | Requeued::Decided => {}
        }
    }
    Ok(done)
}

/// What became of a row that was to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It is forgotten.
    Done,
    /// There is no such letter of the connection.
    NotFound,
    /// Somebody is applying it.
    Decided,
}

/// Forgets a row that was set aside, unless somebody is applying it. It is on record before.
///
/// # Errors
/// When AWS fails.
pub async fn forget(
    operators: &Operators,
    operator: &Operator,
    stored: &StoredConnection,
    id: &DeadLetterId,
) -> Result<Dropped, AwsFault> {
    let (journal, tenant, which) = (&operators.journal, &stored.connection.tenant, Which { stored, entity: None });
    let found = journal.dead_letter(tenant, id, operators.now()).await?;
    let Some((letter, _)) = found.filter(|(letter, _)| which.has(letter)) else { return Ok(Dropped::NotFound) };
    let dataset = dataset_of(&letter).map(ToString::to_string).unwrap_or_default();
    let noted = operators.begin(operator, Action::DropRow, format!("{dataset}#{id}")).await?;
    let dropped = match journal.drop_dead_letter(tenant, &letter).await? {
        Forgotten::Now => Dropped::Done,
        Forgotten::Before => Dropped::NotFound,
        Forgotten::Requeuing => Dropped::Decided,
    };
    let result = match dropped {
        Dropped::Done => "forgotten",
        Dropped::NotFound => "refused: it was gone",
        Dropped::Decided => "refused: somebody is applying it",
    };
    operators.noted(noted, result).await;
    Ok(dropped)
}

/// Forgets rows that were set aside, [`FORGOTTEN_MAX`] at most, but for those that somebody is applying: how many, and whether there are
/// more. It is on record before, as one deed.
///
/// # Errors
/// When AWS fails. Some may have been forgotten.
pub async fn clear(operators: &Operators, operator: &Operator, which: Which<'_>) -> Result<(usize, bool), AwsFault> {
    let journal = &operators.journal;
    let listed = list(journal, operators.now(), which, None, FORGOTTEN_MAX).await?;
    let more = listed.next.is_some() || listed.total > listed.letters.len();
    let of = which.entity.map(|entity| format!(" of {entity}")).unwrap_or_default();
    let target = format!("{}: all rows{of}, {} of them", which.stored.connection, listed.letters.len());
    let noted = operators.begin(operator, Action::DropRow, target).await?;
    let tenant = &which.stored.connection.tenant;
    let drops: Vec<BoxFuture<'_, Result<Forgotten, AwsFault>>> =
        listed.letters.iter().map(|letter| journal.drop_dead_letter(tenant, letter).boxed()).collect();
    let dropped: Vec<Result<Forgotten, AwsFault>> = stream::iter(drops).buffer_unordered(AT_ONCE).collect().await;
    let count = dropped.iter().filter(|dropped| matches!(dropped, Ok(Forgotten::Now))).count();
    operators.noted(noted, &format!("forgotten: {count}")).await;
    dropped.into_iter().try_for_each(|dropped| dropped.map(drop))?;
    Ok((count, more))
}
