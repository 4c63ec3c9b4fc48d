//! A replay within one call: what failed of a tenant's deliveries from one kind of system, the oldest first, to be sent through
//! again.
//!
//! Nothing is kept of it: a crash in the midst leaves the rest as it was, and the same call goes on with it. What was sent
//! through twice has its effect once.

use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::deliveries::placement::lowest_letter;
use crate::domain::ids::{ConnectionName, ProviderId, TenantId};
use crate::engine::deliveries::requeue::{Requeued, Requeuer, requeue};
use crate::engine::operators::Operator;

/// What one call replays.
pub const REPLAYED_MAX: usize = 100;
/// Dead letters that one call looks at, and of these at once.
const READ_MAX: usize = 5_000;
const PART: usize = 250;

/// Which failed deliveries are meant.
#[derive(Debug, Clone)]
pub struct ReplayFilter {
    /// From which kind of system.
    pub provider: ProviderId,
    /// Over which of the tenant's connections to it; none means all.
    pub brand: Option<ConnectionName>,
    /// Ids of dead letters, or the senders' of their events; none means all.
    pub ids: Option<Vec<String>>,
    /// Sent at or after this, epoch milliseconds.
    pub from_ms: i64,
}

impl ReplayFilter {
    fn takes(&self, letter: &DeadLetter) -> bool {
        let Some(label) = letter.label() else { return false };
        let key = label.key.split_once(':').map_or(label.key.as_str(), |(_, key)| key);
        let is_named = |id: &String| [letter.id.as_str(), &label.key, key].contains(&id.as_str());
        label.connection.provider == self.provider
            && self.brand.as_ref().is_none_or(|brand| label.connection.name == *brand)
            && self.ids.as_ref().is_none_or(|ids| ids.iter().any(is_named))
    }
}

/// The dead letters that are meant, the oldest first: [`REPLAYED_MAX`] at most, of the oldest 5,000.
///
/// # Errors
/// When AWS fails.
pub async fn failed(
    journal: &Journal,
    now: jiff::Timestamp,
    tenant: &TenantId,
    filter: &ReplayFilter,
) -> Result<Vec<DeadLetter>, AwsFault> {
    let mut found = Vec::new();
    let mut low = lowest_letter(filter.from_ms);
    for _ in 0..READ_MAX / PART {
        let part = journal.dead_letters_from(tenant, &low, PART).await?;
        let Some(last) = part.last().map(|letter| letter.id.clone()) else { break };
        found.extend(part.into_iter().filter(|letter| !letter.is_expired(now) && filter.takes(letter)));
        if found.len() >= REPLAYED_MAX {
            break;
        }
        // An id is of graphic characters, which all come after a space: no other lies between.
        low = format!("{last} ");
    }
    found.truncate(REPLAYED_MAX);
    Ok(found)
}

/// Sends dead letters through again: how many. Each is recorded as it is when somebody requeues it alone. One that somebody else
/// decided on meanwhile, or whose key came with another body since, stays as it is.
///
/// # Errors
/// When AWS fails. Some may have been sent through; the same again is harmless.
pub async fn replay(requeuer: &Requeuer, operator: &Operator, letters: &[DeadLetter]) -> Result<usize, AwsFault> {
    let mut queued = 0;
    for letter in letters {
        if requeue(requeuer, operator, &letter.id).await? == Requeued::Done {
            queued += 1;
        }
    }
    Ok(queued)
}
