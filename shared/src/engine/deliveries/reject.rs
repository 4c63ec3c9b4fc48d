//! Reject: keep what was not let in, for a bounded time and number per origin, so that it can be found, and let in after
//! a secret was corrected.

use crate::aws::faults::AwsFault;
use crate::domain::deliveries::rejected::{
    ACKNOWLEDGED_BODY_BYTES_MAX, REJECTED_BODY_BYTES_MAX, Rejected, Ring, RingKind,
};
use crate::domain::ids::TenantId;
use crate::domain::redact;
use crate::engine::deliveries::context::Deliveries;

/// Keeps a rejected delivery. `origin` is one of a bounded set, never a name that the sender made up; `proved` says that the
/// signature was right. Keeping it counts it.
///
/// # Errors
/// When it could not be kept. That matters for one that is acknowledged; another's answer is a refusal anyway.
pub async fn reject(
    deliveries: &Deliveries,
    origin: &str,
    proved: bool,
    mut rejected: Rejected,
    body: &[u8],
) -> Result<(), AwsFault> {
    let acknowledged = rejected.reason.is_acknowledged_at(&rejected.door);
    let bytes_max = if acknowledged { ACKNOWLEDGED_BODY_BYTES_MAX } else { REJECTED_BODY_BYTES_MAX };
    let body = (!body.is_empty() && body.len() <= bytes_max).then_some(body);
    rejected.has_body = body.is_some();
    rejected.detail = redact::error_text(&rejected.detail);
    // Senders may spell a tenant in capitals; under its one name its operators find it. What is not a tenant stays as it was sent.
    if let Ok(tenant) = TenantId::parse(&rejected.tenant) {
        rejected.tenant = tenant.to_string();
    }
    tracing::warn!(origin, reason = rejected.reason.as_str(), body_bytes = rejected.body_bytes, "delivery rejected");
    let kind = match (proved, acknowledged) {
        (true, true) => RingKind::Acknowledged,
        (true, false) => RingKind::Proved,
        (false, _) => RingKind::Open,
    };
    let ring = Ring { origin: origin.to_owned(), kind };
    let kept = keep(deliveries, &ring, &rejected, body).await;
    if let Err(error) = &kept {
        tracing::error!(origin, %error, "rejected delivery not kept");
    }
    kept
}

async fn keep(deliveries: &Deliveries, ring: &Ring, rejected: &Rejected, body: Option<&[u8]>) -> Result<(), AwsFault> {
    // Once for each ring and instance: registering it every time would double what a flood costs.
    let name = ring.to_string();
    if !deliveries.has_registered(&name) {
        deliveries.store.register_ring(ring).await?;
        deliveries.note_registered(name);
    }
    deliveries.store.keep_rejected(ring, rejected, body).await
}
