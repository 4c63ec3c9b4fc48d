//! Channels: connections over which people are told.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::delivery::Answered;
use super::quiet::QuietHours;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId};

/// So many channels of a tenant are told, the first by name: each message is one for each.
pub const CHANNELS_MAX: usize = 5;

/// How long a channel may be busy or say nothing before somebody is told.
pub const SILENT_FOR: SignedDuration = SignedDuration::from_mins(30);

/// How a channel is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// By an Adaptive Card, at the secret URL of a Workflow of Teams.
    Teams,
    /// By a signed webhook.
    Webhook,
}

impl ChannelKind {
    /// What connections to a provider are; none where they are no channels.
    #[must_use]
    pub fn of(provider: &ProviderId) -> Option<Self> {
        match provider {
            provider if *provider == ProviderId::TEAMS => Some(Self::Teams),
            provider if *provider == ProviderId::ALERT_WEBHOOK => Some(Self::Webhook),
            _ => None,
        }
    }
}

/// A channel of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its connection.
    pub connection: Connection,
    /// How it is told.
    pub kind: ChannelKind,
    /// When it is told of nothing but what is severe.
    pub quiet: Option<QuietHours>,
}

impl Channel {
    /// The channel that a connection is; none where it is none, is paused, or has no secret.
    #[must_use]
    pub fn of(stored: &StoredConnection) -> Option<Self> {
        let kind = ChannelKind::of(&stored.connection.provider)?;
        if !stored.is_active() || stored.secrets.is_none() {
            return None;
        }
        // They were checked when they were stored: what another version took is told at any hour, rather than never.
        let quiet = QuietHours::of(&stored.settings).ok().flatten();
        Some(Self { connection: stored.connection.clone(), kind, quiet })
    }
}

/// A tenant's channels.
#[derive(Debug)]
pub struct Channels {
    /// Those that are told: of all providers the first by name.
    pub told: Vec<Channel>,
    /// Those that are not, as there are more than [`CHANNELS_MAX`].
    pub left_out: Vec<Channel>,
}

impl Channels {
    /// Which of these are told.
    #[must_use]
    pub fn of(mut channels: Vec<Channel>) -> Self {
        channels.sort_by_key(|channel| (channel.connection.name.to_string(), channel.connection.provider.to_string()));
        let left_out = channels.split_off(channels.len().min(CHANNELS_MAX));
        Self { told: channels, left_out }
    }
}

/// What came of a channel's test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It was taken.
    Taken,
    /// It was not, and why.
    Failed(String),
    /// It was tried too often, and is not before then.
    Rests(Timestamp),
}

/// That a channel does not take what it is sent, as stored from the first attempt that failed until one does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When it began.
    #[serde(with = "crate::domain::time")]
    pub since: Timestamp,
    /// When it was tried last.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// What it said then; without secrets.
    pub why: String,
    /// Whether it refused, and was not only busy or silent.
    pub refused: bool,
}

impl Refusal {
    /// What is known after an attempt; none where the channel took the message.
    #[must_use]
    pub fn after(before: Option<&Self>, answered: &Answered, now: Timestamp) -> Option<Self> {
        let (why, refused) = match answered {
            Answered::Taken => return None,
            Answered::Later(why, _) => (why, false),
            Answered::Refused(why) | Answered::Never(why) => (why, true),
        };
        let since = before.map_or(now, |before| before.since);
        let refused = refused || before.is_some_and(|before| before.refused);
        Some(Self { since, at: now, why: why.clone(), refused })
    }

    /// Whether somebody has to do something about it: it refused, or has been busy or silent for long.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        self.refused || self.at.duration_since(self.since) >= SILENT_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_all_providers_are_told_by_name() {
        let channel = |connection: &str| {
            let connection = connection.parse().unwrap();
            Channel { connection, kind: ChannelKind::Teams, quiet: None }
        };
        let all = ["teams/b", "teams/d", "teams/f", "alert-webhook/a", "alert-webhook/c", "alert-webhook/e"];
        let Channels { told, left_out } = Channels::of(all.map(|name| channel(&format!("acme/{name}"))).to_vec());
        let names = |channels: &[Channel]| {
            channels.iter().map(|channel| channel.connection.name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((names(&told).as_str(), names(&left_out).as_str()), ("a b c d e", "f"));
    }
}
