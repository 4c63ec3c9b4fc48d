//! What a pull knows of a dataset while it reads it page by page, and what a page changes of that.
//!
//! A catalogue is compared as a whole. A pull is compared a page at a time, and each page is committed by itself: so the counts
//! of the pages together must be the difference of the two snapshots (I2), also where a row comes twice, where it has another
//! content by then, and where a page is read again after a crash.

use std::collections::{HashMap, HashSet};

use crate::domain::datasets::diff::Counts;
use crate::domain::datasets::manifest::{Entry, Fingerprint, Layer, Merger, Overlay};

/// The most rows of a dataset that is pulled: so many take 24 bytes each in memory, and those of one pull as much again.
pub const PULLED_ROWS_MAX: usize = 2_000_000;

/// The content of a row that was in the snapshot, and of which nobody knows what its record holds now.
const UNSURE: [u8; 8] = [0xFF; 8];
/// The same of a row that was not in the snapshot: its record may be there or not.
const UNSURE_NEW: [u8; 8] = [0; 8];

/// What was in a dataset before a pull, and what the pull has put and seen since.
#[derive(Debug, Default)]
pub struct Known {
    /// Sorted by fingerprint.
    before: Vec<Entry>,
    put: HashMap<Fingerprint, [u8; 8]>,
    seen: HashSet<Fingerprint>,
    /// Those of them that were seen since the list was begun anew.
    in_pass: HashSet<Fingerprint>,
    removed: HashSet<Fingerprint>,
}

/// What a page changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageChanges {
    /// What is to be named before it is written, sorted by fingerprint; a row of an earlier try that is not on the page any more is
    /// among it as unsure.
    pub layer: Layer,
    /// The places on the page of the rows whose records are to be put.
    pub rows: Vec<usize>,
    /// All rows of the page, sorted and once each.
    pub seen: Vec<Fingerprint>,
    /// The counts with this page.
    pub counts: Counts,
    /// The places of those that are new, and of those that changed.
    pub created: Vec<usize>,
    /// As said.
    pub updated: Vec<usize>,
}

impl Known {
    /// Before the first page; `before` is sorted by fingerprint.
    #[must_use]
    pub fn new(before: Vec<Entry>) -> Self {
        Self { before, ..Self::default() }
    }

    /// Takes a page that was committed, and whose records have arrived.
    pub fn add(&mut self, layer: &Layer, seen: &[Fingerprint]) {
        self.seen.extend(seen);
        self.in_pass.extend(seen);
        self.put.extend(layer.puts.iter().map(|entry| (entry.fingerprint, entry.content)));
        for fingerprint in &layer.removals {
            self.put.remove(fingerprint);
            self.removed.insert(*fingerprint);
        }
    }

    /// The list is begun anew: what was seen of it still was.
    pub fn begin_again(&mut self) {
        self.in_pass.clear();
    }

    /// How many of a page's rows came before, since the list was begun: on pages before it, or on itself.
    #[must_use]
    pub fn again(&self, rows: &[Fingerprint]) -> usize {
        let mut on_it = HashSet::new();
        rows.iter().filter(|row| self.in_pass.contains(row) || !on_it.insert(**row)).count()
    }

    /// Whether a row was in the dataset before this pull.
    #[must_use]
    pub fn had(&self, row: Fingerprint) -> bool {
        self.content_before(row).is_some_and(|before| before != UNSURE_NEW)
    }

    /// Takes a page that was committed, and of which nobody knows what of it arrived, nor will see to it.
    pub fn add_unsure(&mut self, layer: &Layer) {
        let touched = layer.puts.iter().map(|entry| entry.fingerprint).chain(layer.removals.iter().copied());
        for fingerprint in touched {
            self.put.insert(fingerprint, self.unsure(fingerprint));
        }
    }

    /// How many rows the dataset has, as far as is known.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let before = self.before.iter().filter(|entry| {
            let gone = self.removed.contains(&entry.fingerprint) && !self.put.contains_key(&entry.fingerprint);
            !gone && entry.content != UNSURE_NEW
        });
        let new = |(fingerprint, content): &(&Fingerprint, &[u8; 8])| {
            **content != UNSURE_NEW && self.content_before(**fingerprint).is_none_or(|before| before == UNSURE_NEW)
        };
        (before.count() + self.put.iter().filter(new).count()) as u64
    }

    /// How many rows were seen.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Whether there is room for so many more.
    #[must_use]
    pub fn has_room_for(&self, rows: usize) -> bool {
        self.before.len() + self.put.len() + rows <= PULLED_ROWS_MAX
    }

    fn content_before(&self, fingerprint: Fingerprint) -> Option<[u8; 8]> {
        let found = self.before.binary_search_by_key(&fingerprint, |entry| entry.fingerprint);
        found.ok().map(|index| self.before[index].content)
    }

    fn content_now(&self, fingerprint: Fingerprint) -> Option<[u8; 8]> {
        self.put.get(&fingerprint).copied().or_else(|| self.content_before(fingerprint))
    }

    /// What is written of a row of which nobody knows what its record holds.
    fn unsure(&self, fingerprint: Fingerprint) -> [u8; 8] {
        match self.content_before(fingerprint) {
            Some(before) if before != UNSURE_NEW => UNSURE,
            _ => UNSURE_NEW,
        }
    }

    /// Compares a page's rows, in their order. `touched` is what an earlier try of the same page may have put: of that nobody knows
    /// what its records hold, so what is on the page is put again, and what is not is unsure. `counts` are those before the page.
    #[must_use]
    pub fn compare(&self, rows: &[Entry], touched: &Layer, counts: Counts) -> PageChanges {
        // Of two rows of one id the later counts.
        let last: HashMap<Fingerprint, usize> =
            rows.iter().enumerate().map(|(index, entry)| (entry.fingerprint, index)).collect();
        let was_touched =
            |fingerprint| touched.puts.binary_search_by_key(&fingerprint, |entry| entry.fingerprint).is_ok();
        let mut changes = PageChanges { counts, ..PageChanges::default() };
        for (index, entry) in rows.iter().enumerate().filter(|(index, entry)| last[&entry.fingerprint] == *index) {
            let Entry { fingerprint, content } = *entry;
            let (before, now) = (self.content_before(fingerprint), self.content_now(fingerprint));
            if !self.is_counted(fingerprint) {
                changes.counts.total += 1;
                count(&mut changes.counts, before, content, 1);
                match before {
                    _ if now == Some(content) => {}
                    None | Some(UNSURE_NEW) => changes.created.push(index),
                    Some(_) => changes.updated.push(index),
                }
            } else if let Some(earlier) = now.filter(|now| *now != content) {
                count(&mut changes.counts, before, earlier, -1);
                count(&mut changes.counts, before, content, 1);
            }
            if now != Some(content) || was_touched(fingerprint) {
                changes.layer.puts.push(*entry);
                changes.rows.push(index);
            }
            changes.seen.push(fingerprint);
        }
        let elsewhere = touched.puts.iter().filter(|touched| !last.contains_key(&touched.fingerprint));
        let unsure = elsewhere.map(|touched| Entry { content: self.unsure(touched.fingerprint), ..*touched });
        changes.layer.puts.extend(unsure);
        changes.layer.puts.sort_unstable();
        changes.seen.sort_unstable();
        changes
    }

    /// Whether an earlier page had the row.
    fn is_counted(&self, fingerprint: Fingerprint) -> bool {
        let is_put = || self.put.get(&fingerprint).is_some_and(|put| *put != UNSURE && *put != UNSURE_NEW);
        self.seen.contains(&fingerprint) || is_put()
    }

    /// What is gone once every page was read: all that is known and was not seen, sorted; and how many of them were in the snapshot.
    #[must_use]
    pub fn gone(&self) -> (Vec<Fingerprint>, u64) {
        let known = self.before.iter().map(|entry| entry.fingerprint);
        let new = self.put.keys().copied().filter(|put| self.content_before(*put).is_none());
        let mut gone: Vec<Fingerprint> =
            known.chain(new).filter(|fingerprint| !self.seen.contains(fingerprint)).collect();
        gone.sort_unstable();
        let counted = gone.iter().filter(|gone| self.content_before(**gone).is_some_and(|before| before != UNSURE_NEW));
        let counted = counted.count() as u64;
        (gone, counted)
    }

    /// The same dataset for another pull: what was put is what was before, and nothing was seen.
    #[must_use]
    pub fn settled(self) -> Self {
        let mut overlay = Overlay::default();
        overlay.lay(&self.layer());
        let mut merger = Merger::new(overlay);
        merger.base(&self.before);
        Self::new(merger.finish())
    }

    /// What the pages changed together, as one layer.
    #[must_use]
    pub fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        layer.puts.extend(
            self.put.iter().map(|(fingerprint, content)| Entry { fingerprint: *fingerprint, content: *content }),
        );
        layer.puts.sort_unstable();
        layer.removals.extend(self.removed.iter().filter(|removed| !self.put.contains_key(removed)));
        layer.removals.sort_unstable();
        layer
    }
}

/// Counts what became of a row, or takes it back.
fn count(counts: &mut Counts, before: Option<[u8; 8]>, content: [u8; 8], by: i64) {
    let counter = match before {
        None | Some(UNSURE_NEW) => &mut counts.created,
        Some(before) if before == content => &mut counts.unchanged,
        Some(_) => &mut counts.updated,
    };
    *counter = counter.saturating_add_signed(by);
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

    fn entry(key: u8, content: u8) -> Entry {
        Entry { fingerprint: fingerprint(key), content: [content + 1; 8] }
    }

    fn entries(model: &Model) -> Vec<Entry> {
        model.iter().map(|(key, content)| entry(*key, *content)).collect()
    }

    fn page(rows: &[(u8, u8)]) -> Vec<Entry> {
        rows.iter().map(|(key, content)| entry(*key, *content)).collect()
    }

    /// The snapshot that a layer makes of another.
    fn lay(before: &Model, layer: &Layer) -> Model {
        let mut after = before.clone();
        after.extend(layer.puts.iter().map(|entry| (entry.fingerprint.0[0], entry.content[0] - 1)));
        after.retain(|key, _| !layer.removals.contains(&fingerprint(*key)));
        after
    }

    #[test]
    fn what_an_earlier_try_named_is_put_again_or_unsure() {
        let known = Known::new(page(&[(1, 0), (2, 0), (3, 0)]));
        let touched = Layer { puts: page(&[(1, 1), (2, 1), (7, 0)]), removals: Vec::new() };
        let changes = known.compare(&page(&[(1, 0), (9, 0)]), &touched, Counts::default());
        let unsure = |key, content| Entry { fingerprint: fingerprint(key), content };
        assert_eq!(changes.layer.puts, [entry(1, 0), unsure(2, UNSURE), unsure(7, UNSURE_NEW), entry(9, 0)]);
        assert_eq!((changes.rows, changes.counts.created, changes.counts.unchanged), (vec![0, 1], 1, 1));
        // Whoever sees it later puts it, and counts it as what it is.
        let mut known = known;
        known.add(&changes.layer, &changes.seen);
        let changes = known.compare(&page(&[(2, 1), (7, 0)]), &Layer::default(), Counts::default());
        assert_eq!((changes.counts.created, changes.counts.updated, changes.rows.len()), (1, 1, 2));
        assert_eq!(known.gone(), (vec![fingerprint(2), fingerprint(3), fingerprint(7)], 2));
    }

    #[test]
    fn what_a_run_left_is_unsure_for_the_next() {
        let mut left = Known::new(page(&[(1, 0)]));
        left.add(&Layer { puts: page(&[(2, 0)]), removals: Vec::new() }, &[]);
        left.add_unsure(&Layer { puts: page(&[(1, 1), (3, 0)]), removals: Vec::new() });
        assert_eq!(left.rows(), 2);
        let mut merged: BTreeMap<Fingerprint, [u8; 8]> = [(fingerprint(1), [1; 8])].into();
        merged.extend(left.layer().puts.iter().map(|entry| (entry.fingerprint, entry.content)));
        let before = merged.into_iter().map(|(fingerprint, content)| Entry { fingerprint, content });
        let next = Known::new(before.collect());
        let changes = next.compare(&page(&[(1, 0), (2, 0), (3, 0)]), &Layer::default(), Counts::default());
        assert_eq!(changes.rows, [0, 2]);
        assert_eq!(changes.counts, Counts { total: 3, created: 1, updated: 1, removed: 0, unchanged: 1 });
    }

    proptest! {
        /// I2: of whatever pages, with rows that come twice and change meanwhile, the counts are the difference of the two snapshots.
        #[test]
        fn counts_of_pages_are_the_difference_of_the_snapshots(
            before in prop::collection::btree_map(0u8..20, 0u8..3, 0..15),
            pages in prop::collection::vec(prop::collection::vec((0u8..25, 0u8..3), 0..6), 0..6),
            backfill in any::<bool>(),
            twice in any::<bool>(),
        ) {
            let mut known = Known::new(entries(&before));
            let (mut counts, mut seen) = (Counts::default(), Model::new());
            for rows in &pages {
                let changes = known.compare(&page(rows), &Layer::default(), counts);
                if twice {
                    // Read again after a crash: the same, but that all that was named is put.
                    let again = known.compare(&page(rows), &changes.layer, counts);
                    prop_assert_eq!(&again, &changes);
                }
                prop_assert!(changes.layer.puts.is_sorted() && changes.seen.is_sorted());
                counts = changes.counts;
                // A delta keeps what it has seen as long as its slice.
                known.add(&changes.layer, &changes.seen);
                seen.extend(rows.iter().copied());
            }
            let (gone, counted) = known.gone();
            let mut after = lay(&before, &known.layer());
            if backfill {
                counts.removed = counted;
                known.add(&Layer { puts: Vec::new(), removals: gone }, &[]);
                after = lay(&before, &known.layer());
                prop_assert_eq!(&after, &seen);
            }
            let of = |is: &dyn Fn(Option<&u8>, &u8) -> bool| {
                seen.iter().filter(|(key, content)| is(before.get(*key), content)).count() as u64
            };
            prop_assert_eq!(counts, Counts {
                total: seen.len() as u64,
                created: of(&|before, _| before.is_none()),
                updated: of(&|before, content| before.is_some_and(|before| before != content)),
                removed: if backfill { before.keys().filter(|key| !seen.contains_key(*key)).count() as u64 } else { 0 },
                unchanged: of(&|before, content| before == Some(content)),
            });
            prop_assert_eq!(known.rows(), after.len() as u64);
        }
    }
}
