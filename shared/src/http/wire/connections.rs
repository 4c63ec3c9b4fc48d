//! Connections, as operators see and write them. Their secrets are told of, and never told.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::connections::last_used::LastUsed;
use crate::domain::connections::schedule::Schedule;
use crate::domain::connections::stored::{Change, ConnectionState, KeptBy, LiveSecrets, StoredConnection};
use crate::domain::ids::Connection;
use crate::domain::time;

/// A page of connections.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionsPage {
    /// Always true.
    pub ok: bool,
    /// By name. Fewer than were asked for where they are large.
    pub items: Vec<ConnectionView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// One connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneConnectionView {
    /// Always true.
    pub ok: bool,
    /// The connection.
    pub data: ConnectionView,
}

impl From<&StoredConnection> for OneConnectionView {
    fn from(stored: &StoredConnection) -> Self {
        Self { ok: true, data: ConnectionView::from(stored) }
    }
}

/// A connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// `tenant/provider/name`
    pub connection: String,
    /// Whose it is.
    pub tenant: String,
    /// To which kind of system it leads.
    pub provider: String,
    /// What tells it apart from the tenant's others of the provider.
    pub name: String,
    /// The name people read.
    pub display_name: String,
    /// What its provider is told. Of a URL, user and query are masked.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// When it is synced by itself.
    #[schema(value_type = ScheduleRequest)]
    pub schedule: Schedule,
    /// `active` or `paused`
    pub state: &'static str,
    /// By whom it was paused; null where it works.
    pub paused: Option<PausedView>,
    /// What may be shown of its secrets; null where it has none.
    pub secrets: Option<SecretsView>,
    /// `operators`, or `configuration`: then it can be paused, resumed and tested here, and no more.
    pub kept_by: &'static str,
    /// Which configuration keeps it; null where operators do.
    pub kept_in: Option<String>,
    /// When it was made, and by whom.
    pub created: ChangeView,
    /// When it was changed last, and by whom.
    pub changed: ChangeView,
    /// One more with each change; the `ETag` is this number in quotes.
    pub version: u64,
}

/// That a connection stands still.
#[derive(Debug, Serialize, ToSchema)]
pub struct PausedView {
    /// By whom.
    pub by: String,
    /// Why; empty where nobody said.
    pub why: String,
    /// Since when.
    pub since: String,
}

/// What may be shown of secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsView {
    /// The end of the current one; of a short one dots alone.
    pub masked: String,
    /// By which values of this connection are told apart.
    pub fingerprint: String,
    /// Since when it is the current one.
    pub rotated_at: String,
    /// Whether the one before is good as well.
    pub has_previous: bool,
    /// When webhooks were last verified with each; told by the route of one connection alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<LastUsedView>,
}

/// When secrets were used last, as of 15 minutes ago.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastUsedView {
    /// The current one; null where that is not known since it is the current one.
    pub current: Option<String>,
    /// The previous one; null where there is none, or it is not known.
    pub previous: Option<String>,
}

impl From<LastUsed> for LastUsedView {
    fn from(used: LastUsed) -> Self {
        Self { current: used.current.map(time::text), previous: used.previous.map(time::text) }
    }
}

/// When something was done, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// When.
    pub at: String,
    /// By whom.
    pub by: String,
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        Self { at: time::text(change.at), by: change.by.clone() }
    }
}

impl From<&LiveSecrets> for SecretsView {
    fn from(secrets: &LiveSecrets) -> Self {
        Self {
            masked: secrets.current.masked().to_owned(),
            fingerprint: secrets.current.fingerprint().to_owned(),
            rotated_at: time::text(secrets.rotated_at),
            has_previous: secrets.previous.is_some(),
            last_used: None,
        }
    }
}

impl From<&StoredConnection> for ConnectionView {
    fn from(stored: &StoredConnection) -> Self {
        let Connection { tenant, provider, name } = &stored.connection;
        let (state, paused) = match &stored.state {
            ConnectionState::Active => ("active", None),
            ConnectionState::Paused { by, why, since } => {
                ("paused", Some(PausedView { by: by.clone(), why: why.clone(), since: time::text(*since) }))
            }
        };
        let (kept_by, kept_in) = match &stored.kept_by {
            KeptBy::Operators => ("operators", None),
            KeptBy::Configuration { source } => ("configuration", Some(source.clone())),
        };
        Self {
            connection: stored.connection.to_string(),
            tenant: tenant.to_string(),
            provider: provider.to_string(),
            name: name.to_string(),
            display_name: stored.display_name.clone(),
            settings: stored.shown_settings(),
            schedule: stored.schedule.clone(),
            state,
            paused,
            secrets: stored.secrets.as_ref().map(SecretsView::from),
            kept_by,
            kept_in,
            created: ChangeView::from(&stored.created),
            changed: ChangeView::from(&stored.changed),
            version: stored.version,
        }
    }
}

/// What a test found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionTestedView {
    /// Always true.
    pub ok: bool,
    /// The result.
    pub data: ConnectionTestView,
}

/// The result of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTestView {
    /// Whether it can be used.
    pub ok: bool,
    /// `tenant/provider/name`
    pub connection: String,
    /// When it ran.
    pub checked_at: String,
    /// Of a catalogue its source; of a vendor that is pulled where its API is.
    pub source_path: Option<String>,
    /// How many rows a catalogue, or the first list of a vendor, has.
    pub total_items: Option<u64>,
    /// Why it cannot be used.
    pub error: Option<String>,
}

/// A connection that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedView {
    /// Always true.
    pub ok: bool,
    /// `tenant/provider/name`
    pub connection: String,
}

/// What a connection is to be.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConnectionRequest {
    /// The name people read, of 1 to 100 characters; that of the connection where none is given.
    pub display_name: Option<String>,
    /// What its provider is told.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// In place of those it has; without any, these stay.
    pub secrets: Option<SecretsRequest>,
    /// `off` where none is given.
    pub schedule: Option<ScheduleRequest>,
    /// `active` or `paused`; as it is where none is given, and active at first.
    pub state: Option<String>,
}

/// Secrets, which no answer ever has.
#[derive(Debug, ToSchema)]
pub struct SecretsRequest {
    /// The one to sign and to ask with.
    pub current: String,
    /// The one that is good as well for what others sign.
    pub previous: Option<String>,
}

/// When a connection is synced by itself: `"off"`, `{"every": 15}`, or `{"cron": "0 2 * * *", "zone": "Europe/Copenhagen"}`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ScheduleRequest {
    /// `off`
    Off(String),
    /// Every so many minutes.
    #[serde(rename_all = "camelCase")]
    Every {
        /// From 1 to 10080.
        every: u32,
        /// Of a vendor that is pulled: in which hour of the UTC day everything is pulled, 0 to 23.
        full_at_hour_utc: Option<u8>,
        /// False keeps it from being synced by itself, and what is said of times.
        enabled: Option<bool>,
    },
    /// At the times of a pattern.
    Cron {
        /// Minute, hour, day of month, month, day of week.
        cron: String,
        /// A name of the IANA database; UTC where none is given.
        zone: Option<String>,
    },
}

/// Why a connection is paused.
#[derive(Debug, ToSchema)]
pub struct PauseRequest {
    /// At most 300 characters.
    pub why: Option<String>,
}

/// What is to become of a connection's secrets: one of these, `previous` beside `current` alone.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RotateRequest {
    /// Another current one; the one before is the previous one.
    pub secret: Option<String>,
    /// This one in place of all others.
    pub current: Option<String>,
    /// And this one as the previous one.
    pub previous: Option<String>,
    /// The previous one goes.
    pub drop_previous: Option<bool>,
    /// The data keys are wrapped anew, by the key that wraps today.
    pub rewrap: Option<bool>,
}
