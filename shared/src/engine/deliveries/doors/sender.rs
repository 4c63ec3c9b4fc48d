//! `/webhooks/{provider}/{connection}`: any configured sender.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::{Claimed, DoorRules, Identity, Verifier};
use crate::domain::correlation;
use crate::domain::deliveries::delivery::{BODY_KEY, Channel, Door, ID_KEY, UNKNOWN_ORIGIN, without_byte_order_mark};
use crate::domain::deliveries::rejected::Rejection;
use crate::domain::deliveries::sender::Sender;
use crate::domain::deliveries::signature::{LiveSecret, Scheme, VerifiedDelivery};
use crate::domain::members::Members;
use crate::engine::connections::readers::Known;
use crate::engine::deliveries::arrival::{Arrival, EVENT_TYPES};
use crate::engine::deliveries::refusal::Refusal;

/// The longest challenge that is echoed, in bytes. Slack's have 64.
const CHALLENGE_BYTES_MAX: usize = 1024;

pub(super) struct Rules<'a> {
    /// None where nobody of that name is configured.
    pub(super) sender: Option<&'a Sender>,
    /// Whether an operator has paused it.
    pub(super) paused: bool,
    pub(super) door: &'a Door,
    pub(super) provider: &'a str,
    pub(super) connection: &'a str,
}

impl<'a> Rules<'a> {
    fn sender(&self) -> Result<&'a Sender, Refusal> {
        let unknown = || {
            Refusal::new(Rejection::UnknownSender, "no such sender is configured (a connection, or WEBHOOK_SENDERS)")
        };
        self.sender.ok_or_else(unknown)
    }
}

impl<'a> DoorRules<'a> for Rules<'a> {
    fn claimed(&self) -> Claimed {
        let origin = match self.sender {
            Some(_) => self.door.origin(),
            // They all share one ring: names that a caller makes up must not make storage.
            None => UNKNOWN_ORIGIN.into(),
        };
        Claimed {
            origin,
            provider: self.provider.into(),
            connection: self.connection.into(),
            tenant: self.sender.map(|sender| sender.connection.tenant.to_string()).unwrap_or_default(),
        }
    }

    fn own_scheme(&self) -> Option<&'a Scheme> {
        self.sender.map(|sender| &sender.scheme)
    }

    fn verifier(&self, _arrival: &Arrival, _of_service: &'a [LiveSecret]) -> Result<Verifier<'a>, Refusal> {
        let sender = self.sender()?;
        if self.paused {
            return Err(Refusal::paused());
        }
        let url = sender.url.as_deref().map(Cow::Borrowed);
        Ok(Verifier { scheme: &sender.scheme, or: None, secrets: &sender.secrets, url, weaker: None })
    }

    fn challenge(&self, delivery: &VerifiedDelivery) -> Option<String> {
        #[derive(Deserialize)]
        struct Handshake {
            r#type: String,
            challenge: String,
        }
        self.sender.filter(|sender| sender.scheme.has_challenges())?;
        let Members::<Handshake>(handshake) = serde_json::from_slice(without_byte_order_mark(delivery.body())).ok()?;
        let asks = handshake.r#type == "url_verification" && handshake.challenge.len() <= CHALLENGE_BYTES_MAX;
        asks.then_some(handshake.challenge)
    }

    fn identify(
        &self,
        arrival: &Arrival,
        delivery: &VerifiedDelivery,
        _named: Option<&Known>,
    ) -> Result<Identity, Refusal> {
        let Sender { connection, volatile, unsigned_id_is_key, .. } = self.sender()?;
        let id = delivery.delivery_id();
        let signed_id = id.is_some_and(|id| id.signed);
        // Under a signed id nothing of the body counts.
        let content_hash = if volatile.is_empty() || signed_id { None } else { delivery.content_hash(volatile) };
        let key = match (id, &content_hash) {
            (Some(id), _) => format!("{ID_KEY}{}", id.text),
            (None, Some(hash)) => format!("{BODY_KEY}{hash}"),
            (None, None) => format!("{BODY_KEY}{}", hex::encode(delivery.body_hash())),
        };
        let name = EVENT_TYPES.iter().find_map(|name| arrival.headers.get(name));
        Ok(Identity {
            connection: connection.clone(),
            channel: Channel::Event,
            key,
            event_type: name.filter(|name| correlation::is_plain(name)).map(String::from),
            correlation_id: arrival.correlation_id.clone(),
            subject_id: Value::Null,
            claims_body: id.is_some() && !signed_id && !unsigned_id_is_key,
            signed_id,
            content_hash,
        })
    }
}
