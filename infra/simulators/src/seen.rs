//! The requests that a vendor saw.

use std::collections::VecDeque;

use serde::Serialize;

/// How many are kept; older ones are only counted.
const KEPT_MAX: usize = 20_000;

/// A request that a vendor saw. Headers are not kept: keys and tokens are in them.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// When, in milliseconds of the Unix epoch.
    #[serde(rename = "atMs")]
    pub at_ms: i64,
    /// `GET` and so on.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The status of the answer, though it may never have arrived.
    pub status: u16,
}

/// The last of them, and how many there were.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) count: u64,
    pub(crate) last: VecDeque<Seen>,
}

impl Requests {
    pub(crate) fn push(&mut self, seen: Seen) {
        self.count += 1;
        if self.last.len() == KEPT_MAX {
            self.last.pop_front();
        }
        self.last.push_back(seen);
    }
}
