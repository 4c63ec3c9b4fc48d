//! How long history is kept. A whole day of UTC goes at once: counters by the day and the lists that they count end at the same edge,
//! whatever has been swept by then.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// The fewest days that runs are kept: longer than any may be open, and than the weeks that digests and health look back on.
pub const RUNS_DAYS_MIN: u64 = 30;
/// The fewest days that deliveries are kept which had their effect: a dead letter is kept for 90 and then claimed for 30 more, and where
/// its effect stands it must be seen.
pub const DELIVERIES_DAYS_MIN: u64 = 120;
/// The most days: ten years. Longer is for ever.
pub const DAYS_MAX: u64 = 3_650;
/// How long runs are kept unless it is said otherwise, in days.
pub const RUNS_DAYS: u64 = 400;

/// What is over is kept for so long at least, however late it was over: its end is still to be told of.
const AFTER_ITS_END: SignedDuration = SignedDuration::from_hours(7 * 24);

/// For how many days something is kept, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(Option<i64>);

/// A number of days that makes no sense; the fewest that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be 0, which keeps all for ever, or a whole number of days from {0} to {DAYS_MAX}")]
pub struct NoRetention(u64);

impl Retention {
    /// So many days; 0 means for ever.
    ///
    /// # Errors
    /// When it is below the fewest, or above [`DAYS_MAX`].
    pub fn of_days(days: u64, fewest: u64) -> Result<Self, NoRetention> {
        match days {
            0 => Ok(Self(None)),
            _ if (fewest..=DAYS_MAX).contains(&days) => Ok(Self(i64::try_from(days).ok())),
            _ => Err(NoRetention(fewest)),
        }
    }

    /// Before when nothing is shown any more: the beginning of a day.
    #[must_use]
    pub fn edge(self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let first = today.checked_sub(self.0?.days()).ok()?;
        Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }

    /// The start of a window that begins no earlier than the edge.
    #[must_use]
    pub fn clip(self, start: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        start.max(self.edge(now))
    }

    /// Whether what started then is not shown any more. What is not over is history to nobody.
    #[must_use]
    pub fn hides(self, started_at: Timestamp, is_over: bool, now: Timestamp) -> bool {
        is_over && self.edge(now).is_some_and(|edge| started_at < edge)
    }

    /// When what started at one time and was over at another may be swept: not before it is hidden.
    #[must_use]
    pub fn ends(self, started_at: Timestamp, over_at: Timestamp) -> Option<Timestamp> {
        let day = started_at.to_zoned(TimeZone::UTC).date();
        let hidden = day.checked_add((self.0? + 1).days()).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(hidden.max(over_at.checked_add(AFTER_ITS_END).ok()?))
    }
}

impl Default for Retention {
    /// For ever.
    fn default() -> Self {
        Self(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        crate::domain::time::parse(text).unwrap()
    }

    fn days(days: u64) -> Retention {
        Retention::of_days(days, RUNS_DAYS_MIN).unwrap()
    }

    #[test]
    fn a_number_of_days_is_bounded_and_none_is_for_ever() {
        for (number, is_good) in
            [(0, true), (1, false), (29, false), (30, true), (400, true), (3_650, true), (3_651, false)]
        {
            assert_eq!(Retention::of_days(number, RUNS_DAYS_MIN).is_ok(), is_good, "{number}");
        }
        let (long_ago, now) = (at("1970-01-01"), at("2024-06-07"));
        assert_eq!((days(0).edge(now), days(0).ends(long_ago, long_ago)), (None, None));
        assert!(!days(0).hides(long_ago, true, now) && days(0).clip(None, now).is_none());
    }

    #[test]
    fn a_day_is_hidden_as_a_whole_and_may_be_swept_from_then_on() {
        let kept = days(30);
        for (started_at, now, is_hidden) in [
            ("2024-05-08T00:00:00Z", "2024-06-07T23:59:59.999Z", false),
            ("2024-05-07T23:59:59.999Z", "2024-06-07T00:00:00Z", true),
            ("2024-05-07T00:00:00Z", "2024-06-06T23:59:59.999Z", false),
        ] {
            assert_eq!(kept.hides(at(started_at), true, at(now)), is_hidden, "{started_at} at {now}");
            assert!(!kept.hides(at(started_at), false, at(now)), "what is open is shown: {started_at}");
        }
        let (started_at, soon) = (at("2024-05-07T12:00:00Z"), at("2024-05-07T12:01:00Z"));
        assert_eq!(kept.ends(started_at, soon), Some(at("2024-06-07")));
        // One that was open for longer than it would be kept.
        assert_eq!(kept.ends(started_at, at("2024-07-01")), Some(at("2024-07-08")));
        assert_eq!(kept.clip(Some(at("2024-06-01")), at("2024-06-07")), Some(at("2024-06-01")));
        assert_eq!(kept.clip(None, at("2024-06-07T12:00:00Z")), Some(at("2024-05-08")));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_never_swept(
            days in RUNS_DAYS_MIN..=DAYS_MAX,
            started_s in 0_i64..4_000_000_000,
            lasted_s in 0_i64..40 * 86_400,
            later_s in 0_i64..400_000_000,
        ) {
            let stamp = |second: i64| Timestamp::from_second(second).unwrap();
            let kept = Retention::of_days(days, RUNS_DAYS_MIN).unwrap();
            let (started_at, over_at) = (stamp(started_s), stamp(started_s + lasted_s));
            let now = stamp(started_s + lasted_s + later_s);
            let is_swept = kept.ends(started_at, over_at).is_some_and(|ends| ends <= now);
            prop_assert!(!is_swept || kept.hides(started_at, true, now));
            prop_assert!(kept.clip(Some(started_at), now) >= Some(started_at));
        }
    }
}
