//! What Google answers: pages of lists, locations, and why it refuses.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::names::LocationName;
use super::settings::PAGE_SIZE;
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::mirror::categories::GoogleCategoryId;
use crate::domain::pull::pages::{Chain, Page, Paging, Promise, Refusal, Step};
use crate::domain::redact;
use crate::vendors::client::Answer;

/// The longest token of a page that is taken, in bytes: it goes into an address.
const TOKEN_BYTES_MAX: usize = 4096;
/// How much of a refusal is told, in characters, and how many of its details.
const TOLD_MAX: usize = 300;
const DETAILS_MAX: usize = 3;
/// How long Google is left alone where it is busy and does not say how long: its limits are by the minute.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// A category of Google's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Which.
    pub id: GoogleCategoryId,
    /// Its name in some language; its id where Google gives none.
    pub name: String,
}

/// A location, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Which.
    pub name: LocationName,
    /// The name people read.
    pub title: String,
    /// Its primary category. None where Google says nothing of its categories: what it has is not known then, and nothing follows from it.
    pub primary: Option<Category>,
    /// Its other ones, in Google's order.
    pub additional: Vec<Category>,
    /// Whether edits of it are not yet what people see (`metadata.hasPendingEdits`).
    pub has_pending_edits: bool,
    /// Whether Google changed it by itself, which its owner may accept or not (`metadata.hasGoogleUpdated`).
    pub has_google_updated: bool,
}

/// A page of locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    /// What is on it.
    pub rows: Vec<Location>,
    /// What leads to the next one.
    pub next: Option<String>,
}

/// A page of categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    /// What is on it.
    pub rows: Vec<Category>,
    /// How many there are in all.
    pub total: u64,
    /// What leads to the next one.
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCategory {
    name: GoogleCategoryId,
    #[serde(default)]
    display_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireCategories {
    primary_category: Option<WireCategory>,
    additional_categories: Vec<WireCategory>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireMetadata {
    has_pending_edits: bool,
    has_google_updated: bool,
}

#[derive(Deserialize)]
struct WireLocation {
    name: LocationName,
    #[serde(default)]
    title: String,
    #[serde(default)]
    categories: WireCategories,
    #[serde(default)]
    metadata: WireMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLocations {
    #[serde(default)]
    locations: Vec<WireLocation>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCategoryPage {
    #[serde(default)]
    categories: Vec<WireCategory>,
    total_category_count: u64,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct WireBatch {
    #[serde(default)]
    categories: Vec<WireCategory>,
}

impl From<WireCategory> for Category {
    fn from(wire: WireCategory) -> Self {
        let name = wire.display_name.filter(|name| !name.trim().is_empty());
        Self { name: name.unwrap_or_else(|| wire.name.to_string()), id: wire.name }
    }
}

impl TryFrom<WireLocation> for Location {
    type Error = String;

    fn try_from(wire: WireLocation) -> Result<Self, String> {
        let WireCategories { primary_category, additional_categories } = wire.categories;
        if primary_category.is_none() && !additional_categories.is_empty() {
            return Err(format!("{} has additional categories and no primary one", wire.name));
        }
        Ok(Self {
            name: wire.name,
            title: wire.title,
            primary: primary_category.map(Category::from),
            additional: additional_categories.into_iter().map(Category::from).collect(),
            has_pending_edits: wire.metadata.has_pending_edits,
            has_google_updated: wire.metadata.has_google_updated,
        })
    }
}

/// What is no page is told without what stands there: serde quotes it, and it may be anything.
fn wire<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    // Serde reads an object from an array as well, and an empty one would be a page without rows.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err("the answer is no object".into());
    }
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        format!("the answer is not what Google documents, at {place}")
    })
}

/// A token that leads on: an empty one leads nowhere, as Google writes it.
fn token(token: Option<String>) -> Result<Option<String>, String> {
    match token.filter(|token| !token.is_empty()) {
        Some(token) if token.len() > TOKEN_BYTES_MAX => Err("the token of the next page is too long".into()),
        token => Ok(token),
    }
}

/// Reads a page of locations.
///
/// # Errors
/// What is wrong with it.
pub fn read_locations(body: &[u8]) -> Result<Locations, String> {
    let page: WireLocations = wire(body)?;
    let rows = page.locations.into_iter().map(Location::try_from).collect::<Result<_, _>>()?;
    Ok(Locations { rows, next: token(page.next_page_token)? })
}

/// Reads a location.
///
/// # Errors
/// What is wrong with it.
pub fn read_location(body: &[u8]) -> Result<Location, String> {
    wire::<WireLocation>(body)?.try_into()
}

/// Reads a page of categories.
///
/// # Errors
/// What is wrong with it.
pub fn read_categories(body: &[u8]) -> Result<Categories, String> {
    let page: WireCategoryPage = wire(body)?;
    let rows = page.categories.into_iter().map(Category::from).collect();
    Ok(Categories { rows, total: page.total_category_count, next: token(page.next_page_token)? })
}

/// Reads the categories that were asked for by name. One that Google does not have is missing.
///
/// # Errors
/// What is wrong with it.
pub fn read_batch(body: &[u8]) -> Result<Vec<Category>, String> {
    let batch: WireBatch = wire(body)?;
    Ok(batch.categories.into_iter().map(Category::from).collect())
}

/// The pages of a list so far: the guard that proves a list whole.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    chain: Chain,
    known: HashSet<Fingerprint>,
}

/// No page yet.
#[must_use]
pub fn pages() -> Pages {
    Pages::default()
}

impl Pages {
    /// Takes a page in, by the names on it: which of them are new, and whether it was the last. A page without rows is none, the first one
    /// too: of a list that has rows it may be what is left of a fault, and nobody could tell.
    ///
    /// # Errors
    /// When it cannot be what it is said to be.
    pub fn follow<'a>(
        &mut self,
        names: impl Iterator<Item = &'a str>,
        total: Option<u64>,
        next: Option<&str>,
    ) -> Result<(Vec<bool>, bool), Refusal> {
        let keys: Vec<Fingerprint> = names.map(|name| Fingerprint::of(name.as_bytes())).collect();
        let page = self.chain.pages() + 1;
        if keys.is_empty() {
            return Err(Refusal::ShortPage { page, rows: 0, expected: PAGE_SIZE });
        }
        let is_new: Vec<bool> = keys.iter().map(|key| self.known.insert(*key)).collect();
        let again = is_new.iter().filter(|is_new| !**is_new).count();
        let promise = Promise { paging: Paging::Token, page_size: PAGE_SIZE, all_full: false };
        let (chain, step) = self.chain.follow(&promise, &Page { keys: &keys, again, total, next, late: 0 })?;
        self.chain = chain;
        Ok((is_new, matches!(step, Step::End(_))))
    }

    /// How many rows came.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.chain.rows()
    }
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// What was asked for.
    Fine,
    /// Google wants to be left alone until then.
    Busy(Timestamp),
    /// It fails, for now.
    Down(String),
    /// It does not take the access token.
    Unauthorised(String),
    /// It has no right to this.
    NotPermitted(String),
    /// It refuses this, now and later.
    Refused(String),
}

/// Reads what an answer comes to, by its status and by what Google says beside it. Texts carry no credential.
#[must_use]
pub fn said(host: &str, answer: &Answer, now: Timestamp) -> Said {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return Said::Fine;
    }
    let error = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()["error"].take();
    let code = error["status"].as_str().unwrap_or_default();
    let told = told(host, status, &error);
    match (status, code) {
        (429, _) | (_, "RESOURCE_EXHAUSTED") => {
            let asked = answer.asked(now).retry_at.or_else(|| retry_info(&error, now));
            Said::Busy(asked.or_else(|| now.checked_add(WINDOW).ok()).unwrap_or(now))
        }
        (500..=599, _) => Said::Down(told),
        (401, _) => Said::Unauthorised(told),
        (403, _) => Said::NotPermitted(told),
        _ => Said::Refused(told),
    }
}

/// How long Google asks to be left alone in the body (`google.rpc.RetryInfo`), at most a day.
fn retry_info(error: &Value, now: Timestamp) -> Option<Timestamp> {
    let details = error["details"].as_array()?;
    let delay = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    let seconds = if seconds.is_finite() { seconds.clamp(0.0, 86_400.0).ceil() as i64 } else { return None };
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn told(host: &str, status: u16, error: &Value) -> String {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut parts = vec![format!("{host} answered {status}")];
    parts.extend(text(&error["status"]));
    let fields = error["details"].as_array().into_iter().flatten().flat_map(|detail| {
        let violations = detail["fieldViolations"].as_array().into_iter().flatten();
        let violations = violations.filter_map(|one| text(&one["description"]));
        text(&detail["reason"]).into_iter().chain(violations).collect::<Vec<_>>()
    });
    let said: Vec<String> = text(&error["message"]).into_iter().chain(fields.take(DETAILS_MAX)).collect();
    let said: String = redact::error_text(&said.join("; ")).chars().take(TOLD_MAX).collect();
    let head = parts.join(" ");
    if said.is_empty() { head } else { format!("{head}: {said}") }
}
