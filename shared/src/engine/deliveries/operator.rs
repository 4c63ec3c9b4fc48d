//! Operators: who decides on dead letters and rejected deliveries. What one decides is recorded first, and what cannot be
//! recorded is not done.

use crate::aws::faults::AwsFault;
use crate::domain::audit::{Action, Audit};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::context::Deliveries;

/// Who decides.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Whose data they may touch.
    pub tenant: TenantId,
    /// Who.
    pub actor: String,
    /// The trace.
    pub correlation_id: String,
}

impl Operator {
    /// Records what they are about to do, to what, and with which body. A crash after it leaves an entry for what was not done.
    ///
    /// # Errors
    /// When AWS fails; it must not be done then.
    pub(super) async fn record(
        &self,
        deliveries: &Deliveries,
        action: Action,
        target: String,
        body_hash: Option<String>,
    ) -> Result<(), AwsFault> {
        let entry = Audit {
            actor: self.actor.clone(),
            action,
            target,
            body_hash,
            at_ms: deliveries.now().as_millisecond(),
            correlation_id: self.correlation_id.clone(),
        };
        deliveries.aws.audit(&self.tenant, deliveries.outside.entropy.bytes16(), &entry).await
    }
}
