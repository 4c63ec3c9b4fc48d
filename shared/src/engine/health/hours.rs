//! The counters of connections by the hour, as an instance keeps them. An hour that is over does not change any more but where something
//! recovers that failed in it, which the hour of that says. So of whoever is looked at again only the last hours are read, of all in one
//! batch: a page that is looked at every half a minute costs no query for each of its connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::hours::{DAY_HOURS, HourCounter, HourCounts, Hours};
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
pub(super) struct Kept(HashMap<Connection, Arc<Over>>);

/// All hours of a connection that are over.
#[derive(Debug)]
struct Over {
    hours: Hours,
    /// They are those before this one.
    before: Hour,
}

impl Over {
    /// The hours that are to be read beside these, the newest first; none where these are of no use.
    fn missing(&self, now_ms: i64) -> Option<Vec<Hour>> {
        let down = std::iter::successors(Some(Hour::of(now_ms)), |hour| hour.before());
        let missing: Vec<Hour> = down.take_while(|hour| *hour >= self.before).take(HOURS_READ_MAX + 1).collect();
        (1..=HOURS_READ_MAX).contains(&missing.len()).then_some(missing)
    }

    /// The hours that were read in front of these; none where one of them says that these have changed since.
    fn joined(&self, mut read: Vec<(Hour, HourCounts)>) -> Option<Hours> {
        if read.iter().any(|(_, counts)| counts.count(HourCounter::Late) > 0) {
            return None;
        }
        read.sort_by_key(|(hour, _)| std::cmp::Reverse(*hour));
        read.extend(self.hours.0.iter().cloned());
        read.truncate(DAY_HOURS);
        Some(Hours(read))
    }
}

impl Kept {
    /// What is kept of a connection, with the hours that are to be read beside it.
    fn known(&self, connection: &Connection, now_ms: i64) -> Option<(Arc<Over>, Vec<Hour>)> {
        let over = self.0.get(connection)?;
        Some((over.clone(), over.missing(now_ms)?))
    }

    fn keep(&mut self, connection: &Connection, hours: &Hours, now_ms: i64) {
        let Some(before) = first_open(now_ms) else { return };
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(connection) {
            self.0.clear();
        }
        let over = hours.0.iter().filter(|(hour, _)| *hour < before).cloned().collect();
        self.0.insert(connection.clone(), Arc::new(Over { hours: Hours(over), before }));
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
    let (mut known, mut last, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    {
        let kept = lock();
        for connection in connections {
            match kept.known(connection, now_ms) {
                // Taken out, as another look may make room meanwhile.
                Some((over, missing)) => {
                    known.push((connection, over));
                    last.extend(missing.into_iter().map(|hour| (connection, hour)));
                }
                None => unknown.push(connection),
            }
        }
    }
    let (mut found, read) =
        futures::future::try_join(queried(store, unknown), store.hours_at(last.into_iter())).await?;
    let mut read_of: HashMap<Connection, Vec<(Hour, HourCounts)>> = HashMap::new();
    for (connection, hour, counts) in read {
        read_of.entry(connection).or_default().push((hour, counts));
    }
    let mut changed = Vec::new();
    for (connection, over) in known {
        match over.joined(read_of.remove(connection).unwrap_or_default()) {
            Some(hours) => drop(found.insert(connection.clone(), hours)),
            None => changed.push(connection),
        }
    }
    found.extend(queried(store, changed).await?);
    let mut kept = lock();
    found.iter().for_each(|(connection, hours)| kept.keep(connection, hours, now_ms));
    Ok(found)
}

async fn queried(store: &DeliveryStore, connections: Vec<&Connection>) -> Result<HashMap<Connection, Hours>, AwsFault> {
    let asked = connections.into_iter().cloned().map(|connection| async move {
        let hours = store.hours(&connection, DAY_HOURS).await?;
        Ok::<_, AwsFault>((connection, hours))
    });
    stream::iter(asked).buffer_unordered(QUERIES_AT_ONCE).try_collect().await
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
        assert!(kept.known(&shop(1), 100 * HOUR_MS).is_none(), "nothing is kept of it");
        kept.keep(&shop(1), &Hours([100, 99, 98, 90].map(|hour| received(hour, 1)).into()), 100 * HOUR_MS);
        let missing = |hour: i64| kept.known(&shop(1), hour * HOUR_MS).map(|(_, missing)| missing);
        let hours = |hours: &[i64]| Some(hours.iter().map(|hour| Hour::of(hour * HOUR_MS)).collect::<Vec<_>>());
        assert_eq!(missing(100), hours(&[100, 99]));
        assert_eq!(missing(102), hours(&[102, 101, 100, 99]));
        assert_eq!(missing(103), None, "a query tells all of it");
        assert_eq!(missing(98), None, "a clock that went back");
        let (over, _) = kept.known(&shop(1), 100 * HOUR_MS).unwrap();
        (0..=KEPT_MAX).for_each(|number| kept.keep(&shop(number + 2), &Hours::default(), 100 * HOUR_MS));
        assert!(kept.known(&shop(1), 100 * HOUR_MS).is_none(), "others took its room, and what was taken out stays");
        let joined = over.joined(vec![received(99, 2), received(100, 5)]);
        assert_eq!(joined, Some(Hours(vec![received(100, 5), received(99, 2), received(98, 1), received(90, 1)])));
        let (hour, mut late) = received(100, 1);
        late.add(HourCounter::Late, 1);
        assert_eq!(over.joined(vec![(hour, late)]), None, "an hour that is over has changed");
    }

    #[test]
    fn no_more_than_so_many_are_kept_of_each_and_in_all() {
        let mut kept = Kept::default();
        let busy = Hours((0..30).map(|number| received(100 - number, 1)).collect());
        kept.keep(&shop(0), &busy, 100 * HOUR_MS);
        let (over, _) = kept.known(&shop(0), 100 * HOUR_MS).unwrap();
        assert_eq!(over.joined(vec![received(101, 1)]).unwrap().0.len(), DAY_HOURS);
        (0..=KEPT_MAX).for_each(|number| kept.keep(&shop(number), &busy, 100 * HOUR_MS));
        assert!(kept.0.len() <= KEPT_MAX);
    }
}
