//! A tenant's deliveries that had their effect, from the newest down: hour by hour, the shards of an hour beside one another. Which
//! of them have anything is read first, a good many at a time, so that time in which nobody sent costs nothing.

use std::collections::VecDeque;

use super::{Budget, Head, Listed};
use crate::aws::deliveries::listed::{DeliveryReads, Entry, Of, Range};
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::partition::Partition;
use crate::domain::deliveries::placement::{Hour, ListPlace, SHARDS_MAX};
use crate::domain::ids::TenantId;

/// Partitions that are looked at beside one another: of one who sends much those of the newest hour, so that none is read for
/// nothing; of one who sends little some hours, and more where these had nothing. Sixteen queries at a time are connections that a
/// small function can open.
const WIDTH: usize = 4;
const WIDTH_MAX: usize = 16;
/// Partitions that one query tells of: some days of one who sends in every hour.
const NAMES: usize = 256;

pub(super) struct Hours<'a> {
    reads: &'a DeliveryReads,
    tenant: &'a TenantId,
    from_ms: i64,
    of: Of,
    /// All above it was taken.
    floor: ListPlace,
    /// Those of the hours that are looked at.
    shards: Vec<Shard>,
    /// The partitions that are looked at after them, the newest first, as far as they are read.
    named: VecDeque<Partition>,
    /// The highest one of which it was not read whether there is anything.
    unnamed: Option<Partition>,
    width: usize,
    part: PerShard,
}

/// How many are read of a shard at a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum PerShard {
    /// So many: a filter takes few of them.
    Of(usize),
    /// A share of so many, as all are wanted: keys are spread evenly, so each shard of an hour has as many as the others, give or take
    /// some.
    Share(usize),
}

impl PerShard {
    fn of(self, shards: usize) -> usize {
        match self {
            Self::Of(part) => part,
            Self::Share(wanted) => (wanted * 3 / 2).div_ceil(shards.max(1)).min(wanted),
        }
    }
}

/// A shard of an hour.
struct Shard {
    partition: Partition,
    read: VecDeque<Entry>,
    /// All above it was read.
    floor: ListPlace,
    /// Whether there may be more than was read.
    more: bool,
}

impl Shard {
    fn is_due(&self) -> bool {
        self.read.is_empty() && self.more
    }
}

impl<'a> Hours<'a> {
    pub(super) fn new(
        reads: &'a DeliveryReads,
        tenant: &'a TenantId,
        (from_ms, floor): (i64, ListPlace),
        of: Of,
        part: PerShard,
    ) -> Self {
        let unnamed = floor.hour_below().map(|hour| Partition { hour, shard: SHARDS_MAX - 1 });
        let (shards, named) = (Vec::new(), VecDeque::new());
        Self { reads, tenant, from_ms, of, floor, shards, named, unnamed, width: WIDTH, part }
    }

    pub(super) async fn head(&mut self, budget: &mut Budget) -> Result<Head, AwsFault> {
        loop {
            // A shard of which the filter left out all that was read may still have the newest.
            while self.shards.iter().any(Shard::is_due) {
                if !self.read_due(budget).await? {
                    return Ok(self.unread());
                }
            }
            if let Some(newest) = self.newest_place() {
                return Ok(Head::At(newest));
            }
            if !self.read_names(budget).await? {
                return Ok(Head::Below(self.floor.clone()));
            }
            if !self.open() {
                return Ok(Head::End);
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<Listed> {
        let index = self.newest()?;
        let Entry { place, delivery } = self.shards[index].read.pop_front()?;
        self.floor = ListPlace::of_delivery(&place);
        self.width = WIDTH;
        // One whose body is kept, and whose effect has not happened, is not processed.
        delivery.filter(|delivery| delivery.processed_at.is_some()).map(|delivery| Listed::Processed(place, delivery))
    }

    /// What comes next where some shard cannot be read on: the newest that was read, unless the shard may have a newer one. What a
    /// filter left out counts as looked at, or a call that finds nothing would not get on.
    fn unread(&self) -> Head {
        let due = self.shards.iter().filter(|shard| shard.is_due()).map(|shard| &shard.floor);
        let unread = due.max().unwrap_or(&self.floor).clone();
        match self.newest_place().filter(|newest| *newest >= unread) {
            Some(newest) => Head::At(newest),
            None => Head::Below(unread),
        }
    }

    fn newest_place(&self) -> Option<ListPlace> {
        let newest = self.shards[self.newest()?].read.front()?;
        Some(ListPlace::of_delivery(&newest.place))
    }

    /// The shard with the newest of those that are read.
    fn newest(&self) -> Option<usize> {
        let heads = self.shards.iter().enumerate().filter_map(|(index, shard)| Some((index, shard.read.front()?)));
        heads.max_by_key(|(_, entry)| ListPlace::of_delivery(&entry.place)).map(|(index, _)| index)
    }

    /// Reads on in each shard of which all that was read is taken. False when that would be more than the call may do.
    async fn read_due(&mut self, budget: &mut Budget) -> Result<bool, AwsFault> {
        let due = self.shards.iter().filter(|shard| shard.is_due()).count();
        if due == 0 {
            return Ok(true);
        }
        let limit = self.part.of(self.shards.len()).min(budget.items / due);
        if limit == 0 || budget.queries < due {
            return Ok(false);
        }
        let reads = self.shards.iter_mut().filter(|shard| shard.is_due()).map(|shard| async {
            let range = Range { from_ms: self.from_ms, below: &shard.floor, of: &self.of, limit };
            let part = self.reads.below(self.tenant, shard.partition, range).await?;
            shard.read.extend(part.entries);
            shard.more = part.rest.is_some();
            if let Some(rest) = part.rest {
                shard.floor = rest;
            }
            Ok::<usize, AwsFault>(part.read)
        });
        let read: usize = futures::future::try_join_all(reads).await?.into_iter().sum();
        budget.queries -= due;
        budget.items -= read;
        Ok(true)
    }

    /// Reads on which partitions have anything, where none is left of those that are known to. False when that would be more than the
    /// call may do.
    async fn read_names(&mut self, budget: &mut Budget) -> Result<bool, AwsFault> {
        if let Some(shard) = self.shards.last() {
            self.floor = ListPlace::before(shard.partition.hour.start_ms());
        }
        self.shards.clear();
        let from = Hour::of(self.from_ms);
        while self.named.is_empty()
            && let Some(highest) = self.unnamed.filter(|highest| highest.hour >= from)
        {
            if budget.queries == 0 {
                return Ok(false);
            }
            budget.queries -= 1;
            let mut read = self.reads.partitions(self.tenant, from, highest, NAMES).await?;
            // An hour is opened as a whole: the last one may have more shards than were read.
            self.unnamed =
                read.found.last().filter(|_| read.more).map(|last| Partition { shard: SHARDS_MAX - 1, ..*last });
            read.found.retain(|partition| self.unnamed.is_none_or(|unnamed| partition.hour > unnamed.hour));
            self.named.extend(read.found);
        }
        Ok(true)
    }

    /// Goes on to the next hours; false where there are none.
    fn open(&mut self) -> bool {
        while let Some(partition) = self.named.front().copied() {
            let begins = self.shards.last().is_none_or(|last| last.partition.hour != partition.hour);
            if begins && self.shards.len() >= self.width {
                break;
            }
            self.named.pop_front();
            let (read, floor) = (VecDeque::new(), self.floor.clone());
            self.shards.push(Shard { partition, read, floor, more: true });
        }
        self.width = WIDTH_MAX;
        !self.shards.is_empty()
    }
}
