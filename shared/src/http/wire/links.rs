//! A brand's link to Trackstar, in the words of the warehouse API's clients. Its access token is told to nobody.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::checkpoints::CheckpointView;
use super::connections::ScheduleRequest;
use super::health::{IntegrationView, QueueView};
use super::operations::DeliveryView;
use crate::domain::connections::linking::{Linking, Step};
use crate::domain::connections::schedule::Schedule;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::time;

/// A token for the pages where a brand's owner agrees.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkTokenView {
    /// Always true.
    pub success: bool,
    /// For Trackstar's component of the browser.
    pub link_token: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkDoneView {
    /// Whether it was.
    pub success: bool,
    /// For people.
    pub message: String,
    /// Trackstar's id of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// The run that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl LinkDoneView {
    /// One that was done.
    #[must_use]
    pub fn done(message: impl Into<String>) -> Self {
        Self { success: true, message: message.into(), connection_id: None, run_id: None }
    }
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneLinkView {
    /// Always true.
    pub success: bool,
    /// The link.
    pub integration: LinkView,
}

/// A link, without its access token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    /// `tenant/trackstar/brand`
    pub id: String,
    /// Whose.
    pub tenant_id: String,
    /// Which brand's.
    pub brand_id: String,
    /// The name people read.
    pub brand_name: String,
    /// `trackstar`
    pub provider: String,
    /// Trackstar's id of it.
    pub connection_id: Option<String>,
    /// `active` or `paused`
    pub status: &'static str,
    /// Whether it has an access token: without one it has webhooks alone.
    pub is_pulled: bool,
    /// What it is told.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// When it is pulled by itself.
    #[schema(value_type = ScheduleRequest)]
    pub schedule: Schedule,
    /// When the last pull that went well was over.
    pub last_synced_at: Option<String>,
    /// When it is pulled next by itself.
    pub next_sync_at: Option<String>,
    /// How far each list is.
    pub checkpoints: Vec<CheckpointView>,
    /// That it is being made or taken away, or that this came to no end.
    pub linking: Option<LinkingView>,
    /// When it was made.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

impl LinkView {
    /// That of a stored link, with what is known beside it.
    #[must_use]
    pub fn new(stored: &StoredConnection, now: Timestamp) -> Self {
        let connection = &stored.connection;
        Self {
            id: connection.to_string(),
            tenant_id: connection.tenant.to_string(),
            brand_id: connection.name.to_string(),
            brand_name: stored.display_name.clone(),
            provider: connection.provider.to_string(),
            connection_id: stored.settings.get("connectionId").and_then(Value::as_str).map(String::from),
            status: if stored.is_active() { "active" } else { "paused" },
            is_pulled: stored.secrets.is_some(),
            settings: stored.shown_settings(),
            schedule: stored.schedule.clone(),
            last_synced_at: None,
            next_sync_at: stored.due_after(now).map(time::text),
            checkpoints: Vec::new(),
            linking: None,
            created_at: time::text(stored.created.at),
            updated_at: time::text(stored.changed.at),
        }
    }
}

/// That a link is being made or taken away, or that this came to no end.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkingView {
    /// `connecting` or `disconnecting`
    pub step: &'static str,
    /// Since when.
    pub since: String,
    /// By whom.
    pub by: String,
    /// Whether somebody may still be at it.
    pub under_way: bool,
    /// What to do about it.
    pub advice: &'static str,
}

impl LinkingView {
    /// What is said of it; none where our record of the link says the same.
    #[must_use]
    pub fn of(linking: Option<&Linking>, stored: Option<&StoredConnection>, now: Timestamp) -> Option<Self> {
        let linking = linking.filter(|linking| linking.is_left(stored))?;
        Some(Self {
            step: match linking.step {
                Step::Connect => "connecting",
                Step::Disconnect => "disconnecting",
            },
            since: time::text(linking.since),
            by: linking.by.clone(),
            under_way: linking.is_under_way(now),
            advice: linking.advice(now),
        })
    }
}

/// How a link does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneLinkHealthView {
    /// Always true.
    pub success: bool,
    /// How it does.
    pub health: LinkHealthView,
}

/// How a link does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkHealthView {
    /// As in `GET /api/sync/health`; null where only the making of the link is known, which came to no end.
    pub integration: Option<IntegrationView>,
    /// The link itself.
    pub connection: Option<LinkView>,
    /// That it is being made or taken away, or that this came to no end.
    pub linking: Option<LinkingView>,
    /// Why its last run failed; null again after the next one that goes well.
    pub last_error: Option<String>,
    /// The queues that all links share.
    pub queues: LinkQueuesView,
    /// The newest ten webhooks of 24 hours: those that had their effect, and those that were given up.
    pub recent_webhooks: Vec<DeliveryView>,
}

/// The queues that all links share.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkQueuesView {
    /// That of runs.
    pub sync: QueueView,
    /// That of deliveries.
    pub webhook: QueueView,
}

/// Whom a link token is for.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described, never made")]
#[schema(rename_all = "camelCase")]
pub struct LinkTokenRequest {
    /// Taken and not sent on: Trackstar is told of a customer with the exchange.
    customer_id: Option<String>,
}

/// A code to exchange.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described, never made")]
#[schema(rename_all = "camelCase")]
pub struct ExchangeRequest {
    /// What Trackstar's component of the browser handed over once the brand's owner had agreed.
    auth_code: String,
    /// How Trackstar is to call the customer; the brand where none is given.
    customer_id: Option<String>,
}

/// What to pull.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described, never made")]
#[schema(rename_all = "camelCase")]
pub struct LinkSyncRequest {
    /// At least one of `products` (`get_products`), `inventory`, `orders` and `shipments`
    functions_to_sync: Vec<String>,
}
