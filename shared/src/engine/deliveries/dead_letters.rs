//! Dead letters of a tenant, a page at a time: to list them, and to send many of them through again.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::dead_letter::{DeadLetter, DeadLetterId};
use crate::domain::deliveries::text::Part;
use crate::domain::ids::TenantId;
use crate::engine::deliveries::requeue::{Requeued, Requeuer, requeue};
use crate::engine::operators::Operator;

/// Dead letters that are read beside one another.
const WIDTH: usize = 8;

/// Which dead letters are meant; what is not named may be anything.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    provider: Option<String>,
    connection: Option<String>,
    reason: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    text: Option<Part>,
}

impl DeadLetterFilter {
    /// The names of its fields that are texts.
    pub const FIELDS: [&str; 3] = ["provider", "connection", "reason"];

    /// Reads each field by its name, in any case. Listing and requeuing share it: what is listed under a filter is what is
    /// requeued under it.
    ///
    /// # Errors
    /// Those of `field`.
    pub fn read<E>(field: impl Fn(&str) -> Result<Option<String>, E>) -> Result<Self, E> {
        let [provider, connection, reason] = Self::FIELDS.map(|name| Ok(field(name)?.map(|text| text.to_lowercase())));
        Ok(Self { provider: provider?, connection: connection?, reason: reason?, ..Self::default() })
    }

    /// Only those whose message was sent between two moments, both included.
    #[must_use]
    pub fn between(self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { from, to, ..self }
    }

    /// Only those that the list of deliveries finds by this text.
    #[must_use]
    pub fn with(self, text: Option<Part>) -> Self {
        Self { text, ..self }
    }

    /// Where to begin to read: where a part ended, and not above what is meant.
    fn start(&self, from: Option<DeadLetterId>) -> Option<DeadLetterId> {
        let highest = self.to.map(|to| DeadLetterId::last_of(to.as_millisecond()));
        match (from, highest) {
            (Some(from), Some(highest)) => Some(from.min(highest)),
            (from, highest) => from.or(highest),
        }
    }

    /// Whether this one, and so all behind it, is older than what is meant.
    fn is_over_at(&self, letter: &DeadLetter) -> bool {
        self.from.is_some_and(|from| letter.id.sent_ms() < from.as_millisecond())
    }

    fn takes(&self, letter: &DeadLetter) -> bool {
        letter.is_from(self.provider.as_deref(), self.connection.as_deref())
            && self.reason.as_ref().is_none_or(|wanted| letter.reason.to_lowercase().contains(wanted))
            && self.text.as_ref().is_none_or(|part| letter.has(part))
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

/// A tenant's dead letters that match and can be taken, from `from` on (itself included), or from the newest.
///
/// # Errors
/// When AWS fails.
pub async fn page(
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    filter: &DeadLetterFilter,
    can_be_taken: impl Fn(&DeadLetter) -> bool + Send,
    from: Option<DeadLetterId>,
    limits: Limits,
) -> Result<DeadLetterPage, AwsFault> {
    let mut from = filter.start(from);
    let Limits { found_max, read_max } = limits;
    let mut page = DeadLetterPage { found: Vec::new(), passed_over: 0, next: None };
    let mut read = 0;
    loop {
        let mut letters = journal.dead_letters(tenant, from.as_ref(), found_max + 1).await?;
        // One more than fits was read: it is where the next part starts.
        let rest = if letters.len() > found_max { letters.pop().map(|letter| letter.id) } else { None };
        read += letters.len();
        for letter in letters.into_iter().filter(|letter| !letter.is_expired(now)) {
            if filter.is_over_at(&letter) {
                return Ok(page);
            }
            if !filter.takes(&letter) || !can_be_taken(&letter) {
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

/// A tenant's dead letters with these ids, in their order; none of those that are not there.
///
/// # Errors
/// When AWS fails.
pub async fn named(
    journal: &Journal,
    now: Timestamp,
    tenant: &TenantId,
    ids: &[DeadLetterId],
) -> Result<Vec<DeadLetter>, AwsFault> {
    let read = ids
        .iter()
        .cloned()
        .map(|id| async move { journal.dead_letters_between(tenant, id.as_str(), id.as_str(), 1).await });
    let found: Vec<Vec<DeadLetter>> = futures::stream::iter(read).buffered(WIDTH).try_collect().await?;
    Ok(found.into_iter().flatten().filter(|letter| !letter.is_expired(now)).collect())
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
    /// What became of each that was tried.
    pub results: Vec<(DeadLetterId, Requeued)>,
}

/// Sends the dead letters that match through again, from `from` on (itself included), or from the newest. What does not match
/// stays: so whoever goes on must say from where, or would look at the same ones for ever.
///
/// # Errors
/// When AWS fails. Some may have been requeued; to begin with the same `from` again is harmless.
pub async fn requeue_matching(
    requeuer: &Requeuer,
    operator: &Operator,
    filter: &DeadLetterFilter,
    from: Option<DeadLetterId>,
    limits: Limits,
) -> Result<RequeuedMany, AwsFault> {
    // One without a label matches nothing here: it would take the place of one that can be requeued.
    let labelled = |letter: &DeadLetter| letter.label().is_some();
    let operators = &requeuer.operators;
    let page = page(&operators.journal, operators.now(), &operator.tenant, filter, labelled, from, limits).await?;
    let ids = page.found.into_iter().map(|letter| letter.id);
    let done = requeue_each(requeuer, operator, ids).await?;
    Ok(RequeuedMany { skipped: done.skipped + page.passed_over, next: page.next, ..done })
}

/// Sends these dead letters through again, in their order.
///
/// # Errors
/// When AWS fails. Some may have been requeued; to begin again is harmless: those are not found.
pub async fn requeue_each(
    requeuer: &Requeuer,
    operator: &Operator,
    ids: impl IntoIterator<Item = DeadLetterId, IntoIter: Send> + Send,
) -> Result<RequeuedMany, AwsFault> {
    let mut results = Vec::new();
    for id in ids {
        let result = requeue(requeuer, operator, &id).await?;
        results.push((id, result));
    }
    let requeued = results.iter().filter(|(_, result)| *result == Requeued::Done).count();
    Ok(RequeuedMany { requeued, skipped: results.len() - requeued, next: None, results })
}
