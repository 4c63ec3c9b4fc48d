//! Weekly digests, as clients read them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::digest::record::Record;
use crate::domain::time;

/// That somebody is to be told of a week, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigestView {
    /// Its id: the same for the same week and recipient.
    pub id: String,
    /// The first day of the week.
    pub first: String,
    /// Its last day.
    pub last: String,
    /// `tenant` or `platform`: whose mirrors it is of.
    pub of: &'static str,
    /// Who is told: an address, or `teams/name`.
    pub to: String,
    /// The connection that names them, `provider/name`.
    pub connection: String,
    /// `wanted`, `claimed` (nobody knows yet whether it came, and perhaps never will), `sent` or `failed`.
    pub state: &'static str,
    /// How often it was begun to send it.
    pub tries: u32,
    /// When it was begun last.
    pub claimed_at: Option<String>,
    /// When it was taken.
    pub sent_at: Option<String>,
    /// Why it was not, or why nobody knows.
    pub error: Option<String>,
    /// What SES calls it; on one's own machine `.signalbox/outbox/` has a file of this name and `.eml`.
    pub message: Option<String>,
    /// What it said; null while nothing was sent.
    pub text: Option<String>,
    /// Whether it may be sent by hand.
    pub may_be_sent: bool,
}

impl From<&Record> for DigestView {
    fn from(record: &Record) -> Self {
        let (first, last) = record.week.days();
        Self {
            id: record.id.clone(),
            first,
            last,
            of: record.scope.as_str(),
            to: record.address.text(),
            connection: format!("{}/{}", record.connection.provider, record.connection.name),
            state: record.state.as_str(),
            tries: record.tries,
            claimed_at: record.claimed_at.map(time::text),
            sent_at: record.sent_at.map(time::text),
            error: record.error.clone(),
            message: record.message.clone().filter(|message| !message.is_empty()),
            text: record.text.clone().filter(|text| !text.is_empty()),
            may_be_sent: record.by_hand().is_some(),
        }
    }
}

/// A page of digests.
#[derive(Debug, Serialize, ToSchema)]
pub struct DigestsView {
    /// Always true.
    pub ok: bool,
    /// Those of the newest week first.
    pub digests: Vec<DigestView>,
    /// What the next page is asked for with; null on the last one.
    pub cursor: Option<String>,
}

/// The mail of a digest.
#[derive(Debug, Serialize, ToSchema)]
pub struct DigestMailView {
    /// Always true.
    pub ok: bool,
    /// The file, as a mail program opens it (RFC 5322).
    pub eml: String,
}

/// A digest that is sent by hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneDigestView {
    /// Always true.
    pub ok: bool,
    /// The digest as it is now: the next tick sends it.
    pub digest: DigestView,
}

/// Who does not want the digest any more, or does again.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnsubscribedView {
    /// Always true.
    pub ok: bool,
    /// The address.
    pub address: String,
    /// Whether it is still sent.
    pub subscribed: bool,
}
