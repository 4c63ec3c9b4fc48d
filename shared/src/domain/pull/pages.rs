//! The guard over a list's pages: what a vendor answers is taken for the whole list only once its pages prove it (I4).
//!
//! A list is followed page by page. [`Chain`] is what is remembered of the pages so far, and small enough for a checkpoint, whatever the
//! list's length. What cannot be true ends the pull with a sentence that says what to do, and nothing is removed.
//!
//! **Tokens** lead from page to page, so a chain that ends without one is whole. **Page numbers** do not: a row that goes while pages
//! are read moves all behind it forward, and one that a page boundary passes over is in no page. Totals show that, unless another row
//! came meanwhile. So a pull that goes on after a wait or a crash reads its last page once more and compares; and where the whole list
//! lacks rows, that is [`Proof::Confirm`]: each is to be asked for by itself, or to be missing a second time, before it is removed.
//! To read each page twice would prove the same for twice the requests. A row that is not known yet seems to be gone to nobody: whether
//! one was passed over, [`Chain::has_passed_over_none`] tells by the rows that came.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::datasets::manifest::Fingerprint;

/// The longest chain. A vendor with more rows than that wants larger pages.
pub const PAGES_MAX: u32 = 100_000;
/// So many pages back a repetition is seen at once. A longer circle is seen once its length is passed twice.
const RECENT: usize = 8;

/// How a list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// Each page says how the next is asked for.
    Token,
    /// Pages have numbers, from 1.
    Number,
}

/// What a list's pages are to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// How they follow each other.
    pub paging: Paging,
    /// How many rows were asked for.
    pub page_size: usize,
    /// Whether all but the last have that many. Numbered ones always do.
    pub all_full: bool,
}

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<'a> {
    /// The keys of its rows, in their order.
    pub keys: &'a [Fingerprint],
    /// How many of them came before, on earlier pages or on this one: only rows of distinct keys add up to a total. Whoever wants a list
    /// proven whole keeps which keys have come.
    pub again: usize,
    /// How many rows the list has, if it says so.
    pub total: Option<u64>,
    /// How the next page is asked for; none on the last one, and where pages have numbers.
    pub next: Option<&'a str>,
    /// How many of its rows may have come into the list since its first page was answered.
    pub late: usize,
}

/// Why what a vendor answered is not the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The documentation's host was asked.
    #[error(
        "{host} answered with a web page: it has the vendor's documentation, and no API. Set the connection's address to {api}"
    )]
    Documentation {
        /// Which host.
        host: String,
        /// Where the API is.
        api: String,
    },
    /// It is a web page.
    #[error(
        "{host} answered with a web page and not with data. Look whether the connection's address is that of the API, and whether a sign-in or maintenance page stands before it"
    )]
    WebPage {
        /// Which host.
        host: String,
    },
    /// It is something else.
    #[error("{host} answered with something that is no JSON. Look whether the connection's address is that of the API")]
    NotJson {
        /// Which host.
        host: String,
    },
    /// A page has fewer rows than it must have.
    #[error(
        "page {page} has {rows} rows of {expected}, and others must follow it. Nothing was removed; run again, and if it stays so ask for smaller pages"
    )]
    ShortPage {
        /// Which.
        page: u32,
        /// How many it has.
        rows: usize,
        /// How many it must have.
        expected: usize,
    },
    /// The list ended before its total.
    #[error(
        "the list ended after {rows} different rows of {total}: others are missing, or have an id that another row has. Nothing was removed; run again, and if it stays so report it to the vendor"
    )]
    ShortList {
        /// How many of distinct keys came.
        rows: u64,
        /// How many there are to be.
        total: u64,
    },
    /// It goes on after its total.
    #[error(
        "the list has a total of {total}, and {rows} rows came of it: the total is wrong, and proves nothing. Nothing was removed; run again, and if it stays so report it to the vendor"
    )]
    LongList {
        /// How many of distinct keys came.
        rows: u64,
        /// How many there are to be.
        total: u64,
    },
    /// Rows went while pages were read.
    #[error(
        "the list had {before} rows and then {after}, so that rows may have moved from page to page. Nothing was removed; run again"
    )]
    Shrunk {
        /// How many there were.
        before: u64,
        /// And now.
        after: u64,
    },
    /// The last page is another one than before.
    #[error(
        "page {page} has other rows than when it was read before, so that rows have moved from page to page. Nothing was removed; run again"
    )]
    Moved {
        /// Which.
        page: u32,
    },
    /// A page came twice.
    #[error(
        "page {page} has the same rows as one before it: the vendor does not go on to the next page. Nothing was removed; report it to the vendor"
    )]
    RepeatedPage {
        /// Which.
        page: u32,
    },
    /// A page leads back.
    #[error(
        "page {page} leads on to a page that was read before: the list would never end. Nothing was removed; report it to the vendor"
    )]
    RepeatedToken {
        /// Which.
        page: u32,
    },
    /// It does not end.
    #[error("the list has more than {PAGES_MAX} pages. Nothing was removed; ask for larger pages")]
    TooManyPages,
}

/// A host that has a vendor's documentation, which is taken for its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documentation {
    /// The documentation's.
    pub host: &'static str,
    /// The API's address.
    pub api: &'static str,
}

/// Whether an answer may be data, by its type and how it begins: one with status 200, or one that refuses, as a documentation's host
/// answers 404 to the paths of an API. What may pass by itself (5xx) is often a web page, and is not looked at.
///
/// # Errors
/// When it is a web page, or no JSON.
pub fn is_data(
    host: &str,
    content_type: Option<&str>,
    body: &[u8],
    documentation: Option<&Documentation>,
) -> Result<(), Refusal> {
    let host = host.to_owned();
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    let is_html = content_type.is_some_and(|text| text.to_ascii_lowercase().contains("html"));
    match body.first() {
        _ if is_html => {}
        Some(b'<') => {}
        Some(b'{' | b'[') => return Ok(()),
        _ => return Err(Refusal::NotJson { host }),
    }
    match documentation {
        Some(documentation) if documentation.host.eq_ignore_ascii_case(&host) => {
            Err(Refusal::Documentation { host, api: documentation.api.to_owned() })
        }
        _ => Err(Refusal::WebPage { host }),
    }
}

/// What a list that came to its end proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// All rows came: what it lacks is gone.
    Whole,
    /// As many rows came as there are. What it lacks is gone once that is confirmed.
    Confirm,
    /// Nothing: what it lacks may be there.
    Nothing,
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another page.
    More,
    /// It was the last.
    End(Proof),
}

/// What is remembered of the pages that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// How many.
    #[serde(default)]
    pages: u32,
    /// How many rows of distinct keys they had.
    #[serde(default)]
    rows: u64,
    /// How many the list has, by the last page that said so.
    #[serde(default)]
    total: Option<u64>,
    /// How many it had by its first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_total: Option<u64>,
    /// How many of its rows may have come into the list since then.
    #[serde(default, skip_serializing_if = "is_zero")]
    late: u64,
    /// The marks of the last pages, and of the tokens that led on from them.
    #[serde(default)]
    recent: Vec<Mark>,
    /// A page that stays in mind for as long again as the chain was then: a circle of any length comes back to one (Brent 1980).
    #[serde(default)]
    landmark: Option<Mark>,
    /// Whether the last page is to be read once more.
    #[serde(default)]
    rereads: bool,
    /// Whether it was, and nothing came since: who may ask once before each wait would read the same page for ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    was_reread: bool,
}

/// A page and its token, in eight bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    page: u64,
    token: Option<u64>,
}

impl Mark {
    fn of(page: &Page<'_>) -> Self {
        let mut rows = Sha256::new();
        page.keys.iter().for_each(|key| rows.update(key.0));
        Self { page: short(rows), token: page.next.map(|token| short(Sha256::new_with_prefix(token))) }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn short(hash: Sha256) -> u64 {
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Chain {
    /// How many rows of distinct keys have come.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many there are to be, if the vendor says so.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many pages were read.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Which page is to be asked for next, where they have numbers.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        if self.rereads { self.pages } else { self.pages + 1 }
    }

    /// The chain as it goes on after a wait or a crash.
    #[must_use]
    pub fn resumed(self, paging: Paging) -> Self {
        let rereads = paging == Paging::Number && self.pages > 0;
        Self { rereads: rereads && !self.was_reread, ..self }
    }

    /// Whether the next page is one that was read before, and brings nothing but proof.
    #[must_use]
    pub fn rereads(&self) -> bool {
        self.rereads
    }

    /// Whether no row can have been on no page, of those that the list had when its first page was answered. `told_apart` says whether
    /// rows that came on two pages were known as such.
    ///
    /// Of a list by numbers a row is passed over where another one goes from a page that was read; a third one that comes keeps the total
    /// as it was. But then fewer rows came of those that were there from the start than there were.
    #[must_use]
    pub fn has_passed_over_none(&self, paging: Paging, told_apart: bool) -> bool {
        let was_there = self.rows.saturating_sub(self.late);
        match (paging, self.first_total) {
            (Paging::Token, _) => true,
            // All in one answer: it cannot have moved.
            (Paging::Number, Some(_)) if self.pages == 1 => true,
            (Paging::Number, Some(total)) => told_apart && was_there >= total,
            (Paging::Number, None) => false,
        }
    }

    /// Takes the next page in: what is remembered then, and what comes after it.
    ///
    /// # Errors
    /// When it cannot be what it is said to be.
    pub fn follow(&self, promise: &Promise, page: &Page<'_>) -> Result<(Self, Step), Refusal> {
        if let (Some(before), Some(after)) = (self.total, page.total)
            && after < before
        {
            return Err(Refusal::Shrunk { before, after });
        }
        let mark = Mark::of(page);
        let total = page.total.or(self.total);
        if self.rereads {
            let is_as_before = self.recent.last().is_none_or(|last| last.page == mark.page);
            let next = Self { rereads: false, was_reread: true, total, ..self.clone() };
            return if is_as_before { Ok((next, Step::More)) } else { Err(Refusal::Moved { page: self.pages }) };
        }
        let number = self.pages + 1;
        self.is_new(&mark, page, number)?;
        if number > PAGES_MAX {
            return Err(Refusal::TooManyPages);
        }
        let rows = self.rows + page.keys.len().saturating_sub(page.again) as u64;
        let mut recent = self.recent.clone();
        recent.push(mark);
        recent.drain(..recent.len().saturating_sub(RECENT));
        let landmark = if number.is_power_of_two() { Some(mark) } else { self.landmark };
        let first_total = if self.pages == 0 { page.total } else { self.first_total };
        let late = self.late + page.late as u64;
        let (rereads, was_reread) = (false, false);
        let next = Self { pages: number, rows, total, first_total, late, recent, landmark, rereads, was_reread };
        let is_full = page.keys.len() >= promise.page_size;
        let is_last = match promise.paging {
            Paging::Token => page.next.is_none(),
            Paging::Number => total.map_or(!is_full, |total| rows >= total),
        };
        if is_last {
            return next.proof(promise).map(|proof| (next, Step::End(proof)));
        }
        let must_be_full = promise.all_full || promise.paging == Paging::Number;
        if must_be_full && !is_full || page.keys.is_empty() {
            // By its total it is the last one.
            let may_be_last = u64::from(number).saturating_mul(promise.page_size as u64);
            if let (Paging::Number, Some(total)) = (promise.paging, total.filter(|total| *total <= may_be_last)) {
                return Err(Refusal::ShortList { rows, total });
            }
            return Err(Refusal::ShortPage { page: number, rows: page.keys.len(), expected: promise.page_size });
        }
        Ok((next, Step::More))
    }

    fn is_new(&self, mark: &Mark, page: &Page<'_>, number: u32) -> Result<(), Refusal> {
        let before = || self.recent.iter().chain(&self.landmark);
        let is_known = page.again >= page.keys.len() || before().any(|known| known.page == mark.page);
        if !page.keys.is_empty() && is_known {
            return Err(Refusal::RepeatedPage { page: number });
        }
        if mark.token.is_some() && before().any(|known| known.token == mark.token) {
            return Err(Refusal::RepeatedToken { page: number });
        }
        Ok(())
    }

    fn proof(&self, promise: &Promise) -> Result<Proof, Refusal> {
        match (promise.paging, self.total) {
            (_, Some(total)) if self.rows < total => Err(Refusal::ShortList { rows: self.rows, total }),
            (_, Some(total)) if self.rows > total => Err(Refusal::LongList { rows: self.rows, total }),
            (Paging::Token, _) => Ok(Proof::Whole),
            (Paging::Number, Some(_)) => Ok(Proof::Confirm),
            // A page that was cut looks like the last one.
            (Paging::Number, None) => Ok(Proof::Nothing),
        }
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
