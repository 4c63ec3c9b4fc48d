//! How many requests a vendor takes: so many in any window of a length, which is the strictest reading of what vendors
//! document.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;

use jiff::Timestamp;

use crate::options::Unusable;

/// More would be held in memory for each window.
const COUNT_MAX: u32 = 100_000;
/// From how many keys on those are forgotten that have not asked lately.
const KEYS_MAX: usize = 1000;

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how many seconds.
    pub seconds: u32,
}

/// Which limits hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limits {
    /// The vendor's own.
    Documented,
    /// None.
    Off,
    /// These, for requests that read; those that write have the documented ones.
    Own(Vec<Rate>),
}

impl FromStr for Limits {
    type Err = Unusable;

    /// `documented`, `off`, or a list such as `50/minute,500/hour`.
    fn from_str(text: &str) -> Result<Self, Unusable> {
        match text {
            "documented" => Ok(Self::Documented),
            "off" => Ok(Self::Off),
            list => list.split(',').map(str::parse).collect::<Result<_, _>>().map(Self::Own),
        }
    }
}

impl FromStr for Rate {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let wrong = || Unusable::new(format!("{text} is no limit: write documented, off, or 50/minute,500/hour"));
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count)).ok_or_else(wrong)?;
        let seconds = match unit {
            "second" => 1,
            "minute" => 60,
            "hour" => 3600,
            _ => return Err(wrong()),
        };
        Ok(Self { count, seconds })
    }
}

/// What a request left of its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When there is room again for as many as the limit says.
    pub(crate) reset: Timestamp,
    /// How long the request must wait, if it was refused.
    pub(crate) retry_after_seconds: Option<i64>,
}

/// The requests of one key that were let in, a window for each rate.
struct Windows(Vec<(Rate, VecDeque<i64>)>);

impl Windows {
    /// Whether a request would find all windows empty.
    fn are_empty(&self, now: Timestamp) -> bool {
        self.0.iter().all(|(rate, taken)| {
            taken.back().is_none_or(|last| *last <= now.as_millisecond() - i64::from(rate.seconds) * 1000)
        })
    }

    /// Counts a request, unless one of the windows is full. A refused one costs nothing.
    fn take(&mut self, now: Timestamp) -> Option<Left> {
        let now_ms = now.as_millisecond();
        let mut wait_ms = 0;
        for (rate, taken) in &mut self.0 {
            let length = i64::from(rate.seconds) * 1000;
            while taken.front().is_some_and(|at| *at <= now_ms - length) {
                taken.pop_front();
            }
            if let Some(first) = taken.front().filter(|_| taken.len() >= rate.count as usize) {
                wait_ms = wait_ms.max(first + length - now_ms);
            }
        }
        if wait_ms == 0 {
            self.0.iter_mut().for_each(|(_, taken)| taken.push_back(now_ms));
        }
        // The first rate is the shortest, which is what headers tell of.
        let (rate, taken) = self.0.first()?;
        let last = taken.back().map_or(now_ms, |last| last + i64::from(rate.seconds) * 1000);
        Some(Left {
            limit: rate.count,
            remaining: rate.count.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX)),
            reset: Timestamp::from_millisecond(last).unwrap_or(now),
            retry_after_seconds: (wait_ms > 0).then(|| (wait_ms + 999) / 1000),
        })
    }
}

/// The limits of a vendor, by key and by whether a request reads.
pub(crate) struct Limiter {
    reads: Vec<Rate>,
    writes: Vec<Rate>,
    keys: BTreeMap<(String, bool), Windows>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, (reads, writes): (&[Rate], &[Rate])) -> Self {
        let (reads, writes) = match limits {
            Limits::Documented => (reads.to_vec(), writes.to_vec()),
            Limits::Off => (Vec::new(), Vec::new()),
            Limits::Own(own) => (own.clone(), writes.to_vec()),
        };
        Self { reads, writes, keys: BTreeMap::new() }
    }

    /// Counts a request of a key that is known.
    pub(crate) fn take(&mut self, key: String, reads: bool, now: Timestamp) -> Option<Left> {
        let rates = if reads { &self.reads } else { &self.writes };
        let fresh = || Windows(rates.iter().map(|rate| (*rate, VecDeque::new())).collect());
        // Tokens that are good no more are in here too.
        if self.keys.len() >= KEYS_MAX {
            self.keys.retain(|_, windows| !windows.are_empty(now));
        }
        self.keys.entry((key, reads)).or_insert_with(fresh).take(now)
    }
}
