//! The service itself: probes, and a browser's session.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// That it answers, and which version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// A fixed text, which clients look for.
    pub status: &'static str,
    /// Of the service.
    pub version: &'static str,
}

/// That it is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliveView {
    /// Always `ok`.
    pub status: &'static str,
}

/// That it answers, which version, and since when.
#[derive(Debug, Serialize, ToSchema)]
pub struct UptimeView {
    /// Always `ok`.
    pub status: &'static str,
    /// Of the service.
    pub version: &'static str,
    /// Seconds since this instance started.
    pub uptime: f64,
    /// Now; on `/api/health` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// Whether it could start.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartupView {
    /// `ok` or `fail`.
    pub status: &'static str,
    /// Always `startup`.
    pub phase: &'static str,
    /// What it needs.
    pub checks: StartupChecks,
    /// Seconds since this instance started.
    pub uptime: f64,
}

/// The original's names, for its clients: `db` and `supabase` are both the one storage.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartupChecks {
    /// `connected` or `disconnected`.
    pub db: &'static str,
    /// The same.
    pub supabase: &'static str,
    /// Always `configured`.
    pub database_url: &'static str,
}

/// Whether it is ready.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadyView {
    /// `ready` or `not ready`.
    pub status: &'static str,
    /// `connected` or `disconnected`.
    pub database: &'static str,
    /// Now.
    pub timestamp: String,
    /// Why it is not ready; absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
}

/// Whether this instance is healthy.
#[derive(Debug, Serialize, ToSchema)]
pub struct LivenessView {
    /// `alive` or `unhealthy`.
    pub status: &'static str,
    /// Now.
    pub timestamp: String,
    /// What it uses; absent if that is too much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryView>,
    /// Why it is unhealthy; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A use of memory.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemoryView {
    /// Of the memory that there is; 0 where that cannot be told.
    pub usage: u64,
    /// Always `percent`.
    pub unit: &'static str,
}

/// A session that was minted; it is in the cookie.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Always true.
    pub ok: bool,
    /// When it ends.
    pub expires_at: Option<String>,
}

/// A token to exchange for a session.
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    /// A service token.
    pub token: String,
}

/// Who asks, and what they may.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoView {
    /// Always true.
    pub ok: bool,
    /// Who, for the record.
    pub actor: String,
    /// Whose data they see; null for a user of several tenants, who has to name one of them in `x-tenant-id` with each call.
    pub tenant: Option<String>,
    /// Between which tenants they may choose; empty where there is nothing to choose.
    pub tenants: Vec<String>,
    /// Whether they may name any tenant in `x-tenant-id`, and see all without it.
    pub any_tenant: bool,
    /// What they may.
    pub scopes: Vec<String>,
    /// When their session or token ends; null for whoever sits at a machine in local mode and has neither.
    pub expires_at: Option<String>,
    /// Whether this is local mode, where a session can be had for nothing.
    pub local: bool,
}

/// That there is no session any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOutView {
    /// Always true.
    pub ok: bool,
}
