//! Preview: what requeuing dead letters would come to, for each of them. It reads and writes nothing; what happens between it and
//! the requeuing may make it untrue.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::{DeadLetter, Subject};
use crate::domain::deliveries::claim::Verdict;
use crate::domain::deliveries::delivery::{Channel, Label};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::claim::foresee;
use crate::engine::deliveries::thing::Thing;

/// Dead letters that are looked at beside one another: connections that a small function can open.
const WIDTH: usize = 8;

/// What requeuing a dead letter would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Would {
    /// Its effect is not known to have happened, and would.
    New,
    /// It would be applied, and change nothing: a newer version is there.
    Stale,
    /// Its event has had its effect since, and would have no second one.
    Duplicate,
    /// It would be refused: another body came under its key since.
    Conflict,
    /// It would be given up again: this is why it cannot be applied.
    Fail(String),
    /// It would be refused: it has no label that says where it goes.
    NoLabel,
    /// It would be refused: it is a record of a run.
    NotADelivery,
}

impl Would {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Fail(_) => "fail",
            Self::NoLabel => "no_label",
            Self::NotADelivery => "not_a_delivery",
        }
    }

    /// Why it would fail.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Fail(why) => Some(why),
            _ => None,
        }
    }
}

/// What foreseeing reads. Cheap to clone.
#[derive(Clone)]
pub struct Foresight {
    /// Claims.
    pub store: DeliveryStore,
    /// Dead letters.
    pub journal: Journal,
    /// What deliveries leave behind.
    pub effects: EffectStore,
}

/// What requeuing each of these would come to, in their order. One to five reads each, and its body where that decides.
///
/// # Errors
/// When AWS fails.
pub async fn preview(
    foresight: &Foresight,
    now: Timestamp,
    tenant: &TenantId,
    letters: Vec<DeadLetter>,
) -> Result<Vec<(DeadLetter, Would)>, AwsFault> {
    let looked_at = letters.into_iter().map(|letter| async move {
        let would = would(foresight, now, tenant, &letter).await?;
        Ok((letter, would))
    });
    futures::stream::iter(looked_at).buffered(WIDTH).try_collect().await
}

async fn would(
    foresight: &Foresight,
    now: Timestamp,
    tenant: &TenantId,
    letter: &DeadLetter,
) -> Result<Would, AwsFault> {
    let label = match &letter.subject {
        Subject::Delivery { label: Some(label) } => label,
        Subject::Delivery { label: None } => return Ok(Would::NoLabel),
        Subject::Record { .. } | Subject::Sync { .. } => return Ok(Would::NotADelivery),
    };
    match foresee(&foresight.store, &foresight.effects, label, now).await? {
        Verdict::Conflict => return Ok(Would::Conflict),
        Verdict::Duplicate => return Ok(Would::Duplicate),
        Verdict::First | Verdict::Again => {}
    }
    if is_event(label) {
        return Ok(Would::New);
    }
    // Gone meanwhile, it has nothing that could fail.
    let found = foresight.journal.dead_letter(tenant, &letter.id, now).await?;
    let Some((_, body)) = found else { return Ok(Would::New) };
    Ok(match prospect(&foresight.effects, label, &body, now).await? {
        Prospect::New => Would::New,
        Prospect::Stale => Would::Stale,
        Prospect::Fail(why) => Would::Fail(why),
    })
}

/// What applying a delivery would come to, by its body.
pub(super) enum Prospect {
    /// It would have its effect.
    New,
    /// A newer version is there.
    Stale,
    /// It cannot be applied.
    Fail(String),
}

/// Foresees it: one read, of what has versions alone.
///
/// # Errors
/// When AWS fails.
pub(super) async fn prospect(
    effects: &EffectStore,
    label: &Label,
    body: &[u8],
    now: Timestamp,
) -> Result<Prospect, AwsFault> {
    if is_event(label) {
        return Ok(Prospect::New);
    }
    match Thing::read(label, body) {
        Err(bad) => Ok(Prospect::Fail(bad.to_string())),
        Ok(thing) if effects.is_stale(thing.place(), label.received_ms, now).await? => Ok(Prospect::Stale),
        Ok(_) => Ok(Prospect::New),
    }
}

/// Whether it is kept as it came, whatever it says.
fn is_event(label: &Label) -> bool {
    matches!(label.channel, Channel::Event | Channel::TrackstarOther)
}
