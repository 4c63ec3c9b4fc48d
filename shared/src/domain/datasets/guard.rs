//! The removal guard: an empty or much smaller catalogue is more often a broken export than a sale of the shop.

use crate::domain::catalogue::findings::Findings;
use crate::domain::datasets::diff::Counts;

/// A run may remove up to this share of the snapshot without being asked.
const SHARE_MAX_PERCENT: u64 = 20;
/// Small catalogues change in large shares: so few removals are let through, unless they are more than half.
const FREE_REMOVALS: u64 = 4;
/// One item is no list that was cut short, unless it is all there was.
const FREE_OF_HALF: u64 = 1;

/// Why removals were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemovalRefused {
    /// The source holds nothing at all.
    #[error(
        "the list is empty but the snapshot has {snapshot} items; nothing was removed (send \"allowRemovals\": true if this is meant)"
    )]
    Empty {
        /// Items in the snapshot.
        snapshot: u64,
    },
    /// The source lost more than the allowed share.
    #[error(
        "the list lacks {missing} of {snapshot} items, more than {share}; nothing was removed (send \"allowRemovals\": true if this is meant)"
    )]
    TooMany {
        /// Items that the source lacks.
        missing: u64,
        /// Items in the snapshot.
        snapshot: u64,
        /// The share.
        share: &'static str,
    },
    /// Rows were set aside, and an earlier run left items behind that would have to be written or removed.
    #[error(
        "{bad_rows} rows cannot be read, and {removed} items that the rest lacks were written by a run that failed, so that they cannot be kept as they are; mend the rows (or send \"allowRemovals\": true)"
    )]
    NotSure {
        /// Rows that were set aside.
        bad_rows: u64,
        /// Items that would go.
        removed: u64,
    },
}

/// How many of a snapshot's items a scan lacks: those that would go, and those that are kept as they may be among rows that were set aside.
#[must_use]
pub fn missing(counts: &Counts, findings: &Findings) -> u64 {
    counts.removed + findings.items_kept
}

/// Decides whether a whole scan may remove what it lacks. Where rows were set aside nothing of it is removed, and all of it
/// counts here nevertheless: a catalogue of which most cannot be read is no catalogue.
///
/// # Errors
/// When it lacks the whole snapshot, more than a fifth of it and more than four items, or more than half of it and more than
/// one, unless allowed. Also where the one item that there was is gone and others came.
pub fn check_removals(counts: &Counts, findings: &Findings, allowed: bool) -> Result<(), RemovalRefused> {
    let snapshot = counts.removed + counts.updated + counts.unchanged;
    let missing = missing(counts, findings);
    if allowed || missing == 0 {
        return Ok(());
    }
    if counts.total == findings.items_kept {
        return Err(RemovalRefused::Empty { snapshot });
    }
    if missing > FREE_REMOVALS && missing * 100 > snapshot * SHARE_MAX_PERCENT {
        return Err(RemovalRefused::TooMany { missing, snapshot, share: "20 %" });
    }
    // None of it is left: what came is perhaps another list, or an object around one.
    let is_all = missing == snapshot;
    if (missing > FREE_OF_HALF || is_all) && missing * 2 > snapshot {
        return Err(RemovalRefused::TooMany { missing, snapshot, share: "half of them" });
    }
    if findings.bad_rows > 0 && counts.removed > 0 {
        return Err(RemovalRefused::NotSure { bad_rows: findings.bad_rows, removed: counts.removed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_are_refused_when_the_source_is_empty_or_lost_a_large_share() {
        use RemovalRefused::{Empty, TooMany};
        let fifth = |missing, snapshot| Err(TooMany { missing, snapshot, share: "20 %" });
        let half = |missing, snapshot| Err(TooMany { missing, snapshot, share: "half of them" });
        for (removed, updated, unchanged, created, expected) in [
            (0, 0, 0, 0, Ok(())),
            (0, 50, 50, 0, Ok(())),
            (1, 0, 0, 0, Err(Empty { snapshot: 1 })),
            (121, 0, 0, 0, Err(Empty { snapshot: 121 })),
            (4, 1, 3, 0, Ok(())),
            (5, 12, 8, 0, Ok(())),
            (5, 12, 7, 0, fifth(5, 24)),
            (6, 7, 12, 0, fifth(6, 25)),
            // Replacing everything is a removal of everything, however much is new.
            (100, 0, 0, 100, fifth(100, 100)),
            // A small one that is cut between two rows, or that one object was taken for.
            (1, 0, 0, 1, half(1, 1)),
            (1, 0, 1, 0, Ok(())),
            (2, 0, 0, 1, half(2, 2)),
            (2, 1, 0, 0, half(2, 3)),
            (2, 1, 1, 0, Ok(())),
            (3, 1, 1, 5, half(3, 5)),
            (3, 1, 2, 0, Ok(())),
            (4, 1, 1, 0, half(4, 6)),
            (4, 2, 1, 0, half(4, 7)),
        ] {
            let counts = Counts { total: updated + unchanged + created, created, updated, removed, unchanged };
            assert_eq!(check_removals(&counts, &Findings::default(), false), expected, "{counts:?}");
            assert_eq!(check_removals(&counts, &Findings::default(), true), Ok(()), "{counts:?}");
            // What is kept, as rows were set aside, counts as if it would go.
            let counts = Counts { total: counts.total + removed, removed: 0, unchanged: unchanged + removed, ..counts };
            let findings = Findings { bad_rows: 1, items_kept: removed, ..Findings::default() };
            assert_eq!(check_removals(&counts, &findings, false), expected, "{counts:?}");
        }
    }

    #[test]
    fn what_a_failed_run_wrote_is_not_removed_while_rows_are_set_aside() {
        let counts = Counts { total: 99, created: 0, updated: 0, removed: 1, unchanged: 99 };
        let findings = Findings { bad_rows: 2, ..Findings::default() };
        let refused = RemovalRefused::NotSure { bad_rows: 2, removed: 1 };
        assert_eq!(check_removals(&counts, &findings, false), Err(refused));
        assert_eq!(check_removals(&counts, &findings, true), Ok(()));
    }
}
