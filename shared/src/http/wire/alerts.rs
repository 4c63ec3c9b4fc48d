//! Alerts and their messages, as the control centre's clients read them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::alerts::channel::{CHANNELS_MAX, Channel, Channels, Tried};
use crate::domain::alerts::delivery::Message;
use crate::domain::alerts::life::{Alert, Past};
use crate::domain::ids::Connection;
use crate::domain::time;

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertView {
    /// Its id.
    pub id: String,
    /// `run_failed`, `connectivity_failing`, `no_success`, `breaker_open`, `nightly_full_failed`, `dead_letters_growing`,
    /// `channel_refusing`, `receiver_disabled`, `run_held`, `mirrors_failing`, `mirrors_out_of_sync`, `mirrors_slow` or `service_alarm`.
    pub rule: &'static str,
    /// `severe` or `warning`.
    pub severity: &'static str,
    /// The provider of the connection that it is about.
    pub provider: String,
    /// The connection's name.
    pub connection: String,
    /// What it says.
    pub title: String,
    /// What happened last.
    pub detail: String,
    /// `open` or `resolved`.
    pub state: &'static str,
    /// How often it occurred.
    pub count: u64,
    /// When it was opened first.
    pub opened_at: String,
    /// When anything of it changed last.
    pub updated_at: String,
    /// When it was resolved; null while it is open.
    pub resolved_at: Option<String>,
    /// When somebody said that they have seen it.
    pub acknowledged_at: Option<String>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// Whether it flaps, and is not told of until it stays as it is.
    pub flapping: bool,
}

impl From<&Alert> for AlertView {
    fn from(alert: &Alert) -> Self {
        let seen = alert.acknowledged.as_ref();
        Self {
            id: alert.id.clone(),
            rule: alert.rule.as_str(),
            severity: alert.severity.as_str(),
            provider: alert.connection.provider.to_string(),
            connection: alert.connection.name.to_string(),
            title: alert.title.clone(),
            detail: alert.detail.clone(),
            state: alert.state.as_str(),
            count: alert.count,
            opened_at: time::text(alert.opened_at),
            updated_at: time::text(alert.updated_at),
            resolved_at: alert.resolved_at.map(time::text),
            acknowledged_at: seen.map(|seen| time::text(seen.at)),
            acknowledged_by: seen.map(|seen| seen.by.clone()),
            flapping: alert.flapping,
        }
    }
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertsView {
    /// Always true.
    pub ok: bool,
    /// Those that are open first, the newest first of both.
    pub alerts: Vec<AlertView>,
    /// What the next page is asked for with; null on the last one.
    pub cursor: Option<String>,
}

/// A transition that an alert had.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransitionView {
    /// `opened`, `reopened`, `updated`, `resolved`, `released` (it flaps no more) or `acknowledged`.
    pub transition: &'static str,
    /// When.
    pub at: String,
    /// What had happened.
    pub detail: String,
    /// How often it had occurred.
    pub count: u64,
    /// Whether a message says so.
    pub told: bool,
    /// Who did it; null where nobody did.
    pub by: Option<String>,
}

impl From<Past> for TransitionView {
    fn from(past: Past) -> Self {
        Self {
            transition: past.transition.as_str(),
            at: time::text(past.at),
            detail: past.detail,
            count: past.count,
            told: past.told,
            by: past.by,
        }
    }
}

/// An alert, with what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneAlertView {
    /// Always true.
    pub ok: bool,
    /// The alert.
    pub alert: AlertView,
    /// Its newest 200 transitions of the last 90 days, the newest first.
    pub history: Vec<TransitionView>,
}

/// An alert that was acknowledged.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcknowledgedView {
    /// Always true.
    pub ok: bool,
    /// The alert as it is now. One that is resolved is not acknowledged any more.
    pub alert: AlertView,
}

/// A message over a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// Its id; a webhook has it as `webhook-id`.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// Over which connection, `provider/name`.
    pub channel: String,
    /// The ids of the alerts that it names, 50 at most.
    pub alerts: Vec<String>,
    /// Of how many changes it tells.
    pub total: u64,
    /// What it is about.
    pub title: String,
    /// All that it says.
    pub text: String,
    /// `pending`, `held` (for the end of quiet hours), `sent` or `refused`.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed; null where none did.
    pub error: Option<String>,
}

impl From<&Message> for MessageView {
    fn from(message: &Message) -> Self {
        let mut alerts: Vec<String> = message.lines.iter().map(|line| line.alert.clone()).collect();
        alerts.dedup();
        Self {
            id: message.id.clone(),
            at: time::text(message.at),
            channel: name(&message.channel),
            alerts,
            total: message.total,
            title: message.title(),
            text: message.text(),
            state: message.state.as_str(),
            attempts: message.attempts,
            error: message.error.clone(),
        }
    }
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagesView {
    /// Always true.
    pub ok: bool,
    /// The newest first.
    pub messages: Vec<MessageView>,
    /// What the next page is asked for with; null on the last one.
    pub cursor: Option<String>,
    /// Over which channels people are told; on the first page alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<ChannelsView>,
}

/// A tenant's channels that are active and have a secret, `provider/name` each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelsView {
    /// How many are told at most.
    pub most: usize,
    /// Those that are told, by name.
    pub told: Vec<String>,
    /// Those that are told nothing, as there are more: 195 of them at most.
    pub left_out: Vec<String>,
}

impl From<&Channels> for ChannelsView {
    fn from(channels: &Channels) -> Self {
        let named = |channels: &[Channel]| channels.iter().map(|channel| name(&channel.connection)).collect();
        Self { most: CHANNELS_MAX, told: named(&channels.told), left_out: named(&channels.left_out) }
    }
}

/// A channel, within its tenant.
fn name(channel: &Connection) -> String {
    format!("{}/{}", channel.provider, channel.name)
}

/// A test message.
#[derive(Debug, ToSchema)]
pub struct TeamsTestRequest {
    /// What it says; a sentence of ours where nobody says anything.
    pub message: Option<String>,
}

/// That a test message was taken by all channels of Teams.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamsTestView {
    /// Always true.
    pub ok: bool,
    /// What it said.
    pub message: String,
    /// When.
    pub timestamp: String,
    /// Always true.
    pub webhook_configured: bool,
    /// What became of it at each of them, by name; ten at most.
    pub channels: Vec<ChannelTestView>,
    /// Whether there are more channels of Teams, which were not tried.
    pub more: bool,
}

/// What became of a test message at one channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelTestView {
    /// Over which connection, `provider/name`.
    pub channel: String,
    /// Whether it took the message.
    pub ok: bool,
    /// Why not: what it answered, or that it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Before when it is not asked, as it was tested too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
}

impl From<&(Connection, Tried)> for ChannelTestView {
    fn from((channel, came): &(Connection, Tried)) -> Self {
        let (error, retry_at) = match came {
            Tried::Taken => (None, None),
            Tried::Failed(why) => (Some(why.clone()), None),
            Tried::Rests(until) => (Some("it was tested too often, and was not asked".to_owned()), Some(*until)),
        };
        Self { channel: name(channel), ok: *came == Tried::Taken, error, retry_at: retry_at.map(time::text) }
    }
}
