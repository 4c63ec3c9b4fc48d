//! The one MAC of all schemes, and how it is written.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::refused::Flaw;
use super::scheme::Encoding;

/// HMAC-SHA256's length.
pub(super) const LENGTH: usize = 32;
/// An HMAC-SHA256.
pub(super) type Tag = [u8; LENGTH];

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Secrets and signatures are pasted with and without `=`. Bits that belong to no byte must be zero: a signature has
/// one text, not four.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
/// The alphabet of URLs, which no scheme uses and some senders do.
pub(super) const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// HMAC-SHA256 over the parts in their order; they are not copied together.
pub(super) fn hmac_sha256<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Tag {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether one of the signatures is the expected one, in a time that does not tell how much of it was right.
pub(super) fn any_equal(expected: &Tag, signatures: &[Tag]) -> bool {
    signatures.iter().fold(subtle::Choice::from(0), |found, signature| found | expected.ct_eq(signature)).into()
}

/// The signature that the text stands for.
pub(super) fn decode(text: &str, encoding: Encoding) -> Result<Tag, Flaw> {
    let bytes = match encoding {
        Encoding::Hex => hex::decode(text).map_err(|_| Flaw::NotHex)?,
        Encoding::Base64 => BASE64.decode(text).map_err(|_| Flaw::NotBase64)?,
    };
    let bytes_found = bytes.len();
    bytes.try_into().map_err(|_| Flaw::Length { bytes: bytes_found })
}
