//! One delivery: what came, and its life.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::operations::DeliveryView;
use crate::domain::deliveries::shown::{self, ShownBody, ShownContent};
use crate::domain::time;

/// A delivery with all that is kept of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneDeliveryView {
    /// Always true.
    pub ok: bool,
    /// As lists show it.
    pub delivery: DeliveryView,
    /// The path that it came to.
    pub path: Option<String>,
    /// Whether headers and body are kept from this caller, who needs the scope deliveries:read or deliveries:write for them.
    pub withheld: bool,
    /// The headers that matter to its door; kept of refused ones alone.
    pub headers: Vec<HeaderView>,
    /// The body; null where it is not kept.
    pub body: Option<BodyView>,
    /// What happened to it, as far as that is stored, from its receipt on.
    pub life: Vec<LifeView>,
}

/// A header.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeaderView {
    /// In lower case.
    pub name: String,
    /// As it came; signatures are shortened, credentials left out.
    pub value: String,
    /// Whether that was done.
    pub masked: bool,
}

impl HeaderView {
    /// A header as it is shown.
    #[must_use]
    pub fn of(name: &str, value: &str) -> Self {
        let (value, masked) = shown::header(name, value);
        Self { name: name.to_owned(), value, masked }
    }
}

/// A body: its text, or where it is none its base64.
#[derive(Debug, Serialize, ToSchema)]
pub struct BodyView {
    /// As it came, but that values of members that are called like credentials are `***`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// How many bytes it has, all of it.
    pub bytes: u64,
    /// Whether this is its beginning alone: at most 256 KB are shown.
    pub cut: bool,
    /// Whether something was masked.
    pub masked: bool,
}

impl From<ShownBody> for BodyView {
    fn from(body: ShownBody) -> Self {
        let (text, base64) = match body.content {
            ShownContent::Text(text) => (Some(text), None),
            ShownContent::Base64(text) => (None, Some(text)),
        };
        Self { text, base64, bytes: body.bytes, cut: body.cut, masked: body.masked }
    }
}

/// Something that happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LifeView {
    /// `received`, `refused`, `admitted`, `verified`, `queued` (the last time), `failed`, `processed`, `given_up`.
    pub what: &'static str,
    /// When; null where only that it happened is stored.
    pub at: Option<String>,
    /// Of `verified` the secret: `current`, `previous` or `bypass`. Of `refused` the reason's code, of `processed` the outcome, of
    /// `failed` and `given_up` why, last.
    pub detail: Option<String>,
    /// Of `failed`: how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl LifeView {
    /// Something that happened at a moment, epoch milliseconds, if that is known.
    #[must_use]
    pub fn new(what: &'static str, at_ms: Option<i64>) -> Self {
        let at = at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(time::text);
        Self { what, at, detail: None, times: None }
    }

    /// With what there is to say of it.
    #[must_use]
    pub fn because(self, detail: Option<&str>) -> Self {
        Self { detail: detail.map(String::from), ..self }
    }
}
