//! When a delivery that failed behind the queue is tried again. How often is the queue's to say: `maxReceiveCount` in
//! `template.yaml`, to which these waits are fitted.

/// Why a delivery failed, as far as it matters for trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something that may pass: storage, mostly.
    Passing,
    /// What it says itself, so that no later attempt of the same code ends otherwise.
    Lasting,
}

/// The first wait after a failure that may pass, in seconds. Each further one is twice as long.
const FIRST_SECONDS: i32 = 5;
/// The longest, in seconds.
const LONGEST_SECONDS: i32 = 900;
/// After a failure that lasts, in seconds. Once would do, were it not for a deployment: for as long as that takes a door may be
/// newer than its worker, and hand on what only the new one can apply.
const LASTING_SECONDS: i32 = 40;

/// How long a delivery waits that failed for the `attempt`-th time, in seconds.
///
/// All that failed with the same fault would come again at the same moment: `spread`, any byte, makes the wait up to a fifth
/// shorter.
#[must_use]
pub fn wait_seconds(cause: Cause, attempt: u32, spread: u8) -> i32 {
    let longest = match cause {
        Cause::Passing => (FIRST_SECONDS << attempt.saturating_sub(1).min(16)).min(LONGEST_SECONDS),
        Cause::Lasting => LASTING_SECONDS,
    };
    longest - longest * i32::from(spread) / 255 / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_waits_longer_each_time_up_to_a_quarter_of_an_hour() {
        for (attempt, longest, shortest) in [
            (0, 5, 4),
            (1, 5, 4),
            (2, 10, 8),
            (3, 20, 16),
            (8, 640, 512),
            (9, 900, 720),
            (16, 900, 720),
            (u32::MAX, 900, 720),
        ] {
            let waits = [0, 255].map(|spread| wait_seconds(Cause::Passing, attempt, spread));
            assert_eq!(waits, [longest, shortest], "attempt {attempt}");
            let within = |spread| (shortest..=longest).contains(&wait_seconds(Cause::Passing, attempt, spread));
            assert!((0..=255).all(within), "attempt {attempt}");
        }
    }

    #[test]
    fn what_lasts_waits_the_same_each_time() {
        for attempt in [0, 1, 9, u32::MAX] {
            assert_eq!([0, 255].map(|spread| wait_seconds(Cause::Lasting, attempt, spread)), [40, 32]);
        }
    }
}
