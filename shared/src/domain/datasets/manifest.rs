//! The manifest: the compact index of a snapshot, and all that a diff reads.
//!
//! A small log-structured index. A **layer** is what one run put and removed, sorted by key fingerprint, cut into
//! **segments** of at most 350 KB. The first layer is the base; each applied run that changed something adds one;
//! when the layers above the base grow past a share of it, they are merged into a new base. Cost follows change,
//! never the size of the catalogue. Buckets rewritten in place were considered: 200 scattered changes then
//! rewrite nearly all of them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::canonical::Hash;

/// The most bytes of one segment: an item may have 400 KB.
pub const SEGMENT_BYTES_MAX: usize = 350_000;
const ENTRY_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const FORMAT: u8 = 1;

/// A key's fingerprint: the first 16 bytes of its SHA-256. Two of 5 million keys meet with a chance below 10⁻²⁵.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// The fingerprint of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let digest = Sha256::digest(key);
        let mut bytes = [0; FINGERPRINT_BYTES];
        bytes.copy_from_slice(&digest[..FINGERPRINT_BYTES]);
        Self(bytes)
    }
}

/// What the manifest knows of a row: which, and the first 8 bytes of its content hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Which row.
    pub fingerprint: Fingerprint,
    /// What it held.
    pub content: [u8; 8],
}

impl Entry {
    /// The entry of a row with this item hash.
    #[must_use]
    pub fn new(fingerprint: Fingerprint, hash: &Hash) -> Self {
        let mut content = [0; 8];
        content.copy_from_slice(&hash[..8]);
        Self { fingerprint, content }
    }
}

/// What one run changes: rows put (created, updated) and rows removed, each sorted by fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Rows put.
    pub puts: Vec<Entry>,
    /// Rows removed.
    pub removals: Vec<Fingerprint>,
}

/// Where a stored layer lies, as the manifest item names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRef {
    /// The start of its segments' keys.
    pub id: String,
    /// How many segments.
    pub segments: u32,
    /// Rows put plus rows removed.
    pub rows: u64,
}

/// A segment that cannot be read: the table was changed by something else than us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a manifest segment is damaged: {0}")]
pub struct Damaged(&'static str);

impl Layer {
    /// Whether the layer changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removals.is_empty()
    }

    /// Rows put plus rows removed.
    #[must_use]
    pub fn rows(&self) -> u64 {
        (self.puts.len() + self.removals.len()) as u64
    }

    /// The layer as segments, in order: first all puts, then all removals. An empty layer has none.
    pub fn segments(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let puts = self.puts.chunks((SEGMENT_BYTES_MAX - HEADER_BYTES) / ENTRY_BYTES).map(|part| encode(part, &[]));
        let removals = self.removals.chunks((SEGMENT_BYTES_MAX - HEADER_BYTES) / FINGERPRINT_BYTES);
        // A small change is one item, not two.
        let together = (self.rows() > 0 && self.rows() < 10_000).then(|| encode(&self.puts, &self.removals));
        let apart = together.is_none();
        together
            .into_iter()
            .chain(puts.filter(move |_| apart))
            .chain(removals.map(|part| encode(&[], part)).filter(move |_| apart))
    }

    /// A segment that changes nothing: a page of a pull has one to be named by.
    #[must_use]
    pub fn empty_segment() -> Vec<u8> {
        encode(&[], &[])
    }

    /// Appends what a segment holds; segments must be given in order.
    ///
    /// # Errors
    /// When the bytes are not a segment.
    pub fn append_segment(&mut self, bytes: &[u8]) -> Result<(), Damaged> {
        let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or(Damaged("too short"))?;
        if header[0] != FORMAT {
            return Err(Damaged("unknown format"));
        }
        let count =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
        let (puts, removals) = (count(1), count(5));
        if body.len() != puts * ENTRY_BYTES + removals * FINGERPRINT_BYTES {
            return Err(Damaged("length"));
        }
        let (put_bytes, removal_bytes) = body.split_at(puts * ENTRY_BYTES);
        let fingerprint = |bytes: &[u8]| {
            let mut fingerprint = [0; FINGERPRINT_BYTES];
            fingerprint.copy_from_slice(&bytes[..FINGERPRINT_BYTES]);
            Fingerprint(fingerprint)
        };
        self.puts.extend(put_bytes.chunks_exact(ENTRY_BYTES).map(|bytes| {
            let mut content = [0; 8];
            content.copy_from_slice(&bytes[FINGERPRINT_BYTES..]);
            Entry { fingerprint: fingerprint(bytes), content }
        }));
        self.removals.extend(removal_bytes.chunks_exact(FINGERPRINT_BYTES).map(fingerprint));
        if self.puts.is_sorted_by(|a, b| a.fingerprint < b.fingerprint) && self.removals.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(Damaged("order"))
        }
    }
}

fn encode(puts: &[Entry], removals: &[Fingerprint]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + puts.len() * ENTRY_BYTES + removals.len() * FINGERPRINT_BYTES);
    bytes.push(FORMAT);
    // A segment holds at most 350 KB, so counts fit 32 bits.
    bytes.extend_from_slice(&(puts.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&(removals.len() as u32).to_be_bytes());
    for entry in puts {
        bytes.extend_from_slice(&entry.fingerprint.0);
        bytes.extend_from_slice(&entry.content);
    }
    for removal in removals {
        bytes.extend_from_slice(&removal.0);
    }
    bytes
}

/// What the layers above the base say of a row, newest first: put with this content, or removed.
#[derive(Debug, Clone, Default)]
pub struct Overlay(pub Vec<(Fingerprint, Option<[u8; 8]>)>);

impl Overlay {
    /// Lays a newer layer on top.
    pub fn lay(&mut self, layer: &Layer) {
        let newer = layer
            .puts
            .iter()
            .map(|entry| (entry.fingerprint, Some(entry.content)))
            .chain(layer.removals.iter().map(|fingerprint| (*fingerprint, None)));
        self.0.extend(newer);
        // Stable: of equal fingerprints the newer stays behind, and is the one kept.
        self.0.sort_by_key(|(fingerprint, _)| *fingerprint);
        self.0.reverse();
        self.0.dedup_by_key(|(fingerprint, _)| *fingerprint);
        self.0.reverse();
    }
}

/// Walks a base with the layers above it, in the order of fingerprints, a part of the base at a time. What lies above has
/// the last word on a row: its content, or that it was removed.
pub(super) struct Walk(std::iter::Peekable<std::vec::IntoIter<(Fingerprint, Option<[u8; 8]>)>>);

impl Walk {
    pub(super) fn new(overlay: Overlay) -> Self {
        Self(overlay.0.into_iter().peekable())
    }

    /// Walks the next part of the base; parts must come in order.
    pub(super) fn base(&mut self, part: &[Entry], mut row: impl FnMut(Fingerprint, Option<[u8; 8]>)) {
        for entry in part {
            while let Some((fingerprint, content)) = self.0.next_if(|(above, _)| *above < entry.fingerprint) {
                row(fingerprint, content);
            }
            match self.0.next_if(|(above, _)| *above == entry.fingerprint) {
                Some((fingerprint, content)) => row(fingerprint, content),
                None => row(entry.fingerprint, Some(entry.content)),
            }
        }
    }

    /// Walks what lies behind the base's last row.
    pub(super) fn rest(self, mut row: impl FnMut(Fingerprint, Option<[u8; 8]>)) {
        self.0.for_each(|(fingerprint, content)| row(fingerprint, content));
    }
}

/// Merges the layers above a base into it, a part of the base at a time.
pub struct Merger {
    walk: Walk,
    merged: Vec<Entry>,
}

impl Merger {
    /// Starts with what lies above the base.
    #[must_use]
    pub fn new(overlay: Overlay) -> Self {
        Self { walk: Walk::new(overlay), merged: Vec::new() }
    }

    /// Takes the next part of the base; parts must come in order.
    pub fn base(&mut self, part: &[Entry]) {
        let merged = &mut self.merged;
        self.walk.base(part, |fingerprint, content| keep(merged, fingerprint, content));
    }

    /// The merged entries, sorted by fingerprint.
    #[must_use]
    pub fn finish(self) -> Vec<Entry> {
        let mut merged = self.merged;
        self.walk.rest(|fingerprint, content| keep(&mut merged, fingerprint, content));
        merged
    }
}

fn keep(merged: &mut Vec<Entry>, fingerprint: Fingerprint, content: Option<[u8; 8]>) {
    merged.extend(content.map(|content| Entry { fingerprint, content }));
}

/// Whether the layers above the base have grown so large that a new base pays.
#[must_use]
pub fn merge_is_due(base_rows: u64, upper: &[LayerRef]) -> bool {
    let upper_rows: u64 = upper.iter().map(|layer| layer.rows).sum();
    upper.len() >= 24 || upper_rows * 4 > base_rows.max(4_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(n: u32, content: u8) -> Entry {
        Entry { fingerprint: Fingerprint::of(&n.to_be_bytes()), content: [content; 8] }
    }

    /// An entry whose place in the order is its number.
    fn nth(n: u32) -> Entry {
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint[..4].copy_from_slice(&n.to_be_bytes());
        Entry { fingerprint: Fingerprint(fingerprint), content: [n as u8; 8] }
    }

    fn layer(puts: u32, removals: u32) -> Layer {
        let removals = (puts..puts + removals).map(|n| nth(n).fingerprint);
        Layer { puts: (0..puts).map(nth).collect(), removals: removals.collect() }
    }

    #[test]
    fn a_row_is_known_by_the_start_of_two_hashes() {
        // SHA-256 of abc, as FIPS 180-4 has it.
        let fingerprint = Fingerprint::of(b"abc");
        assert_eq!(hex::encode(fingerprint.0), "ba7816bf8f01cfea414140de5dae2223");
        let hash: Hash = std::array::from_fn(|index| index as u8);
        assert_eq!(Entry::new(fingerprint, &hash), Entry { fingerprint, content: [0, 1, 2, 3, 4, 5, 6, 7] });
    }

    #[test]
    fn a_damaged_segment_is_refused() {
        let good = encode(&[nth(1), nth(2)], &[nth(3).fingerprint, nth(4).fingerprint]);
        let beside = |puts: [u32; 2], removals: [u32; 2]| encode(&puts.map(nth), &removals.map(|n| nth(n).fingerprint));
        for (bad, why) in [
            (good[..5].to_vec(), "too short"),
            ([&[9], &good[1..]].concat(), "unknown format"),
            (good[..good.len() - 1].to_vec(), "length"),
            ([&good[..], &[0]].concat(), "length"),
            (beside([2, 1], [3, 4]), "order"),
            (beside([1, 1], [3, 4]), "order"),
            (beside([1, 2], [4, 3]), "order"),
            (beside([1, 2], [3, 3]), "order"),
        ] {
            assert_eq!(Layer::default().append_segment(&bad), Err(Damaged(why)), "{bad:?}");
        }
        // What follows on another segment must lie behind it.
        let mut read = layer(1, 0);
        assert_eq!((read.append_segment(&good), read.append_segment(&good)), (Ok(()), Err(Damaged("order"))));
    }

    #[test]
    fn a_layer_is_cut_into_as_few_items_as_fit() {
        let (puts_max, removals_max) = (14_582, 21_874);
        for (puts, removals, items) in [
            (0, 0, 0),
            (1, 0, 1),
            (0, 1, 1),
            (5_000, 4_999, 1),
            (5_000, 5_000, 2),
            (puts_max, 0, 1),
            (puts_max + 1, 0, 2),
            (0, removals_max, 1),
            (0, removals_max + 1, 2),
            (2 * puts_max + 1, 2 * removals_max + 1, 6),
        ] {
            let layer = layer(puts, removals);
            assert_eq!((layer.rows(), layer.is_empty()), (u64::from(puts + removals), items == 0));
            let segments: Vec<Vec<u8>> = layer.segments().collect();
            assert_eq!(segments.len(), items, "{puts} puts, {removals} removals");
            assert!(segments.iter().all(|segment| segment.len() <= SEGMENT_BYTES_MAX));
            let mut read = Layer::default();
            segments.iter().for_each(|segment| read.append_segment(segment).unwrap());
            assert_eq!(read, layer);
        }
        // Counts have 32 bits, more than our own segments need.
        let large = layer(0x0001_0203, 0x0001_0203);
        let mut read = Layer::default();
        assert_eq!(read.append_segment(&encode(&large.puts, &large.removals)), Ok(()));
        assert_eq!(read, large);
    }

    #[test]
    fn a_merge_is_due_when_the_layers_above_are_many_or_a_quarter_of_the_base() {
        for (base_rows, upper, expected) in [
            (0, vec![], false),
            (0, vec![600, 400], false),
            (4_000, vec![600, 401], true),
            (8_000, vec![1_001, 999], false),
            (8_000, vec![1_001, 1_000], true),
            (8_000, vec![1; 23], false),
            (8_000, vec![1; 24], true),
        ] {
            let upper: Vec<LayerRef> =
                upper.into_iter().map(|rows| LayerRef { id: "L".into(), segments: 1, rows }).collect();
            assert_eq!(merge_is_due(base_rows, &upper), expected, "{base_rows} below {upper:?}");
        }
    }

    proptest! {
        #[test]
        fn layers_laid_one_by_one_equal_the_last_word_on_each_row(
            layers in prop::collection::vec(prop::collection::btree_map(0u32..20, prop::option::of(any::<u8>()), 0..10), 0..6)
        ) {
            let mut expected = std::collections::BTreeMap::new();
            let mut overlay = Overlay::default();
            for changes in &layers {
                let mut layer = Layer::default();
                for (n, content) in changes {
                    expected.insert(entry(*n, 0).fingerprint, content.map(|byte| [byte; 8]));
                    match content {
                        Some(byte) => layer.puts.push(entry(*n, *byte)),
                        None => layer.removals.push(entry(*n, 0).fingerprint),
                    }
                }
                layer.puts.sort_by_key(|entry| entry.fingerprint);
                layer.removals.sort();
                let mut read = Layer::default();
                layer.segments().for_each(|segment| read.append_segment(&segment).unwrap());
                prop_assert_eq!(&read, &layer);
                overlay.lay(&read);
            }
            prop_assert_eq!(&overlay.0, &expected.into_iter().collect::<Vec<_>>());

            let base: Vec<Entry> = (5..15).map(|n| entry(n, 9)).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            let mut model: std::collections::BTreeMap<_, _> = base.iter().map(|entry| (entry.fingerprint, entry.content)).collect();
            for (fingerprint, content) in &overlay.0 {
                match content {
                    Some(content) => drop(model.insert(*fingerprint, *content)),
                    None => drop(model.remove(fingerprint)),
                }
            }
            let mut merger = Merger::new(overlay);
            base.chunks(3).for_each(|part| merger.base(part));
            let merged: Vec<_> = merger.finish().iter().map(|entry| (entry.fingerprint, entry.content)).collect();
            prop_assert_eq!(merged, model.into_iter().collect::<Vec<_>>());
        }
    }
}
