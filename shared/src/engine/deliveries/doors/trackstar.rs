//! `/api/webhooks/trackstar…`: one secret, and bodies that name one of the configured connections.

use super::{Claimed, DoorRules, Identity, Named, Verifier};
use crate::domain::deliveries::delivery::{CONTENT_KEY, Channel, Door, ID_KEY, TRACKSTAR};
use crate::domain::deliveries::rejected::{ACKNOWLEDGED_BODY_BYTES_MAX, Rejection};
use crate::domain::deliveries::signature::{LiveSecret, Refused, VerifiedDelivery, packr_content_key, schemes};
use crate::domain::ids::Connection;
use crate::engine::connections::readers::Known;
use crate::engine::deliveries::arrival::Arrival;
use crate::engine::deliveries::refusal::Refusal;
use crate::engine::deliveries::senders::Senders;
use crate::vendors::trackstar::{BadPayload, Envelope, provider, read_inventory, read_shipment};

/// From how many bytes on an event that is acknowledged and not taken in cannot be kept.
const ACKNOWLEDGED_TOO_LARGE: usize = ACKNOWLEDGED_BODY_BYTES_MAX + 1;

pub(super) struct Rules<'a> {
    pub(super) senders: &'a Senders,
    pub(super) door: &'a Door,
    /// What the path says it is about.
    pub(super) channel: Channel,
}

impl From<BadPayload> for Refusal {
    fn from(error: BadPayload) -> Self {
        Self::bad_body(error.to_string())
    }
}

impl<'a> DoorRules<'a> for Rules<'a> {
    fn claimed(&self) -> Claimed {
        Claimed {
            origin: TRACKSTAR.into(),
            provider: TRACKSTAR.into(),
            connection: String::new(),
            tenant: String::new(),
        }
    }

    fn verifier(&self, arrival: &Arrival, of_service: &'a [LiveSecret]) -> Result<Verifier<'a>, Refusal> {
        // What Trackstar really sends, else what its older clients send.
        let svix = schemes::SVIX.is_addressed(arrival.headers.0.as_slice());
        let scheme = if svix { &schemes::SVIX } else { &schemes::PACKR };
        Ok(Verifier { scheme, or: None, secrets: of_service, url: None, weaker: None })
    }

    /// The secret may be one for the other scheme alone. A request that picks the wrong one does not prove a fault here.
    fn is_our_fault(&self, refused: &Refused) -> bool {
        refused.is_ours() && !matches!(refused, Refused::SecretUnusable { .. })
    }

    fn named_in(&self, delivery: &VerifiedDelivery) -> Option<Named> {
        let id = Envelope::read(delivery.body()).ok()?.connection_id;
        match self.senders.links.get(&id) {
            Some(link) => link.active.then(|| Named::Configured(link.connection.clone())),
            None => provider::is_id(&id).then(|| Named::Address(provider::address(&id))),
        }
    }

    fn identify(
        &self,
        arrival: &Arrival,
        delivery: &VerifiedDelivery,
        named: Option<&Known>,
    ) -> Result<Identity, Refusal> {
        let envelope = Envelope::read(delivery.body())
            .map_err(|error| Refusal { trace: Some(arrival.correlation_id.clone()), ..error.into() })?;
        let in_body = envelope.trace().filter(|_| arrival.correlation_made);
        let correlation_id = in_body.unwrap_or(&arrival.correlation_id).to_owned();
        // From here on a refusal says by which trace its sender knows it.
        let refused = |refusal| Refusal { trace: Some(correlation_id.clone()), ..refusal };

        let connection = self.link(&envelope, named, delivery.body().len()).map_err(refused)?;
        // And whose it is, so that its operators find it.
        let refused = |refusal| Refusal { connection: Some(Box::new(connection.clone())), ..refused(refusal) };
        let channel = envelope.channel_at(self.channel);
        self.check(channel, &connection, &envelope, arrival).map_err(refused)?;
        let key = key(&connection, &envelope, delivery).map_err(refused)?;
        Ok(Identity {
            connection,
            channel,
            key,
            event_type: Some(envelope.event_type),
            correlation_id,
            subject_id: envelope.data["id"].clone(),
            // The ids are signed: in a header by Svix, in the body by the others.
            claims_body: false,
            signed_id: delivery.delivery_id().is_some_and(|id| id.signed),
            content_hash: None,
        })
    }
}

impl<'a> Rules<'a> {
    /// The link that a body names.
    fn link(&self, envelope: &Envelope, named: Option<&Known>, body_bytes: usize) -> Result<Connection, Refusal> {
        let is_paused = named.is_some_and(|known| !known.stored.is_active());
        let configured = self.senders.links.get(&envelope.connection_id).filter(|link| link.active && !is_paused);
        let configured = configured.map(|link| link.connection.clone());
        let stored = || named.filter(|known| known.stored.is_active()).map(|known| known.stored.connection.clone());
        configured.or_else(stored).ok_or_else(|| {
            let paused = named.map(|known| Box::new(known.stored.connection.clone()));
            let is_kept = Rejection::UnknownSender.is_acknowledged_at(self.door);
            let refusal = match (&paused, body_bytes) {
                // Nobody sends it again, so it must be kept whole.
                (paused, ACKNOWLEDGED_TOO_LARGE..) if is_kept => {
                    let what = if paused.is_some() { "paused" } else { "not known" };
                    let detail =
                        format!("the connection is {what}, and only {ACKNOWLEDGED_BODY_BYTES_MAX} bytes can be kept");
                    Refusal::new(Rejection::TooLarge, detail)
                }
                (Some(_), _) => Refusal::paused(),
                (None, _) => {
                    let id = &envelope.connection_id;
                    let detail = format!("No active Trackstar integration found for connection_id: {id}");
                    Refusal::new(Rejection::UnknownSender, detail)
                }
            };
            // Whose it is, so that its operators find it.
            Refusal { connection: paused, ..refusal }
        })
    }

    /// Whether the worker will be able to apply it.
    fn check(
        &self,
        channel: Channel,
        connection: &Connection,
        envelope: &Envelope,
        arrival: &Arrival,
    ) -> Result<(), Refusal> {
        match channel {
            Channel::TrackstarInventory => drop(read_inventory(connection.name.as_str(), &envelope.data)?),
            Channel::TrackstarShipment | Channel::TrackstarReceipt => {
                drop(read_shipment(
                    connection.name.as_str(),
                    &envelope.event_type,
                    &envelope.data,
                    arrival.received_at,
                )?);
            }
            Channel::TrackstarOther | Channel::Event => {}
        }
        Ok(())
    }
}

fn key(connection: &Connection, envelope: &Envelope, delivery: &VerifiedDelivery) -> Result<String, Refusal> {
    let id = delivery.delivery_id().map(|id| id.text.as_str());
    // One that cannot be a key was refused with its signature: only an event without an id goes by its content.
    if let Some(id) = id.map(str::trim).filter(|id| !id.is_empty()) {
        return Ok(format!("{ID_KEY}{id}"));
    }
    let action = envelope.event_type.as_str();
    let resource = action.split('.').next().unwrap_or_default();
    let data = serde_json::value::to_raw_value(&envelope.data).map_err(|error| Refusal::bad_body(error.to_string()))?;
    let key = packr_content_key(connection.tenant.as_str(), connection.name.as_str(), resource, action, &data);
    Ok(format!("{CONTENT_KEY}{key}"))
}
