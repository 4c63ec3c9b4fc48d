//! Requeue or drop a dead letter. Who did it is recorded first.

use crate::aws::clients::Clients;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::{Begun, Forgotten};
use crate::aws::queues::webhook::WebhookQueue;
use crate::domain::audit::Action;
use crate::domain::dead_letter::{DeadLetter, DeadLetterId, Subject};
use crate::domain::deliveries::claim::Verdict;
use crate::domain::deliveries::delivery::Label;
use crate::engine::deliveries::claim::{claim, enqueue};
use crate::engine::operators::{Operator, Operators};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What sends dead letters through again. It verifies nothing, and so needs no sender's secret. Cheap to clone.
#[derive(Clone)]
pub struct Requeuer {
    /// Claims.
    pub store: DeliveryStore,
    /// What deliveries leave behind, to see whether an effect has happened.
    pub effects: EffectStore,
    /// Where deliveries are handed on.
    pub queue: WebhookQueue,
    /// What was given up on, and the record.
    pub operators: Operators,
}

impl Requeuer {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            store: DeliveryStore::connect(clients, environment)?,
            effects: EffectStore::connect(clients, environment)?,
            queue: WebhookQueue::connect(clients, environment)?,
            operators: Operators::connect(clients, environment, outside)?,
        })
    }
}

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
pub async fn requeue(requeuer: &Requeuer, operator: &Operator, id: &DeadLetterId) -> Result<Requeued, AwsFault> {
    let operators = &requeuer.operators;
    let Some((letter, body)) = operators.journal.dead_letter(&operator.tenant, id, operators.now()).await? else {
        return Ok(Requeued::NotFound);
    };
    let label = match &letter.subject {
        Subject::Delivery { label: Some(label) } => label,
        Subject::Delivery { label: None } => return Ok(Requeued::NoLabel),
        Subject::Record { .. } | Subject::Sync { .. } => return Ok(Requeued::NotADelivery),
    };
    Ok(match send_again(requeuer, operator, (&letter, &body), label, Duplicates::Send).await? {
        SentAgain::Sent | SentAgain::Applied => {
            operators.journal.delete_dead_letter(&operator.tenant, &letter).await?;
            Requeued::Done
        }
        SentAgain::Conflict => Requeued::Conflict,
        SentAgain::Decided => Requeued::Decided,
    })
}

/// What to do about an event that had its effect since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// It is sent all the same, as somebody means this very one.
    Send,
    /// There is nothing to send.
    LeaveOut,
}

/// What became of a dead letter's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentAgain {
    /// It is in the queue, or an attempt to requeue it that somebody began before has brought it through.
    Sent,
    /// Its event has had its effect since, so that there is nothing to send.
    Applied,
    /// Another body came under its key since.
    Conflict,
    /// Somebody else decided on it.
    Decided,
}

/// Sends a dead letter's delivery through again, and leaves the letter: whoever calls it forgets it then.
///
/// # Errors
/// When AWS fails. To do it again is harmless.
pub(super) async fn send_again(
    requeuer: &Requeuer,
    operator: &Operator,
    (letter, body): (&DeadLetter, &[u8]),
    label: &Label,
    duplicates: Duplicates,
) -> Result<SentAgain, AwsFault> {
    let Requeuer { store, effects, queue, operators } = requeuer;
    let (tenant, mut label) = (&operator.tenant, label.clone());
    operators.record(operator, Action::Requeue, letter.id.to_string(), Some(letter.payload_hash.clone())).await?;
    let begun = operators.journal.begin_requeue(tenant, &letter.id).await?;
    if begun == Begun::Gone {
        return Ok(SentAgain::Decided);
    }
    // A dead letter is kept for longer than its claim. Without one its sender's next attempt would be a new event, and the
    // reason could not be noted if it failed again. That the worker makes a claim where it finds none was rejected: it knows no
    // verdict, and cannot refuse.
    let mut verdict = claim(store, &operators.outside, &mut label, operators.now()).await?;
    if verdict == Verdict::Again && duplicates == Duplicates::LeaveOut && effects.happened(&label).await?.is_some() {
        verdict = Verdict::Duplicate;
    }
    match verdict {
        Verdict::Conflict => {
            operators.journal.cancel_requeue(tenant, &letter.id).await?;
            Ok(SentAgain::Conflict)
        }
        Verdict::Duplicate if duplicates == Duplicates::LeaveOut => {
            Ok(if begun == Begun::Before { SentAgain::Sent } else { SentAgain::Applied })
        }
        Verdict::First | Verdict::Again | Verdict::Duplicate => {
            label.sent_again = true;
            enqueue(queue, &operators.outside, &mut label, body).await?;
            Ok(SentAgain::Sent)
        }
    }
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
