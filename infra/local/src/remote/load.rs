//! A load of signed events of which some come more than once, and what became of them.
//!
//! Events have no time in them: the same load sent again consists of the same events, so that each must be answered as
//! seen before. A load with another prefix consists of others.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::point_of_sale::{Event, PointOfSale};
use super::{Answer, NoAnswer, RemoteError};

/// The most events of a load: their latencies are kept in memory.
pub const TOTAL_MAX: usize = 1_000_000;
/// The most requests at once.
pub const CONCURRENCY_MAX: usize = 1024;
/// The most attempts after the first.
pub const RETRIES_MAX: u32 = 20;
/// The wait before the first retry, and the longest; it doubles in between.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// What is sent.
#[derive(Debug, Clone)]
pub struct Load {
    /// Requests in all.
    pub total: usize,
    /// Different events among them.
    pub unique: usize,
    /// Requests at once.
    pub concurrency: usize,
    /// How often a request is sent again that had no answer, or one that asks for it (429, 5xx).
    pub retries: u32,
    /// The beginning of every event's name.
    pub prefix: String,
    /// Whether events carry an `Idempotency-Key`; without, their content names them.
    pub explicit_keys: bool,
    /// The order is drawn from it.
    pub seed: u64,
}

/// What became of a load. Serialises to what gates of deployments read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// Requests in all.
    pub total: usize,
    /// Requests that repeat an event: `total` less the different ones, by construction.
    pub duplicates: usize,
    /// Answered with any 2xx.
    pub success: usize,
    /// Everything else.
    pub other: usize,
    /// Answered with 201: a new event.
    pub accepted: usize,
    /// Answered with 204: seen before.
    pub repeated: usize,
    /// What `other` consists of.
    pub others: BTreeMap<String, usize>,
    /// Attempts after a first one.
    pub retries: usize,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Requests answered per second.
    pub per_second: f64,
    /// From sending a request to the end of its answer, last attempts alone.
    pub latency_ms: Latency,
}

/// Percentiles in milliseconds, by the nearest-rank method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half took at most this.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let rank = |percent: usize| {
            let index = (took.len() * percent).div_ceil(100).saturating_sub(1);
            took.get(index).map_or(0.0, |took| rounded(took.as_secs_f64() * 1e3))
        };
        Self { p50: rank(50), p90: rank(90), p95: rank(95), p99: rank(99), max: rank(100) }
    }
}

/// To a thousandth: what is beyond is noise, and the line stays readable.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// What became of one request.
struct Outcome {
    answer: Result<Answer, NoAnswer>,
    took: Duration,
    retries: u32,
}

impl Load {
    /// Refuses a load that makes no sense.
    fn check(&self) -> Result<(), RemoteError> {
        let within = |name: &str, number: usize, max: usize| match number {
            0 => Err(RemoteError::Argument(format!("{name} must be at least 1"))),
            number if number > max => Err(RemoteError::Argument(format!("{name} may be at most {max}"))),
            _ => Ok(()),
        };
        within("total", self.total, TOTAL_MAX)?;
        within("unique", self.unique, self.total)?;
        within("concurrency", self.concurrency, CONCURRENCY_MAX)?;
        // Nobody waits for thousands of attempts a request.
        if self.retries > RETRIES_MAX {
            return Err(RemoteError::Argument(format!("retries may be at most {RETRIES_MAX}")));
        }
        Ok(())
    }

    /// Which event each request sends: every event comes equally often, in an order drawn from the seed.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.total).map(|index| index % self.unique).collect();
        fastrand::Rng::with_seed(self.seed).shuffle(&mut order);
        order
    }

    fn event(&self, sender: &PointOfSale, number: usize) -> Result<Event, RemoteError> {
        let name = format!("{}-K{number}", self.prefix);
        let body = json!({"sku": name, "qty": 1, "price": 123}).to_string();
        sender.event(body, self.explicit_keys.then_some(name))
    }

    /// Sends the load. `done` is called after each request.
    ///
    /// # Errors
    /// When the load makes no sense, or the secret cannot be used as a key. A request that fails is counted.
    pub async fn send(&self, sender: &PointOfSale, done: impl Fn()) -> Result<LoadReport, RemoteError> {
        self.check()?;
        let events = (0..self.unique).map(|number| self.event(sender, number)).collect::<Result<Vec<_>, _>>()?;
        let began = Instant::now();
        let requests = self.order().into_iter().map(|number| self.one(sender, &events[number]));
        let mut outcomes = stream::iter(requests).buffer_unordered(self.concurrency);
        let mut report = LoadReport {
            total: self.total,
            duplicates: self.total - self.unique,
            success: 0,
            other: 0,
            accepted: 0,
            repeated: 0,
            others: BTreeMap::new(),
            retries: 0,
            seconds: 0.0,
            per_second: 0.0,
            latency_ms: Latency::default(),
        };
        let mut took = Vec::with_capacity(self.total);
        while let Some(outcome) = outcomes.next().await {
            report.count(&outcome);
            took.push(outcome.took);
            done();
        }
        let seconds = began.elapsed().as_secs_f64();
        report.seconds = rounded(seconds);
        report.per_second = (self.total as f64 / seconds).round();
        report.latency_ms = Latency::of(took);
        Ok(report)
    }

    async fn one(&self, sender: &PointOfSale, event: &Event) -> Outcome {
        let mut retries = 0;
        loop {
            let began = Instant::now();
            let answer = sender.send(event).await;
            let took = began.elapsed();
            if retries == self.retries || !asks_for_another(&answer) {
                return Outcome { answer, took, retries };
            }
            let wait = RETRY_FIRST.saturating_mul(1 << retries.min(16)).min(RETRY_LONGEST);
            // Full jitter: what failed together must not come back together.
            sleep(wait.mul_f64(fastrand::f64())).await;
            retries += 1;
        }
    }
}

/// Whether a sender sends again after this.
fn asks_for_another(answer: &Result<Answer, NoAnswer>) -> bool {
    answer.as_ref().map_or(true, |answer| answer.status == 429 || answer.status >= 500)
}

impl LoadReport {
    fn count(&mut self, outcome: &Outcome) {
        self.retries += outcome.retries as usize;
        let why = match &outcome.answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                self.success += 1;
                self.accepted += usize::from(answer.status == 201);
                self.repeated += usize::from(answer.status == 204);
                return;
            }
            Ok(answer) => format!("status {}", answer.told()),
            Err(error) => error.to_string(),
        };
        self.other += 1;
        *self.others.entry(why).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(total: usize, unique: usize) -> Load {
        Load { total, unique, concurrency: 10, retries: 0, prefix: "L".into(), explicit_keys: false, seed: 1 }
    }

    #[test]
    fn every_event_is_in_a_load_and_none_more_than_once_too_often() {
        for (total, unique) in [(1, 1), (100, 50), (101, 50), (7, 7), (10, 1)] {
            let mut times = vec![0; unique];
            load(total, unique).order().into_iter().for_each(|number| times[number] += 1);
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            assert!(*least >= 1 && most - least <= 1, "{total}/{unique}: {times:?}");
        }
        assert_eq!(load(100, 50).order(), load(100, 50).order());
        assert_ne!(load(100, 50).order(), Load { seed: 2, ..load(100, 50) }.order());
    }

    #[test]
    fn a_load_that_makes_no_sense_is_refused() {
        assert!(load(1, 1).check().is_ok());
        for (wrong, expected) in [
            (load(0, 0), "total must be at least 1"),
            (load(10, 0), "unique must be at least 1"),
            (load(10, 11), "unique may be at most 10"),
            (Load { concurrency: 5000, ..load(10, 5) }, "concurrency may be at most 1024"),
            (Load { retries: 21, ..load(10, 5) }, "retries may be at most 20"),
        ] {
            assert_eq!(wrong.check().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let took = |milliseconds: &[u64]| milliseconds.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let all: Vec<u64> = (1..=100).rev().collect();
        let expected = Latency { p50: 50.0, p90: 90.0, p95: 95.0, p99: 99.0, max: 100.0 };
        assert_eq!(Latency::of(took(&all)), expected);
        assert_eq!(Latency::of(took(&[3])), Latency { p50: 3.0, p90: 3.0, p95: 3.0, p99: 3.0, max: 3.0 });
        assert_eq!(Latency::of(Vec::new()), Latency::default());
    }

    #[test]
    fn only_what_may_pass_is_sent_again() {
        let status = |status| Ok(Answer { status, text: String::new() });
        for (answer, again) in [
            (status(201), false),
            (status(204), false),
            (status(403), false),
            (status(409), false),
            (status(429), true),
            (status(500), true),
            (status(503), true),
            (Err(NoAnswer::Timeout), true),
            (Err(NoAnswer::Connection), true),
        ] {
            assert_eq!(asks_for_another(&answer), again, "{answer:?}");
        }
    }
}
