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

    #[track_caller]
    fn check(removed: u64, kept: u64, created: u64, allowed: bool, refused: bool) {
        let counts = Counts { total: kept + created, created, removed, unchanged: kept, updated: 0 };
        assert_eq!(check_removals(&counts, allowed).is_err(), refused, "{counts:?}");
    }

    #[test]
    fn removals() {
        check(0, 0, 0, false, false);
        check(0, 100, 0, false, false);
        check(1, 0, 0, false, true);
        check(121, 0, 0, false, true);
        check(121, 0, 0, true, false);
        check(4, 2, 0, false, false);
        check(5, 20, 0, false, false);
        check(6, 19, 0, false, true);
        check(6, 19, 0, true, false);
        // Replacing everything is a removal of everything, however much is new.
        check(100, 0, 100, false, true);
    }
}
