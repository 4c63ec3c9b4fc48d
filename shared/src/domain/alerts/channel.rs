//! Channels: connections over which people are told.

use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId};

use super::quiet::QuietHours;

/// So many channels of a tenant are told, the first by name: each message is one for each.
pub const CHANNELS_MAX: usize = 5;

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
