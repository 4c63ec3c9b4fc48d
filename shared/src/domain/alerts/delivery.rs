//! A message: what is said to a channel, and what becomes of it.
//!
//! Before it is sent it is claimed: its attempt is counted, and its next one moved to where the claim is over. So two who see it at
//! once do not both send it, and whoever dies while sending it leaves it to be sent again. It may come twice then, under one id.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::life::Transition;
use super::rules::Severity;
use crate::domain::ids::Connection;

/// How long a message that was claimed is left alone: longer than sending it may take.
pub const CLAIMED_FOR: SignedDuration = SignedDuration::from_secs(120);
/// How often it is tried, over some 19 hours.
pub const ATTEMPTS_MAX: u32 = 24;
/// How old a message may become while its channel does not take it. Where many wait for one channel, each has its turn now and then.
pub const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(48);
/// The longest wait between two attempts that is ours.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(60);
/// The longest that is a channel's.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(6);
/// So many lines of a message are kept; the others are counted.
pub const LINES_MAX: usize = 50;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// It is to be sent.
    Pending,
    /// It waits for the end of quiet hours, and grows meanwhile.
    Held,
    /// It was taken.
    Sent,
    /// It will never be: the channel said so, or did not take it for too long.
    Refused,
}

impl MessageState {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Refused => "refused",
        }
    }
}

/// What a message says of one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Which.
    pub alert: String,
    /// What became of it.
    pub transition: Transition,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it flaps.
    #[serde(default, rename = "held")]
    pub flapping: bool,
    /// Whether it is open.
    pub open: bool,
    /// What it says.
    pub title: String,
    /// What happened.
    pub detail: String,
    /// When.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
}

/// A message, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Sorts by when it was made.
    pub id: String,
    /// To whom.
    pub channel: Connection,
    /// When it was made.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// What it says, [`LINES_MAX`] at most.
    pub lines: Vec<Line>,
    /// Of how many alerts.
    pub total: u64,
    /// How many of them are severe.
    pub severe: u64,
    /// How many of them are open with it.
    pub opened: u64,
    /// Whether it is what quiet hours kept.
    #[serde(default)]
    pub digest: bool,
    /// Where it stands.
    pub state: MessageState,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Before when it is not tried (again).
    #[serde(with = "crate::domain::time")]
    pub due_at: Timestamp,
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It was taken.
    Taken,
    /// It was not, for now; perhaps with a time before which it is not taken.
    Later(String, Option<Timestamp>),
    /// It was refused, as long as nobody mends the channel. It is tried again, as somebody may.
    Refused(String),
    /// It never will be: the same message would be refused by a channel that is well.
    Never(String),
}

impl Message {
    /// An empty one.
    #[must_use]
    pub fn new(id: String, channel: Connection, now: Timestamp, held_until: Option<Timestamp>) -> Self {
        Self {
            id,
            channel,
            at: now,
            lines: Vec::new(),
            total: 0,
            severe: 0,
            opened: 0,
            digest: held_until.is_some(),
            state: held_until.map_or(MessageState::Pending, |_| MessageState::Held),
            attempts: 0,
            error: None,
            due_at: held_until.unwrap_or(now),
        }
    }

    /// With a line more, or one that is only counted.
    pub fn add(&mut self, line: Line) {
        self.total += 1;
        self.severe += u64::from(line.severity == Severity::Severe && line.open);
        self.opened += u64::from(line.open);
        // What is open is what people look for: it takes the place of what is over.
        let over = (self.lines.len() >= LINES_MAX).then(|| self.lines.iter().position(|line| !line.open)).flatten();
        match over {
            Some(over) if line.open => self.lines[over] = line,
            _ if self.lines.len() < LINES_MAX => self.lines.push(line),
            _ => {}
        }
    }

    /// Whether it is to be sent.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, MessageState::Pending | MessageState::Held) && self.due_at <= now
    }

    /// The message, about to be sent.
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Self {
        let due_at = now.saturating_add(CLAIMED_FOR).unwrap_or(Timestamp::MAX);
        Self { state: MessageState::Pending, attempts: self.attempts + 1, due_at, ..self.clone() }
    }

    /// The message that was claimed, with what came of it.
    #[must_use]
    pub fn answered(&self, answered: Answered, now: Timestamp) -> Self {
        let with = |state, error| Self { state, error, ..self.clone() };
        match answered {
            Answered::Taken => with(MessageState::Sent, None),
            Answered::Never(why) => with(MessageState::Refused, Some(why)),
            Answered::Later(why, _) | Answered::Refused(why) if self.is_given_up(now) => {
                with(MessageState::Refused, Some(format!("given up after {} attempts: {why}", self.attempts)))
            }
            Answered::Refused(why) => self.answered(Answered::Later(why, None), now),
            Answered::Later(why, asked) => {
                let later = |by: SignedDuration| now.saturating_add(by).unwrap_or(Timestamp::MAX);
                let doubled = 1_i64 << self.attempts.saturating_sub(1).min(10);
                let ours = later(SignedDuration::from_mins(doubled).min(WAIT_MAX));
                let due_at = asked.map_or(ours, |asked| asked.min(later(ASKED_MAX)).max(ours));
                Self { due_at, ..with(MessageState::Pending, Some(why)) }
            }
        }
    }

    fn is_given_up(&self, now: Timestamp) -> bool {
        self.attempts >= ATTEMPTS_MAX || now.duration_since(self.at) >= GIVEN_UP_AFTER
    }

    /// What it is about, in a line.
    #[must_use]
    pub fn title(&self) -> String {
        let tenant = &self.channel.tenant;
        if let ([line], false) = (self.lines.as_slice(), self.digest) {
            return format!("{}: {}", line.word(), line.title);
        }
        let over = self.total - self.opened;
        let mut parts = Vec::new();
        if self.opened > 0 {
            parts.push(format!("{} open", self.opened));
        }
        if self.severe > 0 {
            parts.push(format!("{} of them severe", self.severe));
        }
        if over > 0 {
            parts.push(format!("{over} resolved"));
        }
        let since = if self.digest { " during quiet hours" } else { "" };
        let alerts = if self.total == 1 { "alert" } else { "alerts" };
        format!("{} {alerts} of {tenant}{since}: {}", self.total, parts.join(", "))
    }

    /// All that it says, in lines.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("{}: {} ({})", line.word(), line.title, line.detail));
        let more = self.total.saturating_sub(self.lines.len() as u64);
        let more = (more > 0).then(|| format!("and {more} more"));
        lines.chain(more).collect::<Vec<_>>().join("\n")
    }
}

impl Line {
    /// What became of it, in a word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.transition, self.open) {
            (Transition::Reopened, _) => "Opens and ends again and again",
            (Transition::Released, true) => "Stays open",
            (Transition::Released, false) => "Stays resolved",
            (Transition::Opened, _) => "Opened",
            (Transition::Updated | Transition::Acknowledged, _) => "Still open",
            (Transition::Resolved, _) => "Resolved",
            (Transition::Tested, _) => "Test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn an_answer_decides_whether_a_message_is_sent_tried_again_or_given_up() {
        let message = Message::new("m".into(), "acme/teams/main".parse().unwrap(), at(0), None);
        let later = |asked: Option<i64>| Answered::Later("busy".into(), asked.map(at));
        let refused = || Answered::Refused("404".into());
        for (attempts, answered, state, due) in [
            (1, Answered::Taken, MessageState::Sent, None),
            (1, Answered::Never("400".into()), MessageState::Refused, None),
            (1, later(None), MessageState::Pending, Some(1)),
            (2, later(None), MessageState::Pending, Some(2)),
            (6, later(None), MessageState::Pending, Some(32)),
            (7, later(None), MessageState::Pending, Some(60)),
            (23, later(None), MessageState::Pending, Some(60)),
            (24, later(None), MessageState::Refused, None),
            // Somebody may mend what refuses.
            (1, refused(), MessageState::Pending, Some(1)),
            (24, refused(), MessageState::Refused, None),
            // What the channel asks for is heeded, within bounds.
            (1, later(Some(30)), MessageState::Pending, Some(30)),
            (1, later(Some(0)), MessageState::Pending, Some(1)),
            (1, later(Some(100_000)), MessageState::Pending, Some(360)),
        ] {
            let mut claimed = message.claimed(at(0));
            assert!(claimed.attempts == 1 && !claimed.is_due(at(1)) && claimed.is_due(at(2)));
            claimed.attempts = attempts;
            let after = claimed.answered(answered.clone(), at(0));
            assert_eq!(after.state, state, "{attempts} {answered:?}");
            assert_eq!(after.error.is_some(), answered != Answered::Taken);
            if let Some(due) = due {
                assert_eq!(after.due_at, at(due), "{attempts} {answered:?}");
            }
            let old = claimed.answered(later(None), at(48 * 60));
            assert_eq!(old.state, MessageState::Refused, "one that waited behind many is given up for its age");
        }
    }
}
