//! List: what became of the deliveries that one tenant's senders were told of as taken in, newest first: those that have had
//! their effect, and those that a queue gave up on. What is claimed and not applied yet is the queue's depth, and in no list.
//!
//! Each kind is a stream that goes down in time. They are merged as they go, so a page is of any size, and its cursor is a
//! place in all of them. A call looks at a bounded number of items, and asks a bounded number of times; where it stops for
//! that, its cursor says how far down it has seen everything.

mod hours;
mod key;
mod letters;

use jiff::Timestamp;

use self::hours::{Hours, PerShard};
use self::letters::Letters;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::listed::{DeliveryReads, Of, Processed};
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::correlation;
use crate::domain::dead_letter::{DeadLetter, Subject};
use crate::domain::deliveries::claim::Claim;
use crate::domain::deliveries::placement::{DeliveryPlace, ListPlace};
use crate::domain::deliveries::text::Part;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};

/// Items that one call looks at.
pub const ITEMS_MAX: usize = 2000;
/// Queries that one call makes, each of a partition in which there is something.
const QUERIES_MAX: usize = 256;
/// Items of one query.
const PART: usize = 64;
/// Items of one query of which the table leaves out those of other connections.
const PART_FILTERED: usize = 256;
/// A trace is made before its delivery counts as received, at most by the time that a body may take to arrive.
const TRACE_AHEAD_MS: i64 = 60_000;

/// Where lists are read.
#[derive(Clone, Copy)]
pub struct ListReads<'a> {
    /// What had its effect.
    pub deliveries: &'a DeliveryReads,
    /// Claims.
    pub store: &'a DeliveryStore,
    /// What was given up on.
    pub journal: &'a Journal,
}

/// Which deliveries a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that had their effect.
    Processed,
    /// Those that a queue gave up on.
    Dead,
    /// Both.
    All,
}

/// Where deliveries came from: a provider, or one connection to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Which kind of sender.
    pub provider: ProviderId,
    /// Which of the tenant's; none means any.
    pub name: Option<ConnectionName>,
}

impl Source {
    /// Reads `provider` or `provider/name`; none for what no source can be called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, name) = text.split_once('/').map_or((text, None), |(provider, name)| (provider, Some(name)));
        Some(Self {
            provider: ProviderId::parse(provider).ok()?,
            name: name.map(ConnectionName::parse).transpose().ok()?,
        })
    }

    fn takes(&self, connection: &Connection) -> bool {
        self.provider == connection.provider && self.name.as_ref().is_none_or(|name| *name == connection.name)
    }
}

/// What a list is to hold. What is not named may be anything.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantId,
    /// Of which kinds.
    pub which: Which,
    /// Over connections of these names alone; none means any.
    pub brands: Option<Vec<ConnectionName>>,
    /// From where.
    pub source: Option<Source>,
    /// At or after this: the moment of the claim, or that at which a dead letter's message was sent.
    pub from: Option<Timestamp>,
    /// At or before this.
    pub to: Option<Timestamp>,
    /// Under this trace.
    pub correlation_id: Option<String>,
    /// Under this key, as the sender knows it or as lists show it. It is looked up through its claim, so there must be a source.
    pub key: Option<String>,
    /// With this in its key, its trace, its event's name, or the reason why it was given up.
    pub text: Option<Part>,
    /// What lies below this, where an earlier page ended.
    pub below: Option<ListPlace>,
    /// How many at most.
    pub limit: usize,
}

/// One delivery of a list.
#[derive(Debug, Clone)]
pub enum Listed {
    /// It had its effect.
    Processed(DeliveryPlace, Processed),
    /// A queue gave it up.
    Dead(DeadLetter),
    /// Its effect is not known to have happened. Only for who asks for its key.
    Claimed(DeliveryPlace, Connection, String, Claim),
}

/// A part of a list.
#[derive(Debug)]
pub struct ListPage {
    /// The newest first.
    pub found: Vec<Listed>,
    /// Below which the rest lies; none where nothing is left. What is found may be empty, and this not.
    pub next: Option<ListPlace>,
}

/// How much a call may still do.
#[derive(Debug)]
struct Budget {
    items: usize,
    queries: usize,
}

/// What a stream has next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Head {
    /// Nothing is left.
    End,
    /// The next one stands here.
    At(ListPlace),
    /// Whatever is left lies below this; the call has done all that it may.
    Below(ListPlace),
}

/// Deliveries of one kind, from the newest down.
enum Stream<'a> {
    Hours(Hours<'a>),
    Letters(Letters<'a>),
    One(Option<Box<(ListPlace, Listed)>>),
}

impl Stream<'_> {
    async fn head(&mut self, budget: &mut Budget) -> Result<Head, AwsFault> {
        match self {
            Self::Hours(hours) => hours.head(budget).await,
            Self::Letters(letters) => letters.head(budget).await,
            Self::One(one) => Ok(one.as_ref().map_or(Head::End, |one| Head::At(one.0.clone()))),
        }
    }

    /// Takes the next one off, once its head is known. None where that is nothing for a list.
    fn take(&mut self) -> Option<Listed> {
        match self {
            Self::Hours(hours) => hours.take(),
            Self::Letters(letters) => letters.take(),
            Self::One(one) => one.take().map(|one| one.1),
        }
    }
}

/// Reads a part of a list.
///
/// # Errors
/// When AWS fails.
pub async fn page(reads: ListReads<'_>, now: Timestamp, wanted: &Wanted) -> Result<ListPage, AwsFault> {
    let open = wanted.from.is_none() && wanted.to.is_none() && wanted.below.is_none();
    let moment = wanted.correlation_id.as_deref().filter(|_| open).and_then(correlation::moment);
    if let Some(moment) = moment {
        let page = page_around(reads, now, wanted, Some(moment)).await?;
        if page.next.is_some() || !page.found.is_empty() {
            return Ok(page);
        }
        // A trace of this form that somebody else made may have been used at any time.
    }
    page_around(reads, now, wanted, None).await
}

async fn page_around(
    reads: ListReads<'_>,
    now: Timestamp,
    wanted: &Wanted,
    moment: Option<i64>,
) -> Result<ListPage, AwsFault> {
    let mut streams = streams(reads, now, wanted, moment).await?;
    let mut budget = Budget { items: ITEMS_MAX, queries: QUERIES_MAX };
    let mut page = ListPage { found: Vec::new(), next: None };
    let (mut last, mut shown) = (None, None);
    loop {
        let mut heads = Vec::with_capacity(streams.len());
        for stream in &mut streams {
            heads.push(stream.head(&mut budget).await?);
        }
        let Some((index, place)) = newest(&heads) else {
            page.next = unseen(&heads).map(|next| cursor(wanted, next, shown));
            return Ok(page);
        };
        // Taken off only where it is for this page: a page that is full ends above the next one that matches.
        if let Some(listed) = streams[index].take().filter(|listed| takes(wanted, now, listed)) {
            if page.found.len() == wanted.limit {
                page.next = last.map(|next| cursor(wanted, next, shown));
                return Ok(page);
            }
            page.found.push(listed);
            shown = Some(place.clone());
        }
        last = Some(place);
    }
}

/// The cursor for what lies below a place. Whoever is bound to brands may not be told of another brand's delivery that stands there:
/// theirs is what they were shown last, or else says when alone. Where a moment has more than a call looks at, that would lead
/// nowhere, and the place is said all the same.
fn cursor(wanted: &Wanted, next: ListPlace, shown: Option<ListPlace>) -> ListPlace {
    if wanted.brands.is_none() {
        return next;
    }
    let above = next.above_its_moment();
    match shown.filter(|shown| *shown < above) {
        Some(shown) => shown,
        None if wanted.below.as_ref().is_some_and(|below| above >= *below) => next,
        None => above,
    }
}

/// The stream whose head comes next, if what comes next is known.
fn newest(heads: &[Head]) -> Option<(usize, ListPlace)> {
    let known = heads.iter().enumerate().filter_map(|(index, head)| match head {
        Head::At(place) => Some((index, place.clone())),
        Head::End | Head::Below(_) => None,
    });
    let newest = known.max_by(|(_, a), (_, b)| a.cmp(b))?;
    // What nobody has looked at may be newer.
    unseen(heads).is_none_or(|below| newest.1 >= below).then_some(newest)
}

/// Below which something may lie that nobody has looked at.
fn unseen(heads: &[Head]) -> Option<ListPlace> {
    let below = heads.iter().filter_map(|head| match head {
        Head::Below(place) => Some(place),
        Head::End | Head::At(_) => None,
    });
    below.max().cloned()
}

async fn streams<'a>(
    reads: ListReads<'a>,
    now: Timestamp,
    wanted: &'a Wanted,
    moment: Option<i64>,
) -> Result<Vec<Stream<'a>>, AwsFault> {
    let now_ms = now.as_millisecond();
    // Nothing was received later than now.
    let to_ms = wanted.to.map_or(now_ms, Timestamp::as_millisecond).min(now_ms);
    let from_ms = wanted.from.map(Timestamp::as_millisecond);
    let below = |to_ms: i64| {
        let top = ListPlace::before(to_ms + 1);
        wanted.below.clone().map_or(top.clone(), |below| below.min(top))
    };
    let mut streams = Vec::new();
    if wanted.which != Which::Processed {
        let letters = Letters::new(reads.journal, &wanted.tenant, from_ms.unwrap_or(0), below(to_ms));
        streams.push(Stream::Letters(letters));
    }
    if wanted.which == Which::Dead {
        return Ok(streams);
    }
    if let (Some(key), Some(source)) = (&wanted.key, &wanted.source) {
        let one = key::find(reads, now, &wanted.tenant, source, key, wanted.which).await?;
        let within = ListPlace::before(from_ms.unwrap_or(0))..below(to_ms);
        streams.push(Stream::One(one.filter(|(place, _)| within.contains(place)).map(Box::new)));
        return Ok(streams);
    }
    let (from_ms, to_ms) = match moment {
        Some(moment) => (moment, to_ms.min(moment.saturating_add(TRACE_AHEAD_MS))),
        None => (from_ms.unwrap_or(0), to_ms),
    };
    let kept_ms = reads.deliveries.retention().edge(now).map_or(0, Timestamp::as_millisecond);
    let from_ms = from_ms.max(kept_ms);
    // Without a filter each that is read is wanted: a short page costs little.
    let filtered =
        wanted.brands.is_some() || wanted.source.is_some() || wanted.correlation_id.is_some() || wanted.text.is_some();
    let part = if filtered { PerShard::Of(PART) } else { PerShard::Share(wanted.limit + 1) };
    let (of, part) = match wanted.source.clone() {
        Some(Source { provider, name: Some(name) }) => (Of::Connection(provider, name), PerShard::Of(PART_FILTERED)),
        Some(Source { provider, name: None }) => (Of::Provider(provider), PerShard::Of(PART_FILTERED)),
        None => (Of::Any, part),
    };
    streams.push(Stream::Hours(Hours::new(reads.deliveries, &wanted.tenant, (from_ms, below(to_ms)), of, part)));
    Ok(streams)
}

fn takes(wanted: &Wanted, now: Timestamp, listed: &Listed) -> bool {
    let trace = |id: Option<&str>| wanted.correlation_id.is_none() || wanted.correlation_id.as_deref() == id;
    let from = |connection: &Connection| wanted.source.as_ref().is_none_or(|source| source.takes(connection));
    let text = |texts: [Option<&str>; 4]| wanted.text.as_ref().is_none_or(|part| part.is_in(texts));
    let is_of_brand = |connection: Option<&Connection>| {
        wanted.brands.as_ref().is_none_or(|brands| connection.is_some_and(|of| brands.contains(&of.name)))
    };
    let connection = match listed {
        Listed::Processed(_, delivery) => Some(&delivery.connection),
        Listed::Claimed(_, connection, ..) => Some(connection),
        Listed::Dead(letter) => letter.connection(),
    };
    if !is_of_brand(connection) {
        return false;
    }
    match listed {
        // One that was found by its key may be another point of sale's: the key names it for all of them.
        Listed::Processed(_, delivery) => {
            trace(Some(&delivery.correlation_id))
                && (wanted.key.is_some() || from(&delivery.connection))
                && text([Some(&delivery.key), Some(&delivery.correlation_id), delivery.event_type.as_deref(), None])
        }
        // Who asks for it by its key has found it.
        Listed::Claimed(.., claim) => trace(Some(&claim.correlation_id)),
        Listed::Dead(letter) => {
            let is_delivery = matches!(letter.subject, Subject::Delivery { .. });
            let label = letter.label();
            let has_key = |key: &String| {
                label.is_some_and(|label| key::candidates(&label.connection.provider, key).contains(&label.key))
            };
            is_delivery
                && !letter.is_expired(now)
                && trace(label.map(|label| label.correlation_id.as_str()))
                && (wanted.source.is_none() || label.is_some_and(|label| from(&label.connection)))
                && wanted.key.as_ref().is_none_or(has_key)
                && wanted.text.as_ref().is_none_or(|part| letter.has(part))
        }
    }
}
