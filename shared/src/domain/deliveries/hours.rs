//! What is counted of each connection's deliveries, by the hour in which they were handled, or failed: what its health is judged by. As the
//! fleet's counters these are for looking at; what is promised of a delivery, its claim keeps.

use std::collections::BTreeMap;

use crate::domain::deliveries::delivery::Applied;
use crate::domain::deliveries::placement::Hour;
use crate::domain::ids::Connection;

/// An hour's counters are kept this long, in seconds: a week to look back on, and a day to do it in.
pub const KEPT_SECONDS: i64 = 8 * 86_400;
/// The hours that a window of a day touches.
pub const DAY_HOURS: usize = 25;
const DAY_MS: i64 = 86_400_000;

/// Upper bounds of the buckets of how long deliveries took from their receipt to their effect, in milliseconds.
pub const LAG_BOUNDS_MS: [u64; 7] = [100, 500, 1_000, 5_000, 30_000, 120_000, 600_000];

/// One counter of a connection's hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HourCounter {
    /// Handled for the first time.
    Received,
    /// Had its effect, or was kept without one.
    Processed,
    /// Failed for the first time.
    Failed,
    /// Had its effect after it had failed; in the hour in which it failed first.
    Recovered,
    /// Had its effect after it had failed in an earlier hour: whoever keeps the counters of that one must read them again.
    Late,
    /// Was older than what was there.
    Older,
    /// Was kept, and nothing handles its kind.
    Unhandled,
    /// Had its effect within the bound of this place in [`LAG_BOUNDS_MS`] and not within the one below; the place behind the last
    /// is above them all.
    Lag(usize),
    /// How long all of them took together, milliseconds.
    LagSumMs,
}

impl HourCounter {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain =
            [Self::Received, Self::Processed, Self::Failed, Self::Recovered, Self::Late, Self::Older, Self::Unhandled];
        plain.into_iter().chain([Self::LagSumMs]).chain((0..=LAG_BOUNDS_MS.len()).map(Self::Lag))
    }

    /// Its name where it is stored.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Received => "received".into(),
            Self::Processed => "processed".into(),
            Self::Failed => "failed".into(),
            Self::Recovered => "recovered".into(),
            Self::Late => "late".into(),
            Self::Older => "older".into(),
            Self::Unhandled => "unhandled".into(),
            Self::Lag(place) => match LAG_BOUNDS_MS.get(place) {
                Some(bound) => format!("lag.le.{bound}"),
                None => "lag.above".into(),
            },
            Self::LagSumMs => "lag.sum_ms".into(),
        }
    }

    /// The counter of a stored name; none for one that this version does not count.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|counter| counter.name() == name)
    }
}

/// Counts of one connection: of a batch, an hour, or a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourCounts {
    counters: BTreeMap<HourCounter, u64>,
    /// When the newest of those that were handled for the first time was received, epoch milliseconds.
    pub last_received_ms: Option<i64>,
    /// When the last one had its effect, epoch milliseconds.
    pub last_processed_ms: Option<i64>,
}

impl HourCounts {
    /// Adds to a counter.
    pub fn add(&mut self, counter: HourCounter, step: u64) {
        let count = self.counters.entry(counter).or_default();
        *count = count.saturating_add(step);
    }

    /// How many there are of something.
    #[must_use]
    pub fn count(&self, counter: HourCounter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }

    /// What was counted, by counter.
    pub fn counters(&self) -> impl Iterator<Item = (HourCounter, u64)> {
        self.counters.iter().map(|(counter, count)| (*counter, *count))
    }

    /// How many failed and have not had their effect since: they wait for another attempt, or were given up.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.count(HourCounter::Failed).saturating_sub(self.count(HourCounter::Recovered))
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for (counter, step) in other.counters() {
            self.add(counter, step);
        }
        self.last_received_ms = self.last_received_ms.max(other.last_received_ms);
        self.last_processed_ms = self.last_processed_ms.max(other.last_processed_ms);
    }
}

/// Counts by connection and hour: what one write each stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionTally(BTreeMap<(Connection, Hour), HourCounts>);

impl ConnectionTally {
    /// Adds a delivery that had its effect at `now_ms` for the first time, and failed first at `failed_ms` if it did.
    pub fn processed(
        &mut self,
        connection: &Connection,
        applied: Applied,
        received_ms: i64,
        now_ms: i64,
        failed_ms: Option<i64>,
    ) {
        let lag = u64::try_from(now_ms.saturating_sub(received_ms)).unwrap_or(0);
        let place = LAG_BOUNDS_MS.iter().position(|bound| lag <= *bound).unwrap_or(LAG_BOUNDS_MS.len());
        let hour = Hour::of(now_ms);
        match failed_ms {
            None => self.received(connection, received_ms, hour),
            Some(failed_ms) => self.recovered(connection, failed_ms, now_ms),
        }
        let counts = self.at(connection, hour);
        match applied {
            Applied::Done => {}
            Applied::Older => counts.add(HourCounter::Older, 1),
            Applied::Unhandled => counts.add(HourCounter::Unhandled, 1),
        }
        counts.add(HourCounter::Processed, 1);
        counts.add(HourCounter::Lag(place), 1);
        counts.add(HourCounter::LagSumMs, lag);
        counts.last_processed_ms = counts.last_processed_ms.max(Some(now_ms));
    }

    /// Adds that one which failed first at `failed_ms` is through at `now_ms`, where another attempt had its effect and was counted.
    pub fn recovered(&mut self, connection: &Connection, failed_ms: i64, now_ms: i64) {
        let (failed, hour) = (Hour::of(failed_ms), Hour::of(now_ms));
        self.at(connection, failed).add(HourCounter::Recovered, 1);
        if failed != hour {
            self.at(connection, hour).add(HourCounter::Late, 1);
        }
    }

    /// Adds a delivery whose first attempt failed at `failed_ms`.
    pub fn failed(&mut self, connection: &Connection, received_ms: i64, failed_ms: i64) {
        let hour = Hour::of(failed_ms);
        self.received(connection, received_ms, hour);
        self.at(connection, hour).add(HourCounter::Failed, 1);
    }

    fn at(&mut self, connection: &Connection, hour: Hour) -> &mut HourCounts {
        self.0.entry((connection.clone(), hour)).or_default()
    }

    fn received(&mut self, connection: &Connection, received_ms: i64, hour: Hour) {
        let counts = self.at(connection, hour);
        counts.add(HourCounter::Received, 1);
        counts.last_received_ms = counts.last_received_ms.max(Some(received_ms));
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        for (of, counts) in other.0 {
            self.0.entry(of).or_default().merge(&counts);
        }
    }

    /// The counts of each hour of each connection.
    pub fn hours(&self) -> impl Iterator<Item = (&Connection, Hour, &HourCounts)> {
        self.0.iter().map(|((connection, hour), counts)| (connection, *hour, counts))
    }
}

/// Some hours of a connection, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(pub Vec<(Hour, HourCounts)>);

impl Hours {
    /// The counts of the last 24 hours, and of what the first of them had before: 24 to 25 hours.
    #[must_use]
    pub fn day(&self, now_ms: i64) -> HourCounts {
        self.since(Hour::of(now_ms.saturating_sub(DAY_MS)))
    }

    /// The counts of the last hour, and of what the first one had before it: one to two hours.
    #[must_use]
    pub fn last_hour(&self, now_ms: i64) -> HourCounts {
        let hour = Hour::of(now_ms);
        self.since(hour.before().unwrap_or(hour))
    }

    /// The counts of the last hours one by one, the oldest first.
    #[must_use]
    pub fn one_by_one(&self, now_ms: i64, hours: usize) -> Vec<HourCounts> {
        let of = |wanted: &Hour| {
            let found = self.0.iter().find(|(hour, _)| hour == wanted);
            found.map(|(_, counts)| counts.clone()).unwrap_or_default()
        };
        let last = std::iter::successors(Some(Hour::of(now_ms)), |hour| hour.before());
        let mut counts: Vec<HourCounts> = last.take(hours).map(|hour| of(&hour)).collect();
        counts.reverse();
        counts
    }

    fn since(&self, first: Hour) -> HourCounts {
        let mut day = HourCounts::default();
        self.0.iter().filter(|(hour, _)| *hour >= first).for_each(|(_, counts)| day.merge(counts));
        day
    }

    /// When the newest was received of all hours that are kept, epoch milliseconds.
    #[must_use]
    pub fn last_received_ms(&self) -> Option<i64> {
        self.0.iter().filter_map(|(_, counts)| counts.last_received_ms).max()
    }

    /// When the last one had its effect of all hours that are kept, epoch milliseconds.
    #[must_use]
    pub fn last_processed_ms(&self) -> Option<i64> {
        self.0.iter().filter_map(|(_, counts)| counts.last_processed_ms).max()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shop() -> Connection {
        "acme/trackstar/north".parse().unwrap()
    }

    fn counted(tally: &ConnectionTally) -> Vec<(String, u64)> {
        let (_, _, counts) = tally.hours().next().unwrap();
        counts.counters().map(|(counter, count)| (counter.name(), count)).collect()
    }

    #[test]
    fn a_stored_name_is_read_as_its_counter_and_no_other_is() {
        let names: BTreeSet<String> = HourCounter::all().map(HourCounter::name).collect();
        assert_eq!(names.len(), HourCounter::all().count(), "two have one name");
        for counter in HourCounter::all() {
            assert_eq!(HourCounter::parse(&counter.name()), Some(counter));
        }
        assert_eq!(HourCounter::parse("lag.le.3"), None);
    }

    /// An ADD costs one write unit while the item has at most 1 KB: names as UTF-8, numbers a byte for two digits and one.
    #[test]
    fn an_hour_with_every_counter_at_its_largest_stays_below_a_write_unit() {
        let largest = u64::MAX.to_string().len().div_ceil(2) + 2;
        let key = "pk".len() + 3 * 64 + 2 + "#hours".len() + "sk".len() + "2026-01-15T12".len();
        let times = ["lastReceivedMs", "lastProcessedMs", "expires_at"].map(|name| name.len() + largest);
        let counters: usize = HourCounter::all().map(|counter| counter.name().len() + largest).sum();
        assert!(key + counters + times.iter().sum::<usize>() <= 1024);
    }

    #[test]
    fn an_event_is_received_once_whatever_becomes_of_it_and_one_that_failed_may_recover() {
        let mut tally = ConnectionTally::default();
        tally.processed(&shop(), Applied::Done, 1_000, 1_100, None);
        tally.failed(&shop(), 3_000, 3_100);
        tally.failed(&shop(), 2_000, 3_100);
        tally.processed(&shop(), Applied::Older, 2_000, 702_001, Some(3_100));
        let names = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
        assert_eq!(
            counted(&tally),
            names(&[
                ("received", 3),
                ("processed", 2),
                ("failed", 2),
                ("recovered", 1),
                ("older", 1),
                ("lag.le.100", 1),
                ("lag.above", 1),
                ("lag.sum_ms", 700_101)
            ])
        );
        let (_, _, counts) = tally.hours().next().unwrap();
        assert_eq!((counts.last_received_ms, counts.last_processed_ms), (Some(3_000), Some(702_001)));
        assert_eq!(counts.failures(), 1);
        // The clock of the door may be ahead.
        let mut other = ConnectionTally::default();
        other.processed(&shop(), Applied::Done, 1_000, 900, None);
        tally.merge(other);
        assert!(counted(&tally).contains(&("lag.le.100".into(), 2)));
    }

    #[test]
    fn what_failed_before_a_window_and_recovers_within_it_hides_no_failure_of_the_window() {
        const HOUR_MS: i64 = 3_600_000;
        let now_ms = 100 * HOUR_MS;
        let mut tally = ConnectionTally::default();
        (0..3).for_each(|_| tally.failed(&shop(), 0, now_ms));
        // Two that failed days ago, and one of the hour before.
        [3, 3, 99].into_iter().for_each(|hour| {
            tally.processed(&shop(), Applied::Done, 0, now_ms, Some(hour * HOUR_MS));
        });
        tally.failed(&shop(), 0, 99 * HOUR_MS);
        let hours = Hours(tally.hours().map(|(_, hour, counts)| (hour, counts.clone())).collect());
        assert_eq!((hours.day(now_ms).failures(), hours.last_hour(now_ms).failures()), (3, 3));
        let by_hour = hours.one_by_one(now_ms, 2).iter().map(HourCounts::failures).collect::<Vec<_>>();
        assert_eq!(by_hour, [0, 3]);
        assert_eq!(hours.day(now_ms).count(HourCounter::Late), 3);
    }

    #[test]
    fn windows_are_whole_hours_and_the_last_webhook_is_that_of_all_hours() {
        const HOUR_MS: i64 = 3_600_000;
        let now_ms = 100 * HOUR_MS + 1;
        let hour = |number: i64| {
            let mut counts = HourCounts { last_received_ms: Some(number * HOUR_MS), ..HourCounts::default() };
            counts.add(HourCounter::Received, 1);
            (Hour::of(number * HOUR_MS), counts)
        };
        let hours = Hours([100, 99, 98, 76, 75].map(hour).into());
        let received = |counts: HourCounts| counts.count(HourCounter::Received);
        assert_eq!((received(hours.day(now_ms)), received(hours.last_hour(now_ms))), (4, 2));
        assert_eq!(Hours(vec![hour(3)]).last_received_ms(), Some(3 * HOUR_MS));
        assert_eq!(Hours::default().last_received_ms(), None);
    }
}
