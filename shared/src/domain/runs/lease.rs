//! The lease: the right to advance a run, one per connection.
//!
//! It does two things. It **reserves** the connection for one run from start to end, so that two runs never
//! interleave; and it names who **holds** the run now, for a short time that must be renewed. Each holder brings a
//! fencing token of its own, which every commit is checked against: a holder that lost its lease cannot commit (I3).
//! Martin Kleppmann, "How to do distributed locking" (2016), explains why the expiry alone is not enough. A random
//! token serves as well as a growing one, as the store that checks it is the store that holds the lease; and it
//! tells our own write whose reply was lost from a rival's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RunId;

/// How long a holder may be silent before another may take over, in milliseconds.
pub const LEASE_MS: i64 = 60_000;
/// A holder renews when this much has passed since it took or renewed the lease, in milliseconds. What is left is
/// longer than any single call may take, so that no write of a holder lands after its lease ran out.
pub const RENEW_AFTER_MS: i64 = 20_000;

/// The lease of a connection, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The run the connection is reserved for; none when it is free.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// The holder's fencing token; none when nobody holds the run.
    #[serde(default)]
    pub fence: Option<String>,
    /// Until when the holder may act, epoch milliseconds; 0 when nobody holds the run.
    #[serde(default)]
    pub until_ms: i64,
}

/// Proof that this process may act for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The run.
    pub run_id: RunId,
    /// The fencing token that every commit is checked against.
    pub fence: String,
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

/// What somebody who was refused the lease finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Our own attempt had succeeded; only its reply was lost.
    Ours,
    /// Somebody else holds this run.
    Held,
    /// The connection is reserved for another run.
    Reserved(RunId),
    /// Nothing is reserved: the run is over.
    Free,
}

/// Reads a lease that refused us.
#[must_use]
pub fn standing(lease: Option<&Lease>, run: &RunId, fence: &str) -> Standing {
    let Some(lease) = lease else { return Standing::Free };
    match &lease.run_id {
        _ if lease.fence.as_deref() == Some(fence) => Standing::Ours,
        Some(holder) if holder == run => Standing::Held,
        Some(holder) => Standing::Reserved(holder.clone()),
        None => Standing::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_from_the_lease() {
        let id = |random| RunId::new(Timestamp::UNIX_EPOCH, [random; 16]);
        let lease = |run: Option<RunId>, fence: &str| Lease { run_id: run, fence: Some(fence.into()), until_ms: 0 };
        for (lease, expected) in [
            (None, Standing::Free),
            (Some(lease(Some(id(1)), "mine")), Standing::Ours),
            (Some(lease(Some(id(1)), "theirs")), Standing::Held),
            (Some(lease(Some(id(2)), "theirs")), Standing::Reserved(id(2))),
            (Some(lease(None, "theirs")), Standing::Free),
        ] {
            assert_eq!(standing(lease.as_ref(), &id(1), "mine"), expected);
        }
    }
}
