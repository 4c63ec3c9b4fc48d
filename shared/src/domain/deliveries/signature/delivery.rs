//! The type that only a verified delivery has. What comes after takes nothing weaker.

use std::sync::OnceLock;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::content_key::canonical_json_without;
use super::id::{self, DeliveryId};
use super::live_secret::{LiveSecret, SecretLabel};
use super::refused::Refused;
use super::scheme::{HeaderLookup, Scheme};
use super::verify::verify;
use crate::domain::canonical::VolatilePath;

/// What stands for a proof that was not asked for.
const BYPASS: &str = "bypass";

/// A delivery that is from whom it claims to be from.
#[derive(Clone)]
pub struct VerifiedDelivery {
    origin: String,
    body: Bytes,
    /// Of the body, once somebody asked: keys and labels are made of it, and a body may have 900 KB.
    hash: OnceLock<[u8; 32]>,
    delivery_id: Option<DeliveryId>,
    timestamp: Option<Timestamp>,
    proof: Proof,
}

/// Why a delivery was believed; `current`, `previous` or `bypass` where it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Proof {
    /// Its signature fits this secret.
    Signature(SecretLabel),
    /// The signature was not looked at, on somebody's own machine.
    LocalBypass,
}

impl From<Proof> for &'static str {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Signature(secret) => secret.as_str(),
            Proof::LocalBypass => BYPASS,
        }
    }
}

impl TryFrom<String> for Proof {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let secret = SecretLabel::ALL.into_iter().find(|secret| secret.as_str() == text).map(Self::Signature);
        secret.or((text == BYPASS).then_some(Self::LocalBypass)).ok_or("no proof is called that")
    }
}

/// The right to skip verification. It takes a switch *and* somebody's own machine; the originals took either.
#[derive(Debug, Clone, Copy)]
pub struct LocalBypass(());

impl LocalBypass {
    /// `None` unless the switch is on and the stage is local.
    #[must_use]
    pub fn new(switched_on: bool, stage_is_local: bool) -> Option<Self> {
        (switched_on && stage_is_local).then_some(Self(()))
    }
}

impl VerifiedDelivery {
    /// Verifies a delivery of an origin (a provider, or provider and connection); see [`verify()`].
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(
        origin: impl Into<String>,
        scheme: &Scheme,
        secrets: &[LiveSecret],
        headers: &(impl HeaderLookup + ?Sized),
        url: Option<&str>,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let verified = verify(scheme, secrets, headers, url, &body, now)?;
        Ok(Self {
            origin: origin.into(),
            body,
            hash: OnceLock::new(),
            delivery_id: verified.delivery_id,
            timestamp: verified.timestamp,
            proof: Proof::Signature(verified.secret_label),
        })
    }

    /// Takes a delivery as it is. Its id counts as unsigned, wherever it stands.
    ///
    /// # Errors
    /// When it has an id that cannot be read.
    pub fn bypass(
        _right: LocalBypass,
        origin: impl Into<String>,
        scheme: &Scheme,
        headers: &(impl HeaderLookup + ?Sized),
        body: Bytes,
    ) -> Result<Self, Refused> {
        let id = id::unverified(scheme, headers, &body)?;
        let delivery_id = id.map(|id| DeliveryId { signed: false, ..id });
        let (origin, hash) = (origin.into(), OnceLock::new());
        Ok(Self { origin, body, hash, delivery_id, timestamp: None, proof: Proof::LocalBypass })
    }

    /// Whose secret it was verified with.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// SHA-256 of those bytes: what a claim remembers of them.
    #[must_use]
    pub fn body_hash(&self) -> [u8; 32] {
        *self.hash.get_or_init(|| Sha256::digest(&self.body).into())
    }

    /// The hash, lower hex, of what tells its body from another: of its canonical JSON without the fields that its
    /// sender changes with each attempt. None of what is no JSON, or has a number too large to read.
    #[must_use]
    pub fn content_hash(&self, volatile: &[VolatilePath]) -> Option<String> {
        let content = canonical_json_without(&self.body, volatile)?;
        // Many a sender writes canonical JSON.
        let hash = if content == self.body { self.body_hash() } else { Sha256::digest(content).into() };
        Some(hex::encode(hash))
    }

    /// The name the sender gives it; `None` means to go by the content.
    #[must_use]
    pub fn delivery_id(&self) -> Option<&DeliveryId> {
        self.delivery_id.as_ref()
    }

    /// When the sender signed it, for schemes that say so.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Why it was believed.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }
}

/// Without the body, which may hold anything (I9).
impl std::fmt::Debug for VerifiedDelivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VerifiedDelivery")
            .field("origin", &self.origin)
            .field("body_bytes", &self.body.len())
            .field("delivery_id", &self.delivery_id)
            .field("timestamp", &self.timestamp)
            .field("proof", &self.proof)
            .finish()
    }
}
