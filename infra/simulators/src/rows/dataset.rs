//! Which rows of an entity there are: those it started with and those added, without those removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Members;

/// What became of a row.
#[derive(Clone, Default)]
pub(crate) struct Change {
    /// How often it was changed.
    pub(crate) revision: u64,
    /// When, for the last time.
    pub(crate) at_ms: i64,
    /// Fields that were set.
    pub(crate) set: Option<Arc<Members>>,
}

/// The rows of an entity, by their numbers.
#[derive(Clone)]
pub(crate) struct Dataset {
    initial: u64,
    /// One more than the highest number.
    end: u64,
    /// The first number of each batch that was added, and when.
    batches: Vec<(u64, i64)>,
    /// In order.
    removed: Vec<u64>,
    changed: BTreeMap<u64, Change>,
}

impl Dataset {
    pub(crate) const fn new(initial: u64) -> Self {
        Self { initial, end: initial, batches: Vec::new(), removed: Vec::new(), changed: BTreeMap::new() }
    }

    /// How many it started with.
    pub(crate) const fn initial(&self) -> u64 {
        self.initial
    }

    pub(crate) const fn added(&self) -> u64 {
        self.end - self.initial
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.end - self.removed.len() as u64
    }

    pub(crate) fn has(&self, index: u64) -> bool {
        index < self.end && self.removed.binary_search(&index).is_err()
    }

    pub(crate) fn change(&self, index: u64) -> Option<&Change> {
        self.changed.get(&index)
    }

    /// When a row was added; none for those that were there from the start.
    pub(crate) fn added_ms(&self, index: u64) -> Option<i64> {
        let batch = self.batches.partition_point(|(first, _)| *first <= index).checked_sub(1)?;
        Some(self.batches[batch].1)
    }

    /// The number of the row at a place of the list.
    pub(crate) fn at(&self, place: u64) -> Option<u64> {
        // Before the n-th removed number there are that number less n rows.
        let before = self.partition_removed(place);
        Some(place + before).filter(|index| *index < self.end)
    }

    fn partition_removed(&self, place: u64) -> u64 {
        let (mut low, mut high) = (0, self.removed.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.removed[middle] - middle as u64 <= place { low = middle + 1 } else { high = middle }
        }
        low as u64
    }

    /// The numbers of all rows from one on, in order.
    pub(crate) fn from(&self, first: u64) -> impl Iterator<Item = u64> {
        let mut removed = &self.removed[self.removed.partition_point(|index| *index < first)..];
        (first..self.end).filter(move |index| match removed.split_first() {
            Some((next, rest)) if next == index => {
                removed = rest;
                false
            }
            _ => true,
        })
    }

    /// Adds rows at the end.
    pub(crate) fn add(&mut self, count: u64, now_ms: i64) -> std::ops::Range<u64> {
        let first = self.end;
        if count > 0 {
            self.batches.push((first, now_ms));
            self.end += count;
        }
        first..self.end
    }

    pub(crate) fn remove(&mut self, mut indices: Vec<u64>) {
        for index in &indices {
            self.changed.remove(index);
        }
        self.removed.append(&mut indices);
        self.removed.sort_unstable();
        self.removed.dedup();
    }

    /// Changes a row. The time of a row's change never stands still, as a vendor's would not.
    pub(crate) fn touch(&mut self, index: u64, before_ms: i64, now_ms: i64, set: Option<&Arc<Members>>) {
        let change = self.changed.entry(index).or_default();
        change.revision += 1;
        change.at_ms = now_ms.max(before_ms + 1);
        if let Some(set) = set {
            let mut all = change.set.as_deref().cloned().unwrap_or_default();
            all.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
            change.set = Some(Arc::new(all));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_closes_up_where_rows_were_removed() {
        let mut dataset = Dataset::new(10);
        dataset.remove(vec![9, 0, 4, 5]);
        assert_eq!(dataset.add(2, 7), 10..12);
        let left = [1, 2, 3, 6, 7, 8, 10, 11];
        let found: Vec<u64> = (0..dataset.len()).map_while(|place| dataset.at(place)).collect();
        assert_eq!(found, left);
        assert_eq!(dataset.at(dataset.len()), None);
        for first in 0..12 {
            let rest: Vec<u64> = left.into_iter().filter(|index| *index >= first).collect();
            assert_eq!(dataset.from(first).collect::<Vec<_>>(), rest, "from {first}");
        }
        assert_eq!((dataset.added_ms(9), dataset.added_ms(10)), (None, Some(7)));
        assert!(!dataset.has(4) && dataset.has(11) && !dataset.has(12));
    }
}
