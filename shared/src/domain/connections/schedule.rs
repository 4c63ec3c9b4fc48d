//! When a connection is synced by itself.
//!
//! Patterns of cron are read and followed in a zone of the IANA database as Vixie's cron does over changes of the clock: what
//! falls into the hour that is left out runs right after it, and what names one time runs once in the hour that comes twice.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::Connection;

/// The longest interval, in minutes: a week.
pub const EVERY_MINUTES_MAX: u32 = 7 * 24 * 60;
/// Over how long the connections of one pattern are spread, so that ten thousand of one nightly do not start in one second. Each
/// has its own fixed place in it. A place waits for up to a minute for the tick after it, and all are to be started within five.
pub const SPREAD: Duration = Duration::from_secs(180);
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// The longest pattern, in bytes. Lists of all minutes and all days fit.
const CRON_BYTES_MAX: usize = 512;
/// The longest name of a zone, in bytes.
const ZONE_BYTES_MAX: usize = 64;

/// How often changes are pulled where nobody says, in minutes.
pub const PULL_EVERY_MINUTES: u32 = 10;
/// The shortest interval of pulls, however it is set.
pub const PULL_EVERY_MINUTES_MIN: u32 = 2;

/// When a connection is synced by itself: `"off"`, `{"every": 15}`, or `{"cron": "0 2 * * *", "zone": "Europe/Copenhagen"}`,
/// which is UTC where it names no zone. Of a vendor that is pulled also `{"every": 10, "fullAtHourUtc": 5, "enabled": true}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub enum Schedule {
    /// Never.
    #[default]
    Off,
    /// Every so many minutes, at a moment of its own within them.
    Every(u32),
    /// Changes every so many minutes, and everything once a UTC day; or neither, for now.
    Pull(PullTimes),
    /// At the times that five fields of cron name in a zone.
    Cron {
        /// Minute, hour, day of month, month, day of week.
        pattern: String,
        /// A name of the IANA database.
        zone: String,
    },
}

/// When a vendor is pulled by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullTimes {
    /// Every how many minutes changes are pulled.
    pub every: u32,
    /// In which hour of the UTC day everything is pulled, if it is.
    pub full_at_hour_utc: Option<u8>,
    /// Whether it is pulled by itself at all. What is said of times stays where it is not.
    pub enabled: bool,
}

/// Why a schedule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// None of the three forms.
    #[error("must be \"off\", {{\"every\": minutes}}, or {{\"cron\": \"0 2 * * *\", \"zone\": \"Europe/Copenhagen\"}}")]
    Form,
    /// An interval of nothing, or of more than a week.
    #[error("every must be a whole number of minutes from 1 to {EVERY_MINUTES_MAX}")]
    Every,
    /// No hour of a day.
    #[error("fullAtHourUtc must be a whole number from 0 to 23")]
    FullAtHour,
    /// No pattern.
    #[error("cron must have five fields: minute, hour, day of month, month, day of week ({0})")]
    Pattern(String),
    /// A pattern such as the 31st of February.
    #[error("cron names no time that ever comes")]
    Never,
    /// An unknown zone.
    #[error("zone must be a name of the IANA database, such as Europe/Copenhagen or UTC")]
    Zone,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Raw {
    Word(String),
    Every(RawEvery),
    Cron(RawCron),
    Other(#[serde(skip_serializing)] IgnoredAny),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawEvery {
    every: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    full_at_hour_utc: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCron {
    cron: String,
    #[serde(default = "utc")]
    zone: String,
}

fn utc() -> String {
    "UTC".into()
}

impl TryFrom<Raw> for Schedule {
    type Error = ScheduleError;
    fn try_from(raw: Raw) -> Result<Self, ScheduleError> {
        match raw {
            Raw::Word(word) if word.trim().eq_ignore_ascii_case("off") => Ok(Self::Off),
            Raw::Word(_) | Raw::Other(_) => Err(ScheduleError::Form),
            Raw::Every(RawEvery { every, full_at_hour_utc, enabled }) => {
                let minutes = u32::try_from(every).ok().filter(|minutes| (1..=EVERY_MINUTES_MAX).contains(minutes));
                let hour =
                    |hour: i64| u8::try_from(hour).ok().filter(|hour| *hour < 24).ok_or(ScheduleError::FullAtHour);
                Ok(Self::of_pull(PullTimes {
                    every: minutes.ok_or(ScheduleError::Every)?,
                    full_at_hour_utc: full_at_hour_utc.map(hour).transpose()?,
                    enabled: enabled.unwrap_or(true),
                }))
            }
            Raw::Cron(RawCron { cron, zone }) => Self::cron(&cron, &zone),
        }
    }
}

impl From<Schedule> for Raw {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Off => Self::Word("off".into()),
            Schedule::Every(minutes) => {
                Self::Every(RawEvery { every: minutes.into(), full_at_hour_utc: None, enabled: None })
            }
            Schedule::Pull(PullTimes { every, full_at_hour_utc, enabled }) => Self::Every(RawEvery {
                every: every.into(),
                full_at_hour_utc: full_at_hour_utc.map(i64::from),
                enabled: (!enabled).then_some(false),
            }),
            Schedule::Cron { pattern, zone } => Self::Cron(RawCron { cron: pattern, zone }),
        }
    }
}

impl Schedule {
    /// Reads a pattern and the name of its zone.
    ///
    /// # Errors
    /// When one of them is none, or no time of it ever comes.
    pub fn cron(pattern: &str, zone: &str) -> Result<Self, ScheduleError> {
        let (pattern, zone) = (pattern.trim(), zone.trim());
        let cron = parsed(pattern)?;
        let zone_found = zone_of(zone).ok_or(ScheduleError::Zone)?;
        occurrence(&cron, &zone_found, Timestamp::UNIX_EPOCH).ok_or(ScheduleError::Never)?;
        Ok(Self::Cron { pattern: pattern.to_owned(), zone: zone.to_owned() })
    }

    /// The schedule of these times.
    #[must_use]
    pub fn of_pull(times: PullTimes) -> Self {
        match times {
            PullTimes { every, full_at_hour_utc: None, enabled: true } => Self::Every(every),
            times => Self::Pull(times),
        }
    }

    /// When a vendor is pulled by it; none where a pattern says so.
    #[must_use]
    pub fn pull_times(&self) -> Option<PullTimes> {
        let times = |every: u32, enabled: bool| Some(PullTimes { every, full_at_hour_utc: None, enabled });
        match self {
            Self::Off => times(PULL_EVERY_MINUTES, false),
            Self::Every(minutes) => times(*minutes, true),
            Self::Pull(times) => Some(*times),
            Self::Cron { .. } => None,
        }
    }

    /// Since when the hour has been in which everything is pulled, where a moment lies in it.
    #[must_use]
    pub fn full_since(&self, moment: Timestamp) -> Option<Timestamp> {
        let Self::Pull(PullTimes { full_at_hour_utc: Some(hour), enabled: true, .. }) = self else { return None };
        let begins = moment.as_second().div_euclid(HOUR_SECONDS) * HOUR_SECONDS;
        let is_it = begins.rem_euclid(DAY_SECONDS) == i64::from(*hour) * HOUR_SECONDS;
        Timestamp::from_second(begins).ok().filter(|_| is_it)
    }

    /// The first time after `now` at which everything of a connection is due; none where it never is.
    #[must_use]
    pub fn next_full_after(&self, now: Timestamp, connection: &Connection) -> Option<Timestamp> {
        let Self::Pull(PullTimes { full_at_hour_utc: Some(hour), enabled: true, .. }) = self else { return None };
        let at = i64::from(*hour) * HOUR_SECONDS + place(connection, SPREAD);
        let passed = (now.as_second() - at).div_euclid(DAY_SECONDS);
        Timestamp::from_second((passed + 1) * DAY_SECONDS + at).ok()
    }

    /// The first time after `now` at which a connection is due; none where it never is again.
    ///
    /// Each connection comes a little later than its pattern says, always by the same, which is made of its name.
    #[must_use]
    pub fn next_after(&self, now: Timestamp, connection: &Connection) -> Option<Timestamp> {
        match self {
            Self::Off => None,
            Self::Pull(PullTimes { enabled: false, .. }) => None,
            Self::Pull(PullTimes { every, .. }) => {
                let changes = Self::Every(*every).next_after(now, connection);
                changes.into_iter().chain(self.next_full_after(now, connection)).min()
            }
            Self::Every(minutes) => {
                let every = Duration::from_secs(u64::from(*minutes) * 60);
                let every_seconds = i64::try_from(every.as_secs()).ok()?;
                let place = place(connection, every);
                let passed = (now.as_second() - place).div_euclid(every_seconds);
                Timestamp::from_second((passed + 1) * every_seconds + place).ok()
            }
            Self::Cron { pattern, zone } => {
                let later = Duration::from_secs(place(connection, SPREAD).unsigned_abs());
                let next = occurrence(&parsed(pattern).ok()?, &zone_of(zone)?, now.checked_sub(later).ok()?)?;
                next.checked_add(later).ok()
            }
        }
    }
}

/// A connection's own place within a time, in seconds from its beginning.
fn place(connection: &Connection, within: Duration) -> i64 {
    let digest = Sha256::digest(connection.to_string());
    let number = u64::from_be_bytes(digest[..8].try_into().unwrap_or_default());
    i64::try_from(number % within.as_secs().max(1)).unwrap_or_default()
}

fn parsed(pattern: &str) -> Result<Cron, ScheduleError> {
    if pattern.len() > CRON_BYTES_MAX {
        return Err(ScheduleError::Pattern(format!("it has more than {CRON_BYTES_MAX} bytes")));
    }
    // What crontabs have: no seconds, no years.
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(pattern).map_err(|error| ScheduleError::Pattern(error.to_string()))
}

fn zone_of(name: &str) -> Option<TimeZone> {
    // A fixed offset or a POSIX rule is a zone to jiff, and none of the database.
    let is_name = name.len() <= ZONE_BYTES_MAX && name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if is_name { TimeZone::get(name).ok() } else { None }
}

fn occurrence(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let found = cron.find_next_occurrence(&after.to_zoned(zone.clone()), false).ok()?;
    Some(found.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn connection(name: &str) -> Connection {
        format!("acme/catalogue/{name}").parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_schedule_is_read_and_written_in_one_form() {
        for (json, written) in [
            (json!("off"), json!("off")),
            (json!(" OFF "), json!("off")),
            (json!({"every": 15}), json!({"every": 15})),
            (json!({"every": 15, "enabled": true, "fullAtHourUtc": null}), json!({"every": 15})),
            (json!({"every": 15, "enabled": false}), json!({"every": 15, "enabled": false})),
            (json!({"every": 15, "fullAtHourUtc": 0}), json!({"every": 15, "fullAtHourUtc": 0})),
            (json!({"cron": " 0 2 * * * "}), json!({"cron": "0 2 * * *", "zone": "UTC"})),
            (
                json!({"cron": "*/10 8-18 * * MON-FRI", "zone": "Europe/Copenhagen"}),
                json!({"cron": "*/10 8-18 * * MON-FRI", "zone": "Europe/Copenhagen"}),
            ),
        ] {
            let schedule: Schedule = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&schedule).unwrap(), written, "{json}");
            assert_eq!(serde_json::from_value::<Schedule>(written).unwrap(), schedule, "{json}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_and_says_why() {
        for (json, why) in [
            (json!("nightly"), "must be \"off\""),
            (json!(15), "must be \"off\""),
            (json!(null), "must be \"off\""),
            (json!({"every": 15, "zone": "UTC"}), "must be \"off\""),
            (json!({"every": 1.5}), "must be \"off\""),
            (json!({"every": 0}), "from 1 to 10080"),
            (json!({"every": -5}), "from 1 to 10080"),
            (json!({"every": 10081}), "from 1 to 10080"),
            (json!({"every": 10, "fullAtHourUtc": 24}), "from 0 to 23"),
            (json!({"every": 10, "fullAtHourUtc": -1}), "from 0 to 23"),
            (json!({"every": 10, "enabled": "no"}), "must be \"off\""),
            (json!({"cron": "0 2 * *"}), "five fields"),
            (json!({"cron": "0 0 2 * * *"}), "five fields"),
            (json!({"cron": "61 2 * * *"}), "five fields"),
            (json!({"cron": ""}), "five fields"),
            (json!({"cron": "1,".repeat(300)}), "more than 512 bytes"),
            (json!({"cron": "0 0 30 2 *"}), "no time that ever comes"),
            (json!({"cron": "0 2 * * *", "zone": "Copenhagen"}), "zone must be"),
            (json!({"cron": "0 2 * * *", "zone": "+02:00"}), "zone must be"),
            (json!({"cron": "0 2 * * *", "zone": ""}), "zone must be"),
        ] {
            let error = serde_json::from_value::<Schedule>(json.clone()).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
    }

    /// The times of a pattern without any connection's own place.
    fn times(pattern: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let (cron, zone) = (parsed(pattern).unwrap(), zone_of(zone).unwrap());
        let next = |after: &Timestamp| occurrence(&cron, &zone, *after);
        std::iter::successors(next(&at(from)), next).take(count).map(|time| time.to_string()).collect()
    }

    #[test]
    fn a_change_of_the_clock_leaves_out_nothing_and_repeats_nothing() {
        for (pattern, from, expected) in [
            // 02:30 is left out on 29 March: it comes at 03:00, and is itself again the next day.
            (
                "30 2 * * *",
                "2026-03-28T12:00:00Z",
                ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"],
            ),
            // 02:30 comes twice on 25 October, and is meant once.
            (
                "30 2 * * *",
                "2026-10-24T12:00:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
            ),
            // Every half an hour is every half an hour.
            (
                "*/30 * * * *",
                "2026-10-25T00:15:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"],
            ),
            (
                "*/30 * * * *",
                "2026-03-29T00:15:00Z",
                ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
            ),
        ] {
            assert_eq!(times(pattern, "Europe/Copenhagen", from, 3), expected, "{pattern} from {from}");
        }
        assert_eq!(times("0 2 * * *", "UTC", "2026-03-29T02:00:00Z", 1), ["2026-03-30T02:00:00Z"]);
    }

    #[test]
    fn ten_thousand_of_one_nightly_are_spread() {
        let nightly = Schedule::cron("0 2 * * *", "UTC").unwrap();
        let mut minutes = [0; 4];
        for number in 0..10_000 {
            let due = nightly.next_after(at("2026-01-15T12:00:00Z"), &connection(&format!("v{number}"))).unwrap();
            let minute = (due.as_second() - at("2026-01-16T02:00:00Z").as_second()) / 60;
            minutes[usize::try_from(minute).unwrap()] += 1;
        }
        assert!(minutes[..3].iter().all(|count| (3_130..3_540).contains(count)) && minutes[3] == 0, "{minutes:?}");
    }

    #[test]
    fn everything_is_due_once_a_day_in_its_hour_and_changes_meanwhile() {
        let times = |every: u32, enabled: bool| PullTimes { every, full_at_hour_utc: Some(5), enabled };
        let (schedule, main) = (Schedule::of_pull(times(600, true)), connection("main"));
        let next = |from: &Timestamp| schedule.next_after(*from, &main);
        let due: Vec<Timestamp> = std::iter::successors(next(&at("2026-01-15T00:00:00Z")), next).take(40).collect();
        let full = due.iter().filter(|due| schedule.full_since(**due).is_some());
        let days: Vec<String> = full.map(|due| due.to_string()[..13].to_owned()).collect();
        // Changes may be due in that hour as well.
        let expected = (15..15 + 11).map(|day| format!("2026-01-{day}T05"));
        assert!(expected.clone().all(|hour| days.contains(&hour)) && days.len() <= 22, "{days:?}");
        assert_eq!(schedule.full_since(at("2026-01-15T05:59:59Z")), Some(at("2026-01-15T05:00:00Z")));
        assert_eq!(schedule.full_since(at("2026-01-15T06:00:00Z")), None);
        let off = Schedule::of_pull(times(10, false));
        assert_eq!(
            (off.next_after(at("2026-01-15T00:00:00Z"), &main), off.pull_times()),
            (None, Some(times(10, false)))
        );
        assert_eq!(off.full_since(at("2026-01-15T05:00:00Z")), None);
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let zones = prop::sample::select(vec!["UTC", "Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe"]);
        let patterns =
            prop::sample::select(vec!["0 2 * * *", "*/7 * * * *", "30 2 * * SUN", "15 0 1 * *", "0 0 29 2 *"]);
        prop_oneof![
            (1..=EVERY_MINUTES_MAX).prop_map(Schedule::Every),
            (1..=EVERY_MINUTES_MAX, 0_u8..24).prop_map(|(every, hour)| {
                Schedule::of_pull(PullTimes { every, full_at_hour_utc: Some(hour), enabled: true })
            }),
            (patterns, zones).prop_map(|(pattern, zone)| Schedule::cron(pattern, zone).unwrap()),
        ]
    }

    proptest! {
        /// Whoever looks at any moment finds the same times: none is passed over and none comes twice.
        #[test]
        fn the_next_time_is_the_same_from_any_moment_before_it(
            schedule in any_schedule(),
            name in "[a-z]{1,8}",
            from in 1_700_000_000_i64..1_900_000_000,
            part in 0.0_f64..1.0,
        ) {
            let connection = connection(&name);
            let from = Timestamp::from_second(from).unwrap();
            let next = schedule.next_after(from, &connection).unwrap();
            prop_assert!(next > from);
            let between = from.as_second() + ((next.as_second() - from.as_second()) as f64 * part) as i64;
            let between = Timestamp::from_second(between.min(next.as_second() - 1)).unwrap();
            prop_assert_eq!(schedule.next_after(between, &connection), Some(next));
            prop_assert!(schedule.next_after(next, &connection).unwrap() > next);
        }

        #[test]
        fn every_is_every(minutes in 1..=EVERY_MINUTES_MAX, name in "[a-z]{1,8}", from in 0_i64..4_000_000_000) {
            let (schedule, connection) = (Schedule::Every(minutes), connection(&name));
            let first = schedule.next_after(Timestamp::from_second(from).unwrap(), &connection).unwrap();
            let second = schedule.next_after(first, &connection).unwrap();
            prop_assert_eq!(second.as_second() - first.as_second(), i64::from(minutes) * 60);
        }

        #[test]
        fn nothing_that_is_written_panics(text in "\\PC{0,40}", zone in "\\PC{0,20}") {
            let _read = serde_json::from_value::<Schedule>(json!({"cron": text, "zone": zone}));
            let _word = serde_json::from_value::<Schedule>(Value::from(text));
        }
    }
}
