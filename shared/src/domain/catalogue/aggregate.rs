//! Collects a catalogue's rows in little memory, and computes the aggregate hash.
//!
//! The aggregate hash is SHA-256 over `catalogId` `:` item hash in lower hex `|`, for each item in the byte order of
//! `catalogId`; an empty catalogue hashes empty input. Sorting needs every id, so ids are kept in sorted runs with
//! shared prefixes cut off: about 45 bytes a row instead of the row. Of two rows with one id the later wins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sha2::{Digest, Sha256};

use crate::domain::canonical::Hash;
use crate::domain::catalogue::findings::{REPEATED_CHARACTERS_MAX, REPEATED_NAMED_MAX};
use crate::domain::datasets::manifest::{Entry, Fingerprint};

/// Rows sorted at a time.
const RUN_ROWS: usize = 8192;
/// A run is stored in blocks, so that a merged block can be freed before its run is done.
const BLOCK_BYTES: usize = 32 * 1024;

/// Rows being collected.
#[derive(Default)]
pub struct Collector {
    ids: Vec<u8>,
    pending: Vec<Pending>,
    runs: Vec<Run>,
    rows: u64,
    repeated_ids: Vec<String>,
}

struct Pending {
    start: u32,
    length: u32,
    hash: Hash,
}

/// A sorted run: per row the length of the prefix shared with the row before, the rest of the id, the hash.
#[derive(Default)]
struct Run {
    blocks: std::collections::VecDeque<Vec<u8>>,
}

/// A whole catalogue: its hash, and an entry for each distinct id, sorted by fingerprint.
pub struct Collected {
    /// Sorted by fingerprint.
    pub entries: Vec<Entry>,
    /// The aggregate hash.
    pub hash: Hash,
    /// Rows read, duplicates included.
    pub rows: u64,
    /// Some of the ids that stand there more than once.
    pub repeated_ids: Vec<String>,
}

impl Collector {
    /// Takes one row.
    pub fn add(&mut self, catalog_id: &str, hash: Hash) {
        // A row is at most 380 KB and a run 8,192 rows: both fit 32 bits.
        let (start, length) = (self.ids.len() as u32, catalog_id.len() as u32);
        self.ids.extend_from_slice(catalog_id.as_bytes());
        self.pending.push(Pending { start, length, hash });
        self.rows += 1;
        if self.pending.len() == RUN_ROWS || self.ids.len() > 16 * RUN_ROWS * 8 {
            self.close_run();
        }
    }

    fn close_run(&mut self) {
        let ids = &self.ids;
        let id = |row: &Pending| &ids[row.start as usize..(row.start + row.length) as usize];
        // Equal ids stay in source order: the sort is stable.
        self.pending.sort_by(|a, b| id(a).cmp(id(b)));
        let mut run = Run::default();
        let mut block = Vec::with_capacity(BLOCK_BYTES + 64);
        let mut previous: &[u8] = &[];
        for (index, row) in self.pending.iter().enumerate() {
            if self.pending.get(index + 1).is_some_and(|next| id(next) == id(row)) {
                note_repeated(&mut self.repeated_ids, id(row));
                continue;
            }
            if block.len() > BLOCK_BYTES {
                run.blocks.push_back(std::mem::replace(&mut block, Vec::with_capacity(BLOCK_BYTES + 64)));
            }
            let shared = previous.iter().zip(id(row)).take_while(|(a, b)| a == b).count();
            write_length(&mut block, shared);
            write_length(&mut block, id(row).len() - shared);
            block.extend_from_slice(&id(row)[shared..]);
            block.extend_from_slice(&row.hash);
            previous = id(row);
        }
        block.shrink_to_fit();
        run.blocks.push_back(block);
        self.runs.push(run);
        self.pending.clear();
        self.ids.clear();
    }

    /// Merges the runs.
    #[must_use]
    pub fn finish(mut self) -> Collected {
        self.close_run();
        self.pending = Vec::new();
        self.ids = Vec::new();
        let mut sources: Vec<Reader> = self.runs.into_iter().map(Reader::new).collect();
        // The smallest id first; of equal ids the one of the latest run, which is the last in the source.
        let mut heap: BinaryHeap<Reverse<(Vec<u8>, Reverse<usize>)>> = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if source.advance() {
                heap.push(Reverse((source.id.clone(), Reverse(index))));
            }
        }
        let mut repeated_ids = self.repeated_ids;
        let mut entries = Vec::with_capacity(usize::try_from(self.rows).unwrap_or(0));
        let mut aggregate = Sha256::new();
        let mut hex = [0; 64];
        let mut last: Option<Vec<u8>> = None;
        while let Some(mut top) = heap.peek_mut() {
            let Reverse((id, Reverse(index))) = &mut *top;
            let source = &mut sources[*index];
            if last.as_deref() != Some(id.as_slice()) {
                entries.push(Entry::new(Fingerprint::of(id), &source.hash));
                // The buffer is exactly twice a hash: encoding cannot fail.
                let _infallible = hex::encode_to_slice(source.hash, &mut hex);
                aggregate.update(&*id);
                aggregate.update(b":");
                aggregate.update(hex);
                aggregate.update(b"|");
                let last = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(id);
            } else {
                note_repeated(&mut repeated_ids, id);
            }
            if source.advance() {
                id.clear();
                id.extend_from_slice(&source.id);
            } else {
                drop(std::collections::binary_heap::PeekMut::pop(top));
            }
        }
        entries.sort_unstable_by_key(|entry| entry.fingerprint);
        Collected { entries, hash: aggregate.finalize().into(), rows: self.rows, repeated_ids }
    }
}

fn note_repeated(noted: &mut Vec<String>, id: &[u8]) {
    if noted.len() < REPEATED_NAMED_MAX {
        let id: String = String::from_utf8_lossy(id).chars().take(REPEATED_CHARACTERS_MAX).collect();
        if !noted.contains(&id) {
            noted.push(id);
        }
    }
}

struct Reader {
    run: Run,
    position: usize,
    id: Vec<u8>,
    hash: Hash,
}

impl Reader {
    fn new(run: Run) -> Self {
        Self { run, position: 0, id: Vec::new(), hash: [0; 32] }
    }

    /// Reads the next row of the run into `id` and `hash`; a block that is used up is freed.
    fn advance(&mut self) -> bool {
        while self.run.blocks.front().is_some_and(|block| self.position >= block.len()) {
            self.run.blocks.pop_front();
            self.position = 0;
        }
        let Some(block) = self.run.blocks.front() else { return false };
        let shared = read_length(block, &mut self.position);
        let rest = read_length(block, &mut self.position);
        self.id.truncate(shared);
        self.id.extend_from_slice(&block[self.position..self.position + rest]);
        self.position += rest;
        self.hash.copy_from_slice(&block[self.position..self.position + 32]);
        self.position += 32;
        true
    }
}

/// LEB128: ids share and differ in few bytes, so one byte mostly does.
fn write_length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_length(block: &[u8], position: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = block[*position];
        *position += 1;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The definition, word by word.
    fn by_definition(rows: &[(String, Hash)]) -> Hash {
        let last: BTreeMap<&[u8], &Hash> = rows.iter().map(|(id, hash)| (id.as_bytes(), hash)).collect();
        let text: Vec<u8> =
            last.iter().flat_map(|(id, hash)| [*id, b":", hex::encode(hash).as_bytes(), b"|"].concat()).collect();
        Sha256::digest(text).into()
    }

    fn collect(rows: &[(String, Hash)]) -> Collected {
        let mut collector = Collector::default();
        for (id, hash) in rows {
            collector.add(id, *hash);
        }
        collector.finish()
    }

    #[test]
    fn an_empty_catalogue_hashes_empty_input() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(collect(&[]).hash), empty);
    }

    #[test]
    fn many_runs_merge_and_the_last_of_equal_ids_wins() {
        let mut rows: Vec<(String, Hash)> = (0..3 * RUN_ROWS)
            .map(|n| (format!("id-{}", n * 7919 % (2 * RUN_ROWS)), Sha256::digest(n.to_le_bytes()).into()))
            .collect();
        rows.push(("æble".repeat(100), [7; 32]));
        let collected = collect(&rows);
        assert_eq!(collected.hash, by_definition(&rows));
        assert_eq!(collected.entries.len(), 2 * RUN_ROWS + 1);
        assert_eq!(collected.rows, rows.len() as u64);
        // Each of the first half stands there twice, in two runs.
        assert_eq!(collected.repeated_ids, ["id-0", "id-1", "id-100", "id-10000", "id-10001"]);
        assert!(collected.entries.is_sorted_by(|a, b| a.fingerprint < b.fingerprint));
    }

    #[test]
    fn ids_that_stand_there_twice_are_named_once_and_shortened() {
        let row = |id: &str, hash: u8| (id.to_owned(), [hash; 32]);
        let long = "æ".repeat(100);
        let rows = [row("a", 1), row("b", 1), row("a", 2), row(&long, 1), row("a", 1), row(&long, 2), row("c", 1)];
        let collected = collect(&rows);
        assert_eq!(collected.repeated_ids, ["a".to_owned(), "æ".repeat(REPEATED_CHARACTERS_MAX)]);
        assert_eq!((collected.rows, collected.entries.len()), (7, 4));
    }

    #[test]
    fn a_run_is_closed_by_its_rows_or_by_the_bytes_of_its_ids_and_kept_in_blocks() {
        // A mebibyte of ids is what a run may have.
        for (id_bytes, rows, runs) in [(10, 8_191, 0), (10, 8_192, 1), (1_024, 1_024, 0), (1_024, 1_025, 1)] {
            let mut collector = Collector::default();
            (0..rows).for_each(|n| collector.add(&format!("{n:0id_bytes$}"), [0; 32]));
            assert_eq!(collector.runs.len(), runs, "{rows} ids of {id_bytes} bytes");
        }
        let mut collector = Collector::default();
        (0..RUN_ROWS).for_each(|n| collector.add(&format!("{n:04}"), [0; 32]));
        let blocks: Vec<usize> = collector.runs[0].blocks.iter().map(Vec::len).collect();
        let (last, full) = blocks.split_last().unwrap();
        // A row beyond 32 KiB at most, which has 38 bytes here.
        assert!(
            full.len() > 5 && full.iter().all(|bytes| (32_769..=32_806).contains(bytes)) && *last < 32_807,
            "{blocks:?}"
        );
    }

    proptest! {
        /// Ids that repeat themselves share prefixes of any length with one another.
        #[test]
        fn the_hash_follows_its_definition(
            rows in prop::collection::vec(("[ab]{1,3}|.{1,4}", 1usize..100, any::<Hash>()), 0..60),
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(text, times, hash)| (text.repeat(times), hash)).collect();
            prop_assert_eq!(collect(&rows).hash, by_definition(&rows));
        }
    }
}
