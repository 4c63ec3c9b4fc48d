//! Window statistics from counters (I8).
//!
//! Each run counts into its start's day (with a slot per hour) and month (with a slot per day). A window of any length is
//! covered by whole months, whole days of at most two months, whole hours of at most two days, and what is left of
//! at most two hours, whose runs are counted themselves. So a window costs the same over a thousand runs as over a
//! hundred thousand.

use std::ops::Range;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::domain::runs::run::SeenStatus;

/// How many runs, by status, and how long the finished ones took together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not over.
    pub running: u64,
    /// Over, all done.
    pub success: u64,
    /// Over, otherwise.
    pub error: u64,
    /// Milliseconds of all finished runs.
    pub duration_ms: u64,
    /// What they cost, where whole days or months are counted; nothing of parts of a day.
    pub nano_dollars: u64,
}

impl Tally {
    /// The runs of the wanted statuses; none wanted means all.
    #[must_use]
    pub fn of(&self, statuses: &[SeenStatus]) -> u64 {
        let wanted = |status: &SeenStatus| statuses.is_empty() || statuses.contains(status);
        SeenStatus::ALL.iter().filter(|status| wanted(status)).map(|status| self.count(*status)).sum()
    }

    /// The runs of one status.
    #[must_use]
    pub fn count(&self, status: SeenStatus) -> u64 {
        match status {
            SeenStatus::Running => self.running,
            SeenStatus::Success => self.success,
            SeenStatus::Error => self.error,
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.running += other.running;
        self.success += other.success;
        self.error += other.error;
        self.duration_ms += other.duration_ms;
        self.nano_dollars = self.nano_dollars.saturating_add(other.nano_dollars);
    }
}

/// Some slots of one counter: hours of a day, or days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// The counter's sort key.
    pub counter: String,
    /// Which slots.
    pub slots: Range<i8>,
}

/// What has to be read to cover a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cover {
    /// Whole months, by the first and the last counter's key.
    pub months: Option<(String, String)>,
    /// Slots of months and of days.
    pub slots: Vec<Slots>,
    /// Parts of hours, from inclusive, to exclusive: count the runs themselves.
    pub edges: Vec<(Timestamp, Timestamp)>,
}

/// The counters that a run started at `at` counts into, each with its slot.
#[must_use]
pub fn counters(at: Timestamp) -> [(String, i8); 2] {
    let time = at.to_zoned(TimeZone::UTC).datetime();
    [(day_key(time.date()), time.hour()), (month_key(time.date()), time.day())]
}

fn day_key(day: Date) -> String {
    format!("day#{day}")
}

/// Whether a counter has the hours of a day, and not the days of a month.
#[must_use]
pub fn is_of_a_day(counter: &str) -> bool {
    counter.starts_with("day#")
}

/// The end of an hour of a day, as counters name it: `2026-01-15`.
#[must_use]
pub fn hour_after(day: &str, hour: i8) -> Option<Timestamp> {
    let day: Date = day.parse().ok()?;
    let start = day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp();
    start.checked_add(1.hour()).ok()
}

/// How the names of counters of months begin.
pub const MONTHS: &str = "month#";

/// The counter of a day's month; its slots are the days.
#[must_use]
pub fn month_key(day: Date) -> String {
    format!("{MONTHS}{}", day.strftime("%Y-%m"))
}

/// How many days a strip of days has at most: four months' counters.
pub const DAYS_MAX: i32 = 92;

/// The days of a window by UTC, oldest first: the last [`DAYS_MAX`] of those that have begun.
pub fn days_of(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp) -> impl Iterator<Item = Date> {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let last = date(end.map_or(now, |end| end.min(now)));
    let earliest = last.saturating_sub((DAYS_MAX - 1).days());
    let first = start.map_or(earliest, |start| date(start).max(earliest));
    first.series(1.day()).take_while(move |day| *day <= last)
}

/// Covers the last 24 hours, and what the hour had before in which they begin, but nothing before the hour of `since`: whole hours, so
/// that no run is counted by itself.
#[must_use]
pub fn day_before(now: Timestamp, since: Timestamp) -> Cover {
    const HOUR_MS: i64 = 3_600_000;
    let hour = now.as_millisecond().div_euclid(HOUR_MS);
    let at = |ms: i64| Timestamp::from_millisecond(ms).ok();
    let first = (hour - 24).max(since.as_millisecond().div_euclid(HOUR_MS));
    cover(at(first * HOUR_MS), at((hour + 1) * HOUR_MS - 1))
}

/// Covers the window from `start` to `end`, both inclusive; an open end reaches to the last year there is.
#[must_use]
pub fn cover(start: Option<Timestamp>, end: Option<Timestamp>) -> Cover {
    let utc = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or(Timestamp::MAX);
    let (first, last) = (utc(date(1970, 1, 1)), utc(date(9999, 1, 1)));
    let from = start.unwrap_or(first).clamp(first, last);
    let to = end.map_or(last, |end| end.checked_add(1.millisecond()).unwrap_or(last)).clamp(first, last);
    let mut cover = Cover::default();
    if from >= to {
        return cover;
    }
    let hour = |at: Timestamp| at.as_millisecond().div_euclid(3_600_000);
    let (first_hour, last_hour) = ((from.as_millisecond() - 1).div_euclid(3_600_000) + 1, hour(to));
    let at_hour = |hour: i64| Timestamp::from_millisecond(hour * 3_600_000).unwrap_or(last);
    if first_hour >= last_hour {
        cover.edges.push((from, to));
        return cover;
    }
    cover.edges.extend([(from, at_hour(first_hour)), (at_hour(last_hour), to)].into_iter().filter(|(a, b)| a < b));

    let (first_day, last_day) = ((first_hour - 1).div_euclid(24) + 1, last_hour.div_euclid(24));
    let date_of = |day: i64| at_hour(day * 24).to_zoned(TimeZone::UTC).date();
    let hours = |cover: &mut Cover, range: Range<i64>| {
        if !range.is_empty() {
            let day = range.start.div_euclid(24);
            // Within one day, so both fit.
            let slots = (range.start - day * 24) as i8..(range.end - day * 24) as i8;
            cover.slots.push(Slots { counter: day_key(date_of(day)), slots });
        }
    };
    if first_day > last_day {
        hours(&mut cover, first_hour..last_hour);
        return cover;
    }
    hours(&mut cover, first_hour..first_day * 24);
    hours(&mut cover, last_day * 24..last_hour);
    days(&mut cover, date_of(first_day), date_of(last_day));
    cover
}

/// Covers whole days, the last one exclusive.
fn days(cover: &mut Cover, from: Date, to: Date) {
    let next_month = |day: Date| day.first_of_month().saturating_add(1.month());
    let mut slots = |from: Date, to_day: i8| {
        if from.day() < to_day {
            cover.slots.push(Slots { counter: month_key(from), slots: from.day()..to_day });
        }
    };
    let first_month = if from.day() == 1 { from } else { next_month(from) };
    let last_month = to.first_of_month();
    if first_month > last_month {
        slots(from, to.day());
        return;
    }
    if from < first_month {
        slots(from, from.days_in_month() + 1);
    }
    slots(last_month, to.day());
    if first_month < last_month {
        cover.months = Some((month_key(first_month), month_key(last_month.yesterday().unwrap_or(last_month))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        crate::domain::time::parse(text).unwrap()
    }

    /// Counts the given starts the way the counters do.
    fn count(cover: &Cover, starts: &[Timestamp]) -> usize {
        let in_slots = |start: &Timestamp| {
            let keys = counters(*start);
            let hit =
                |slots: &Slots| keys.iter().any(|(key, slot)| *key == slots.counter && slots.slots.contains(slot));
            cover.slots.iter().filter(|slots| hit(slots)).count()
        };
        let in_months = |start: &Timestamp| {
            let (key, _) = &counters(*start)[1];
            usize::from(cover.months.as_ref().is_some_and(|(first, last)| first <= key && key <= last))
        };
        let in_edges = |start: &Timestamp| cover.edges.iter().filter(|(from, to)| from <= start && start < to).count();
        starts.iter().map(|start| in_slots(start) + in_months(start) + in_edges(start)).sum()
    }

    #[test]
    fn a_day_is_covered_by_whole_hours() {
        let now = at("2024-03-01T10:30:00Z");
        let starts =
            ["2024-02-29T09:59:59.999Z", "2024-02-29T10:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01T10:59:00Z"];
        for (since, expected) in [(Timestamp::MIN, 3), (at("2024-02-29T23:59:00Z"), 2), (at("2024-03-01T10:29:00Z"), 1)]
        {
            let cover = day_before(now, since);
            assert!(cover.edges.is_empty() && cover.months.is_none(), "{cover:?}");
            assert_eq!(count(&cover, &starts.map(at)), expected, "{since}");
        }
    }

    #[test]
    fn tallies_add_up_and_count_the_wanted_statuses() {
        use SeenStatus::{Error, Running, Success};
        let mut tally = Tally { running: 1, success: 20, error: 300, duration_ms: 4_000, nano_dollars: 7 };
        tally += Tally { running: 5, success: 60, error: 700, duration_ms: 8_000, nano_dollars: 8 };
        assert_eq!(tally, Tally { running: 6, success: 80, error: 1_000, duration_ms: 12_000, nano_dollars: 15 });
        for (wanted, expected) in [
            (&[][..], 1_086),
            (&[Running], 6),
            (&[Success], 80),
            (&[Error], 1_000),
            (&[Error, Running], 1_006),
            (&[Running, Success, Error], 1_086),
        ] {
            assert_eq!(tally.of(wanted), expected, "{wanted:?}");
        }
    }

    #[test]
    fn the_days_of_a_window_are_those_that_have_begun_and_not_too_many() {
        let days = |start: Option<&str>, end: Option<&str>| {
            let found: Vec<String> =
                days_of(start.map(at), end.map(at), at("2024-06-07T08:00:00Z")).map(|day| day.to_string()).collect();
            (found.len(), found.first().cloned().unwrap_or_default(), found.last().cloned().unwrap_or_default())
        };
        let of = |count: usize, first: &str, last: &str| (count, first.to_owned(), last.to_owned());
        assert_eq!(days(Some("2024-05-30"), Some("2024-06-03T23:59:59.999Z")), of(5, "2024-05-30", "2024-06-03"));
        assert_eq!(days(Some("2024-06-01"), Some("2024-07-01")), of(7, "2024-06-01", "2024-06-07"));
        assert_eq!(days(None, None), of(92, "2024-03-08", "2024-06-07"));
        assert_eq!(days(Some("2024-07-01"), None), of(0, "", ""));
    }

    #[test]
    fn whole_days_and_hours_are_read_as_slots_only() {
        for (start, end, expected) in [
            ("2024-06-01", "2024-06-07T23:59:59.999Z", vec![("month#2024-06", 1..8)]),
            ("2024-06-01T03:00:00Z", "2024-06-01T04:59:59.999Z", vec![("day#2024-06-01", 3..5)]),
            (
                "2024-06-01T22:00:00Z",
                "2024-06-02T02:59:59.999Z",
                vec![("day#2024-06-01", 22..24), ("day#2024-06-02", 0..3)],
            ),
        ] {
            let slots = expected.into_iter().map(|(counter, slots)| Slots { counter: counter.into(), slots }).collect();
            assert_eq!(cover(Some(at(start)), Some(at(end))), Cover { slots, ..Cover::default() });
        }
    }

    #[test]
    fn windows_between_the_bounds_of_hours_days_and_months_count_each_run_once() {
        let days = ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-02", "2024-01-31", "2024-03-01"];
        let starts: Vec<Timestamp> = days
            .iter()
            .flat_map(|day| ["T00:00:00Z", "T01:00:00Z", "T23:00:00Z"].map(|time| at(&format!("{day}{time}"))))
            .flat_map(|bound| [bound - 1.millisecond(), bound])
            .collect();
        for (first, start) in starts.iter().enumerate() {
            for (last, end) in starts.iter().enumerate().skip(first) {
                let cover = cover(Some(*start), Some(*end));
                assert_eq!(count(&cover, &starts), last - first + 1, "{start} to {end}: {cover:?}");
            }
        }
    }

    #[test]
    fn the_whole_history_is_one_range_of_months() {
        let cover = cover(None, None);
        assert_eq!(cover.months, Some(("month#1970-01".into(), "month#9998-12".into())));
        assert!(cover.slots.is_empty() && cover.edges.is_empty());
    }

    #[test]
    fn a_window_that_ends_before_it_starts_holds_nothing() {
        assert_eq!(cover(Some(at("2024-06-02")), Some(at("2024-06-01"))), Cover::default());
    }

    proptest! {
        #[test]
        fn a_window_counts_each_of_its_runs_once_and_no_other(
            from in 0i64..100_000_000_000,
            length in prop_oneof![0i64..10_000_000, 0i64..200_000_000, 0i64..40_000_000_000],
            // In hundredths of the window.
            offsets in prop::collection::vec(-10i64..=110, 0..30),
        ) {
            let stamp = |ms: i64| Timestamp::from_millisecond(ms.max(0)).unwrap();
            let (start, end) = (stamp(from), stamp(from + length));
            let mut starts: Vec<Timestamp> =
                offsets.iter().map(|offset| stamp(from + length * offset / 100)).collect();
            starts.extend([start, end]);
            let expected = starts.iter().filter(|at| start <= **at && **at <= end).count();
            let cover = cover(Some(start), Some(end));
            prop_assert_eq!(count(&cover, &starts), expected, "{:?}", cover);
            prop_assert!(cover.slots.len() <= 4 && cover.edges.len() <= 2);
        }
    }
}
