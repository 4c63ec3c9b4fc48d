//! The breaker of a connection: a vendor that is down is not asked, by nobody, until it is asked once whether it is well again.
//!
//! One breaker is shared by all instances, as an item that each reads before it asks. It changes by failures and probes alone, so a
//! vendor that is well costs no write. Whoever asks says with the answer by which [`Pass`] it asked: what was sent before the
//! breaker opened says nothing about the vendor now, and neither closes nor opens it.
//!
//! | state | becomes | when |
//! |---|---|---|
//! | closed | open | the fifth failure of the last 5 minutes came, or as many as the connection says |
//! | open | half open | 60 s have passed, or the longer time that the vendor asked for |
//! | half open | closed | its one probe was answered; failures are forgotten |
//! | half open | open | its probe failed |
//! | any | forced open, forced closed | an operator says so, and stays so until one says "auto" |
//! | forced open | half open | "auto": the vendor is asked once before all ask |
//! | forced closed | closed | "auto" |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::Class;
use super::asked::ASKED_MAX;

/// How long a failure counts.
pub const WINDOW_MS: i64 = 300_000;
/// So many of them open the breaker, unless the connection says otherwise.
pub const FAILURES_MAX: usize = 5;
/// How long it stays open, at least.
pub const COOLDOWN_MS: i64 = 60_000;
/// How long a pass is good for. Whoever was held up for longer asks for another before it sends its request.
pub const PASS_MS: i64 = 20_000;
/// How long a probe may take: longer than its pass is good for and a request takes. Then whoever sent it is gone, and another may
/// send one.
pub const PROBE_MS: i64 = 60_000;

/// A breaker, as stored. The one that was never stored is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// When it was failed since it closed, the last that can open it, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failures: Vec<i64>,
    /// The last failure of all, epoch milliseconds.
    #[serde(default)]
    last_failure_ms: Option<i64>,
    /// Until when it is open, and from when half open; none while it is closed.
    #[serde(default)]
    open_until_ms: Option<i64>,
    /// Who asks whether the vendor is well again.
    #[serde(default)]
    probe: Option<Probe>,
    /// Before when the vendor wants no request, epoch milliseconds.
    #[serde(default)]
    rests_until_ms: Option<i64>,
    /// That an operator decides.
    #[serde(default)]
    forced: Option<Forced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    by: String,
    until_ms: i64,
}

/// That an operator decides, until one says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forced {
    /// Open: nobody asks. Closed: everybody may, whatever fails.
    pub open: bool,
    /// Who.
    pub by: String,
    /// Since when, epoch milliseconds.
    pub since_ms: i64,
}

/// What an operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Nobody asks.
    Open,
    /// Everybody may ask, whatever fails.
    Closed,
    /// It decides by itself.
    Auto,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The vendor may be asked.
    Closed,
    /// Nobody asks.
    Open,
    /// One asks, and the others wait for what comes of it.
    HalfOpen,
}

impl State {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The right to ask once, which goes with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Of a probe, who sends it.
    probe: Option<String>,
    until_ms: i64,
}

impl Pass {
    fn new(probe: Option<&str>, now: Timestamp) -> Self {
        Self { probe: probe.map(str::to_owned), until_ms: now.as_millisecond() + PASS_MS }
    }

    /// Whether a request may be sent by it: to be looked at right before. Where not, nobody was asked ([`Outcome::Unasked`]).
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        now.as_millisecond() <= self.until_ms
    }

    /// Whether it is that of a probe.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

/// Whether the vendor may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may: nothing is to be stored.
    Ask(Pass),
    /// It may once, as the probe, if this is stored before anything else is.
    Probe(Pass, Breaker),
    /// Not before this time.
    Wait(Timestamp, Why),
}

/// Why a vendor is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It failed too often.
    Failing,
    /// Somebody asks whether it is well again.
    Probing,
    /// It asked to be left alone.
    Asked,
    /// An operator forced it open.
    Forced,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The vendor is well, whatever it said.
    Answered,
    /// It asks for less, and perhaps until when. That counts as a failure.
    Busy(Option<Timestamp>),
    /// It is not well.
    Failed(Option<Timestamp>),
    /// It was not asked after all.
    Unasked,
}

impl Outcome {
    /// That of an answer of this class, beside which the vendor asks to be left alone until then. No answer at all is
    /// [`Class::Down`], and a request that was never sent is [`Outcome::Unasked`].
    #[must_use]
    pub fn of(class: Class, not_before: Option<Timestamp>) -> Self {
        match class {
            Class::Busy => Self::Busy(not_before),
            Class::Down => Self::Failed(not_before),
            Class::Fine | Class::Refused | Class::Unsupported | Class::Misconfigured => Self::Answered,
        }
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

impl Breaker {
    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        match (&self.forced, self.open_until_ms) {
            (Some(forced), _) if forced.open => State::Open,
            (Some(_), _) | (None, None) => State::Closed,
            (None, Some(until)) if now.as_millisecond() < until => State::Open,
            (None, Some(_)) => State::HalfOpen,
        }
    }

    /// How many failures count.
    #[must_use]
    pub fn failures(&self, now: Timestamp) -> usize {
        self.failures.iter().filter(|at| counts(**at, now)).count()
    }

    /// When the vendor failed last, if that is known.
    #[must_use]
    pub fn last_failure(&self) -> Option<Timestamp> {
        self.last_failure_ms.map(moment)
    }

    /// When somebody may ask again; none where anybody may now, or nobody knows.
    #[must_use]
    pub fn asks_again_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.admit(now, "") {
            Admission::Wait(_, Why::Forced) | Admission::Ask(_) | Admission::Probe(..) => None,
            Admission::Wait(until, _) => Some(until),
        }
    }

    /// Who forced it, if somebody did.
    #[must_use]
    pub fn forced(&self) -> Option<&Forced> {
        self.forced.as_ref()
    }

    /// Whether the probe is this one's.
    #[must_use]
    pub fn is_probed_by(&self, by: &str) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.by == by)
    }

    /// Whether the vendor may be asked. `by` is a random name of this one attempt.
    #[must_use]
    pub fn admit(&self, now: Timestamp, by: &str) -> Admission {
        let now_ms = now.as_millisecond();
        let state = self.state(now);
        if state == State::Open && self.forced.is_some() {
            return Admission::Wait(moment(now_ms + COOLDOWN_MS), Why::Forced);
        }
        let open_until_ms = self.open_until_ms.filter(|_| state == State::Open);
        if let Some(rests) = self.rests_until_ms.filter(|rests| *rests > now_ms) {
            return Admission::Wait(moment(rests.max(open_until_ms.unwrap_or(rests))), Why::Asked);
        }
        match (state, open_until_ms) {
            (State::Closed, _) => Admission::Ask(Pass::new(None, now)),
            (State::Open, until) => Admission::Wait(moment(until.unwrap_or(now_ms + COOLDOWN_MS)), Why::Failing),
            (State::HalfOpen, _) => match &self.probe {
                Some(probe) if probe.until_ms > now_ms => Admission::Wait(moment(probe.until_ms), Why::Probing),
                _ => {
                    let probe = Some(Probe { by: by.to_owned(), until_ms: now_ms + PROBE_MS });
                    Admission::Probe(Pass::new(Some(by), now), Self { probe, ..self.clone() })
                }
            },
        }
    }

    /// What it becomes by what came of asking, where so many failures open it; none where nothing is to be stored.
    #[must_use]
    pub fn after(&self, pass: &Pass, outcome: Outcome, failures_max: usize, now: Timestamp) -> Option<Self> {
        let is_the_probe = pass.probe.as_ref().is_some_and(|by| self.is_probed_by(by));
        match outcome {
            Outcome::Answered if is_the_probe => {
                Some(Self { last_failure_ms: self.last_failure_ms, ..Self::default() })
            }
            // Another one may ask in its place.
            Outcome::Unasked if is_the_probe => Some(Self { probe: None, ..self.clone() }),
            Outcome::Answered | Outcome::Unasked => None,
            Outcome::Busy(not_before) | Outcome::Failed(not_before) => {
                let rested = self.resting(not_before, now);
                let counted = rested.counting(is_the_probe, failures_max, now);
                (counted != *self).then_some(counted)
            }
        }
    }

    /// What it becomes as an operator wants it; none where it is so already.
    #[must_use]
    pub fn forced_by(&self, force: Force, by: &str, now: Timestamp) -> Option<Self> {
        let is_open = self.forced.as_ref().map(|forced| forced.open);
        let forced = |open| Some(Forced { open, by: by.to_owned(), since_ms: now.as_millisecond() });
        let fresh = || Self { last_failure_ms: self.last_failure_ms, ..Self::default() };
        match (force, is_open) {
            (Force::Open, Some(true)) | (Force::Closed, Some(false)) | (Force::Auto, None) => None,
            (Force::Open, _) => Some(Self { forced: forced(true), probe: None, ..self.clone() }),
            (Force::Closed, _) => Some(Self { forced: forced(false), ..fresh() }),
            (Force::Auto, Some(true)) => Some(Self {
                forced: None,
                open_until_ms: Some(now.as_millisecond()),
                probe: None,
                failures: Vec::new(),
                ..self.clone()
            }),
            (Force::Auto, Some(false)) => Some(Self { rests_until_ms: self.rests_until_ms, ..fresh() }),
        }
    }

    /// What one worker was asked for, all of them were.
    fn resting(&self, not_before: Option<Timestamp>, now: Timestamp) -> Self {
        let Some(not_before) = not_before else { return self.clone() };
        let latest = now.checked_add(ASKED_MAX).unwrap_or(Timestamp::MAX);
        let until_ms = not_before.min(latest).as_millisecond();
        let is_later = until_ms > now.as_millisecond() && self.rests_until_ms.is_none_or(|known| known < until_ms);
        Self { rests_until_ms: if is_later { Some(until_ms) } else { self.rests_until_ms }, ..self.clone() }
    }

    fn counting(&self, is_the_probe: bool, failures_max: usize, now: Timestamp) -> Self {
        let now_ms = now.as_millisecond();
        // An operator decides; or it was sent before the breaker opened, and says nothing of the vendor now.
        if self.forced.is_some() || self.open_until_ms.is_some() && !is_the_probe {
            return self.clone();
        }
        let mut failures: Vec<i64> = self.failures.iter().copied().filter(|at| counts(*at, now)).collect();
        failures.push(now_ms);
        failures.drain(..failures.len().saturating_sub(failures_max.max(1)));
        let opens = is_the_probe || failures.len() >= failures_max;
        let open_until_ms = opens.then_some(now_ms + COOLDOWN_MS);
        Self { failures, last_failure_ms: Some(now_ms), open_until_ms, probe: None, ..self.clone() }
    }
}

/// Whether a failure still counts. One of a clock that is ahead does.
fn counts(at_ms: i64, now: Timestamp) -> bool {
    now.as_millisecond() - at_ms < WINDOW_MS
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
