//! What was refused or given up on, and what operators do with it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dead_letter::{DeadLetter, DeadLetterId, Subject, SyncWork};
use crate::domain::deliveries::delivery::origin;
use crate::domain::deliveries::rejected::{Rejected, RejectedId};
use crate::domain::ids::{Connection, TenantId};
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
    /// What a message was about that no worker finished; absent where it is about a delivery or a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncWorkView>,
}

/// What a message of the queue of runs was about.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncWorkView {
    /// `run`, `replay`, `fanOut` of a mirror of all tenants, or `unreadable`.
    pub of: &'static str,
    /// Which run, or which mirror of all tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Which replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<String>,
}

impl From<Option<&SyncWork>> for SyncWorkView {
    fn from(work: Option<&SyncWork>) -> Self {
        match work {
            Some(SyncWork::Run { run_id, .. }) => Self { of: "run", run_id: Some(run_id.to_string()), replay_id: None },
            Some(SyncWork::Replay { replay, .. }) => {
                Self { of: "replay", run_id: None, replay_id: Some(replay.to_string()) }
            }
            Some(SyncWork::FanOut { run_id, .. }) => {
                Self { of: "fanOut", run_id: Some(run_id.to_string()), replay_id: None }
            }
            None => Self { of: "unreadable", ..Self::default() },
        }
    }
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
            Subject::Delivery { .. } | Subject::Sync { .. } => None,
            Subject::Record { dataset, key, run_id } => {
                Some(RecordView { entity: dataset.entity.to_string(), key: key.clone(), run_id: run_id.to_string() })
            }
        };
        let sync = match &letter.subject {
            Subject::Sync { work } => Some(SyncWorkView::from(work.as_ref())),
            Subject::Delivery { .. } | Subject::Record { .. } => None,
        };
        Self {
            record,
            sync,
            id: letter.id.to_string(),
            reason: letter.reason.clone(),
            attempts: letter.attempts,
            payload_hash: letter.payload_hash.clone(),
            provider: connection.map(|connection| connection.provider.to_string()),
            connection: connection.map(|connection| connection.name.to_string()),
            tenant: connection.map(|connection| connection.tenant.to_string()),
            event_key: label.map(|label| label.key.clone()),
            event_type: label.and_then(|label| label.event_type.clone()),
            correlation_id: letter.correlation_id().map(str::to_owned),
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

/// How many were refused for a reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonCount {
    /// A stable code, see `docs/errors.md`.
    pub reason: &'static str,
    /// How many that the other filters take.
    pub count: usize,
}

/// A page of deliveries.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveriesPage {
    /// Always true.
    pub ok: bool,
    /// The newest first. Empty, with another page behind it, where nothing was found within what one call looks at.
    pub items: Vec<DeliveryView>,
    /// Whether there is more to look at.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
    /// Of those that were not let in: for which reasons, whatever `status` asks for, over all pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<ReasonCount>>,
}

/// A webhook, whatever became of it, without headers and body: they may hold anything (I9). What does not apply to its status
/// is null.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Of a refused one, its source and its number there; of a dead letter, the id to requeue or drop it by.
    pub id: String,
    /// `processed`, `dead`, `rejected`, or `admitted` after that. Or `received`, of one that was asked for by its key: it was
    /// taken in, and is in the queue or a dead letter.
    pub status: &'static str,
    /// One of a bounded set: `pos`, `trackstar`, `provider/connection`; `unknown` of who is not configured.
    pub source: Option<String>,
    /// Whose it is; of one whose signature was wrong, whose it claims to be.
    pub tenant: String,
    /// Where it comes from; of a refused one, where it claims to come from.
    pub provider: Option<String>,
    /// The same: the source or connection.
    pub connection: Option<String>,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// The key that names its event.
    pub key: Option<String>,
    /// The trace.
    pub correlation_id: Option<String>,
    /// When it came: the first time, if it came again.
    pub received_at: Option<String>,
    /// When it first had its effect.
    pub processed_at: Option<String>,
    /// What its effect came to: `done`, `older` where a newer version was there, or `unhandled` where it was only kept.
    pub outcome: Option<&'static str>,
    /// Whether its sender dated it more than 24 hours ahead of its receipt, so that its version counts as of then.
    pub ahead_of_receipt: Option<bool>,
    /// Why it was refused: a stable code, see `docs/errors.md`.
    pub reason: Option<&'static str>,
    /// Why it was refused, or why applying it failed last, for people.
    pub detail: Option<String>,
    /// How often applying it failed.
    pub attempts: Option<u32>,
    /// When it was given up.
    pub recorded_at: Option<String>,
    /// When it was let in after all.
    pub admitted_at: Option<String>,
    /// Of the body, as far as it was read.
    pub body_bytes: Option<u64>,
    /// SHA-256 of the body, lower hex; null where it was not read to its end.
    pub body_hash: Option<String>,
    /// Whether the body is kept. Without it, one that was refused cannot be let in.
    pub has_body: bool,
}

impl DeliveryView {
    /// What is shown of one that was not let in.
    #[must_use]
    pub fn of_rejected(id: &RejectedId, rejected: &Rejected) -> Self {
        Self {
            id: id.to_string(),
            status: if rejected.admitted_ms.is_some() { "admitted" } else { "rejected" },
            source: Some(id.ring.origin.clone()),
            tenant: rejected.tenant.clone(),
            provider: Some(rejected.provider.clone()),
            connection: Some(rejected.connection.clone()),
            correlation_id: Some(rejected.correlation_id.clone()),
            received_at: shown(rejected.received_ms),
            reason: Some(rejected.reason.as_str()),
            detail: Some(rejected.detail.clone()),
            admitted_at: rejected.admitted_ms.and_then(shown),
            body_bytes: Some(rejected.body_bytes),
            body_hash: rejected.body_hash.clone(),
            has_body: rejected.has_body,
            ..Self::default()
        }
    }

    /// What is shown of one that was given up on, of this tenant.
    #[must_use]
    pub fn of_dead_letter(tenant: &TenantId, letter: &DeadLetter) -> Self {
        let label = letter.label();
        let of_label = label.map(|label| Self {
            event_type: label.event_type.clone(),
            key: Some(label.key.clone()),
            correlation_id: Some(label.correlation_id.clone()),
            received_at: shown(label.received_ms),
            ..Self::over(&label.connection)
        });
        Self {
            id: letter.id.to_string(),
            status: "dead",
            tenant: tenant.to_string(),
            detail: Some(letter.reason.clone()),
            attempts: Some(letter.attempts),
            recorded_at: shown(letter.recorded_ms),
            body_hash: Some(letter.payload_hash.clone()),
            has_body: true,
            ..of_label.unwrap_or_default()
        }
    }

    /// What is shown of one that came over a connection under a key, and of its status.
    #[must_use]
    pub fn taken_in(id: String, status: &'static str, connection: &Connection, key: &str, received_ms: i64) -> Self {
        Self { id, status, key: Some(key.to_owned()), received_at: shown(received_ms), ..Self::over(connection) }
    }

    fn over(connection: &Connection) -> Self {
        Self {
            source: Some(origin(connection)),
            tenant: connection.tenant.to_string(),
            provider: Some(connection.provider.to_string()),
            connection: Some(connection.name.to_string()),
            ..Self::default()
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
