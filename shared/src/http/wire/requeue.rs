//! Requeuing many dead letters: what it would come to, and what it came to.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dead_letter::{DeadLetter, DeadLetterId};

/// Which dead letters to requeue: the filters of GET /api/sync/dead-letters, or their ids, and no other field. An empty object
/// means all.
#[derive(Debug, ToSchema)]
pub struct RequeueRequest {
    /// pos, trackstar, …
    pub provider: Option<String>,
    /// The source or connection.
    pub connection: Option<String>,
    /// A part of the reason, in any case.
    pub reason: Option<String>,
    /// Sent to the queue at or after this.
    pub from: Option<String>,
    /// Sent to the queue at or before this, or on this day.
    pub to: Option<String>,
    /// These alone, at most 100, without a filter beside them.
    pub ids: Option<Vec<String>>,
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
    /// What became of each that matches or was named, in the order in which they were taken.
    pub results: Vec<RequeuedOneView>,
}

/// What became of one dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequeuedOneView {
    /// Which one.
    pub id: String,
    /// `requeued`, `not_found`, `not_a_delivery`, `no_label`, `conflict` (its key came with another body since), `already_decided`
    /// (somebody else dropped it).
    pub result: &'static str,
}

/// What requeuing would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewView {
    /// Always true.
    pub ok: bool,
    /// The newest first, or as they were named. Empty where none was found within what one call looks at.
    pub items: Vec<PreviewedView>,
    /// Whether there is more to look at.
    pub has_more: bool,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// What requeuing one dead letter would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewedView {
    /// Which one.
    pub id: String,
    /// The key that names its event.
    pub event_key: Option<String>,
    /// Its trace.
    pub correlation_id: Option<String>,
    /// `new`: it would have its effect; `stale`: it would be applied and change nothing, as a newer version is there; `duplicate`: its event has had it since; `conflict`: another body came under its key since;
    /// `fail`: `detail` says why it cannot be applied; `no_label`, `not_a_delivery`: it can only be dropped; `gone`: it was
    /// named and is not there.
    pub would: &'static str,
    /// Of `fail`, why.
    pub detail: Option<String>,
}

impl PreviewedView {
    /// What is shown of one that is not there.
    #[must_use]
    pub fn gone(id: &DeadLetterId) -> Self {
        Self { id: id.to_string(), event_key: None, correlation_id: None, would: "gone", detail: None }
    }

    /// What is shown of one.
    #[must_use]
    pub fn of(letter: &DeadLetter, would: &'static str, detail: Option<&str>) -> Self {
        let label = letter.label();
        Self {
            id: letter.id.to_string(),
            event_key: label.map(|label| label.key.clone()),
            correlation_id: label.map(|label| label.correlation_id.clone()),
            would,
            detail: detail.map(String::from),
        }
    }
}
