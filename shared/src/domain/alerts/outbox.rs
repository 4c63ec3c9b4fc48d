//! Few messages of many notes.
//!
//! A note is written with each change that somebody is told of. Notes of a tenant wait for others of the same moment, and become one
//! message for each of its channels: so a thousand connections that fail at once are one message. After a message of many there is none
//! for a quarter of an hour, and of those that come one after another there are only so many an hour. What is severe passes both, as
//! long as it was not what there was so much of. In a channel's quiet hours what is not severe is kept for one digest after them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::channel::Channel;
use super::delivery::{Line, Message, MessageState};
use super::life::{AlertState, Step};
use super::rules::{Rule, Severity};
use crate::domain::ids::Connection;

/// How long the first note waits for others.
pub const SETTLES_FOR: SignedDuration = SignedDuration::from_secs(30);
/// A message of so many is one of a storm.
pub const STORM: usize = 10;
/// How long there is no other message after one of a storm.
pub const STORM_PAUSE: SignedDuration = SignedDuration::from_mins(15);
/// So many messages may follow one another at once, of what is severe and of all.
const BURST: i32 = 6;
/// After these there is one more in so long.
pub const PACE: SignedDuration = SignedDuration::from_mins(10);
/// So many notes become a message: what it took is kept with it.
pub const NOTES_MAX: usize = 1_000;
/// What is kept for a digest is added to it up to so long before it is sent.
const DIGEST_CLOSES: SignedDuration = SignedDuration::from_secs(60);

/// That somebody is to be told of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Sorts by time, what is severe first: a message is made of the first that there are. Made of the alert and the transition, so that
    /// the same change is one note.
    pub id: String,
    /// What is told.
    pub line: Line,
    /// The channel that it is not told over, as that is what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_over: Option<Connection>,
}

impl Note {
    /// That of a step; none where nobody is told.
    #[must_use]
    pub fn of(step: &Step) -> Option<Self> {
        let alert = &step.alert;
        let transition = step.transition.filter(|_| step.is_told)?;
        let line = Line {
            alert: alert.id.clone(),
            transition,
            severity: alert.severity,
            flapping: alert.flapping,
            open: alert.state == AlertState::Open,
            title: alert.title.clone(),
            detail: alert.detail.clone(),
            at: alert.updated_at,
        };
        let at_ms = alert.updated_at.as_millisecond();
        let first = if alert.severity == Severity::Severe { "0-" } else { "" };
        let is_of_channel = alert.rule == Rule::ChannelRefusing && line.open;
        let not_over = is_of_channel.then(|| alert.connection.clone());
        Some(Self { id: format!("{first}{at_ms:013}-{}-{}", alert.id, alert.transitions), line, not_over })
    }
}

/// What is known of a tenant's messages, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sender {
    /// The notes that the last messages were made of. Those that are still there were left by a crash.
    #[serde(default)]
    pub taken: Vec<String>,
    /// Before when no other message is made, but for what is severe.
    #[serde(default, with = "crate::domain::time::optional")]
    pub rests_until: Option<Timestamp>,
    /// Up to when messages have used up their pace: one more is [`PACE`] later.
    #[serde(default, with = "crate::domain::time::optional")]
    pub paced_until: Option<Timestamp>,
    /// The same of what is severe.
    #[serde(default)]
    pub severe: Rest,
    /// The message that each channel's quiet hours keep, by the channel.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
    /// One more with each write.
    #[serde(default)]
    pub version: u64,
}

/// Before when messages of what is severe are not made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rest {
    /// After a storm of it.
    #[serde(default, with = "crate::domain::time::optional")]
    pub rests_until: Option<Timestamp>,
    /// By their pace.
    #[serde(default, with = "crate::domain::time::optional")]
    pub paced_until: Option<Timestamp>,
}

/// What becomes of notes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is known then.
    pub sender: Sender,
    /// Messages that are made, or that grow.
    pub messages: Vec<Message>,
}

/// What messages become of a tenant's notes now; none where they wait. `kept` are the messages that quiet hours keep. A tenant without
/// channels is told nothing: its alerts are in the list.
#[must_use]
pub fn plan(
    sender: &Sender,
    notes: &[Note],
    channels: &[Channel],
    kept: &[Message],
    now: Timestamp,
    mut new_id: impl FnMut() -> String,
) -> Option<Plan> {
    let taken = taken(sender, notes, now)?;
    let mut after = Sender { version: sender.version + 1, ..sender.clone() };
    after.taken = taken.iter().map(|note| note.id.clone()).collect();
    after.digests.retain(|name, _| channels.iter().any(|channel| key(&channel.connection) == *name));
    let mut messages = Vec::new();
    for channel in channels {
        let quiet = channel.quiet.as_ref().and_then(|hours| hours.until(now));
        let (mut at_once, mut kept_back) = (Vec::new(), Vec::new());
        for note in taken.iter().filter(|note| note.not_over.as_ref() != Some(&channel.connection)) {
            let waits = quiet.is_some() && note.line.severity != Severity::Severe;
            if waits { &mut kept_back } else { &mut at_once }.push(note.line.clone());
        }
        let mut say = |mut message: Message, lines: Vec<Line>| {
            lines.into_iter().for_each(|line| message.add(line));
            messages.push(message);
        };
        if !at_once.is_empty() {
            say(Message::new(new_id(), channel.connection.clone(), now, None), at_once);
        }
        if let Some(until) = quiet.filter(|_| !kept_back.is_empty()) {
            let name = key(&channel.connection);
            let grows = after.digests.get(&name).and_then(|id| kept.iter().find(|message| message.id == *id));
            let grows = grows.filter(|message| may_grow(message, now)).cloned();
            let digest = grows.unwrap_or_else(|| Message::new(new_id(), channel.connection.clone(), now, Some(until)));
            after.digests.insert(name, digest.id.clone());
            say(digest, kept_back);
        }
    }
    after.spend(&taken, messages.iter().any(|message| message.state == MessageState::Pending), now);
    Some(Plan { sender: after, messages })
}

/// The notes that are told now: all of them, or what is severe where the others have to wait; none where that has to as well.
fn taken<'a>(sender: &Sender, notes: &'a [Note], now: Timestamp) -> Option<Vec<&'a Note>> {
    let have_settled = |notes: &[&Note]| {
        notes.iter().map(|note| note.line.at).min().is_some_and(|oldest| now.duration_since(oldest) >= SETTLES_FOR)
    };
    let all: Vec<&Note> = notes.iter().take(NOTES_MAX).collect();
    let severe: Vec<&Note> = all.iter().copied().filter(|note| is_severe(note)).collect();
    let may_all = is_over(sender.rests_until, now) && is_in_pace(sender.paced_until, now);
    let may_severe = is_over(sender.severe.rests_until, now) && is_in_pace(sender.severe.paced_until, now);
    if may_all && have_settled(&all) {
        return Some(all);
    }
    (may_severe && have_settled(&severe)).then_some(severe)
}

fn is_severe(note: &Note) -> bool {
    note.line.severity == Severity::Severe
}

fn is_over(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now >= until)
}

fn is_in_pace(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until.duration_since(now) <= PACE * (BURST - 1))
}

fn one_more(until: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let from = until.map_or(now, |until| until.max(now));
    Some(from.saturating_add(PACE).unwrap_or(Timestamp::MAX))
}

impl Sender {
    /// What a message of these notes leaves for others.
    fn spend(&mut self, taken: &[&Note], is_sent: bool, now: Timestamp) {
        let rest = |count: usize| (count >= STORM).then(|| now.saturating_add(STORM_PAUSE).unwrap_or(Timestamp::MAX));
        let severe = taken.iter().filter(|note| is_severe(note)).count();
        let is_of_all = severe < taken.len() || is_over(self.rests_until, now) && is_in_pace(self.paced_until, now);
        if is_of_all {
            self.rests_until = rest(taken.len());
            self.paced_until = if is_sent { one_more(self.paced_until, now) } else { self.paced_until };
        }
        if severe > 0 {
            self.severe.rests_until = rest(severe);
            self.severe.paced_until =
                if is_sent { one_more(self.severe.paced_until, now) } else { self.severe.paced_until };
        }
    }
}

fn key(channel: &Connection) -> String {
    format!("{}/{}", channel.provider, channel.name)
}

fn may_grow(message: &Message, now: Timestamp) -> bool {
    message.state == MessageState::Held && message.attempts == 0 && message.due_at.duration_since(now) > DIGEST_CLOSES
}
