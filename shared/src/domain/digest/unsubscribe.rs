//! Who does not want it any more: a link says who, and is signed, so that nobody unsubscribes anybody else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::recipient::Scope;
use crate::domain::ids::TenantId;
use crate::domain::secret::Secret;

/// What the key is made for: no session passes for a link, and no link for a session.
const LABEL: &[u8] = b"signalbox weekly digest unsubscribe 1";
/// The longest text that is read.
const TEXT_BYTES_MAX: usize = 1024;

/// Who does not want what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whose connection names the address.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// Whose mirrors it is told of.
    #[serde(rename = "s")]
    pub scope: Scope,
    /// The address.
    #[serde(rename = "a")]
    pub address: String,
}

fn mac(secret: &Secret, payload: &str) -> Option<Hmac<Sha256>> {
    let mut key = Hmac::<Sha256>::new_from_slice(secret.expose()).ok()?;
    key.update(LABEL);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.finalize().into_bytes()).ok()?;
    mac.update(payload.as_bytes());
    Some(mac)
}

impl Link {
    /// Its text, signed with a key that is made of the sessions' secret.
    #[must_use]
    pub fn signed(&self, secret: &Secret) -> Option<String> {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).ok()?);
        let tag = mac(secret, &payload)?.finalize().into_bytes();
        Some(format!("{payload}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Reads one that was signed here; none where it is another's. It has no end: who looks into an old mail unsubscribes all the same.
    #[must_use]
    pub fn read(text: &str, secret: &Secret) -> Option<Self> {
        let (payload, tag) = text.split_once('.').filter(|_| text.len() <= TEXT_BYTES_MAX)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        mac(secret, payload)?.verify_slice(&tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}
