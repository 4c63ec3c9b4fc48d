//! Reject: keep what was not let in, for a bounded time and number per source, so that it can be found, and let in after
//! a secret was corrected.

use crate::domain::delivery::{REJECTED_BODY_BYTES_MAX, Rejected};
use crate::domain::redact;
use crate::engine::deliveries::context::Deliveries;

/// Keeps a rejected delivery. `source` is one of a bounded set, never a name that the sender made up. A failure to keep it
/// does not change the answer, which is a refusal anyway. Keeping it counts it.
pub async fn reject(deliveries: &Deliveries, source: &str, mut rejected: Rejected, body: &[u8]) {
    let body = (!body.is_empty() && body.len() <= REJECTED_BODY_BYTES_MAX).then_some(body);
    rejected.has_body = body.is_some();
    rejected.detail = redact::error_text(&rejected.detail);
    tracing::warn!(source, reason = rejected.reason.as_str(), correlation_id = %rejected.correlation_id,
        body_bytes = rejected.body_bytes, "delivery rejected");
    if let Err(error) = deliveries.aws.keep_rejected(source, &rejected, body).await {
        tracing::error!(source, %error, correlation_id = %rejected.correlation_id, "rejected delivery not kept");
    }
}
