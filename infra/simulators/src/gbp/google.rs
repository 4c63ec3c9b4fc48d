//! What Google remembers: consents and access tokens, the categories of locations, and who edited what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::rows;
use crate::limits::{Limiter, Limits, Rate};
use crate::options::Unusable;
use crate::rows::{Rows, Seed};

/// How many edits are kept. Of older ones only their number is known.
const EDITS_MAX: usize = 20_000;
/// How many access tokens are good at a time.
const TOKENS_MAX: usize = 1_000;

/// The categories of a location, by name: the primary one first.
pub type CategorySet = Vec<String>;

/// An edit of a location that was let in and taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// When, in milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// Which location.
    pub location: String,
    /// What it has from then on, the primary one first.
    pub categories: CategorySet,
    /// Whether it was only looked at.
    pub validate_only: bool,
}

/// What somebody at Google does, or whoever agreed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GoogleChange {
    /// The accounts whose consent is revoked, by number.
    pub revoke: Vec<u32>,
    /// The accounts whose consent is given again.
    pub restore: Vec<u32>,
    /// All access tokens end now.
    pub expire: bool,
    /// Locations whose edits are looked at by people from now on, and pend meanwhile.
    pub moderate: Vec<String>,
    /// Locations whose pending edits are let through, and whose later ones are not looked at.
    pub approve: Vec<String>,
    /// Locations that Google changed by itself (`hasGoogleUpdated`).
    pub updated: Vec<String>,
    /// Sets the categories of locations, as if somebody had done it in their own browser.
    pub set: BTreeMap<String, CategorySet>,
}

struct AccessToken {
    account: u32,
    client: String,
    until_ms: i64,
}

#[derive(Default, Clone)]
struct Place {
    categories: CategorySet,
    pending: Option<CategorySet>,
    is_moderated: bool,
    is_updated: bool,
}

pub(crate) struct Google {
    seed: Seed,
    made: u64,
    tokens: BTreeMap<String, AccessToken>,
    revoked: BTreeSet<u32>,
    places: BTreeMap<u64, Place>,
    /// How many access tokens were given.
    pub(crate) refreshes: u64,
    pub(crate) edits: VecDeque<Edit>,
    /// How many edits of each location were made, those that were only looked at left out.
    pub(crate) counts: BTreeMap<String, u64>,
    limiter: Limiter,
}

impl Google {
    pub(crate) fn new(seed: Seed, limits: &Limits, edits: &'static [Rate]) -> Self {
        Self {
            seed,
            made: 0,
            tokens: BTreeMap::new(),
            revoked: BTreeSet::new(),
            places: BTreeMap::new(),
            refreshes: 0,
            edits: VecDeque::new(),
            counts: BTreeMap::new(),
            limiter: Limiter::new(limits, (&[], edits)),
        }
    }

    /// A new access token, if the account's consent is good.
    pub(super) fn grant(&mut self, account: u32, client: &str, until_ms: i64, now_ms: i64) -> Option<String> {
        if self.revoked.contains(&account) {
            return None;
        }
        self.made += 1;
        self.refreshes += 1;
        self.tokens.retain(|_, token| token.until_ms > now_ms);
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.pop_first();
        }
        let token = format!("ya29.{}", self.seed.secret("google", self.made));
        self.tokens.insert(token.clone(), AccessToken { account, client: client.to_owned(), until_ms });
        Some(token)
    }

    /// The account and the client of an access token that is good.
    pub(super) fn holder(&self, token: &str, now_ms: i64) -> Option<(u32, &str)> {
        let found = self.tokens.get(token).filter(|token| token.until_ms > now_ms)?;
        (!self.revoked.contains(&found.account)).then_some((found.account, found.client.as_str()))
    }

    /// Whether a location may be edited now; else after how many seconds.
    pub(super) fn may_edit(&mut self, location: &str, now: jiff::Timestamp) -> Result<(), i64> {
        let left = self.limiter.take(location.to_owned(), false, now);
        left.and_then(|left| left.retry_after_seconds).map_or(Ok(()), Err)
    }

    fn place(&self, rows: &Rows, index: u64) -> Place {
        let begins = || {
            let count = rows.entity(rows::CATEGORIES).map_or(0, |entity| rows.dataset(entity).initial());
            let categories = rows::first_categories(index, count).into_iter().map(rows::category_name).collect();
            Place { categories, ..Place::default() }
        };
        self.places.get(&index).cloned().unwrap_or_else(begins)
    }

    /// The categories of a location, and whether edits pend and Google changed it.
    pub(super) fn of(&self, rows: &Rows, index: u64) -> (CategorySet, bool, bool) {
        let Place { categories, pending, is_updated, .. } = self.place(rows, index);
        (categories, pending.is_some(), is_updated)
    }

    pub(super) fn edit(&mut self, rows: &Rows, index: u64, edit: Edit) {
        if !edit.validate_only {
            let mut place = self.place(rows, index);
            if place.is_moderated {
                place.pending = Some(edit.categories.clone());
            } else {
                place.categories.clone_from(&edit.categories);
            }
            place.is_updated = false;
            self.places.insert(index, place);
            *self.counts.entry(edit.location.clone()).or_default() += 1;
        }
        if self.edits.len() >= EDITS_MAX {
            self.edits.pop_front();
        }
        self.edits.push_back(edit);
    }

    /// Carries an order out, or none of it.
    pub(crate) fn change(&mut self, rows: &Rows, change: &GoogleChange) -> Result<(), Unusable> {
        let index = |name: &String| {
            let entity = rows.entity(rows::LOCATIONS);
            let is_there = |index: &u64| entity.is_some_and(|entity| rows.dataset(entity).has(*index));
            let index = rows::location_index(name).filter(is_there);
            index.ok_or_else(|| Unusable::new(format!("there is no {name}")))
        };
        let all = |names: &[String]| names.iter().map(index).collect::<Result<Vec<u64>, _>>();
        let (moderate, approve, updated) = (all(&change.moderate)?, all(&change.approve)?, all(&change.updated)?);
        let set = change.set.iter().map(|(name, set)| Ok((index(name)?, set.clone())));
        let set = set.collect::<Result<Vec<_>, Unusable>>()?;
        self.revoked.extend(&change.revoke);
        self.revoked.retain(|account| !change.restore.contains(account));
        if change.expire {
            self.tokens.clear();
        }
        let mut with = |index: u64, then: &dyn Fn(&mut Place)| {
            let mut place = self.place(rows, index);
            then(&mut place);
            self.places.insert(index, place);
        };
        moderate.into_iter().for_each(|index| with(index, &|place| place.is_moderated = true));
        approve.into_iter().for_each(|index| {
            with(index, &|place| {
                place.is_moderated = false;
                if let Some(pending) = place.pending.take() {
                    place.categories = pending;
                }
            });
        });
        updated.into_iter().for_each(|index| with(index, &|place| place.is_updated = true));
        set.into_iter().for_each(|(index, set)| with(index, &|place| place.categories.clone_from(&set)));
        Ok(())
    }
}
