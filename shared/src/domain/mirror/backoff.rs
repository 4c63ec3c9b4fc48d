//! When a mirror whose slice failed is tried again.

use crate::domain::ids::RunId;

/// How often it is tried in all, in a row without progress.
pub const ATTEMPTS_MAX: u32 = 5;
const BASE_MS: i64 = 500;
const LONGEST_MS: i64 = 30_000;
const DOUBLINGS_MAX: u32 = 10;
/// No wait is longer than it must be by this or more.
const JITTER_MS: u64 = 250;

/// How long a mirror waits after its `attempts`-th fault in a row, in milliseconds: half a second, doubling, and up to a quarter more, so that
/// those that failed together do not come back together. That part is made of the run's id, which is random: here there is no randomness.
#[must_use]
pub fn backoff_ms(run: &RunId, attempts: u32) -> i64 {
    let doubled = BASE_MS << attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    let random = run.as_str().rsplit('-').next().and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let jitter = (random >> attempts.min(16)) % JITTER_MS;
    doubled.min(LONGEST_MS).saturating_add_unsigned(jitter)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn it_doubles_to_a_bound_with_up_to_a_quarter_of_a_second_more() {
        let zeros = RunId::new(Timestamp::UNIX_EPOCH, [0; 16]);
        for (attempts, ms) in [(0, 500), (1, 500), (2, 1_000), (3, 2_000), (4, 4_000), (7, 30_000), (99, 30_000)] {
            assert_eq!(backoff_ms(&zeros, attempts), ms, "{attempts}");
        }
        let jitters: std::collections::BTreeSet<i64> =
            (0..=255).map(|random| backoff_ms(&RunId::new(Timestamp::UNIX_EPOCH, [random; 16]), 1) - 500).collect();
        assert!(jitters.iter().all(|jitter| (0..250).contains(jitter)) && jitters.len() > 100, "{jitters:?}");
    }
}
