//! Deliveries that were refused, newest first, of each ring of an origin. Some rings hold those of all tenants: of such a one is read on
//! until enough is found that the caller sees.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Whose;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::placement::Hour;
use crate::domain::deliveries::rejected::{Rejected, RejectedId, Ring};
use crate::domain::ids::Connection;

/// Rings that one look finds refusals in.
const RINGS_MAX: usize = 20;
/// Refusals of a ring that one look counts: the newest that the caller sees.
pub const REJECTED_MAX: usize = 10;
/// How many of a ring are read one time after the other, 200 in all. One more than are counted says whether there are others.
const PARTS: [i64; 3] = [REJECTED_MAX as i64 + 1, 39, 150];
const DAY_MS: i64 = 86_400_000;

/// The refusals of an origin that claim to come from one connection.
#[derive(Debug)]
pub struct Refusals {
    /// Where they came to.
    pub origin: String,
    /// How many came within a day, of the newest [`REJECTED_MAX`] of each of the origin's rings.
    pub count: usize,
    /// Whether there may be others.
    pub more: bool,
    /// The newest of them.
    pub newest: Rejected,
}

/// A ring that is read from its newest on.
struct Reading {
    ring: Ring,
    /// Up to which number it is not read yet.
    next: i64,
    /// Up to which number nothing is kept any more.
    gone: i64,
    found: Vec<Rejected>,
    /// Whether there is anything of the caller's, that somebody let in included.
    is_theirs: bool,
    /// Whether older ones are of no interest.
    is_over: bool,
}

impl Reading {
    fn new(newest: RejectedId) -> Self {
        let RejectedId { ring, number: next } = newest;
        let gone = next.saturating_sub(ring.kind.places()).max(0);
        Self { is_theirs: ring.is_shared(), ring, next, gone, found: Vec::new(), is_over: false }
    }

    /// Whether there are others than those that were found.
    fn has_more(&self) -> bool {
        self.found.len() > REJECTED_MAX || self.goes_on()
    }

    /// Whether others may lie below.
    fn goes_on(&self) -> bool {
        self.found.len() <= REJECTED_MAX && self.is_theirs && !self.is_over && self.next > self.gone
    }

    /// The next ones.
    fn part(&mut self, size: i64) -> Vec<RejectedId> {
        let last = self.next.saturating_sub(size).max(self.gone);
        let part = (last + 1..=self.next).map(|number| RejectedId { ring: self.ring.clone(), number }).collect();
        self.next = last;
        part
    }

    /// Takes what was read of a part, the newest first.
    fn take(&mut self, read: Vec<Rejected>, whose: Whose<'_>, since_ms: i64) {
        self.is_over = read.last().is_none_or(|oldest| oldest.received_ms < since_ms);
        let seen: Vec<Rejected> = read.into_iter().filter(|one| whose.sees(one)).collect();
        self.is_theirs |= !seen.is_empty();
        let wanted = seen.into_iter().filter(|one| one.received_ms >= since_ms && one.admitted_ms.is_none());
        self.found.extend(wanted);
    }
}

/// The newest of a day, by origin and by whom they claim to come from, and whether there may be others.
pub(super) async fn newest(
    store: &DeliveryStore,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<(Vec<Refusals>, bool), AwsFault> {
    let since_ms = now.as_millisecond().saturating_sub(DAY_MS);
    let rings = store.rejected_since(Hour::of(since_ms), RINGS_MAX).await?;
    let are_cut = rings.len() == RINGS_MAX;
    let seen = rings.into_iter().filter(|id| whose.tenant.is_none() || id.ring.kind.is_proved());
    let mut readings: Vec<Reading> = seen.map(Reading::new).collect();
    for (round, size) in PARTS.into_iter().enumerate() {
        let mut going: Vec<&mut Reading> =
            readings.iter_mut().filter(|reading| round == 0 || reading.goes_on()).collect();
        let wanted: Vec<RejectedId> = going.iter_mut().flat_map(|reading| reading.part(size)).collect();
        let mut read = store.rejected_at(&wanted, now).await?;
        read.sort_by_key(|(id, _)| Reverse(id.number));
        let mut of: BTreeMap<Ring, Vec<Rejected>> = BTreeMap::new();
        read.into_iter().for_each(|(id, one)| of.entry(id.ring).or_default().push(one));
        for reading in going {
            reading.take(of.remove(&reading.ring).unwrap_or_default(), whose, since_ms);
        }
    }
    let more = are_cut || readings.iter().any(Reading::has_more);
    Ok((grouped(readings), more))
}

fn grouped(readings: Vec<Reading>) -> Vec<Refusals> {
    let mut of: BTreeMap<(String, Option<Connection>), Refusals> = BTreeMap::new();
    for reading in readings {
        let (more, origin) = (reading.has_more(), reading.ring.origin);
        for one in reading.found.into_iter().take(REJECTED_MAX) {
            let group = of.entry((origin.clone(), one.claimed()));
            let group =
                group.or_insert_with(|| Refusals { origin: origin.clone(), count: 0, more, newest: one.clone() });
            group.count += 1;
            group.more |= more;
            if group.newest.received_ms < one.received_ms {
                group.newest = one;
            }
        }
    }
    of.into_values().collect()
}
