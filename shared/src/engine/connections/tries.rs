//! Another try of a change that others came before. Its caller knows of no version, so that it is made whatever they wrote.

use std::time::Duration;

use crate::engine::operators::Operators;

/// How often it is tried. Of those who try at once one gets through each time, so that as many of them as this all do.
pub(in crate::engine) const TRIES_MAX: u32 = 16;

const FIRST_MS: u64 = 20;
const LONGEST_MS: u64 = 400;

/// Waits before another try, for a time by chance: whoever met once would meet again at the next.
pub(in crate::engine) async fn pause(operators: &Operators, tries: u32) {
    let outside = &operators.outside;
    let [first, second, ..] = outside.entropy.bytes16();
    outside.pause(wait(tries, u16::from_le_bytes([first, second]))).await;
}

/// Twice as long at most after each try, up to a bound: all of them together take less than six seconds.
fn wait(tries: u32, chance: u16) -> Duration {
    let longest = (FIRST_MS << tries.min(8)).min(LONGEST_MS);
    Duration::from_millis(longest * u64::from(chance) / u64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_waits_by_chance_and_never_for_long() {
        for (tries, chance, expected) in [
            (0, 0, 0),
            (0, u16::MAX, 20),
            (3, u16::MAX, 160),
            (3, u16::MAX / 2, 79),
            (5, u16::MAX, 400),
            (u32::MAX, u16::MAX, 400),
        ] {
            assert_eq!(wait(tries, chance), Duration::from_millis(expected), "{tries} {chance}");
        }
        let in_all: Duration = (0..TRIES_MAX).map(|tries| wait(tries, u16::MAX)).sum();
        assert!(in_all < Duration::from_secs(6), "{in_all:?}");
    }
}
