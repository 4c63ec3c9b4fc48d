//! Dead letters of a tenant, a page at a time: to list them, and to send many of them through again.

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::{DeadLetter, DeadLetterId};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::context::Deliveries;
use crate::engine::deliveries::requeue::{Requeued, requeue};
use crate::engine::operators::{Operator, Operators};

/// Which dead letters are meant; what is not named may be anything.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    provider: Option<String>,
    connection: Option<String>,
    reason: Option<String>,
}

impl DeadLetterFilter {
    /// The names of its fields.
    pub const FIELDS: [&str; 3] = ["provider", "connection", "reason"];

    /// Reads each field by its name, in any case. Listing and requeuing share it: what is listed under a filter is what is
    /// requeued under it.
    ///
    /// # Errors
    /// Those of `field`.
    pub fn read<E>(field: impl Fn(&str) -> Result<Option<String>, E>) -> Result<Self, E> {
        let [provider, connection, reason] = Self::FIELDS.map(|name| Ok(field(name)?.map(|text| text.to_lowercase())));
        Ok(Self { provider: provider?, connection: connection?, reason: reason? })
    }

    fn takes(&self, letter: &DeadLetter) -> bool {
        letter.is_from(self.provider.as_deref(), self.connection.as_deref())
            && self.reason.as_ref().is_none_or(|wanted| letter.reason.to_lowercase().contains(wanted))
    }
}

/// How much one call does.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Dead letters that it finds at most.
    pub found_max: usize,
    /// Dead letters after which it stops reading, as a filter that matches little must not read for ever. One more page of
    /// `found_max` may be read.
    pub read_max: usize,
}

/// A part of a tenant's dead letters.
#[derive(Debug)]
pub struct DeadLetterPage {
    /// Those that match, newest first.
    pub found: Vec<DeadLetter>,
    /// How many that do not match lay between them.
    pub passed_over: usize,
    /// Where the next part starts; none where nothing is left. What is found may be empty, and this not.
    pub next: Option<DeadLetterId>,
}

/// A tenant's dead letters that match, from `from` on (itself included), or from the newest.
///
/// # Errors
/// When AWS fails.
pub async fn page(
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    filter: &DeadLetterFilter,
    from: Option<DeadLetterId>,
    limits: Limits,
) -> Result<DeadLetterPage, AwsFault> {
    page_of(journal, now, tenant, |letter| filter.takes(letter), from, limits).await
}

async fn page_of(
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    takes: impl Fn(&DeadLetter) -> bool + Send,
    mut from: Option<DeadLetterId>,
    limits: Limits,
) -> Result<DeadLetterPage, AwsFault> {
    let Limits { found_max, read_max } = limits;
    let mut page = DeadLetterPage { found: Vec::new(), passed_over: 0, next: None };
    let mut read = 0;
    loop {
        let mut letters = journal.dead_letters(tenant, from.as_ref(), found_max + 1).await?;
        // One more than fits was read: it is where the next part starts.
        let rest = if letters.len() > found_max { letters.pop().map(|letter| letter.id) } else { None };
        read += letters.len();
        for letter in letters.into_iter().filter(|letter| !letter.is_expired(now)) {
            if !takes(&letter) {
                page.passed_over += 1;
            } else if page.found.len() == found_max {
                page.next = Some(letter.id);
                return Ok(page);
            } else {
                page.found.push(letter);
            }
        }
        if rest.is_none() || read >= read_max {
            page.next = rest;
            return Ok(page);
        }
        from = rest;
    }
}

/// What became of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequeuedMany {
    /// How many were sent through again.
    pub requeued: usize,
    /// How many were not: they do not match, have no label, their key came with another body since, or somebody else decided
    /// on them meanwhile.
    pub skipped: usize,
    /// Where to go on; none where nothing is left.
    pub next: Option<DeadLetterId>,
}

/// Sends the dead letters that match through again, from `from` on (itself included), or from the newest. What does not match
/// stays: so whoever goes on must say from where, or would look at the same ones for ever.
///
/// # Errors
/// When AWS fails. Some may have been requeued; to begin with the same `from` again is harmless.
pub async fn requeue_matching(
    deliveries: &Deliveries,
    operators: &Operators,
    operator: &Operator,
    filter: &DeadLetterFilter,
    from: Option<DeadLetterId>,
    limits: Limits,
) -> Result<RequeuedMany, AwsFault> {
    // One without a label matches nothing here: it would take the place of one that can be requeued.
    let takes = |letter: &DeadLetter| letter.label().is_some() && filter.takes(letter);
    let page = page_of(&operators.journal, operators.now(), &operator.tenant, takes, from, limits).await?;
    let mut done = RequeuedMany { requeued: 0, skipped: page.passed_over, next: page.next };
    for letter in &page.found {
        match requeue(deliveries, operators, operator, &letter.id).await? {
            Requeued::Done => done.requeued += 1,
            Requeued::NotFound
            | Requeued::NotADelivery
            | Requeued::NoLabel
            | Requeued::Conflict
            | Requeued::Decided => done.skipped += 1,
        }
    }
    Ok(done)
}
