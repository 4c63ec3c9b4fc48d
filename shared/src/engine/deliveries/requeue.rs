//! Requeue or drop a dead letter. Who did it is recorded first.

use crate::aws::faults::AwsFault;
use crate::aws::journal::Forgotten;
use crate::domain::audit::Action;
use crate::domain::dead_letter::{DeadLetterId, Subject};
use crate::domain::deliveries::claim::Verdict;
use crate::domain::deliveries::delivery::Label;
use crate::engine::deliveries::claim::{claim, enqueue};
use crate::engine::deliveries::context::Deliveries;
use crate::engine::operators::{Operator, Operators};

/// What became of a dead letter that was to be requeued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// It is in the queue.
    Done,
    /// There is no such dead letter.
    NotFound,
    /// It is about a record of a run: no queue takes it.
    NotADelivery,
    /// It has no label: nobody knows where it should go. It can be dropped.
    NoLabel,
    /// Another body came under its key since: only one of the two can be what the key names. It can be dropped.
    Conflict,
    /// Somebody else dropped it meanwhile, or requeued it.
    Decided,
}

impl Requeued {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "requeued",
            Self::NotFound => "not_found",
            Self::NotADelivery => "not_a_delivery",
            Self::NoLabel => "no_label",
            Self::Conflict => "conflict",
            Self::Decided => "already_decided",
        }
    }
}

/// What became of a dead letter that was to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It is forgotten.
    Done,
    /// There is no such dead letter.
    NotFound,
    /// Somebody else is requeuing it.
    Decided,
}

/// Sends a dead letter through again. That somebody does is noted on it first: so a drop at the same time is refused, or was
/// there before, and nobody is told that what has its effect was dropped. A crash before it is forgotten leaves it listed; requeuing it again is harmless, as its
/// effect is idempotent.
///
/// # Errors
/// When AWS fails.
pub async fn requeue(
    deliveries: &Deliveries,
    operators: &Operators,
    operator: &Operator,
    id: &DeadLetterId,
) -> Result<Requeued, AwsFault> {
    let Some((letter, body)) = operators.journal.dead_letter(&operator.tenant, id, operators.now()).await? else {
        return Ok(Requeued::NotFound);
    };
    let mut label = match &letter.subject {
        Subject::Delivery { label: Some(label) } => label.clone(),
        Subject::Delivery { label: None } => return Ok(Requeued::NoLabel),
        Subject::Record { .. } => return Ok(Requeued::NotADelivery),
    };
    operators.record(operator, Action::Requeue, id.to_string(), Some(letter.payload_hash.clone())).await?;
    if !operators.journal.begin_requeue(&operator.tenant, id).await? {
        return Ok(Requeued::Decided);
    }
    if !claim_again(deliveries, &mut label).await? {
        operators.journal.cancel_requeue(&operator.tenant, id).await?;
        return Ok(Requeued::Conflict);
    }
    enqueue(deliveries, &mut label, &body).await?;
    operators.journal.delete_dead_letter(&operator.tenant, &letter).await?;
    Ok(Requeued::Done)
}

/// Forgets a dead letter, unless somebody is requeuing it.
///
/// # Errors
/// When AWS fails.
pub async fn drop_dead_letter(
    operators: &Operators,
    operator: &Operator,
    id: &DeadLetterId,
) -> Result<Dropped, AwsFault> {
    let Some((letter, _)) = operators.journal.dead_letter(&operator.tenant, id, operators.now()).await? else {
        return Ok(Dropped::NotFound);
    };
    operators.record(operator, Action::Drop, id.to_string(), Some(letter.payload_hash.clone())).await?;
    Ok(match operators.journal.drop_dead_letter(&operator.tenant, &letter).await? {
        Forgotten::Now => Dropped::Done,
        Forgotten::Before => Dropped::NotFound,
        Forgotten::Requeuing => Dropped::Decided,
    })
}

/// Claims the key of a dead letter again; false when another body came under it since.
///
/// A dead letter is kept for longer than its claim. Without one its sender's next attempt would be a new event, and the reason
/// could not be noted if it failed again.
/// That the worker makes a claim where it finds none was rejected: it knows no verdict, and cannot refuse.
async fn claim_again(deliveries: &Deliveries, label: &mut Label) -> Result<bool, AwsFault> {
    Ok(claim(deliveries, label, deliveries.now()).await? != Verdict::Conflict)
}
