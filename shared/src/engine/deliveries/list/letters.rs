//! A tenant's dead letters, from the newest down.

use std::collections::VecDeque;

use super::{Budget, Head, Listed, PART};
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::deliveries::placement::{ListPlace, lowest_letter};
use crate::domain::ids::TenantId;

pub(super) struct Letters<'a> {
    journal: &'a Journal,
    tenant: &'a TenantId,
    from_ms: i64,
    /// All above it was taken.
    floor: ListPlace,
    read: VecDeque<DeadLetter>,
    /// Whether there may be more than was read.
    more: bool,
}

impl<'a> Letters<'a> {
    pub(super) fn new(journal: &'a Journal, tenant: &'a TenantId, from_ms: i64, floor: ListPlace) -> Self {
        Self { journal, tenant, from_ms, floor, read: VecDeque::new(), more: true }
    }

    pub(super) async fn head(&mut self, budget: &mut Budget) -> Result<Head, AwsFault> {
        while self.read.is_empty() && self.more {
            // One more, as that at the floor may come again.
            let limit = PART.min(budget.items.saturating_sub(1)) + 1;
            if limit == 1 || budget.queries == 0 {
                return Ok(Head::Below(self.floor.clone()));
            }
            let (low, high) = (lowest_letter(self.from_ms), self.floor.highest_letter());
            let letters = self.journal.dead_letters_between(self.tenant, &low, &high, limit).await?;
            budget.queries -= 1;
            budget.items -= letters.len();
            self.more = letters.len() == limit;
            self.read.extend(letters.into_iter().filter(|letter| ListPlace::of_letter(&letter.id) < self.floor));
        }
        Ok(self.read.front().map_or(Head::End, |letter| Head::At(ListPlace::of_letter(&letter.id))))
    }

    pub(super) fn take(&mut self) -> Option<Listed> {
        let letter = self.read.pop_front()?;
        self.floor = ListPlace::of_letter(&letter.id);
        Some(Listed::Dead(letter))
    }
}
