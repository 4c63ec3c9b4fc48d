//! The set of a replay: frozen when it begins, so that what is given up meanwhile does not join it.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::replays::ReplayStore;
use crate::domain::dead_letter::DeadLetterId;
use crate::domain::deliveries::replay::{ITEMS_MAX, Replay};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::dead_letters::{DeadLetterFilter, Limits, page};

/// Dead letters that one call looks at.
const READ_MAX: usize = 20_000;
/// And of these at once.
const PART: usize = 250;
/// Chunks that are read beside one another.
const WIDTH: usize = 8;

/// Which dead letters are meant.
#[derive(Debug, Clone)]
pub enum Meant {
    /// These.
    Named(Vec<DeadLetterId>),
    /// All that match.
    Matching(DeadLetterFilter),
}

/// The set, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frozen {
    /// The dead letters, the oldest first, each once.
    Set(Vec<DeadLetterId>),
    /// So many match, more than a replay takes.
    TooMany(usize),
    /// More dead letters lie there than one call looks at; so many of those match.
    TooWide(usize),
}

/// Freezes what is meant. Those that are named may not be there: that is found when their turn comes.
///
/// # Errors
/// When AWS fails.
pub async fn freeze(journal: &Journal, now: Timestamp, tenant: &TenantId, meant: &Meant) -> Result<Frozen, AwsFault> {
    let mut ids = match meant {
        Meant::Named(ids) => ids.clone(),
        Meant::Matching(filter) => {
            let (mut ids, mut looked_at, mut from) = (Vec::new(), 0, None);
            loop {
                let limits = Limits { found_max: PART, read_max: PART };
                let page = page(journal, now, tenant, filter, |_| true, from, limits).await?;
                looked_at += page.found.len() + page.passed_over;
                ids.extend(page.found.into_iter().map(|letter| letter.id));
                from = page.next;
                if from.is_none() {
                    break;
                }
                if looked_at >= READ_MAX {
                    return Ok(Frozen::TooWide(ids.len()));
                }
            }
            ids
        }
    };
    ids.sort_unstable();
    ids.dedup();
    Ok(if ids.len() > ITEMS_MAX { Frozen::TooMany(ids.len()) } else { Frozen::Set(ids) })
}

/// The set of a replay that began before. What a filter means now may be another one, as what was dealt with is gone.
///
/// # Errors
/// When AWS fails.
pub async fn set_of(store: &ReplayStore, tenant: &TenantId, replay: &Replay) -> Result<Vec<DeadLetterId>, AwsFault> {
    let read = (0..replay.chunks).map(|number| store.chunk(tenant, &replay.id, number));
    let chunks: Vec<_> = futures::stream::iter(read).buffered(WIDTH).try_collect().await?;
    Ok(chunks.into_iter().flatten().flat_map(|chunk| chunk.items).map(|item| item.id).collect())
}
