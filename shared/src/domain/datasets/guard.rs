//! The removal guard: an empty or much smaller catalogue is more often a broken export than a sale of the shop.

use crate::domain::datasets::diff::Counts;

/// A run may remove up to this share of the snapshot without being asked.
const SHARE_MAX_PERCENT: u64 = 20;
/// Small catalogues change in large shares: so few removals are always let through.
const FREE_REMOVALS: u64 = 4;

/// Why removals were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemovalRefused {
    /// The source holds nothing at all.
    #[error(
        "the catalogue is empty but the snapshot has {snapshot} items; nothing was removed (send \"allowRemovals\": true if this is meant)"
    )]
    Empty {
        /// Items in the snapshot.
        snapshot: u64,
    },
    /// The source lost more than the allowed share.
    #[error(
        "the catalogue lacks {removed} of {snapshot} items, more than {SHARE_MAX_PERCENT} %; nothing was removed (send \"allowRemovals\": true if this is meant)"
    )]
    TooMany {
        /// Items that would go.
        removed: u64,
        /// Items in the snapshot.
        snapshot: u64,
    },
}

/// Decides whether a whole scan may remove what it lacks.
///
/// # Errors
/// When it would empty the snapshot, or remove more than a fifth of it and more than four items, unless allowed.
pub fn check_removals(counts: &Counts, allowed: bool) -> Result<(), RemovalRefused> {
    let snapshot = counts.removed + counts.updated + counts.unchanged;
    if allowed || counts.removed == 0 {
        return Ok(());
    }
    if counts.total == 0 {
        return Err(RemovalRefused::Empty { snapshot });
    }
    if counts.removed > FREE_REMOVALS && counts.removed * 100 > snapshot * SHARE_MAX_PERCENT {
        return Err(RemovalRefused::TooMany { removed: counts.removed, snapshot });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_are_refused_when_the_source_is_empty_or_lost_a_large_share() {
        use RemovalRefused::{Empty, TooMany};
        for (removed, updated, unchanged, created, expected) in [
            (0, 0, 0, 0, Ok(())),
            (0, 50, 50, 0, Ok(())),
            (1, 0, 0, 0, Err(Empty { snapshot: 1 })),
            (121, 0, 0, 0, Err(Empty { snapshot: 121 })),
            (4, 1, 1, 0, Ok(())),
            (5, 12, 8, 0, Ok(())),
            (5, 12, 7, 0, Err(TooMany { removed: 5, snapshot: 24 })),
            (6, 7, 12, 0, Err(TooMany { removed: 6, snapshot: 25 })),
            // Replacing everything is a removal of everything, however much is new.
            (100, 0, 0, 100, Err(TooMany { removed: 100, snapshot: 100 })),
        ] {
            let counts = Counts { total: updated + unchanged + created, created, updated, removed, unchanged };
            assert_eq!(check_removals(&counts, false), expected, "{counts:?}");
            assert_eq!(check_removals(&counts, true), Ok(()), "{counts:?}");
        }
    }
}
