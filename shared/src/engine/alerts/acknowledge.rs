//! Acknowledge an alert: it is on record who saw it, and it is not told of again until it is over.

use crate::aws::alerts::{AlertStore, Committed};
use crate::aws::faults::AwsFault;
use crate::domain::alerts::life::Alert;
use crate::domain::audit::Action;
use crate::engine::operators::{Operator, Operators};

/// How often it is tried where looks change the alert meanwhile.
const TRIES_MAX: u32 = 5;

/// Why an alert was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum NotAcknowledged {
    /// There is none.
    #[error("there is no such alert")]
    NotFound,
    /// Looks changed it each time.
    #[error("the alert changed each time: try again")]
    Contended,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// Acknowledges an alert of the operator's tenant: the alert as it is then. One that was acknowledged, or is resolved, is as it was.
///
/// # Errors
/// When there is none, or AWS fails. A crash between the record and the deed leaves an entry for what was not done.
pub async fn acknowledge(
    store: &AlertStore,
    operators: &Operators,
    operator: &Operator,
    id: &str,
) -> Result<Alert, NotAcknowledged> {
    let listed = store.listed(&operator.tenant, id).await?.ok_or(NotAcknowledged::NotFound)?;
    let mut is_recorded = false;
    for _ in 0..TRIES_MAX {
        let current = store.current(&listed.connection, listed.rule).await?;
        // Another alert of the rule may have taken its place: this one is over then.
        let Some(alert) = current.filter(|alert| alert.id == id) else { return Ok(listed) };
        let now = operators.now();
        let Some(step) = alert.acknowledged(&operator.actor, now) else { return Ok(alert) };
        if !is_recorded {
            operators.record(operator, Action::AcknowledgeAlert, id.to_owned(), None).await?;
            is_recorded = true;
        }
        if store.commit(Some(&alert), &step, now).await? == Committed::Yes {
            return Ok(step.alert);
        }
    }
    Err(NotAcknowledged::Contended)
}
