//! What operators did, and an overview of what there is to look after.

use serde::Serialize;
use utoipa::ToSchema;

use super::health::ReasonView;
use crate::domain::audit::Audit;
use crate::domain::deliveries::hours::{HourCounter, HourCounts};
use crate::domain::time;

/// A page of what operators did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// Always true.
    pub ok: bool,
    /// Whose record it is.
    pub tenant: String,
    /// The newest first. May be empty, and be followed by another page.
    pub items: Vec<AuditView>,
    /// Whether there is more to look at.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// What somebody was about to do. It was recorded before it was done, so it may not have been.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    /// Sorts by time.
    pub id: String,
    /// When.
    pub at: Option<String>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: &'static str,
    /// To what.
    pub target: String,
    /// The names of what it changed.
    pub changed: Vec<String>,
    /// What came of it; null where that is not noted, or was not yet.
    pub result: Option<String>,
    /// SHA-256 of the body it was about; null where it was about none.
    pub body_hash: Option<String>,
    /// The trace.
    pub correlation_id: String,
}

impl AuditView {
    /// An entry, by its id.
    #[must_use]
    pub fn of(id: String, entry: Audit) -> Self {
        Self {
            id,
            at: jiff::Timestamp::from_millisecond(entry.at_ms).map(time::text).ok(),
            actor: entry.actor,
            action: entry.action.as_str(),
            target: entry.target,
            changed: entry.changed,
            result: entry.result,
            body_hash: entry.body_hash,
            correlation_id: entry.correlation_id,
        }
    }
}

/// What there is to look after.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewPage {
    /// Always true.
    pub ok: bool,
    /// What needs attention first, the worst first; then by name.
    pub items: Vec<OverviewView>,
    /// Whether there are more connections.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
    /// What somebody should look at of all connections, and not of those of the page alone: the newest 50.
    pub attention: Vec<MatterView>,
    /// Whether there is more of it.
    pub more_attention: bool,
    /// When this was looked at.
    pub generated_at: String,
}

/// What somebody should look at, and of which connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatterView {
    /// `tenant/provider/name`; null where a refused webhook claims to come from none that there can be.
    pub connection: Option<String>,
    /// Whose it is; of a refused webhook whose signature was wrong, whose it claims to be.
    pub tenant: String,
    /// To which kind of system it leads.
    pub provider: String,
    /// Which of the tenant's.
    pub name: String,
    /// The name people read; that of the origin where refused webhooks have no connection.
    pub display_name: String,
    /// What.
    #[serde(flatten)]
    pub attention: AttentionView,
}

/// One connection, at a glance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewView {
    /// `tenant/provider/name`
    pub connection: String,
    /// Whose it is.
    pub tenant: String,
    /// To which kind of system it leads.
    pub provider: String,
    /// Which of the tenant's.
    pub name: String,
    /// The name people read.
    pub display_name: String,
    /// `active` or `paused`
    pub state: &'static str,
    /// `healthy`, `degraded` or `unhealthy`
    pub status: &'static str,
    /// Every threshold that was passed, the worst first.
    pub reasons: Vec<ReasonView>,
    /// Whether no webhook came for a day.
    pub idle: bool,
    /// When its last run that changed something went well, or its last delivery had its effect; null where neither is known.
    pub last_success_at: Option<String>,
    /// When it is synced next by itself; null where it is not.
    pub next_due_at: Option<String>,
    /// Webhooks that were handled in this hour and the one before.
    pub last_hour: CameView,
    /// Those of each of the last 24 hours, the oldest first; none of a catalogue, which has no webhooks.
    pub hours: Vec<CameView>,
    /// What somebody should look at of it.
    pub attention: Vec<AttentionView>,
}

/// What came.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameView {
    /// Handled for the first time.
    pub webhooks: u64,
    /// Failed, and have not had their effect since.
    pub failures: u64,
}

impl From<&HourCounts> for CameView {
    fn from(counts: &HourCounts) -> Self {
        Self { webhooks: counts.count(HourCounter::Received), failures: counts.failures() }
    }
}

/// What somebody should look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttentionView {
    /// `failed_run`, `refused_removal`, `held_run`, `dead_letters`, `set_aside` or `rejected`
    pub kind: &'static str,
    /// How many: of dead letters and of rows set aside, those among the newest 200; of refused webhooks, those of 24 hours that claim to come from one connection, among
    /// the newest ten of each ring of their origin that the caller sees; else 1.
    pub count: usize,
    /// Whether there may be more than `count`.
    pub more: bool,
    /// What happened, for people.
    pub detail: String,
    /// Since when.
    pub at: Option<String>,
    /// Where it can be seen.
    pub link: String,
}
