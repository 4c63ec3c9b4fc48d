//! Waiting until a deployment is healthy: both probes, with longer and longer pauses, and an end.

use std::time::Duration;

use super::Remote;

/// What must answer with 2xx, both in the same try.
pub const PROBES: [&str; 2] = ["/healthz", "/livez"];
/// How often it is tried unless it is told otherwise: with the pauses, and probes that take their full time, six minutes.
pub const TRIES_DEFAULT: u32 = 10;
const PAUSE_FIRST_SECONDS: u64 = 2;
const PAUSE_LONGEST_SECONDS: u64 = 64;

/// The pause after a failed try: 2 s, doubling, at most 64 s.
fn pause(attempt: u32) -> Duration {
    let seconds = PAUSE_FIRST_SECONDS << attempt.saturating_sub(1).min(16);
    Duration::from_secs(seconds.min(PAUSE_LONGEST_SECONDS))
}

/// A try that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which, from 1.
    pub attempt: u32,
    /// What the probes said.
    pub said: String,
    /// How long it waits now; `None` after the last.
    pub pause: Option<Duration>,
}

/// Tries until both probes answer with 2xx; true when they did. `failed` hears of every try that failed.
pub async fn wait(remote: &Remote, tries: u32, failed: impl Fn(&Failed)) -> bool {
    for attempt in 1..=tries {
        let said = futures::future::join_all(PROBES.map(|probe| ask(remote, probe))).await;
        if said.iter().all(Result::is_ok) {
            return true;
        }
        let said: Vec<String> = said.into_iter().map(|said| said.unwrap_or_else(|wrong| wrong)).collect();
        let pause = (attempt < tries).then(|| pause(attempt));
        failed(&Failed { attempt, said: said.join(", "), pause });
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    false
}

async fn ask(remote: &Remote, probe: &str) -> Result<String, String> {
    match remote.get(probe, None).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(format!("{probe} {}", answer.status)),
        Ok(answer) => Err(format!("{probe} {}", answer.status)),
        Err(error) => Err(format!("{probe} {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::TIMEOUT_DEFAULT;

    #[test]
    fn pauses_double_and_the_whole_wait_is_bounded() {
        let pauses: Vec<u64> = (1..=10).map(|attempt| pause(attempt).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 64, 64, 64, 64]);
        let waiting: Duration = (1..TRIES_DEFAULT).map(pause).sum();
        assert!(waiting + TIMEOUT_DEFAULT * TRIES_DEFAULT <= Duration::from_secs(382));
        assert_eq!(pause(u32::MAX).as_secs(), 64);
    }
}
