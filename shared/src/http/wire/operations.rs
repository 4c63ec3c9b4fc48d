//! What was refused or given up on, and what operators do with it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dead_letter::{DeadLetter, DeadLetterId, Subject};
use crate::domain::deliveries::rejected::{Rejected, RejectedId};
use crate::domain::time;

/// Epoch milliseconds, as they are shown.
fn shown(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).map(time::text).ok()
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLettersView {
    /// Always true.
    pub ok: bool,
    /// The newest first. Empty where none was found within what one call looks at.
    pub items: Vec<DeadLetterView>,
    /// Whether there is more to look at.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// A dead letter without its body (I9). All that its label says is null where it could not be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterView {
    /// Sorts by time.
    pub id: String,
    /// Why applying it failed last.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// SHA-256 of the body, lower hex.
    pub payload_hash: String,
    /// `pos`, `trackstar`, or a configured sender's.
    pub provider: Option<String>,
    /// The source or connection.
    pub connection: Option<String>,
    /// Whose it is.
    pub tenant: Option<String>,
    /// The key that names its event.
    pub event_key: Option<String>,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// The trace.
    pub correlation_id: Option<String>,
    /// When it was taken in.
    pub received_at: Option<String>,
    /// When it was given up.
    pub recorded_at: Option<String>,
    /// The record that a run could not take; absent where it is about a delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordView>,
}

/// A record that a run could not take.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// What it is one of: products, orders, …
    pub entity: String,
    /// The vendor's id of it.
    pub key: String,
    /// The run that met it.
    pub run_id: String,
}

impl From<&DeadLetter> for DeadLetterView {
    fn from(letter: &DeadLetter) -> Self {
        let (label, connection) = (letter.label(), letter.connection());
        let record = match &letter.subject {
            Subject::Delivery { .. } => None,
            Subject::Record { dataset, key, run_id } => {
                Some(RecordView { entity: dataset.entity.to_string(), key: key.clone(), run_id: run_id.to_string() })
            }
        };
        Self {
            record,
            id: letter.id.to_string(),
            reason: letter.reason.clone(),
            attempts: letter.attempts,
            payload_hash: letter.payload_hash.clone(),
            provider: connection.map(|connection| connection.provider.to_string()),
            connection: connection.map(|connection| connection.name.to_string()),
            tenant: connection.map(|connection| connection.tenant.to_string()),
            event_key: label.map(|label| label.key.clone()),
            event_type: label.and_then(|label| label.event_type.clone()),
            correlation_id: label.map(|label| label.correlation_id.clone()),
            received_at: label.and_then(|label| shown(label.received_ms)),
            recorded_at: shown(letter.recorded_ms),
        }
    }
}

/// A dead letter that was decided on.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecidedView {
    /// Always true.
    pub ok: bool,
    /// Which one.
    pub id: String,
}

impl From<&DeadLetterId> for DecidedView {
    fn from(id: &DeadLetterId) -> Self {
        Self { ok: true, id: id.to_string() }
    }
}

/// Which dead letters to requeue: the filters of GET /api/sync/dead-letters, and no other field. An empty object means all.
#[derive(Debug, ToSchema)]
pub struct RequeueRequest {
    /// pos, trackstar, …
    pub provider: Option<String>,
    /// The source or connection.
    pub connection: Option<String>,
    /// A part of the reason, in any case.
    pub reason: Option<String>,
    /// From an answer's `cursor`.
    pub cursor: Option<String>,
}

/// What one call requeued.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequeuedView {
    /// Always true.
    pub ok: bool,
    /// How many were sent through again.
    pub requeued: usize,
    /// How many do not match, have no label, have a key that came with another body since, or were decided on meanwhile.
    pub skipped: usize,
    /// Whether there are others to look at.
    pub more: bool,
    /// Where they start: for the next call.
    pub cursor: Option<String>,
}

/// A page of webhooks that were not let in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedPage {
    /// Always true.
    pub ok: bool,
    /// The newest first.
    pub items: Vec<RejectedView>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Where it starts.
    pub next_cursor: Option<String>,
}

/// A webhook that was not let in, without headers and body: they may hold anything (I9).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedView {
    /// Its source, and its number there.
    pub id: String,
    /// `rejected`, or `admitted` since.
    pub status: &'static str,
    /// A stable code, see `docs/errors.md`.
    pub reason: &'static str,
    /// For people.
    pub detail: String,
    /// Whose it claims to be.
    pub tenant: String,
    /// Where it claims to come from.
    pub provider: String,
    /// The same: the source or connection.
    pub connection: String,
    /// When it came.
    pub received_at: Option<String>,
    /// The trace.
    pub correlation_id: String,
    /// Of the body, as far as it was read.
    pub body_bytes: u64,
    /// SHA-256 of the body, lower hex; null where it was not read to its end.
    pub body_hash: Option<String>,
    /// Whether the body was kept: without it, it cannot be let in.
    pub has_body: bool,
    /// When it was let in after all.
    pub admitted_at: Option<String>,
}

impl RejectedView {
    /// What is shown of it.
    #[must_use]
    pub fn of(id: &RejectedId, rejected: &Rejected) -> Self {
        Self {
            id: id.to_string(),
            status: if rejected.admitted_ms.is_some() { "admitted" } else { "rejected" },
            reason: rejected.reason.as_str(),
            detail: rejected.detail.clone(),
            tenant: rejected.tenant.clone(),
            provider: rejected.provider.clone(),
            connection: rejected.connection.clone(),
            received_at: shown(rejected.received_ms),
            correlation_id: rejected.correlation_id.clone(),
            body_bytes: rejected.body_bytes,
            body_hash: rejected.body_hash.clone(),
            has_body: rejected.has_body,
            admitted_at: rejected.admitted_ms.and_then(shown),
        }
    }
}

/// Which rejected delivery to verify again.
#[derive(Debug, ToSchema)]
pub struct VerifyRequest {
    /// As listed by GET /api/admin/deliveries.
    pub id: String,
}

/// A rejected delivery that was let in.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdmittedView {
    /// Always true.
    pub ok: bool,
    /// `accepted` or `duplicate`.
    pub status: &'static str,
}
