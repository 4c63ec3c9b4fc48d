//! The counters of connections by the hour, as an instance keeps them. An hour that is over does not change any more, so of whoever is
//! looked at again only the last hours are read, of all in one batch: a page that is looked at every half a minute costs no query for
//! each of its connections.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::hours::{DAY_HOURS, HourCounts, Hours};
use crate::domain::deliveries::placement::Hour;
use crate::domain::ids::Connection;

/// Queries beside one another.
const QUERIES_AT_ONCE: usize = 16;
/// Of whoever was not looked at for more hours than this, a query tells all for less.
const HOURS_READ_MAX: usize = 4;
/// Connections whose hours are kept: some 20 KB each of one that has webhooks in every hour.
const KEPT_MAX: usize = 500;

/// The hours that are over of connections that were looked at.
#[derive(Debug, Default)]
pub(super) struct Kept(HashMap<Connection, Over>);

/// All hours of a connection that are over.
#[derive(Debug)]
struct Over {
    hours: Hours,
    /// They are those before this one.
    before: Hour,
}

impl Kept {
    /// The hours that are to be read of a connection beside those that are kept, the newest first; none where nothing of use is kept.
    fn missing(&self, connection: &Connection, now_ms: i64) -> Option<Vec<Hour>> {
        let before = self.0.get(connection)?.before;
        let down = std::iter::successors(Some(Hour::of(now_ms)), |hour| hour.before());
        let missing: Vec<Hour> = down.take_while(|hour| *hour >= before).take(HOURS_READ_MAX + 1).collect();
        (1..=HOURS_READ_MAX).contains(&missing.len()).then_some(missing)
    }

    /// The hours that were read in front of those that are kept, if they were.
    fn joined(&self, connection: &Connection, mut read: Vec<(Hour, HourCounts)>) -> Hours {
        read.sort_by_key(|(hour, _)| std::cmp::Reverse(*hour));
        read.extend(self.0.get(connection).into_iter().flat_map(|over| over.hours.0.iter().cloned()));
        read.truncate(DAY_HOURS);
        Hours(read)
    }

    fn keep(&mut self, connection: &Connection, hours: &Hours, now_ms: i64) {
        let Some(before) = first_open(now_ms) else { return };
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(connection) {
            self.0.clear();
        }
        let over = hours.0.iter().filter(|(hour, _)| *hour < before).cloned().collect();
        self.0.insert(connection.clone(), Over { hours: Hours(over), before });
    }
}

/// The first hour that may still be added to: a worker's clock, and the call that counts, may be late for the last one.
fn first_open(now_ms: i64) -> Option<Hour> {
    Hour::of(now_ms).before()
}

/// The newest hours in which each of these connections, none of them twice, had anything.
pub(super) async fn read(
    store: &DeliveryStore,
    kept: &Mutex<Kept>,
    connections: &[Connection],
    now_ms: i64,
) -> Result<HashMap<Connection, Hours>, AwsFault> {
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut last, mut unknown) = (Vec::new(), Vec::new());
    {
        let kept = lock();
        for connection in connections {
            match kept.missing(connection, now_ms) {
                Some(missing) => last.extend(missing.into_iter().map(|hour| (connection, hour))),
                None => unknown.push(connection.clone()),
            }
        }
    }
    let asked = unknown.into_iter().map(|connection| async move {
        let hours = store.hours(&connection, DAY_HOURS).await?;
        Ok::<_, AwsFault>((connection, hours))
    });
    let asked = stream::iter(asked).buffer_unordered(QUERIES_AT_ONCE).try_collect::<HashMap<_, _>>();
    let (mut found, read) = futures::future::try_join(asked, store.hours_at(last.iter().copied())).await?;
    let mut read_of: HashMap<Connection, Vec<(Hour, HourCounts)>> = HashMap::new();
    for (connection, hour, counts) in read {
        read_of.entry(connection).or_default().push((hour, counts));
    }
    let mut kept = lock();
    for (connection, _) in last {
        if !found.contains_key(connection) {
            let read = read_of.remove(connection).unwrap_or_default();
            found.insert(connection.clone(), kept.joined(connection, read));
        }
    }
    found.iter().for_each(|(connection, hours)| kept.keep(connection, hours, now_ms));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deliveries::hours::HourCounter;

    const HOUR_MS: i64 = 3_600_000;

    fn shop(number: usize) -> Connection {
        format!("acme/trackstar/shop-{number}").parse().unwrap()
    }

    fn received(hour: i64, count: u64) -> (Hour, HourCounts) {
        let mut counts = HourCounts::default();
        counts.add(HourCounter::Received, count);
        (Hour::of(hour * HOUR_MS), counts)
    }

    #[test]
    fn an_hour_that_may_still_be_added_to_is_read_again_and_one_that_is_over_is_not() {
        let mut kept = Kept::default();
        assert_eq!(kept.missing(&shop(1), 100 * HOUR_MS), None, "nothing is kept of it");
        kept.keep(&shop(1), &Hours([100, 99, 98, 90].map(|hour| received(hour, 1)).into()), 100 * HOUR_MS);
        let missing = |hour: i64| kept.missing(&shop(1), hour * HOUR_MS);
        let hours = |hours: &[i64]| Some(hours.iter().map(|hour| Hour::of(hour * HOUR_MS)).collect::<Vec<_>>());
        assert_eq!(missing(100), hours(&[100, 99]));
        assert_eq!(missing(102), hours(&[102, 101, 100, 99]));
        assert_eq!(missing(103), None, "a query tells all of it");
        assert_eq!(missing(98), None, "a clock that went back");
        let joined = kept.joined(&shop(1), vec![received(99, 2), received(100, 5)]);
        assert_eq!(joined, Hours(vec![received(100, 5), received(99, 2), received(98, 1), received(90, 1)]));
    }

    #[test]
    fn no_more_than_so_many_are_kept_of_each_and_in_all() {
        let mut kept = Kept::default();
        let busy = Hours((0..30).map(|number| received(100 - number, 1)).collect());
        kept.keep(&shop(0), &busy, 100 * HOUR_MS);
        assert_eq!(kept.joined(&shop(0), vec![received(101, 1)]).0.len(), DAY_HOURS);
        (0..=KEPT_MAX).for_each(|number| kept.keep(&shop(number), &busy, 100 * HOUR_MS));
        assert!(kept.0.len() <= KEPT_MAX);
    }
}
