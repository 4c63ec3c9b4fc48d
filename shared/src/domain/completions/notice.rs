//! A notice: what one receiver is told of one run, and what became of each attempt to tell it.
//!
//! As with messages of alerts it is claimed before it is sent: its attempt is noted, and its next one moved to where the claim is over. So
//! whoever dies while sending leaves it to be sent again, perhaps a second time, under the one id that it has.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::{Connection, RunId};

/// How long a notice that was claimed is left alone: longer than sending it may take.
pub const CLAIMED_FOR: SignedDuration = SignedDuration::from_secs(120);
/// How long after each attempt the next one follows, in minutes: nine attempts within 23 hours and a half.
const WAITS_MINUTES: [i64; 8] = [1, 5, 20, 60, 120, 240, 480, 480];
/// How often it is tried.
pub const ATTEMPTS_MAX: usize = WAITS_MINUTES.len() + 1;
/// How old it may become. Where many wait for one receiver, each has fewer turns.
pub const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The longest wait that is a receiver's.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(6);

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// It was taken.
    Delivered,
    /// It will never be.
    Failed,
}

impl NoticeState {
    /// Its name in answers, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// What came of sending a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// A status, and the time before which the receiver asks not to be told again.
    Status(u16, Option<Timestamp>),
    /// There was none: a code, and what happened, without secrets.
    Nothing(NoAnswer, String),
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    /// It took too long.
    Timeout,
    /// It could not be connected to, or was cut off.
    Unreachable,
    /// Its address is not public, not over https, or redirects elsewhere.
    NotAllowed,
    /// The secret cannot be opened, or nothing can be signed with it.
    NotSigned,
}

impl NoAnswer {
    /// Its name in answers, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::NotAllowed => "not_allowed",
            Self::NotSigned => "not_signed",
        }
    }
}

impl Answered {
    /// Whether it was taken. Nothing but 2xx is (Standard Webhooks).
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Status(200..=299, _))
    }

    /// Whether the receiver says that it is gone for good (Standard Webhooks).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status(410, _))
    }

    /// What happened, for people.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Status(status, _) => format!("it answered {status}"),
            Self::Nothing(_, why) => why.clone(),
        }
    }
}

/// An attempt. Without status and error nothing is known of its end: it is under way, or whoever made it died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<NoAnswer>,
    /// The same, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// When the next one is made; none where none is.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// A notice, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The same for the same run and receiver, so that whoever is told twice can tell; sorts by when the run was over.
    pub id: String,
    /// Who is told.
    pub receiver: Connection,
    /// Of which run.
    pub run: RunId,
    /// Over which connection it ran.
    pub connection: Connection,
    /// Of which kind.
    pub run_kind: String,
    /// What it says: `run.completed` and the like.
    pub event: String,
    /// What is sent, each time.
    pub body: String,
    /// When it was made.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// Where it stands.
    pub state: NoticeState,
    /// The attempts, the oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Why it will never be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Before when it is not tried (again).
    #[serde(with = "crate::domain::time")]
    pub due_at: Timestamp,
}

/// The id of what a receiver is told of a run that was over at a time.
#[must_use]
pub fn notice_id(over_at: Timestamp, connection: &Connection, run: &RunId, receiver: &Connection) -> String {
    let digest = Sha256::digest(format!("{connection}#{run}#{receiver}"));
    let mut random = [0; 16];
    random.copy_from_slice(&digest[..16]);
    RunId::new(over_at, random).to_string()
}

impl Notice {
    /// Whether it is to be sent.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == NoticeState::Pending && self.due_at <= now
    }

    /// Whether it is not tried any more: it was as often as it may be, or is too old.
    #[must_use]
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        self.attempts.len() >= ATTEMPTS_MAX || now.duration_since(self.at) >= GIVEN_UP_AFTER
    }

    /// The notice, about to be sent.
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Self {
        let attempt = Attempt { at: now, status: None, error: None, detail: None, duration_ms: None, next_at: None };
        let attempts = self.attempts.iter().cloned().chain([attempt]).collect();
        Self { attempts, due_at: later(now, CLAIMED_FOR), ..self.clone() }
    }

    /// The notice that was claimed, with what came of it. One who is gone, or `is_last`, is not told again.
    #[must_use]
    pub fn answered(&self, answered: &Answered, is_last: bool, now: Timestamp) -> Self {
        let mut after = self.clone();
        let made = after.attempts.len();
        let (status, error, detail, asked) = match answered {
            Answered::Status(status, asked) => (Some(*status), None, None, *asked),
            Answered::Nothing(error, why) => (None, Some(*error), Some(why.clone()), None),
        };
        let next = self.next(made, asked, now).filter(|_| !is_last && !answered.is_gone());
        let next = next.filter(|_| !answered.is_taken());
        if let Some(attempt) = after.attempts.last_mut() {
            let took = now.duration_since(attempt.at).as_millis();
            (attempt.status, attempt.error, attempt.detail, attempt.next_at) = (status, error, detail, next);
            attempt.duration_ms = Some(u64::try_from(took).unwrap_or(0));
        }
        match (answered.is_taken(), next) {
            (true, _) => after.state = NoticeState::Delivered,
            (false, Some(next)) => after.due_at = next,
            (false, None) => {
                after.state = NoticeState::Failed;
                after.error = Some(format!("given up after {}: {}", attempts(made), answered.why()));
            }
        }
        after
    }

    /// The notice that nobody is told any more, without another attempt.
    #[must_use]
    pub fn dropped(&self, why: &str) -> Self {
        Self { state: NoticeState::Failed, error: Some(why.to_owned()), ..self.clone() }
    }

    /// When it is tried after so many attempts; none where it is given up. A receiver that asks for more time has it, within bounds.
    fn next(&self, made: usize, asked: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let ours = later(now, SignedDuration::from_mins(*WAITS_MINUTES.get(made.checked_sub(1)?)?));
        let next = asked.map_or(ours, |asked| asked.min(later(now, ASKED_MAX)).max(ours));
        (next.duration_since(self.at) < GIVEN_UP_AFTER).then_some(next)
    }
}

/// So many attempts, in words.
#[must_use]
pub fn attempts(made: usize) -> String {
    if made == 1 { "1 attempt".to_owned() } else { format!("{made} attempts") }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
