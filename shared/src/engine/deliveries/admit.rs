//! Admit: verify a rejected delivery again, as of when it was received, and let it in after all. For a secret that was
//! wrong here, or a sender that was not configured yet.

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::audit::Action;
use crate::domain::deliveries::rejected::RejectedId;
use crate::domain::ids::TenantId;
use crate::engine::deliveries::arrival::{Arrival, ArrivedBody, Headers};
use crate::engine::deliveries::context::Deliveries;
use crate::engine::deliveries::take_in::{Acknowledgement, Intake, NotTakenIn, take_in_again};
use crate::engine::operators::{Operator, Operators};

/// What came of it.
#[derive(Debug)]
pub enum Admitted {
    /// It was taken in, or refused again.
    Intake(Intake),
    /// There is no such rejected delivery.
    NotFound,
    /// Its body was not kept: the sender must send it again.
    NoBody,
}

/// Verifies a rejected delivery again.
///
/// # Errors
/// When AWS fails. Admitting twice is harmless: the second is a duplicate.
pub async fn admit(
    deliveries: &Deliveries,
    operators: &Operators,
    operator: &Operator,
    id: &RejectedId,
) -> Result<Admitted, NotTakenIn> {
    let Some((rejected, body)) = deliveries.store.rejected_one(id, deliveries.now()).await? else {
        return Ok(Admitted::NotFound);
    };
    // Whoever decides within a tenant decides on nothing that says it is another's.
    if operator.tenant != TenantId::DEFAULT && rejected.tenant != operator.tenant.as_str() {
        return Ok(Admitted::NotFound);
    }
    let Some(body) = body else { return Ok(Admitted::NoBody) };
    // Whoever decides has just changed what is gone by.
    let connections = deliveries.connections.as_of_now();
    let arrival = Arrival {
        behind: deliveries.behind_by(&connections, &rejected.door).await.map_err(NotTakenIn::Unread)?,
        door: rejected.door,
        headers: Headers(rejected.headers),
        body: ArrivedBody::Whole(Bytes::from(body)),
        correlation_id: rejected.correlation_id,
        correlation_made: false,
        received_at: Timestamp::from_millisecond(rejected.received_ms).unwrap_or(Timestamp::UNIX_EPOCH),
    };
    operators.record(operator, Action::Admit, id.to_string(), rejected.body_hash).await?;
    let intake = take_in_again(deliveries, &connections, &arrival).await?;
    // What is refused again is kept already: to keep it once more would push out others. Nor is one let in that counts as
    // another event still.
    if !matches!(intake, Intake::Refused(_) | Intake::Duplicate(Acknowledgement { kept: Some(_), .. })) {
        deliveries.store.mark_admitted(id, deliveries.now().as_millisecond()).await?;
    }
    Ok(Admitted::Intake(intake))
}
