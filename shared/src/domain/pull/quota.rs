//! The quota of a connection: how many requests a vendor is sent, by all instances together.
//!
//! The generic cell rate algorithm keeps one number for each limit: when all that was reserved will have been "paid for", at one
//! request an interval. A limit of so many in a window is kept in *every* window, sliding as it may, as no more than burst and rate
//! together come into one: burst + window / interval ≤ limit. A fifth of the limit is burst.
//!
//! Requests are reserved in small blocks, which is one write for several. A block is good for [`BLOCK_MS`] and what is left of it then
//! is **lost**: to give it back would cost the write that the block has saved, and a crash loses it all the same. As a request may so be
//! sent that much later than it was reserved, and clocks and networks differ by [`SLACK_MS`] more, the windows that are counted are
//! longer by both than the vendor's.
//!
//! A change adds to a number or sets it, by conditions on that number alone. So two who reserve at once do not refuse each other
//! unless the quota does.

use jiff::{SignedDuration, Timestamp};

/// The most requests of a block.
pub const BLOCK_MAX: u32 = 5;
/// How long a block is good for.
pub const BLOCK_MS: i64 = 5_000;
/// By how much clocks, and the ways to a vendor, may differ.
pub const SLACK_MS: i64 = 2_000;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// How many requests a vendor takes. Each is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    minute: Rate,
    hour: Rate,
}

impl Limits {
    /// At most so many in any minute and in any hour.
    #[must_use]
    pub fn new(per_minute: u32, per_hour: u32) -> Self {
        Self { minute: Rate::new(per_minute, MINUTE_MS), hour: Rate::new(per_hour, HOUR_MS) }
    }
}

/// What is left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many requests may be sent at once now.
    pub requests: u32,
    /// When there is one, where there is none now.
    pub next_at: Option<Timestamp>,
}

impl Limits {
    /// What is left after what was reserved.
    #[must_use]
    pub fn left(&self, paid: Paid, now: Timestamp) -> Left {
        let now_ms = now.as_millisecond();
        let requests = self.minute.left(paid.minute_ms, now_ms).min(self.hour.left(paid.hour_ms, now_ms));
        let next_at = match reserve(self, paid, 1, now) {
            Quota::Wait(until) => Some(until),
            Quota::Reserve(_) => None,
        };
        Left { requests: u32::try_from(requests).unwrap_or_default(), next_at }
    }
}

/// One limit: a burst, and then one request an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    interval_ms: i64,
    burst: i64,
    window_ms: i64,
}

impl Rate {
    fn new(limit: u32, window_ms: i64) -> Self {
        let limit = i64::from(limit.max(1));
        let burst = (limit / 5).max(1);
        // The shortest of which no more than the rest of the limit fit into a window, as it is counted here.
        let interval_ms = (window_ms + BLOCK_MS + SLACK_MS) / (limit - burst + 1) + 1;
        Self { interval_ms, burst, window_ms }
    }

    /// How many may be reserved.
    fn left(&self, paid_ms: i64, now_ms: i64) -> i64 {
        let ahead = (paid_ms - now_ms).max(0);
        (self.burst * self.interval_ms - ahead).max(0) / self.interval_ms
    }

    /// When so many may be, or as many as there ever are. A number that another limit has left may be far ahead: no window is longer than
    /// itself.
    fn next(&self, paid_ms: i64, tokens: i64, now_ms: i64) -> i64 {
        let rest = self.burst - tokens.min(self.burst);
        (paid_ms - rest * self.interval_ms).clamp(now_ms + 1, now_ms + self.window_ms)
    }

    fn step(&self, paid_ms: i64, tokens: i64, now_ms: i64) -> Step {
        let by_ms = tokens * self.interval_ms;
        if paid_ms <= now_ms {
            Step::Anew { to_ms: now_ms + by_ms }
        } else {
            Step::Further { by_ms, from_max_ms: now_ms + self.burst * self.interval_ms - by_ms }
        }
    }
}

/// What was reserved: until when each limit is paid for, epoch milliseconds. Nothing at first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paid {
    /// By the limit of a minute.
    pub minute_ms: i64,
    /// By the limit of an hour.
    pub hour_ms: i64,
}

/// How one number changes, and on which condition on itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It becomes this, if it is absent or not later than now.
    Anew {
        /// What it becomes.
        to_ms: i64,
    },
    /// It grows, if it is later than now and no later than this.
    Further {
        /// By how much.
        by_ms: i64,
        /// What it may be at most.
        from_max_ms: i64,
    },
}

impl Step {
    /// What a number becomes; none where its condition does not hold.
    #[must_use]
    pub fn of(self, paid_ms: i64, now: Timestamp) -> Option<i64> {
        let now_ms = now.as_millisecond();
        match self {
            Self::Anew { to_ms } => (paid_ms <= now_ms).then_some(to_ms),
            Self::Further { by_ms, from_max_ms } => {
                (paid_ms > now_ms && paid_ms <= from_max_ms).then_some(paid_ms + by_ms)
            }
        }
    }
}

/// What a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// How many requests.
    pub tokens: u32,
    /// What becomes of the number of the minute.
    pub minute: Step,
    /// What becomes of the number of the hour.
    pub hour: Step,
}

impl Reservation {
    /// What is paid for with it; none where a condition does not hold.
    #[must_use]
    pub fn of(&self, paid: Paid, now: Timestamp) -> Option<Paid> {
        Some(Paid { minute_ms: self.minute.of(paid.minute_ms, now)?, hour_ms: self.hour.of(paid.hour_ms, now)? })
    }
}

/// Whether requests may be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// So many, if this is stored on its conditions.
    Reserve(Reservation),
    /// None before this time.
    Wait(Timestamp),
}

/// Decides how many requests may be reserved: as many as are wanted, and at most [`BLOCK_MAX`], and what is left. Where none is left,
/// it is waited for as many as are wanted: of ten who wake for one, nine would write in vain.
#[must_use]
pub fn reserve(limits: &Limits, paid: Paid, wanted: u32, now: Timestamp) -> Quota {
    let now_ms = now.as_millisecond();
    let Limits { minute, hour } = limits;
    let left = minute.left(paid.minute_ms, now_ms).min(hour.left(paid.hour_ms, now_ms));
    let wanted = i64::from(wanted.clamp(1, BLOCK_MAX));
    let tokens = left.min(wanted);
    if tokens > 0 {
        return Quota::Reserve(Reservation {
            tokens: u32::try_from(tokens).unwrap_or(BLOCK_MAX),
            minute: minute.step(paid.minute_ms, tokens, now_ms),
            hour: hour.step(paid.hour_ms, tokens, now_ms),
        });
    }
    let next = |rate: &Rate, paid_ms| rate.next(paid_ms, wanted, now_ms);
    let until_ms = next(minute, paid.minute_ms).max(next(hour, paid.hour_ms));
    Quota::Wait(Timestamp::from_millisecond(until_ms).unwrap_or(now + SignedDuration::from_millis(HOUR_MS)))
}

/// Requests that were reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    left: u32,
    until_ms: i64,
}

impl Block {
    /// What was reserved at `now`, before it was stored.
    #[must_use]
    pub fn new(tokens: u32, now: Timestamp) -> Self {
        Self { left: tokens, until_ms: now.as_millisecond() + BLOCK_MS }
    }

    /// Takes one, right before its request is sent. False where there is none, or the block is too old.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let may = self.left > 0 && now.as_millisecond() <= self.until_ms;
        self.left -= u32::from(may);
        may
    }
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
