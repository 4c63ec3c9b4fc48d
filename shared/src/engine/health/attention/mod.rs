//! What of all connections needs somebody's attention: applies that failed, runs that wait for approval, deliveries that were given up
//! on, and deliveries that were refused. Each is found where it is noted as it happens, in an index that has nothing else: so a look costs what there is to look
//! at, however many connections there are.

mod refused;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

pub use self::refused::{REJECTED_MAX, Refusals};
use crate::aws::connections::store::ConnectionStore;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::runs::RunReads;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::dead_letter::{DeadLetter, Subject};
use crate::domain::deliveries::rejected::Rejected;
use crate::domain::ids::{Connection, ConnectionName, RunId, TenantId};
use crate::domain::runs::run::{Run, RunStatus};

/// Connections whose last apply failed, of one look.
pub const RUNS_MAX: usize = 50;
/// Runs that wait for approval, of one look.
const HELD_MAX: usize = 50;
/// How often so many marks are read, where those before are of connections that are gone, or not the caller's.
const MARKS_READ_MAX: usize = 4;
/// Dead letters that one look counts: the newest.
pub const LETTERS_MAX: usize = 200;

/// Where it is read.
#[derive(Clone, Copy)]
pub struct AttentionReads<'a> {
    /// Connections whose last apply failed.
    pub failed: &'a FailedRuns,
    /// Whether they are still there.
    pub connections: &'a ConnectionStore,
    /// Their runs.
    pub runs: &'a RunReads,
    /// What was given up on.
    pub journal: &'a Journal,
    /// What was refused.
    pub deliveries: &'a DeliveryStore,
}

/// Whose matters are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Of one tenant; none means of all.
    pub tenant: Option<&'a TenantId>,
    /// Of these brands alone.
    pub brands: Option<&'a [ConnectionName]>,
}

impl Whose<'_> {
    fn has(self, connection: &Connection) -> bool {
        self.tenant.is_none_or(|tenant| *tenant == connection.tenant)
            && self.brands.is_none_or(|brands| brands.contains(&connection.name))
    }

    /// Where it was let in it would have been one of theirs.
    fn sees(self, refused: &Rejected) -> bool {
        self.tenant.is_none_or(|tenant| refused.tenant == tenant.as_str())
            && self.brands.is_none_or(|brands| brands.iter().any(|brand| refused.connection == brand.as_str()))
    }
}

/// The dead letters of each connection, its webhooks apart from the rows that were set aside: how many of the newest that were looked at,
/// and the newest of them.
pub type Letters = BTreeMap<(Connection, Given), (usize, DeadLetter)>;

/// What was given up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// A webhook.
    Delivery,
    /// A row of a pull.
    Row,
}

impl Given {
    /// None where there is nothing to decide: what a message about a run was for goes on without it.
    fn of(subject: &Subject) -> Option<Self> {
        match subject {
            Subject::Delivery { .. } => Some(Self::Delivery),
            Subject::Record { .. } => Some(Self::Row),
            Subject::Sync { .. } => None,
        }
    }
}

/// What needs attention.
#[derive(Debug, Default)]
pub struct Attention {
    /// Applies that failed, each the last one of its connection.
    pub runs: Vec<Run>,
    /// Runs that wait until somebody approves of what they would remove.
    pub held: Vec<Run>,
    /// Connections of those that failed.
    pub stored: Vec<StoredConnection>,
    /// What was given up on.
    pub letters: Letters,
    /// Whether more was given up on than was looked at.
    pub more_letters: bool,
    /// What was refused.
    pub refused: Vec<Refusals>,
    /// Whether there is more than what was looked at.
    pub more: bool,
}

/// Looks for it: four queries, and some batches of what they find. Where it is one tenant's, of refusals those alone whose signature was
/// right, as others do not prove whose they are.
///
/// # Errors
/// When AWS fails.
pub async fn look(reads: AttentionReads<'_>, whose: Whose<'_>, now: Timestamp) -> Result<Attention, AwsFault> {
    let runs = async {
        let (marked, stored, more) = marked(reads, whose).await?;
        Ok::<_, AwsFault>((failed_runs(reads.runs, &marked).await?, stored, more))
    };
    let letters = async {
        match whose.tenant {
            Some(tenant) => reads.journal.dead_letters(tenant, None, LETTERS_MAX).await,
            None => reads.journal.newest_dead_letters(LETTERS_MAX).await,
        }
    };
    let held = reads.runs.held_runs(|run| whose.has(&run.connection), HELD_MAX);
    let refused = refused::newest(reads.deliveries, whose, now);
    let ((runs, stored, more_runs), (held, more_held), letters, (refused, more_refused)) =
        futures::future::try_join4(runs, held, letters, refused).await?;
    let more_letters = letters.len() == LETTERS_MAX;
    let mut of = Letters::new();
    for letter in letters {
        let connection = letter.connection().cloned().filter(|connection| whose.has(connection));
        let given = Given::of(&letter.subject).filter(|_| !letter.is_expired(now));
        if let Some(place) = connection.zip(given) {
            of.entry(place).and_modify(|(count, _)| *count += 1).or_insert((1, letter));
        }
    }
    let more = more_runs || more_held || more_refused || more_letters;
    Ok(Attention { runs, held, stored, letters: of, more_letters, refused, more })
}

/// The newest marks of connections that are there, these, and whether there are others. A mark that one left which is gone is passed over,
/// and so is one of a connection that had the name before.
async fn marked(
    reads: AttentionReads<'_>,
    whose: Whose<'_>,
) -> Result<(Vec<(Connection, RunId)>, Vec<StoredConnection>, bool), AwsFault> {
    let (mut kept, mut there, mut below) = (Vec::new(), HashMap::new(), None::<RunId>);
    let mut more = true;
    for _ in 0..MARKS_READ_MAX {
        let (mut marked, others) = reads.failed.newest(whose.tenant, below.as_ref(), RUNS_MAX).await?;
        below = marked.last().map(|(_, run)| run.clone());
        marked.retain(|(connection, _)| whose.has(connection));
        let stored = reads.connections.some(marked.iter().map(|(connection, _)| connection)).await?;
        there.extend(stored.into_iter().map(|stored| (stored.connection.clone(), stored)));
        marked.retain(|(connection, run)| there.get(connection).is_some_and(|stored| stored.has_run(run)));
        kept.extend(marked);
        more = others || kept.len() > RUNS_MAX;
        if !others || kept.len() >= RUNS_MAX {
            break;
        }
    }
    kept.truncate(RUNS_MAX);
    Ok((kept, there.into_values().collect(), more))
}

/// The failed runs of these marks, the one that was started last first.
///
/// # Errors
/// When the table cannot be read.
pub async fn failed_runs(runs: &RunReads, marked: &[(Connection, RunId)]) -> Result<Vec<Run>, AwsFault> {
    let mut found = runs.some(marked.iter().map(|(connection, run)| (connection, run))).await?;
    found.retain(|run| run.status == RunStatus::Failed);
    found.sort_by_key(|run| Reverse(run.id.clone()));
    Ok(found)
}
