//! When a request that failed is tried again within a slice. A longer wait is a run's wait, and not slept through.
//!
//! Full jitter (Marc Brooker, "Exponential Backoff And Jitter", 2015): of all that failed at once none comes back at the same
//! moment. What the vendor asks for itself comes before it.

use std::time::Duration;

use jiff::Timestamp;

/// The longest wait after the first try that failed.
pub const BASE_MS: f64 = 500.0;
/// By how much each wait may be longer than the one before.
pub const FACTOR: f64 = 1.8;
/// No wait is longer.
pub const LONGEST_MS: f64 = 20_000.0;
/// How often a request is sent in all.
pub const TRIES_MAX: u32 = 5;

/// What comes after a try that failed in a way that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Another one, after this long.
    After(Duration),
    /// Nothing before this moment, by the vendor's word.
    NotBefore(Timestamp),
    /// None: it was tried often enough.
    Never,
}

/// Decides what comes after the `tries`-th try, the first being 1. `random` is any number; `not_before` is what the vendor asks for.
#[must_use]
pub fn again(tries: u32, not_before: Option<Timestamp>, random: u64) -> Again {
    match not_before {
        Some(until) => Again::NotBefore(until),
        None if tries >= TRIES_MAX => Again::Never,
        None => Again::After(jitter(longest(tries), random)),
    }
}

/// The longest wait after so many tries.
fn longest(tries: u32) -> Duration {
    let power = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX);
    Duration::from_secs_f64((BASE_MS * FACTOR.powi(power)).min(LONGEST_MS) / 1_000.0)
}

fn jitter(longest: Duration, random: u64) -> Duration {
    longest.mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_tries_end() {
        for (tries, longest_ms) in [(0, 500), (1, 500), (2, 900), (3, 1_620), (4, 2_916), (7, 17_006), (8, 20_000)] {
            assert_eq!(longest(tries).as_millis(), longest_ms, "{tries}");
        }
        assert_eq!(longest(u32::MAX), Duration::from_secs(20));
        for (tries, random, expected) in [
            (1, 0, Again::After(Duration::ZERO)),
            (1, u64::MAX, Again::After(Duration::from_millis(500))),
            (2, u64::MAX, Again::After(Duration::from_millis(900))),
            (TRIES_MAX, 0, Again::Never),
            (u32::MAX, 0, Again::Never),
        ] {
            assert_eq!(again(tries, None, random), expected, "{tries}");
        }
    }

    #[test]
    fn a_vendors_word_comes_first() {
        let until = Timestamp::UNIX_EPOCH;
        for tries in [1, TRIES_MAX, u32::MAX] {
            assert_eq!(again(tries, Some(until), 7), Again::NotBefore(until));
        }
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_nothing_and_the_longest(tries in 0u32..12, random: u64) {
            prop_assert!(jitter(longest(tries), random) <= longest(tries));
        }
    }
}
