//! Vendors that are pulled, as the control centre's clients read them: whether they answer, and what.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::breaker::BreakerView;
use crate::domain::pull::asked::Asked;
use crate::domain::pull::backoff;
use crate::domain::pull::drift::Change;
use crate::domain::time;

/// What a vendor says of its limits, in the headers of its answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct VendorLimitView {
    /// How many requests it allows in its window.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When there are more.
    pub reset: Option<String>,
}

impl VendorLimitView {
    /// Of what was asked for beside an answer; none where that says nothing.
    #[must_use]
    pub fn of(asked: &Asked) -> Option<Self> {
        let view = Self { limit: asked.limit, remaining: asked.remaining, reset: asked.resets_at.map(time::text) };
        (view.limit.is_some() || view.remaining.is_some() || view.reset.is_some()).then_some(view)
    }
}

/// Whether a vendor answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PingView {
    /// Whether it answered with rows.
    pub ok: bool,
    /// `ok`, `degraded` (it is not asked for now, by its quota, its breaker or its own word) or `failing`.
    pub status: &'static str,
    /// `tenant/provider/name`
    pub connection: String,
    /// Where its API is; null where the connection cannot be used.
    pub base_url: Option<String>,
    /// Whether it took the key.
    pub authenticated: bool,
    /// How many rows came of the one that was asked for.
    pub sample_count: usize,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The vendor's own status; null where it did not answer.
    pub upstream_status: Option<u16>,
    /// What it says of its limits; absent where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<VendorLimitView>,
    /// Whether it is asked.
    pub circuit_breaker: BreakerView,
    /// Why it is not ok, of at most 500 characters; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The same as `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason's stable code, see `docs/errors.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When it is asked again, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
}

/// What one list of a vendor answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// Always true.
    pub ok: bool,
    /// Which list.
    pub endpoint: String,
    /// How many rows came.
    pub count: usize,
    /// How many there are, where the vendor says so.
    pub total: Option<u64>,
    /// The names of the first row's fields.
    pub sample_keys: Vec<String>,
    /// The vendor's status.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// One page of a vendor's list, and what it is beside what is stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewView {
    /// Always true.
    pub ok: bool,
    /// Of which list.
    pub entity: String,
    /// How many rows came.
    pub rows: usize,
    /// How many there are, where the vendor says so.
    pub total: Option<u64>,
    /// The names of the first row's fields.
    pub fields: Vec<String>,
    /// The first rows that can be taken.
    pub sample: Vec<SampleView>,
    /// The first rows that cannot.
    pub unmapped: Vec<UnmappedView>,
    /// What a delta would come to, of these rows.
    pub delta: DeltaView,
    /// The vendor's status.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// A row that can be taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SampleView {
    /// The vendor's id.
    pub id: String,
    /// When the vendor changed it, where it says so.
    pub changed_at: Option<String>,
    /// `new`, `changed` or `same`, beside what is stored.
    pub stands: &'static str,
    /// The row, without what looks like a credential; a text where it is cut.
    #[schema(value_type = Object)]
    pub row: Value,
    /// Whether this is its beginning alone.
    pub cut: bool,
    /// Whether something of it was masked.
    pub masked: bool,
}

/// A row that cannot be taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmappedView {
    /// The vendor's id; empty where it has none.
    pub id: String,
    /// Why.
    pub why: String,
}

/// What a delta would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeltaView {
    /// Rows of the sample that are new.
    pub created: usize,
    /// Those that changed.
    pub updated: usize,
    /// Those that are what is stored.
    pub unchanged: usize,
    /// Since when it would ask for changes; null where it asks for the whole list.
    pub since: Option<String>,
    /// Whether the vendor heeds since when it is asked; null where that was not tried.
    pub filters: Option<bool>,
    /// When the entity was pulled last.
    pub last_success_at: Option<String>,
    /// How many records there are.
    pub records: u64,
}

/// That a breaker decides by itself again, from nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakerResetView {
    /// Always true.
    pub ok: bool,
    /// For people.
    pub message: &'static str,
    /// As it is now.
    pub circuit_breaker: BreakerView,
}

/// What is configured, without any secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationsConfigView {
    /// Always true.
    pub ok: bool,
    /// Whether there is an admin token.
    pub has_admin_token: bool,
    /// The routes that take it.
    pub admin_endpoints: &'static [&'static str],
    /// The provider's connection; null where there is none, or none is meant.
    pub integration: Option<PulledConnectionView>,
}

/// How a vendor is pulled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PulledConnectionView {
    /// `tenant/provider/name`
    pub connection: String,
    /// The name people read.
    pub display_name: String,
    /// Whether it has a key.
    pub has_api_key: bool,
    /// The end of the key; null where it has none.
    pub api_key_masked: Option<String>,
    /// Where its API is.
    pub base_url: Option<String>,
    /// Rows a request.
    pub page_size: Option<u64>,
    /// Requests that it takes in any minute.
    pub requests_per_minute: Option<u32>,
    /// And in any hour.
    pub requests_per_hour: Option<u32>,
    /// How often a request that failed is sent again, and after how long.
    pub retry: RetryView,
    /// When the vendor is left alone; null where the settings cannot be read.
    pub breaker: Option<BreakerRuleView>,
    /// What is pulled.
    pub entities: Vec<String>,
    /// `active` or `paused`
    pub state: &'static str,
    /// `operators` or `configuration`
    pub kept_by: &'static str,
    /// What will not work as it is set, for people.
    pub warnings: Vec<String>,
}

/// How a request that failed is tried again within a slice of a run. What the vendor asks for itself comes before it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryView {
    /// How often it is sent in all.
    pub tries: u32,
    /// The longest wait after the first try, in milliseconds.
    pub base_ms: u64,
    /// By how much each of them is longer than the one before.
    pub factor: f64,
    /// The longest of all, in milliseconds.
    pub longest_ms: u64,
    /// Always `full`: a wait is any time up to the longest that it may have.
    pub jitter: &'static str,
}

impl RetryView {
    /// As it is for all vendors.
    #[must_use]
    pub fn in_force() -> Self {
        let (base_ms, longest_ms) = (backoff::BASE_MS as u64, backoff::LONGEST_MS as u64);
        Self { tries: backoff::TRIES_MAX, base_ms, factor: backoff::FACTOR, longest_ms, jitter: "full" }
    }
}

/// When a connection's breaker opens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakerRuleView {
    /// After so many failures,
    pub failures: usize,
    /// within so many milliseconds.
    pub within_ms: i64,
    /// For how long the vendor is left alone then, at least.
    pub cooldown_ms: i64,
}

/// Which integrations are configured, for anybody: no more than whether.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfiguredView {
    /// By provider, and `teams` for alerts.
    pub integrations: BTreeMap<String, bool>,
}

/// What is stored of how the fields of a connection's rows changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneDriftView {
    /// Always true.
    pub ok: bool,
    /// The connection's.
    pub data: DriftView,
}

/// How the fields of a connection's rows changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftView {
    /// `tenant/provider/name`
    pub connection: String,
    /// Each entity that was pulled.
    pub entities: Vec<EntityDriftView>,
}

/// What is known of an entity's fields.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityDriftView {
    /// Which.
    pub entity: String,
    /// What is done where they change: `accept`, `freeze` or `ignore`.
    pub policy: Option<&'static str>,
    /// Whether it was read to its end once: before, nothing is a change.
    pub is_whole: bool,
    /// How many fields are known.
    pub fields: usize,
    /// Whether there are more than are known.
    pub more_fields: bool,
    /// What is known of each, by path; absent unless the entity was asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<BTreeMap<String, FieldView>>,
    /// The last changes, at most 100.
    #[schema(value_type = Vec<Object>)]
    pub changes: Vec<Change>,
    /// The run that met them; null where there were none.
    pub changed_by: Option<String>,
    /// When that run started.
    pub changed_at: Option<String>,
}

/// What is known of a field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldView {
    /// Its types.
    pub types: String,
    /// Whether each row had it.
    pub always: bool,
}
