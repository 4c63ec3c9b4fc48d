//! A request at a door, as it came.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::domain::deliveries::delivery::{BODY_BYTES_MAX, Door, body_hash};
use crate::engine::connections::readers::Known;

/// The header that names the event of a point of sale.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that names the tenant of a point of sale.
pub const TENANT: &str = "x-tenant-id";
/// The header that says whether a body is compressed.
pub(super) const CONTENT_ENCODING: &str = "content-encoding";
/// The headers in which senders say what happened, when they do not say it in the body.
pub(super) const EVENT_TYPES: [&str; 3] = ["x-github-event", "x-shopify-topic", "x-gitlab-event"];

/// A request at a door.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Which door.
    pub door: Door,
    /// The connection that its door names, where it is in the table ([`Deliveries::behind`](super::context::Parts::behind)).
    pub behind: Option<Arc<Known>>,
    /// The headers that matter to its door, lower case (`headers.rs`). What is not UTF-8 has replacement characters.
    pub headers: Headers,
    /// The raw body.
    pub body: ArrivedBody,
    /// The trace, from a header or made.
    pub correlation_id: String,
    /// Whether the trace was made, so that one in the body is better.
    pub correlation_made: bool,
    /// When it was received; a stored one is verified again as of then.
    pub received_at: Timestamp,
}

/// Header pairs, names in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// A header's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A body, or what is known of one that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrivedBody {
    /// All of it, at most [`BODY_BYTES_MAX`].
    Whole(Bytes),
    /// More than that. It was looked at as it passed, and not kept.
    TooLarge {
        /// Its length in bytes.
        bytes: u64,
        /// SHA-256 of it, lower hex.
        hash: String,
    },
    /// It broke off, so that nobody knows what was sent.
    BrokenOff {
        /// How many bytes came before that.
        bytes: u64,
    },
}

impl ArrivedBody {
    /// Reads a body, and keeps no more of it than can be taken in: memory is bounded, whatever a gateway lets through.
    pub async fn read<E>(chunks: impl Stream<Item = Result<Bytes, E>>) -> Self {
        let mut chunks = std::pin::pin!(chunks);
        let mut kept: Vec<Bytes> = Vec::new();
        let mut bytes = 0;
        // What is small is hashed once it was verified: an ordinary body is not hashed for nothing.
        let mut passing: Option<Sha256> = None;
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else { return Self::BrokenOff { bytes } };
            bytes += chunk.len() as u64;
            kept.push(chunk);
            if bytes > BODY_BYTES_MAX as u64 {
                let hash = passing.get_or_insert_default();
                kept.drain(..).for_each(|chunk| hash.update(&chunk));
            }
        }
        match passing {
            Some(hash) => Self::TooLarge { bytes, hash: hex::encode(hash.finalize()) },
            // Mostly it comes in one, and is not copied.
            None if kept.len() == 1 => Self::Whole(kept.swap_remove(0)),
            None => Self::Whole(kept.concat().into()),
        }
    }

    /// The bytes that were kept: none of one that is not whole.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        match self {
            Self::Whole(body) => body,
            Self::TooLarge { .. } | Self::BrokenOff { .. } => &[],
        }
    }

    /// How many bytes came.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Whole(body) => body.len() as u64,
            Self::TooLarge { bytes, .. } | Self::BrokenOff { bytes } => *bytes,
        }
    }

    /// SHA-256 of all of it, lower hex; none where not all of it came.
    #[must_use]
    pub fn hash(&self) -> Option<String> {
        match self {
            Self::Whole(body) => Some(body_hash(body)),
            Self::TooLarge { hash, .. } => Some(hash.clone()),
            Self::BrokenOff { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: &[u8], chunk_bytes: usize, broken: bool) -> ArrivedBody {
        let chunks = body.chunks(chunk_bytes).map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
        let chunks: Vec<Result<Bytes, ()>> = chunks.chain(broken.then_some(Err(()))).collect();
        ArrivedBody::read(futures::stream::iter(chunks)).await
    }

    #[tokio::test]
    async fn a_body_is_kept_whole_or_described_as_it_was() {
        let long: Vec<u8> = (0..BODY_BYTES_MAX + 1).map(|index| (index % 251) as u8).collect();
        let largest = &long[..BODY_BYTES_MAX];
        for chunk_bytes in [1000, 1 << 20] {
            for body in [&b""[..], b"{}", largest] {
                let whole = read(body, chunk_bytes, false).await;
                assert_eq!(whole, ArrivedBody::Whole(Bytes::copy_from_slice(body)), "{} bytes", body.len());
                assert_eq!((whole.bytes(), whole.hash()), (body.len() as u64, Some(body_hash(body))));
            }
            let too_large = read(&long, chunk_bytes, false).await;
            assert_eq!(too_large, ArrivedBody::TooLarge { bytes: long.len() as u64, hash: body_hash(&long) });
            assert_eq!(too_large.kept(), b"");
            for body in [&b""[..], b"{}", &long] {
                let broken = read(body, chunk_bytes, true).await;
                assert_eq!(broken, ArrivedBody::BrokenOff { bytes: body.len() as u64 });
                assert_eq!((broken.kept(), broken.hash()), (&b""[..], None));
            }
        }
    }
}
