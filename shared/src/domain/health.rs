//! How a connection does, judged by numbers and thresholds. No clock and no storage: what is read is judged elsewhere.

use serde::Serialize;

/// How a connection does. The order is that of how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing is above its threshold.
    Healthy,
    /// Something is above the lower one.
    Degraded,
    /// Something is above the higher one.
    Unhealthy,
}

impl Health {
    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// How long ago it was synced last, in milliseconds.
    SyncLag,
    /// How long ago the last webhook came, in milliseconds.
    WebhookLag,
    /// How many of a hundred failed within a day.
    ErrorRate,
    /// How many failed within a day.
    Failures,
    /// Whether its breaker is open.
    Breaker,
    /// Whether its last run failed: that degrades what was synced before, and nothing else says of another that it does not work.
    LastRun,
}

/// Two thresholds: only what is strictly above one has passed it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// Above it, it is degraded.
    pub degraded: f64,
    /// Above it, it is unhealthy.
    pub unhealthy: f64,
}

/// The thresholds of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// In milliseconds.
    pub sync_lag: Limits,
    /// In milliseconds.
    pub webhook_lag: Limits,
    /// In percent.
    pub error_rate: Limits,
    /// A number.
    pub failures: Limits,
}

const MINUTE_MS: f64 = 60_000.0;
/// How many times its cadence something may be late before that is more than degraded.
const CADENCES_UNHEALTHY: f64 = 3.0;
/// A connection without a webhook for so long is idle: nothing is late where nothing is sent.
pub const IDLE_AFTER_MS: i64 = 86_400_000;

impl Thresholds {
    /// Those of a connection that says no cadence of its own.
    pub const DEFAULT: Self = Self {
        sync_lag: Limits { degraded: 5.0 * MINUTE_MS, unhealthy: 15.0 * MINUTE_MS },
        webhook_lag: Limits { degraded: 2.0 * MINUTE_MS, unhealthy: 10.0 * MINUTE_MS },
        error_rate: Limits { degraded: 1.0, unhealthy: 5.0 },
        failures: Limits { degraded: 5.0, unhealthy: 20.0 },
    };

    /// Those of a connection from which something is expected every so many minutes.
    #[must_use]
    pub fn of_cadence(minutes: Option<u32>) -> Self {
        let Some(minutes) = minutes else { return Self::DEFAULT };
        let cadence = f64::from(minutes) * MINUTE_MS;
        let lag = Limits { degraded: cadence, unhealthy: CADENCES_UNHEALTHY * cadence };
        Self { sync_lag: lag, webhook_lag: lag, ..Self::DEFAULT }
    }

    /// The same of a connection whose schedule comes again so many milliseconds after it was synced: where that takes longer than the
    /// thresholds, nothing is late before.
    #[must_use]
    pub fn of_schedule(self, again_ms: Option<i64>) -> Self {
        let again = again_ms.map_or(0.0, |ms| ms as f64);
        let Limits { degraded, unhealthy } = self.sync_lag;
        let sync_lag = Limits { degraded: degraded.max(again), unhealthy: unhealthy.max(CADENCES_UNHEALTHY * again) };
        Self { sync_lag, ..self }
    }
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// How long ago it was synced last; none where nothing is synced of it, or was yet.
    pub sync_lag_ms: Option<i64>,
    /// Whether it is synced by hand alone: nothing is late then.
    pub by_hand_alone: bool,
    /// How long ago the last webhook came; none where none is known.
    pub webhook_lag_ms: Option<i64>,
    /// How many had their effect within a day.
    pub processed: u64,
    /// How many failed within a day, and have not had their effect since.
    pub failures: u64,
    /// Whether its breaker is open.
    pub breaker_is_open: bool,
    /// Whether its last run failed.
    pub last_run_failed: bool,
}

impl Numbers {
    /// How many of a hundred failed, to two decimals; 0 where there was nothing.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        let all = self.failures.saturating_add(self.processed);
        if all == 0 {
            return 0.0;
        }
        (self.failures as f64 / all as f64 * 10_000.0).round() / 100.0
    }

    /// Whether no webhook came for a day.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.webhook_lag_ms.is_none_or(|lag| lag >= IDLE_AFTER_MS)
    }
}

/// One threshold that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reason {
    /// Of what.
    pub measure: Measure,
    /// What it makes of the connection.
    pub status: Health,
    /// What was measured; 1 for yes.
    pub value: f64,
    /// What it is above; 0 for no.
    pub threshold: f64,
}

/// What became of judging a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The worst of the reasons.
    pub status: Health,
    /// Every threshold that was passed, the worst first; none of one that is healthy.
    pub reasons: Vec<Reason>,
}

/// Judges a connection. What is not known degrades nothing, and neither does the silence of one that is idle.
#[must_use]
pub fn judge(numbers: &Numbers, thresholds: &Thresholds) -> Judgement {
    const YES: Limits = Limits { degraded: 0.0, unhealthy: 0.0 };
    const YES_FOR_NOW: Limits = Limits { degraded: 0.0, unhealthy: 1.0 };
    // What went well before is as late as it is, and a run that failed since is a warning until then.
    let of_last_run = if numbers.sync_lag_ms.is_some() { YES_FOR_NOW } else { YES };
    let lag = |lag: Option<i64>| lag.map(|lag| lag as f64);
    let is = |yes: bool| Some(f64::from(u8::from(yes)));
    let webhook_lag = lag(numbers.webhook_lag_ms).filter(|_| !numbers.is_idle());
    let mut reasons: Vec<Reason> = [
        (Measure::SyncLag, lag(numbers.sync_lag_ms.filter(|_| !numbers.by_hand_alone)), thresholds.sync_lag),
        (Measure::WebhookLag, webhook_lag, thresholds.webhook_lag),
        (Measure::ErrorRate, Some(numbers.error_rate()), thresholds.error_rate),
        (Measure::Failures, Some(numbers.failures as f64), thresholds.failures),
        (Measure::Breaker, is(numbers.breaker_is_open), YES),
        (Measure::LastRun, is(numbers.last_run_failed), of_last_run),
    ]
    .into_iter()
    .filter_map(|(measure, value, limits)| passed(measure, value?, limits))
    .collect();
    reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.status), reason.measure));
    Judgement { status: reasons.first().map_or(Health::Healthy, |worst| worst.status), reasons }
}

fn passed(measure: Measure, value: f64, limits: Limits) -> Option<Reason> {
    let (status, threshold) = match value {
        value if value > limits.unhealthy => (Health::Unhealthy, limits.unhealthy),
        value if value > limits.degraded => (Health::Degraded, limits.degraded),
        _ => return None,
    };
    Some(Reason { measure, status, value, threshold })
}

/// The value below which so many of a hundred lie, the next one up: of sorted values; none of none.
#[must_use]
pub fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn judged(numbers: Numbers, cadence: Option<u32>) -> (Health, Vec<Measure>) {
        let judgement = judge(&numbers, &Thresholds::of_cadence(cadence));
        (judgement.status, judgement.reasons.iter().map(|reason| reason.measure).collect())
    }

    #[test]
    fn each_threshold_is_passed_by_what_is_strictly_above_it() {
        use Health::{Degraded, Healthy, Unhealthy};
        let none = Numbers::default();
        let sync = |ms| Numbers { sync_lag_ms: Some(ms), ..none };
        let webhook = |ms| Numbers { webhook_lag_ms: Some(ms), ..none };
        let failed = |failures, processed| Numbers { failures, processed, ..none };
        for (numbers, status, measures) in [
            (none, Healthy, &[][..]),
            (sync(5 * MINUTE), Healthy, &[]),
            (sync(5 * MINUTE + 1), Degraded, &[Measure::SyncLag]),
            (sync(15 * MINUTE), Degraded, &[Measure::SyncLag]),
            (sync(15 * MINUTE + 1), Unhealthy, &[Measure::SyncLag]),
            (Numbers { by_hand_alone: true, ..sync(15 * MINUTE + 1) }, Healthy, &[]),
            (webhook(2 * MINUTE), Healthy, &[]),
            (webhook(2 * MINUTE + 1), Degraded, &[Measure::WebhookLag]),
            (webhook(10 * MINUTE + 1), Unhealthy, &[Measure::WebhookLag]),
            (webhook(IDLE_AFTER_MS - 1), Unhealthy, &[Measure::WebhookLag]),
            (webhook(IDLE_AFTER_MS), Healthy, &[]),
            (failed(1, 99), Healthy, &[]),
            (failed(2, 98), Degraded, &[Measure::ErrorRate]),
            (failed(5, 95), Degraded, &[Measure::ErrorRate]),
            (failed(6, 94), Unhealthy, &[Measure::ErrorRate, Measure::Failures]),
            (failed(5, 999_995), Healthy, &[]),
            (failed(6, 999_994), Degraded, &[Measure::Failures]),
            (failed(21, 999_979), Unhealthy, &[Measure::Failures]),
            (Numbers { breaker_is_open: true, ..none }, Unhealthy, &[Measure::Breaker]),
            (Numbers { last_run_failed: true, ..none }, Unhealthy, &[Measure::LastRun]),
            (Numbers { last_run_failed: true, ..sync(MINUTE) }, Degraded, &[Measure::LastRun]),
            (
                Numbers { sync_lag_ms: Some(10 * MINUTE), webhook_lag_ms: Some(30_000), ..none },
                Degraded,
                &[Measure::SyncLag],
            ),
        ] {
            assert_eq!(judged(numbers, None), (status, measures.to_vec()), "{numbers:?}");
        }
    }

    #[test]
    fn a_cadence_takes_the_place_of_the_thresholds_of_lags_alone() {
        let lag = |minutes: i64| Numbers { webhook_lag_ms: Some(minutes * MINUTE), ..Numbers::default() };
        for (minutes, status) in [(60, Health::Healthy), (61, Health::Degraded), (181, Health::Unhealthy)] {
            assert_eq!(judged(lag(minutes), Some(60)).0, status, "{minutes}");
        }
        let failed = Numbers { failures: 1, processed: 1, ..Numbers::default() };
        assert_eq!((judged(failed, Some(60)).0, failed.error_rate()), (Health::Unhealthy, 50.0));
    }

    #[test]
    fn a_schedule_that_comes_seldom_makes_a_sync_late_later_and_never_earlier() {
        let late = |minutes: i64, again: Option<i64>| {
            let numbers = Numbers { sync_lag_ms: Some(minutes * MINUTE), ..Numbers::default() };
            judge(&numbers, &Thresholds::DEFAULT.of_schedule(again.map(|again| again * MINUTE))).status
        };
        for (minutes, again, status) in [
            (6, None, Health::Degraded),
            (6, Some(1), Health::Degraded),
            (16, Some(5), Health::Unhealthy),
            (60, Some(60), Health::Healthy),
            (61, Some(60), Health::Degraded),
            (181, Some(60), Health::Unhealthy),
        ] {
            assert_eq!(late(minutes, again), status, "{minutes} {again:?}");
        }
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let ten: Vec<i64> = (1..=10).collect();
        for (sorted, percent, expected) in [
            (&[][..], 50, None),
            (&[7], 99, Some(7)),
            (&[5_000, 10_000], 50, Some(5_000)),
            (&[5_000, 10_000], 95, Some(10_000)),
            (&ten, 50, Some(5)),
            (&ten, 95, Some(10)),
            (&ten, 0, Some(1)),
        ] {
            assert_eq!(percentile(sorted, percent), expected, "{sorted:?} {percent}");
        }
    }

    prop_compose! {
        fn any_numbers()(
            sync_lag_ms in proptest::option::of(-MINUTE..IDLE_AFTER_MS * 2),
            webhook_lag_ms in proptest::option::of(-MINUTE..IDLE_AFTER_MS * 2),
            processed in 0_u64..10_000,
            failures in 0_u64..100,
            breaker_is_open: bool,
            last_run_failed: bool,
        ) -> Numbers {
            let by_hand_alone = false;
            Numbers { sync_lag_ms, by_hand_alone, webhook_lag_ms, processed, failures, breaker_is_open, last_run_failed }
        }
    }

    proptest! {
        #[test]
        fn the_status_is_that_of_the_worst_reason_and_each_reason_is_above_its_threshold(
            numbers in any_numbers(),
            cadence in proptest::option::of(1_u32..20_000),
        ) {
            let found = judge(&numbers, &Thresholds::of_cadence(cadence));
            let worst = found.reasons.iter().map(|reason| reason.status).max().unwrap_or(Health::Healthy);
            prop_assert_eq!(found.status, worst);
            prop_assert!(found.reasons.iter().all(|reason| reason.value > reason.threshold));
            prop_assert!(found.reasons.iter().all(|reason| reason.status != Health::Healthy));
        }

        #[test]
        fn more_of_what_is_bad_is_never_better(numbers in any_numbers(), more in 0_u64..100, later in 0_i64..IDLE_AFTER_MS) {
            let status = |numbers: &Numbers| judge(numbers, &Thresholds::DEFAULT).status;
            let failed = Numbers { failures: numbers.failures + more, ..numbers };
            let late = Numbers { sync_lag_ms: numbers.sync_lag_ms.map(|lag| lag + later), ..numbers };
            prop_assert!(status(&failed) >= status(&numbers) && status(&late) >= status(&numbers));
        }
    }
}
