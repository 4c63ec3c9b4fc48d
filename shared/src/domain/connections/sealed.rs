//! A connection's secret as it is stored: encrypted with a data key that only the key management service can unwrap, and
//! bound to the connection. What people are shown of it is made here too, while the secret is at hand.
//!
//! Time, randomness and the service are somebody else's: a data key and a nonce are passed in.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::ids::Connection;
use crate::domain::secret::Secret;

/// A data key's length: AES-256's.
pub const KEY_BYTES: usize = 32;
/// The longest secret. No vendor's is near it, and all that is stored of a connection must fit an item.
pub const SECRET_BYTES_MAX: usize = 4096;
/// Of a shorter secret not even the last characters are shown: too much of it would be known.
const SHOWN_FROM: usize = 12;
const SHOWN: usize = 4;
const DOTS: &str = "••••";
const FINGERPRINT_BYTES: usize = 4;
/// Sets the fingerprint apart from whatever else a key may authenticate one day.
const FINGERPRINT_OF: &[u8] = b"signalbox/fingerprint\0";

/// A data key in the clear. It is overwritten when it is dropped, and nothing prints it.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    /// Takes the bytes of a key; none where they are of another length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*self.0).expect("a key of AES-256's length"))
    }

    /// Eight hex digits by which two values are told apart. Keyed, with a key that only the service unwraps: from a plain hash
    /// whoever reads it could find a short secret by trying all of them. So equal secrets have equal fingerprints within the
    /// reach of one data key, and nowhere else.
    fn fingerprint(&self, secret: &Secret) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        mac.update(FINGERPRINT_OF);
        mac.update(secret.expose());
        hex::encode(&mac.finalize().into_bytes()[..FINGERPRINT_BYTES])
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DataKey")
    }
}

/// A data key as it is stored: wrapped by a key that never leaves the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The ARN of the key that wrapped it.
    pub by: String,
    /// What the service made of it.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
}

/// Twelve bytes that no two secrets of one data key share.
pub type SealNonce = [u8; NONCE_LEN];

/// The nonce that sixteen random bytes make: of a version 4 UUID those bytes alone that are random throughout.
#[must_use]
pub fn nonce(random: [u8; 16]) -> SealNonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..6].copy_from_slice(&random[..6]);
    nonce[6..].copy_from_slice(&random[10..]);
    nonce
}

/// Why a secret is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at most {SECRET_BYTES_MAX} bytes")]
pub struct TooLong;

/// Why a secret is not opened: it was sealed for another connection or with another key, or is damaged. Which of them, nobody
/// can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is stored is not a secret of this connection")]
pub struct Unreadable;

/// A secret as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    key: WrappedKey,
    #[serde(serialize_with = "to_base64", deserialize_with = "nonce_from_base64")]
    nonce: SealNonce,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    ciphertext: Vec<u8>,
    fingerprint: String,
    masked: String,
}

impl Sealed {
    /// Seals a connection's secret. The connection's text is authenticated along with it, so that a copy of what is stored
    /// under another connection opens nothing.
    ///
    /// # Errors
    /// When the secret is longer than [`SECRET_BYTES_MAX`].
    pub fn seal(
        connection: &Connection,
        secret: &Secret,
        data_key: &DataKey,
        key: WrappedKey,
        nonce: SealNonce,
    ) -> Result<Self, TooLong> {
        if secret.expose().len() > SECRET_BYTES_MAX {
            return Err(TooLong);
        }
        let mut ciphertext = secret.expose().to_vec();
        let aad = Aad::from(connection.to_string());
        let sealed =
            data_key.cipher().seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut ciphertext);
        sealed.map_err(|_| TooLong)?;
        let (fingerprint, masked) = (data_key.fingerprint(secret), masked(secret));
        Ok(Self { key, nonce, ciphertext, fingerprint, masked })
    }

    /// Opens a connection's secret.
    ///
    /// # Errors
    /// When this is not a secret of that connection, or not one that this key sealed.
    pub fn open(&self, connection: &Connection, data_key: &DataKey) -> Result<Secret, Unreadable> {
        let mut opened = Zeroizing::new(self.ciphertext.clone());
        let aad = Aad::from(connection.to_string());
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let plain = data_key.cipher().open_in_place(nonce, aad, &mut opened).map_err(|_| Unreadable)?;
        std::str::from_utf8(plain).map(Secret::new).map_err(|_| Unreadable)
    }

    /// The same secret, with its data key wrapped anew.
    #[must_use]
    pub fn rewrapped(&self, key: WrappedKey) -> Self {
        Self { key, ..self.clone() }
    }

    /// Its data key, as it is stored.
    #[must_use]
    pub fn key(&self) -> &WrappedKey {
        &self.key
    }

    /// What people are shown in place of the secret: its last four characters, and of a short one none.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }

    /// Eight hex digits by which two values of a connection are told apart.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sealed({})", self.fingerprint)
    }
}

fn masked(secret: &Secret) -> String {
    let text = secret.expose();
    let last = text.len().checked_sub(SHOWN).map_or(&[][..], |from| &text[from..]);
    // Bytes outside of ASCII could be half a character, and what prints nothing tells nothing.
    let printable = last.iter().all(u8::is_ascii_graphic);
    let shown = std::str::from_utf8(last).ok().filter(|_| text.len() >= SHOWN_FROM && printable);
    format!("{DOTS}{}", shown.unwrap_or_default())
}

fn to_base64<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    // serde_dynamo hands out owned texts alone.
    BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(|_| D::Error::custom("not base64"))
}

fn nonce_from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SealNonce, D::Error> {
    from_base64(deserializer)?.try_into().map_err(|_| D::Error::custom("not a nonce"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(text: &str) -> Connection {
        text.parse().unwrap()
    }

    fn wrapped() -> WrappedKey {
        WrappedKey { by: "arn:aws:kms:us-east-1:000000000000:key/k".into(), bytes: vec![0, 1, 255] }
    }

    fn sealed(text: &str) -> Sealed {
        let key = DataKey::new(&[7; KEY_BYTES]).unwrap();
        Sealed::seal(&connection("acme/erp/main"), &Secret::new(text), &key, wrapped(), [1; NONCE_LEN]).unwrap()
    }

    #[test]
    fn a_secret_is_shown_by_its_end_and_a_short_one_not_at_all() {
        for (secret, shown) in [
            ("", "••••"),
            ("abc", "••••"),
            ("elevenchars", "••••"),
            ("twelve-chars", "••••hars"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "••••LaSw"),
            ("a secret with a space at its end ", "••••"),
            ("a secret with an end in ümläütß", "••••"),
        ] {
            assert_eq!(sealed(secret).masked(), shown, "{secret}");
        }
    }

    #[test]
    fn a_fingerprint_tells_values_of_one_key_apart_and_is_no_hash_of_the_secret() {
        let secret = "1234";
        let plain = hex::encode(<Sha256 as sha2::Digest>::digest(secret))[..8].to_owned();
        let of = |key: u8, text: &str| DataKey::new(&[key; KEY_BYTES]).unwrap().fingerprint(&Secret::new(text));
        assert_eq!((of(1, secret).len(), of(1, secret)), (8, of(1, secret)));
        assert!(of(1, secret) != of(1, "1235") && of(1, secret) != of(2, secret) && of(1, secret) != plain);
        assert_eq!(sealed(secret).fingerprint(), of(7, secret), "it does not depend on the nonce");
    }

    #[test]
    fn what_is_stored_is_read_again_and_names_no_secret() {
        let sealed = sealed("hunter2-hunter2");
        let stored = serde_json::to_value(&sealed).unwrap();
        let fields: Vec<&String> = stored.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["ciphertext", "fingerprint", "key", "masked", "nonce"]);
        assert_eq!(
            (stored["key"]["bytes"].as_str(), stored["nonce"].as_str()),
            (Some("AAH/"), Some("AQEBAQEBAQEBAQEB"))
        );
        assert_eq!(serde_json::from_value::<Sealed>(stored).unwrap(), sealed);
        let shown = format!("{sealed:?} {:?}", DataKey::new(&[7; KEY_BYTES]));
        assert_eq!(shown, format!("Sealed({}) Some(DataKey)", sealed.fingerprint()));
        for (field, broken) in [("nonce", "AQEB"), ("ciphertext", "*")] {
            let mut stored = serde_json::to_value(&sealed).unwrap();
            stored[field] = broken.into();
            assert!(serde_json::from_value::<Sealed>(stored).is_err(), "{field}");
        }
    }

    #[test]
    fn bounds_are_kept() {
        let key = DataKey::new(&[7; KEY_BYTES]).unwrap();
        let seal = |length: usize| {
            let secret = Secret::new("x".repeat(length));
            Sealed::seal(&connection("a/b/c"), &secret, &key, wrapped(), [1; NONCE_LEN]).map(drop)
        };
        assert_eq!((seal(SECRET_BYTES_MAX), seal(SECRET_BYTES_MAX + 1)), (Ok(()), Err(TooLong)));
        assert!([0, KEY_BYTES - 1, KEY_BYTES + 1].iter().all(|length| DataKey::new(&vec![0; *length]).is_none()));
        let counted: [u8; 16] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(nonce(counted), [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15], "without version and variant");
    }

    proptest! {
        #[test]
        fn a_secret_opens_with_its_key_and_connection_alone(
            text in ".{0,80}", key in any::<[u8; KEY_BYTES]>(), nonce in any::<SealNonce>(),
            names in prop::array::uniform3("[a-c]{1,2}"), others in prop::array::uniform3("[a-c]{1,2}"),
            flipped in any::<prop::sample::Index>(), bit in 0..8_u32,
        ) {
            let (own, other) = (connection(&names.join("/")), connection(&others.join("/")));
            let data_key = DataKey::new(&key).unwrap();
            let secret = Secret::new(text);
            let sealed = Sealed::seal(&own, &secret, &data_key, wrapped(), nonce).unwrap();
            prop_assert_eq!(sealed.open(&own, &data_key), Ok(secret.clone()));
            let moved = sealed.rewrapped(WrappedKey { by: "another".into(), bytes: Vec::new() });
            prop_assert_eq!(moved.open(&own, &data_key), Ok(secret));
            if own != other {
                prop_assert_eq!(sealed.open(&other, &data_key), Err(Unreadable));
            }
            let mut another = key;
            another[flipped.index(KEY_BYTES)] ^= 1 << bit;
            prop_assert_eq!(sealed.open(&own, &DataKey::new(&another).unwrap()), Err(Unreadable));
            let mut damaged = sealed.clone();
            let place = flipped.index(damaged.ciphertext.len());
            damaged.ciphertext[place] ^= 1 << bit;
            prop_assert_eq!(damaged.open(&own, &data_key), Err(Unreadable));
        }
    }
}
