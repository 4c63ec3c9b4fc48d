//! How long a connection's deliveries take from their receipt to their effect.

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::domain::health::percentile;
use crate::domain::ids::Connection;
use crate::engine::deliveries::list::{self, ListReads, Listed, Source, Wanted, Which};

/// Deliveries whose lag is looked at.
pub const LAGS_MAX: usize = 100;
/// How often a list is asked to go on, where it stopped before it found enough: 20,000 deliveries in all.
const PARTS_MAX: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// How long deliveries took from their receipt to their effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lags {
    /// Each of them in milliseconds, the shortest first.
    pub sorted: Vec<i64>,
    /// Whether all that are wanted were looked at.
    pub complete: bool,
}

impl Lags {
    /// Their mean; none of none.
    #[must_use]
    pub fn average(&self) -> Option<i64> {
        let sum: i64 = self.sorted.iter().sum();
        sum.checked_div(i64::try_from(self.sorted.len()).ok()?)
    }

    /// The value that so many of a hundred are not above; none of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<i64> {
        percentile(&self.sorted, percent)
    }
}

/// The lags of the newest deliveries of a connection, of the last day, [`LAGS_MAX`] at most: each exact.
///
/// # Errors
/// When AWS fails.
pub async fn lags(reads: ListReads<'_>, now: Timestamp, connection: &Connection) -> Result<Lags, AwsFault> {
    let from = Timestamp::from_millisecond(now.as_millisecond() - DAY_MS).ok();
    let mut wanted = Wanted {
        tenant: connection.tenant.clone(),
        which: Which::Processed,
        brands: None,
        source: Some(Source { provider: connection.provider.clone(), name: Some(connection.name.clone()) }),
        from,
        to: None,
        correlation_id: None,
        text: None,
        key: None,
        below: None,
        limit: LAGS_MAX,
    };
    let mut lags = Lags::default();
    for _ in 0..PARTS_MAX {
        let part = list::page(reads, now, &wanted).await?;
        lags.sorted.extend(part.found.iter().filter_map(lag));
        lags.complete = part.next.is_none() || lags.sorted.len() >= LAGS_MAX;
        if lags.complete {
            break;
        }
        wanted.limit = LAGS_MAX - lags.sorted.len();
        wanted.below = part.next;
    }
    lags.sorted.sort_unstable();
    Ok(lags)
}

fn lag(listed: &Listed) -> Option<i64> {
    match listed {
        Listed::Processed(place, delivery) => {
            let processed_ms = delivery.processed_at?.as_millisecond();
            Some((processed_ms - place.received_ms).max(0))
        }
        Listed::Dead(_) | Listed::Claimed(..) => None,
    }
}
