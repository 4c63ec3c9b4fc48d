//! `/pos/{source}/ingest`: points of sale, which share one of the service's secrets.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Claimed, DoorRules, Identity, Verifier, Weaker};
use crate::domain::deliveries::delivery::{
    CONTENT_KEY, Channel, GIVEN_KEY, POS, fits_a_key, no_json, without_byte_order_mark,
};
use crate::domain::deliveries::signature::{LiveSecret, VerifiedDelivery, bare_key, pos_content_key, schemes};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::engine::connections::readers::Known;
use crate::engine::deliveries::arrival::{Arrival, IDEMPOTENCY_KEY};
use crate::engine::deliveries::refusal::Refusal;
use crate::engine::deliveries::senders::{Senders, SignedHeaders};

/// The longest key that a point of sale may give its event, in bytes.
const KEY_BYTES_MAX: usize = 255;

pub(super) struct Rules<'a> {
    pub(super) senders: &'a Senders,
    /// The source's own connection, if it has one: with a secret of its own, it takes no other.
    pub(super) behind: Option<&'a Known>,
    pub(super) source: &'a str,
    pub(super) tenant: &'a str,
}

impl<'a> DoorRules<'a> for Rules<'a> {
    fn claimed(&self) -> Claimed {
        Claimed { origin: POS.into(), provider: POS.into(), connection: self.source.into(), tenant: self.tenant.into() }
    }

    fn verifier(&self, _arrival: &Arrival, of_service: &'a [LiveSecret]) -> Result<Verifier<'a>, Refusal> {
        let (scheme, or) = match self.senders.pos_signed_headers {
            SignedHeaders::Off => (&schemes::POS_DOOR, None),
            SignedHeaders::Accepted => (&schemes::POS_SIGNED_HEADERS, Some(&schemes::POS_DOOR)),
            SignedHeaders::Required => (&schemes::POS_SIGNED_HEADERS, None),
        };
        if self.behind.is_some_and(|known| !known.stored.is_active()) {
            return Err(Refusal::paused());
        }
        let url = Some(Cow::Owned(format!("/pos/{}/ingest", self.source)));
        let own = self.behind.filter(|known| known.stored.secrets.is_some()).map(|known| known.secrets.as_slice());
        let weaker = Weaker {
            scheme: &schemes::POS_DOOR,
            detail: "the signature covers the body alone, and POS_SIGNED_HEADERS is required: path, tenant and key must be signed too",
            mismatch: "the signature does not fit path, tenant, key and body: another secret, or one of them is not what was signed",
        };
        let weaker = (self.senders.pos_signed_headers == SignedHeaders::Required).then_some(weaker);
        Ok(Verifier { scheme, or, secrets: own.unwrap_or(of_service), url, weaker })
    }

    fn identify(
        &self,
        arrival: &Arrival,
        delivery: &VerifiedDelivery,
        _named: Option<&Known>,
    ) -> Result<Identity, Refusal> {
        let tenant =
            TenantId::parse(self.tenant).map_err(|error| Refusal::bad_body(format!("x-tenant-id: {error}")))?;
        let source = ConnectionName::parse(self.source)
            .map_err(|_| Refusal::bad_body("the source in the path is not a valid name"))?;
        let body = delivery.body();
        let given = arrival.headers.get(IDEMPOTENCY_KEY).map(str::trim).filter(|key| !key.is_empty());
        // A client that retries may write its members in another order.
        let content = given.and_then(|_| delivery.content_hash(&[]));
        // What has a content is JSON, and is not read for that alone.
        if content.is_none() {
            serde_json::from_slice::<&RawValue>(without_byte_order_mark(body)).map_err(|error| {
                let cause = no_json(body).map_or_else(|| error.to_string(), |found| format!("it is {found}"));
                Refusal::bad_body(format!("the body is not JSON: {cause}"))
            })?;
        }
        let key = match given.map(bare_key) {
            Some(key) if !key.is_empty() && key.len() <= KEY_BYTES_MAX && fits_a_key(&key) => {
                format!("{GIVEN_KEY}{key}")
            }
            // To go by the content instead would lose a second sale with an equal body.
            Some(_) => {
                let limits = format!("1 to {KEY_BYTES_MAX} bytes of UTF-8, without control characters");
                return Err(Refusal::bad_body(format!("Idempotency-Key must be {limits}")));
            }
            None => format!("{CONTENT_KEY}{}", pos_content_key(tenant.as_str(), source.as_str(), body)),
        };
        Ok(Identity {
            connection: Connection::new(tenant, ProviderId::POS, source),
            channel: Channel::Event,
            key,
            event_type: None,
            correlation_id: arrival.correlation_id.clone(),
            subject_id: Value::Null,
            // Two equal bodies may be two sales of the same article.
            claims_body: false,
            // A key is the client's own: another event under it is a mistake that somebody must hear of.
            signed_id: false,
            content_hash: content,
        })
    }
}
