//! Why an arrival is refused.

use crate::domain::deliveries::rejected::Rejection;
use crate::domain::deliveries::signature::Finding;
use crate::domain::ids::Connection;
use crate::domain::redact::LENGTH_MAX;

/// Why an arrival was refused.
#[derive(Debug)]
pub struct Refusal {
    /// The kind of reason.
    pub reason: Rejection,
    /// For people; no secret.
    pub detail: String,
    /// Whether no signature was sent, which some doors answer otherwise than a wrong one.
    pub unsigned: bool,
    /// The trace, if the body had a better one.
    pub trace: Option<String>,
    /// Whether its signature was right.
    pub proved: bool,
    /// Over which connection it comes, once a verified body has named that.
    pub connection: Option<Box<Connection>>,
    /// What explains a wrong signature. For operators alone, and so empty at a door: whoever may ask often enough learns about
    /// the secret.
    pub findings: Vec<Finding>,
}

impl Refusal {
    pub(super) fn new(reason: Rejection, detail: impl Into<String>) -> Self {
        // It goes into an answer, a table and a log, and may name what the sender sent.
        let detail = detail.into().chars().take(LENGTH_MAX).collect();
        Self { reason, detail, unsigned: false, trace: None, proved: false, connection: None, findings: Vec::new() }
    }

    /// An operator has paused the connection. It can be let in when it works again.
    pub(super) fn paused() -> Self {
        Self::new(Rejection::UnknownSender, "the connection is paused")
    }

    pub(super) fn bad_body(detail: impl Into<String>) -> Self {
        Self::new(Rejection::BadBody, detail)
    }
}
