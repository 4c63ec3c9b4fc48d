//! Preview: what requeuing dead letters would come to, for each of them. It reads and writes nothing; what happens between it and
//! the requeuing may make it untrue.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::{DeadLetter, Subject};
use crate::domain::deliveries::claim::Verdict;
use crate::domain::deliveries::delivery::{Channel, Label};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::claim::foresee;
use crate::vendors::trackstar::{BadPayload, Envelope, read_inventory, read_shipment};

/// Dead letters that are looked at beside one another: connections that a small function can open.
const WIDTH: usize = 8;

/// What requeuing a dead letter would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Would {
    /// Its effect is not known to have happened, and would.
    New,
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

/// What requeuing each of these would come to, in their order. One to three reads each, and its body where that decides.
///
/// # Errors
/// When AWS fails.
pub async fn preview(
    store: &DeliveryStore,
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    letters: Vec<DeadLetter>,
) -> Result<Vec<(DeadLetter, Would)>, AwsFault> {
    let looked_at = letters.into_iter().map(|letter| async move {
        let would = would(store, journal, now, tenant, &letter).await?;
        Ok((letter, would))
    });
    futures::stream::iter(looked_at).buffered(WIDTH).try_collect().await
}

async fn would(
    store: &DeliveryStore,
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    letter: &DeadLetter,
) -> Result<Would, AwsFault> {
    let label = match &letter.subject {
        Subject::Delivery { label: Some(label) } => label,
        Subject::Delivery { label: None } => return Ok(Would::NoLabel),
        Subject::Record { .. } => return Ok(Would::NotADelivery),
    };
    match foresee(store, label, now).await? {
        Verdict::Conflict => return Ok(Would::Conflict),
        Verdict::Duplicate => return Ok(Would::Duplicate),
        Verdict::First | Verdict::Again => {}
    }
    if matches!(label.channel, Channel::Event | Channel::TrackstarOther) {
        return Ok(Would::New);
    }
    // Gone meanwhile, it has nothing that could fail.
    let Some((_, body)) = journal.dead_letter(tenant, &letter.id, now).await? else { return Ok(Would::New) };
    Ok(check(label, &body).err().map_or(Would::New, |bad| Would::Fail(bad.to_string())))
}

/// Whether a payload is what its channel takes.
fn check(label: &Label, body: &[u8]) -> Result<(), BadPayload> {
    let (brand, envelope) = (label.connection.name.as_str(), Envelope::read(body)?);
    match label.channel {
        Channel::TrackstarInventory => read_inventory(brand, &envelope.data).map(drop),
        _ => read_shipment(brand, &envelope.event_type, &envelope.data, label.received_at()).map(drop),
    }
}
