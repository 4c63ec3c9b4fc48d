//! What changed between the last snapshot and a freshly scanned catalogue.
//!
//! Both sides are sorted by fingerprint and walked once. The old side arrives a base segment at a time, with the
//! younger layers on top, so that memory holds the new catalogue and one segment.

use serde::{Deserialize, Serialize};

use crate::domain::datasets::manifest::{Entry, Fingerprint, Layer, Overlay, Walk};

/// How many rows a run found, by what happened to them (I2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Distinct ids in the source, and what was kept beside them.
    pub total: u64,
    /// In the source, not in the snapshot.
    pub created: u64,
    /// In both, with another content.
    pub updated: u64,
    /// In the snapshot, no longer in the source.
    pub removed: u64,
    /// In both, the same.
    pub unchanged: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            total: self.total + other.total,
            created: self.created + other.created,
            updated: self.updated + other.updated,
            removed: self.removed + other.removed,
            unchanged: self.unchanged + other.unchanged,
        }
    }
}

/// What becomes of items that the snapshot has and the source lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They are removed.
    Removed,
    /// They stay, as unchanged: rows of the source could not be read, and may be theirs.
    Kept,
}

/// The result: counts, and the layer that turns the old snapshot into the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What clients see.
    pub counts: Counts,
    /// Items that were kept though the source lacks them; the counts have them among the unchanged.
    pub kept: u64,
    /// What has to be written.
    pub layer: Layer,
}

/// A diff in progress.
pub struct Diff {
    walk: Walk,
    found: Found,
}

/// What was found so far.
struct Found {
    new: Vec<Entry>,
    position: usize,
    changed: Vec<bool>,
    removals: Vec<Fingerprint>,
    counts: Counts,
}

impl Diff {
    /// Starts with the new catalogue and with what the layers above the base say, both sorted by fingerprint.
    #[must_use]
    pub fn new(new: Vec<Entry>, overlay: Overlay) -> Self {
        let counts = Counts { total: new.len() as u64, ..Counts::default() };
        let changed = vec![false; new.len()];
        let found = Found { new, position: 0, changed, removals: Vec::new(), counts };
        Self { walk: Walk::new(overlay), found }
    }

    /// Takes the next part of the base; parts must come in order.
    pub fn base(&mut self, part: &[Entry]) {
        let found = &mut self.found;
        self.walk.base(part, |fingerprint, content| found.old(fingerprint, content));
    }

    /// Ends the diff. `touched` are rows that an earlier run may have written without finishing: they are put or
    /// removed again whatever the manifest says, and count only if they differ from the snapshot. Nobody knows what the record of
    /// such a row holds, so one that is missing is removed also where others are kept.
    #[must_use]
    pub fn finish(self, touched: &[Fingerprint], missing: Missing) -> Difference {
        let mut found = self.found;
        self.walk.rest(|fingerprint, content| found.old(fingerprint, content));
        found.create_below(None);
        found.end(touched, missing)
    }
}

impl Found {
    fn old(&mut self, fingerprint: Fingerprint, content: Option<[u8; 8]>) {
        // Removed by an earlier run: the snapshot does not hold it.
        let Some(content) = content else { return };
        self.create_below(Some(fingerprint));
        match self.new.get(self.position) {
            Some(entry) if entry.fingerprint == fingerprint => {
                if entry.content == content {
                    self.counts.unchanged += 1;
                } else {
                    self.counts.updated += 1;
                    self.changed[self.position] = true;
                }
                self.position += 1;
            }
            _ => {
                self.counts.removed += 1;
                self.removals.push(fingerprint);
            }
        }
    }

    fn create_below(&mut self, limit: Option<Fingerprint>) {
        while self.new.get(self.position).is_some_and(|entry| limit.is_none_or(|limit| entry.fingerprint < limit)) {
            self.counts.created += 1;
            self.changed[self.position] = true;
            self.position += 1;
        }
    }

    fn end(mut self, touched: &[Fingerprint], missing: Missing) -> Difference {
        let mut kept = 0;
        if missing == Missing::Kept {
            let before = self.removals.len();
            self.removals.retain(|fingerprint| touched.binary_search(fingerprint).is_ok());
            kept = (before - self.removals.len()) as u64;
            self.counts.removed -= kept;
            self.counts.unchanged += kept;
            self.counts.total += kept;
        }
        for fingerprint in touched {
            match self.new.binary_search_by_key(fingerprint, |entry| entry.fingerprint) {
                Ok(index) => self.changed[index] = true,
                Err(_) => self.removals.push(*fingerprint),
            }
        }
        self.removals.sort_unstable();
        self.removals.dedup();
        let mut changed = self.changed.iter();
        let mut puts = self.new;
        puts.retain(|_| changed.next().copied().unwrap_or(false));
        puts.shrink_to_fit();
        Difference { counts: self.counts, kept, layer: Layer { puts, removals: self.removals } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<u8, u8>;

    fn fingerprint(key: u8) -> Fingerprint {
        let mut bytes = [0; 16];
        bytes[0] = key;
        Fingerprint(bytes)
    }

    fn entries(model: &Model) -> Vec<Entry> {
        model.iter().map(|(key, content)| Entry { fingerprint: fingerprint(*key), content: [*content; 8] }).collect()
    }

    fn layer(old: &Model, new: &Model) -> Layer {
        let puts = new.iter().filter(|(key, content)| old.get(*key) != Some(*content));
        let removals = old.keys().filter(|key| !new.contains_key(key));
        Layer {
            puts: entries(&puts.map(|(k, v)| (*k, *v)).collect()),
            removals: removals.map(|key| fingerprint(*key)).collect(),
        }
    }

    proptest! {
        /// I2: whatever the layers, the counts are the difference of the two snapshots, and the layer leads from one to the other.
        #[test]
        fn counts_and_layer_are_the_difference_of_the_snapshots(
            snapshots in prop::collection::vec(prop::collection::btree_map(0u8..30, 0u8..3, 0..20), 2..6),
            part in 1usize..7,
            touched in prop::collection::btree_set(0u8..40, 0..5),
            keep in any::<bool>(),
        ) {
            let (new, older) = snapshots.split_last().unwrap();
            let base = entries(&older[0]);
            let mut overlay = Overlay::default();
            for pair in older.windows(2) {
                overlay.lay(&layer(&pair[0], &pair[1]));
            }
            let old = older.last().unwrap();
            let mut diff = Diff::new(entries(new), overlay);
            base.chunks(part).for_each(|part| diff.base(part));
            let untouched = layer(old, new);
            let missing = if keep { Missing::Kept } else { Missing::Removed };
            let found = diff.finish(&touched.iter().map(|key| fingerprint(*key)).collect::<Vec<_>>(), missing);
            let stays = |fingerprint: &&Fingerprint| keep && !touched.contains(&fingerprint.0[0]);
            let kept = untouched.removals.iter().filter(stays).count() as u64;

            prop_assert_eq!(found.kept, kept);
            prop_assert!(!untouched.removals.iter().filter(stays).any(|kept| found.layer.removals.contains(kept)));
            prop_assert_eq!(found.counts, Counts {
                total: new.len() as u64 + kept,
                created: new.keys().filter(|key| !old.contains_key(key)).count() as u64,
                updated: new.iter().filter(|(key, content)| old.get(key).is_some_and(|was| was != *content)).count() as u64,
                removed: untouched.removals.len() as u64 - kept,
                unchanged: new.iter().filter(|(key, content)| old.get(key) == Some(*content)).count() as u64 + kept,
            });
            let is_touched = |fingerprint: Fingerprint| touched.contains(&fingerprint.0[0]);
            for put in &found.layer.puts {
                prop_assert!(untouched.puts.contains(put) || is_touched(put.fingerprint));
            }
            for put in &untouched.puts {
                prop_assert!(found.layer.puts.contains(put));
            }
            for key in &touched {
                let again = found.layer.puts.iter().any(|put| put.fingerprint == fingerprint(*key));
                prop_assert!(again == new.contains_key(key) && (again || found.layer.removals.contains(&fingerprint(*key))));
            }
            prop_assert!(found.layer.removals.iter().all(|gone| !new.contains_key(&gone.0[0])));
        }
    }
}
