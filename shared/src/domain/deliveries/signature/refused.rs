//! Why a delivery is refused: stable codes, and texts that an operator can act on. None holds a secret, a signature,
//! the one that was expected, or anything else that the sender sent (I9).

use super::live_secret::SecretLabel;
use super::scheme::Text;

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to verify with: never a reason to let a delivery in.
    #[error("no secret is configured for this source, or a blank one")]
    NoSecret,
    /// A secret that is not what the scheme needs.
    #[error("the {label} secret is not usable: this scheme needs base64, with or without whsec_ before it")]
    SecretUnusable {
        /// Which one.
        label: SecretLabel,
    },
    /// The scheme signs the registered URL, and none is configured.
    #[error("this scheme signs the notification URL as it was registered with the sender, and none is configured")]
    NoUrl,
    /// The delivery is not signed, or not by this scheme.
    #[error("the request has no signature header: {headers}")]
    MissingSignature {
        /// The names it could have, with "or" between them.
        headers: String,
    },
    /// It is signed, but a header that goes with the signature is missing.
    #[error("the request has a signature, but no header {header}")]
    MissingHeader {
        /// Its name.
        header: Text,
    },
    /// A header cannot be read.
    #[error("{place} is malformed: {flaw}")]
    Malformed {
        /// Its name.
        place: Text,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Its signature is right, and its id cannot be a part of a key.
    #[error("the id in {place} is malformed: {flaw}")]
    UnusableId {
        /// The name of the header or field.
        place: Text,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// It may be a replay.
    #[error(
        "the timestamp is {seconds} s old, more than {tolerance_seconds} s: a late or repeated delivery, or a clock is wrong"
    )]
    TimestampTooOld {
        /// Its age.
        seconds: u64,
        /// What is let through.
        tolerance_seconds: u32,
    },
    /// A clock is wrong, or somebody stores deliveries up.
    #[error(
        "the timestamp is {seconds} s in the future, more than {tolerance_seconds} s: the sender's clock or ours is wrong"
    )]
    TimestampTooNew {
        /// How far ahead of us.
        seconds: u64,
        /// What is let through.
        tolerance_seconds: u32,
    },
    /// Signed with another secret, or changed on its way.
    #[error("the signature does not fit the body: another secret, or the body is not what was signed")]
    Mismatch,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Longer than anything real.
    #[error("longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// Bytes that are not text, or control characters in it.
    #[error("not printable text")]
    NotText,
    /// Another encoding.
    #[error("not hexadecimal")]
    NotHex,
    /// Another encoding.
    #[error("not base64")]
    NotBase64,
    /// Another algorithm, or cut off.
    #[error("{bytes} bytes long, an HMAC-SHA256 has 32")]
    Length {
        /// Its length after decoding.
        bytes: usize,
    },
    /// What the scheme writes before a signature is not there.
    #[error("does not start with {prefix}")]
    NoPrefix {
        /// What it must start with.
        prefix: Text,
    },
    /// A list without a signature that the scheme knows.
    #[error("holds no {version} signature")]
    NoSignature {
        /// Which version the scheme knows.
        version: Text,
    },
    /// A list without a timestamp.
    #[error("holds no timestamp {field}=")]
    NoTimestamp {
        /// The field that it should stand in.
        field: Text,
    },
    /// A list that only costs time.
    #[error("holds more than {signatures_max} signatures")]
    TooMany {
        /// The limit.
        signatures_max: usize,
    },
    /// No time, or one that no clock shows.
    #[error("not a timestamp of the form this scheme uses")]
    NotATimestamp,
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSecret => "no_secret",
            Self::SecretUnusable { .. } => "secret_unusable",
            Self::NoUrl => "no_url",
            Self::MissingSignature { .. } => "missing_signature",
            Self::MissingHeader { .. } => "missing_header",
            Self::Malformed { .. } => "malformed",
            Self::UnusableId { .. } => "unusable_id",
            Self::TimestampTooOld { .. } => "timestamp_too_old",
            Self::TimestampTooNew { .. } => "timestamp_too_new",
            Self::Mismatch => "signature_mismatch",
        }
    }

    /// Whether our configuration is to blame and not the request: answered as a server's error, so that the sender
    /// tries again once it is mended.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::NoSecret | Self::SecretUnusable { .. } | Self::NoUrl)
    }
}
