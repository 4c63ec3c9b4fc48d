//! The lease: the right to advance a run, one per connection.
//!
//! It does two things. It **reserves** the connection for one run from start to end, so that two runs never
//! interleave; and it names who **holds** the run now, for a short time that must be renewed. A fencing token grows
//! with every holder: a holder that lost its lease cannot commit, because its token is old (I3). Martin Kleppmann,
//! "How to do distributed locking" (2016), explains why the expiry alone is not enough.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::RunId;

/// How long a holder may be silent before another may take over, in milliseconds.
pub const LEASE_MS: i64 = 60_000;
/// A holder renews when this much has passed since it took or renewed the lease, in milliseconds.
pub const RENEW_AFTER_MS: i64 = 20_000;

/// The lease of a connection, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The run the connection is reserved for; none when it is free.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// Tells one attempt to take the lease from another: a lost reply must not look like a rival.
    #[serde(default)]
    pub nonce: Option<String>,
    /// Grows with every holder, and never falls.
    pub token: u64,
    /// Until when the holder may act, epoch milliseconds; 0 when nobody holds the run.
    pub until_ms: i64,
}

/// Proof that this process may act for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The run.
    pub run_id: RunId,
    /// The fencing token that every commit is checked against.
    pub token: u64,
    /// When it was taken or last renewed.
    pub since: Timestamp,
}

impl Hold {
    /// Whether it is time to renew.
    #[must_use]
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        now.as_millisecond() - self.since.as_millisecond() >= RENEW_AFTER_MS
    }
}

/// What somebody who wants to advance a run finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Our own attempt had succeeded; only its reply was lost.
    Ours {
        /// The token we got.
        token: u64,
    },
    /// The run has been released: it is over, or another run has the connection.
    Gone,
    /// Somebody else holds it.
    Held,
}

/// Reads a lease that refused us.
#[must_use]
pub fn standing(lease: Option<&Lease>, run: &RunId, nonce: &str) -> Standing {
    match lease {
        Some(lease) if lease.nonce.as_deref() == Some(nonce) => Standing::Ours { token: lease.token },
        Some(lease) if lease.run_id.as_ref() == Some(run) => Standing::Held,
        _ => Standing::Gone,
    }
}
