//! What of all connections needs somebody's attention: applies that failed, deliveries that were given up on, and deliveries that were
//! refused. Each is found where it is noted as it happens, in an index that has nothing else: so a look costs what there is to look
//! at, however many connections there are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::runs::RunReads;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::deliveries::placement::Hour;
use crate::domain::deliveries::rejected::{Rejected, RejectedId};
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::domain::runs::run::{Run, RunStatus};

/// Connections whose last apply failed, of one look.
pub const RUNS_MAX: usize = 50;
/// Dead letters that one look counts: the newest.
pub const LETTERS_MAX: usize = 200;
/// Rings that one look finds refusals in.
const RINGS_MAX: usize = 20;
/// Refusals of a ring that one look counts: the newest.
pub const REJECTED_MAX: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// Where it is read.
#[derive(Clone, Copy)]
pub struct AttentionReads<'a> {
    /// Connections whose last apply failed.
    pub failed: &'a FailedRuns,
    /// Their runs.
    pub runs: &'a RunReads,
    /// What was given up on.
    pub journal: &'a Journal,
    /// What was refused.
    pub deliveries: &'a DeliveryStore,
}

/// The dead letters of each connection: how many of the newest that were looked at, and the newest of them.
pub type Letters = BTreeMap<Connection, (usize, DeadLetter)>;

/// The refusals of each origin, whoever they claim to come from: how many came within a day, of the newest [`REJECTED_MAX`] of each of
/// its rings, and the newest of them.
pub type Refused = BTreeMap<String, (usize, Rejected)>;

/// What needs attention.
#[derive(Debug, Default)]
pub struct Attention {
    /// Applies that failed, each the last one of its connection.
    pub runs: Vec<Run>,
    /// What was given up on.
    pub letters: Letters,
    /// What was refused.
    pub refused: Refused,
    /// Whether there is more than what was looked at.
    pub more: bool,
}

/// Looks for it, of all tenants or of one: three queries, and up to four batches of what they find. Where it is one's, of refusals those
/// alone whose signature was right, as others do not prove whose they are.
///
/// # Errors
/// When AWS fails.
pub async fn look(reads: AttentionReads<'_>, tenant: Option<&TenantId>, now: Timestamp) -> Result<Attention, AwsFault> {
    let runs = async {
        let (marked, more) = reads.failed.newest(tenant, RUNS_MAX).await?;
        Ok::<_, AwsFault>((failed_runs(reads.runs, &marked).await?, more))
    };
    let letters = async {
        match tenant {
            Some(tenant) => reads.journal.dead_letters(tenant, None, LETTERS_MAX).await,
            None => reads.journal.newest_dead_letters(LETTERS_MAX).await,
        }
    };
    let refused = refused(reads.deliveries, tenant, now);
    let ((runs, more_runs), letters, (refused, more_refused)) =
        futures::future::try_join3(runs, letters, refused).await?;
    let more = more_runs || more_refused || letters.len() == LETTERS_MAX;
    let mut of = Letters::new();
    for letter in letters {
        if let Some(connection) = letter.connection().cloned().filter(|_| !letter.is_expired(now)) {
            of.entry(connection).and_modify(|(count, _)| *count += 1).or_insert((1, letter));
        }
    }
    Ok(Attention { runs, letters: of, refused, more })
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

async fn refused(
    store: &DeliveryStore,
    tenant: Option<&TenantId>,
    now: Timestamp,
) -> Result<(Refused, bool), AwsFault> {
    let since_ms = now.as_millisecond().saturating_sub(DAY_MS);
    let rings = store.rejected_since(Hour::of(since_ms), RINGS_MAX).await?;
    let more = rings.len() == RINGS_MAX;
    let newest = |id: &RejectedId| {
        let (ring, first) = (id.ring.clone(), id.number);
        let last = first.saturating_sub(REJECTED_MAX as i64).max(0);
        (last + 1..=first).map(move |number| RejectedId { ring: ring.clone(), number })
    };
    let wanted: Vec<RejectedId> =
        rings.iter().filter(|id| tenant.is_none() || id.ring.kind.is_proved()).flat_map(newest).collect();
    let mut found = store.rejected_at(&wanted, now).await?;
    found.retain(|(_, one)| {
        let is_wanted = tenant.is_none_or(|tenant| one.tenant == tenant.as_str());
        is_wanted && one.received_ms >= since_ms && one.admitted_ms.is_none()
    });
    found.sort_by_key(|(_, one)| Reverse(one.received_ms));
    let mut of = Refused::new();
    for (id, one) in found {
        of.entry(id.ring.origin).and_modify(|(count, _)| *count += 1).or_insert((1, one));
    }
    Ok((of, more))
}
