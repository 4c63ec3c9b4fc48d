//! A tenant's deliveries that had their effect, from the newest down: hour by hour, the shards of an hour beside one another.

use std::collections::VecDeque;

use super::{Budget, Head, Listed};
use crate::aws::deliveries::listed::{DeliveryReads, Entry};
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::placement::{Hour, ListPlace, SHARDS_MAX};
use crate::domain::ids::TenantId;

/// Hours that are looked at beside one another, once those before them were empty. Of one who sends much no hour is read for
/// nothing; and sixteen queries at a time are connections that a small function can open.
const WIDTH_MAX: usize = 2;

pub(super) struct Hours<'a> {
    reads: &'a DeliveryReads,
    tenant: &'a TenantId,
    from_ms: i64,
    /// All above it was taken.
    floor: ListPlace,
    /// Those of the hours that are looked at.
    shards: Vec<Shard>,
    /// The hour that is looked at after them.
    next: Option<Hour>,
    width: usize,
    /// How many are read of a shard at a time.
    part: usize,
}

/// A shard of an hour.
struct Shard {
    hour: Hour,
    number: u8,
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
        from_ms: i64,
        floor: ListPlace,
        part: usize,
    ) -> Self {
        let next = floor.hour_below().filter(|hour| *hour >= Hour::of(from_ms));
        Self { reads, tenant, from_ms, floor, shards: Vec::new(), next, width: 1, part }
    }

    pub(super) async fn head(&mut self, budget: &mut Budget) -> Result<Head, AwsFault> {
        loop {
            if !self.read_due(budget).await? {
                return Ok(Head::Below(self.floor.clone()));
            }
            if let Some(index) = self.newest() {
                let newest = self.shards[index].read.front();
                return Ok(newest.map_or(Head::End, |entry| Head::At(ListPlace::of_delivery(&entry.place))));
            }
            if !self.shards.iter().any(|shard| shard.more) && !self.open() {
                return Ok(Head::End);
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<Listed> {
        let index = self.newest()?;
        let Entry { place, delivery } = self.shards[index].read.pop_front()?;
        self.floor = ListPlace::of_delivery(&place);
        self.width = 1;
        // One whose body is kept, and whose effect has not happened, is not processed.
        delivery.filter(|delivery| delivery.processed_at.is_some()).map(|delivery| Listed::Processed(place, delivery))
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
        let limit = self.part.min(budget.items / due);
        if limit == 0 || budget.queries < due {
            return Ok(false);
        }
        let reads = self.shards.iter_mut().filter(|shard| shard.is_due()).map(|shard| async {
            let place = (shard.hour, shard.number);
            let part = self.reads.below(self.tenant, place, self.from_ms, &shard.floor, limit).await?;
            let count = part.entries.len();
            if let Some(last) = part.entries.last() {
                shard.floor = ListPlace::of_delivery(&last.place);
            }
            shard.read.extend(part.entries);
            shard.more = part.more;
            Ok::<usize, AwsFault>(count)
        });
        let read: usize = futures::future::try_join_all(reads).await?.into_iter().sum();
        budget.queries -= due;
        budget.items -= read;
        Ok(true)
    }

    /// Goes on to the next hours; false where there are none.
    fn open(&mut self) -> bool {
        if let Some(shard) = self.shards.last() {
            self.floor = ListPlace::before(shard.hour.start_ms());
        }
        self.shards.clear();
        for _ in 0..self.width {
            let Some(hour) = self.next else { break };
            self.shards.extend((0..SHARDS_MAX).map(|number| Shard {
                hour,
                number,
                read: VecDeque::new(),
                floor: self.floor.clone(),
                more: true,
            }));
            self.next = hour.before().filter(|before| *before >= Hour::of(self.from_ms));
        }
        self.width = WIDTH_MAX;
        !self.shards.is_empty()
    }
}
