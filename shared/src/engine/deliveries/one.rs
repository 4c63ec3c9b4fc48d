//! One: a delivery with all that is stored of it: what came, and what became of it. Its life is put together of what its
//! entry, its dead letter or its refusal says, and its claim; what nobody stored is not in it.

use jiff::Timestamp;

use super::list::ListReads;
use crate::aws::deliveries::listed::Processed;
use crate::aws::faults::AwsFault;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::deliveries::claim::Claim;
use crate::domain::deliveries::delivery::{Channel, Door, Label};
use crate::domain::deliveries::delivery_id::DeliveryId;
use crate::domain::deliveries::placement::DeliveryPlace;
use crate::domain::deliveries::rejected::{Rejected, RejectedId};
use crate::domain::deliveries::shown::{self, ShownBody};
use crate::domain::ids::{ProviderId, TenantId};

/// A delivery, whatever became of it.
#[derive(Debug)]
pub enum One {
    /// It was not let in.
    Rejected(RejectedId, Rejected),
    /// A queue gave it up.
    Dead(DeadLetter),
    /// It had its effect.
    Processed(DeliveryPlace, Processed, Label),
}

/// One delivery with what is kept of it.
#[derive(Debug)]
pub struct Found {
    /// Which, and what became of it.
    pub one: One,
    /// The body, as it is shown; none where it is not kept.
    pub body: Option<ShownBody>,
    /// Its claim, while that is remembered: how often applying it failed, and why last.
    pub claim: Option<Claim>,
}

impl Found {
    /// The headers that are kept: of refused ones alone, as they are verified again.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        match &self.one {
            One::Rejected(_, rejected) => &rejected.headers,
            One::Dead(_) | One::Processed(..) => &[],
        }
    }

    /// The path that it came to; none where that is not known.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        match &self.one {
            One::Rejected(_, rejected) => Some(path_of(&rejected.door)),
            One::Dead(letter) => letter.label().map(path_of_label),
            One::Processed(.., label) => Some(path_of_label(label)),
        }
    }
}

fn path_of(door: &Door) -> String {
    match door {
        Door::Pos { source, .. } => format!("/pos/{source}/ingest"),
        Door::Trackstar { channel } => path_of_trackstar(*channel).to_owned(),
        Door::Sender { provider, connection } => format!("/webhooks/{provider}/{connection}"),
    }
}

fn path_of_label(label: &Label) -> String {
    let (provider, name) = (label.connection.provider.clone(), label.connection.name.to_string());
    if provider == ProviderId::TRACKSTAR {
        return path_of_trackstar(label.channel).to_owned();
    }
    if provider == ProviderId::POS {
        return path_of(&Door::Pos { source: name, tenant: label.connection.tenant.to_string() });
    }
    path_of(&Door::Sender { provider: provider.to_string(), connection: name })
}

fn path_of_trackstar(channel: Channel) -> &'static str {
    match channel {
        Channel::TrackstarInventory => "/api/webhooks/trackstar/inventory",
        Channel::TrackstarShipment => "/api/webhooks/trackstar/inbound-shipments",
        Channel::TrackstarReceipt => "/api/webhooks/trackstar/inbound-shipment-receipts",
        Channel::TrackstarOther | Channel::Event => "/api/webhooks/trackstar",
    }
}

/// Finds a delivery by its id: what was taken in among a tenant's, what was refused wherever it is kept. Two to five reads.
///
/// # Errors
/// When AWS fails.
pub async fn find(
    reads: ListReads<'_>,
    now: Timestamp,
    tenant: &TenantId,
    id: &DeliveryId,
) -> Result<Option<Found>, AwsFault> {
    Ok(match id {
        DeliveryId::Rejected(id) => {
            let found = reads.store.rejected_one(id, now).await?;
            found.map(|(rejected, body)| Found {
                body: body.map(|body| shown::body(&body, rejected.body_bytes)),
                one: One::Rejected(id.clone(), rejected),
                claim: None,
            })
        }
        DeliveryId::Dead(id) => {
            let Some((letter, body)) = reads.journal.dead_letter(tenant, id, now).await? else { return Ok(None) };
            let claim = match letter.label() {
                Some(label) => claim_of(reads, now, label).await?,
                None => None,
            };
            let body = Some(shown::body(&body, body.len() as u64));
            Some(Found { one: One::Dead(letter), body, claim })
        }
        DeliveryId::TakenIn(place) => {
            // It may be there still: what has expired is swept some days later.
            let received_at = Timestamp::from_millisecond(place.received_ms).unwrap_or(Timestamp::MIN);
            if reads.deliveries.retention().hides(received_at, true, now) {
                return Ok(None);
            }
            let Some(kept) = reads.deliveries.kept(tenant, place).await? else { return Ok(None) };
            let claim = claim_of(reads, now, &kept.label).await?;
            let bytes = kept.delivery.body_bytes;
            let body = kept.beginning.map(|body| shown::body(&body, bytes.unwrap_or(body.len() as u64)));
            Some(Found { one: One::Processed(place.clone(), kept.delivery, kept.label), body, claim })
        }
    })
}

/// The claim of a delivery; none where it is forgotten, or another event's of the same key by now.
async fn claim_of(reads: ListReads<'_>, now: Timestamp, label: &Label) -> Result<Option<Claim>, AwsFault> {
    let claim = reads.store.claim_of(&label.claim_key()).await?;
    Ok(claim.filter(|claim| claim.expires_at > now.as_second() && claim.received_ms == label.received_ms))
}
