//! Rows that were set aside, as clients of the control centre read them: each field under both of the names that they know it by.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::dead_letter::{DeadLetter, Subject};
use crate::domain::deliveries::shown::{self, ShownContent};
use crate::domain::time;

/// How much of a row is shown, in bytes: an answer has up to fifty of them, twice.
const ROW_BYTES_MAX: usize = 16 * 1024;

/// The newest rows that were set aside.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetAsideView {
    /// Always true.
    pub ok: bool,
    /// The newest 50, the newest first.
    pub items: Vec<SetAsideRowView>,
    /// How many there are, as far as was looked.
    pub total: usize,
    /// How many are shown.
    pub count: usize,
    /// Whether there may be more than `total`: one call looks at the tenant's newest 5,000 dead letters.
    pub more: bool,
}

/// A row that was set aside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetAsideRowView {
    /// Which.
    pub id: String,
    /// What it is one of.
    pub entity: String,
    /// The vendor's id of it; empty where it has none.
    pub key: String,
    /// Why it cannot be taken, as of the last try.
    pub reason: String,
    /// The same.
    pub error: String,
    /// SHA-256 of it, lower hex.
    pub payload_hash: String,
    /// The row, without what looks like a credential; of a long one its beginning, as a text.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// The same.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Whether it is longer than what is shown.
    pub payload_cut: bool,
    /// When it was set aside.
    pub created_at: Option<String>,
    /// The same.
    pub timestamp: Option<String>,
    /// The run that met it.
    pub run_id: String,
    /// How often somebody tried to apply it in vain.
    pub retry_count: u32,
    /// How often one call tries to.
    pub max_retries: u32,
    /// Always `pull`.
    pub original_operation: &'static str,
}

impl SetAsideRowView {
    /// A row; none where the letter is about none.
    #[must_use]
    pub fn of(letter: &DeadLetter, row: &[u8], max_retries: u32) -> Option<Self> {
        let Subject::Record { dataset, key, run_id } = &letter.subject else { return None };
        let (payload, payload_cut) = shown_row(row);
        let at = Timestamp::from_millisecond(letter.recorded_ms).map(time::text).ok();
        Some(Self {
            id: letter.id.to_string(),
            entity: dataset.entity.to_string(),
            key: key.clone(),
            reason: letter.reason.clone(),
            error: letter.reason.clone(),
            payload_hash: letter.payload_hash.clone(),
            data: payload.clone(),
            payload,
            payload_cut,
            created_at: at.clone(),
            timestamp: at,
            run_id: run_id.to_string(),
            retry_count: letter.attempts.saturating_sub(1),
            max_retries,
            original_operation: "pull",
        })
    }
}

fn shown_row(row: &[u8]) -> (Value, bool) {
    let beginning = row.get(..ROW_BYTES_MAX).unwrap_or(row);
    let body = shown::body(beginning, row.len() as u64);
    let text = match body.content {
        ShownContent::Text(text) | ShownContent::Base64(text) => text,
    };
    match serde_json::from_str(&text) {
        Ok(row) if !body.cut => (row, false),
        _ => (Value::from(text), body.cut),
    }
}

/// Which row is meant.
#[derive(Debug, ToSchema)]
pub struct RequeueRowRequest {
    /// Its `id` in the list.
    pub id: String,
}

/// Which rows are meant.
#[derive(Debug, ToSchema)]
pub struct RowsRequest {
    /// Of which entity alone; all of the connection without it.
    pub entity: Option<String>,
    /// Where to go on, as the answer before says.
    pub cursor: Option<String>,
}

/// A row that was applied.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowRequeuedView {
    /// Always true.
    pub ok: bool,
    /// For people.
    pub message: &'static str,
    /// The run that applied it.
    pub run_id: String,
    /// Whether the vendor has another row by now, which was applied in its place.
    pub changed_since: bool,
}

/// Rows that were applied.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowsRequeuedView {
    /// Always true.
    pub ok: bool,
    /// How many were applied: at most 25 a call, and for 20 s.
    pub count: usize,
    /// Of how many of these the vendor had another row by now.
    pub changed_since: usize,
    /// How many were tried in vain, and stay.
    pub failed: usize,
    /// Whether there are others: send `cursor` with the next call.
    pub more: bool,
    /// Where to go on; null where nothing is left.
    pub cursor: Option<String>,
    /// The run that was in the way, so that this call ended early; null where none was.
    pub busy: Option<String>,
    /// Until when the vendor is not asked, where that ended this call early; null where it did not.
    pub rests_until: Option<String>,
}

/// Rows that were forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowsForgottenView {
    /// Always true.
    pub ok: bool,
    /// How many: at most 500 a call.
    pub count: usize,
    /// Whether there are others: ask again.
    pub more: bool,
    /// For people.
    pub message: &'static str,
}
