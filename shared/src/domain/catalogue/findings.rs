//! What a scan noticed beside what it counts: rows that were set aside, and ids that stand there twice.

use serde::{Deserialize, Serialize};

/// The most rows that are set aside: when more cannot be read it is not rows that are wrong.
pub const BAD_ROWS_MAX: u64 = 1000;
/// How many of them are kept with place and reason: a page of history is read at once, and bounded in bytes.
pub const BAD_ROWS_KEPT_MAX: usize = 20;
/// How many repeated ids are named.
pub const REPEATED_NAMED_MAX: usize = 5;
/// How much of such an id is kept, in characters.
pub const REPEATED_CHARACTERS_MAX: usize = 80;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRow {
    /// Counted from 1.
    pub row: u64,
    /// Where it starts in the catalogue, unpacked if it was packed, counted from 0.
    pub byte: u64,
    /// What is wrong with it. It quotes nothing of the row.
    pub reason: String,
}

/// What a scan noticed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Rows that were set aside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad_rows: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_rows_kept: Vec<BadRow>,
    /// Items of the snapshot that the readable rows lack, and that are kept as a row that was set aside may be theirs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub items_kept: u64,
    /// Rows whose id stands in a later row again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// Some of these ids, shortened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated_ids: Vec<String>,
}

impl Findings {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// By reference, as serde asks for it.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
