//! What differs between two sets of categories, and what a mirror would do about it. One comparison serves both directions: with source
//! and target swapped, what was created is deleted, and what was updated still is.
//!
//! A category is known by Google's id of it on both sides. Google's categories cannot be made, renamed or removed by anybody: a location
//! has a set of them, the first of which is its primary one, and takes a new set as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::datasets::diff::Counts;

/// The most locations of one mirror: how far each got stands in the run.
pub const LOCATIONS_MAX: usize = 200;

/// Which side is made like the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Each of the tenant's locations gets the tenant's categories.
    PlatformToGbp,
    /// The tenant gets the categories that its locations have between them.
    GbpToPlatform,
}

impl Strategy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PlatformToGbp, Self::GbpToPlatform];

    /// The strategy in requests, answers and keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlatformToGbp => "platform_to_gbp",
            Self::GbpToPlatform => "gbp_to_platform",
        }
    }

    /// Reads one, as it is spelt and in no other way.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == text)
    }
}

/// Where a category stands in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// The one that says what a location is.
    Primary,
    /// One beside it.
    Additional,
}

/// A category of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Google's id of it, `gcid:…`.
    pub key: String,
    /// What it is called; empty where Google does not say.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// A set of categories: each once, the primary one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CategorySet(Vec<Entry>);

impl CategorySet {
    /// The set of these in their order: the first is the primary one, and of a key that comes twice the first counts.
    #[must_use]
    pub fn ordered(categories: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut known = BTreeSet::new();
        let mut entries: Vec<Entry> = Vec::new();
        for (key, name) in categories {
            if known.insert(key.clone()) {
                let place = if entries.is_empty() { Place::Primary } else { Place::Additional };
                entries.push(Entry { key, name, place });
            }
        }
        Self(entries)
    }

    /// What some locations have between them. Primary is what most of them have as that, and of as many the one whose key comes first;
    /// the others follow in the order in which they were met.
    #[must_use]
    pub fn union<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut all, mut primaries) = (Vec::new(), BTreeMap::<&str, usize>::new());
        for entry in sets.into_iter().flat_map(|set| &set.0) {
            if entry.place == Place::Primary {
                *primaries.entry(&entry.key).or_default() += 1;
            }
            all.push((entry.key.clone(), entry.name.clone()));
        }
        let primary = primaries.iter().max_by_key(|(key, count)| (**count, std::cmp::Reverse(**key)));
        if let Some((primary, _)) = primary {
            // Stable: all others stay as they came.
            all.sort_by_key(|(key, _)| key != primary);
        }
        Self::ordered(all)
    }

    /// The categories, the primary one first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Their keys, in the same order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.key.clone()).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many stand beside the primary one.
    #[must_use]
    pub fn additional(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    fn by_key(&self) -> BTreeMap<&str, &Entry> {
        self.0.iter().map(|entry| (entry.key.as_str(), entry)).collect()
    }
}

/// Whether names are compared. Google's are read-only: a tenant's category can be given Google's name, and never the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A category with another name is updated.
    Compared,
    /// A name is nothing that the target could hold.
    PassedOver,
}

impl Strategy {
    /// Whether the target can hold names of its own.
    #[must_use]
    pub fn names(self) -> Names {
        match self {
            Self::PlatformToGbp => Names::PassedOver,
            Self::GbpToPlatform => Names::Compared,
        }
    }
}

/// What makes a target equal its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// In the source alone, as the source has them.
    pub created: Vec<Entry>,
    /// In both, at another place or, where names are compared, with another name; as the source has them.
    pub updated: Vec<Entry>,
    /// In the target alone, as the target has them.
    pub deleted: Vec<Entry>,
    /// How many are the same.
    pub unchanged: usize,
}

impl Difference {
    /// Whether the two are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.deleted.is_empty()
    }

    /// What of it is done while a source may be about to change: what is new is taken, behind all others. What would be deleted, moved
    /// or renamed is as it was.
    #[must_use]
    pub fn unsettled(self) -> Self {
        let created = self.created.into_iter().map(|entry| Entry { place: Place::Additional, ..entry });
        let unchanged = self.unchanged + self.updated.len();
        Self { created: created.collect(), updated: Vec::new(), deleted: Vec::new(), unchanged }
    }

    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |entries: &[Entry]| entries.len() as u64;
        let (created, updated, unchanged) = (of(&self.created), of(&self.updated), self.unchanged as u64);
        let total = created + updated + unchanged;
        Counts { total, created, updated, removed: of(&self.deleted), unchanged }
    }
}

/// Compares a target with its source.
#[must_use]
pub fn difference(source: &CategorySet, target: &CategorySet, names: Names) -> Difference {
    let (there, wanted) = (target.by_key(), source.by_key());
    let mut found = Difference::default();
    for entry in &source.0 {
        // A name that Google does not say is no other name.
        let is_compared = names == Names::Compared && !entry.name.is_empty();
        let same_name = |other: &Entry| !is_compared || other.name.trim() == entry.name.trim();
        match there.get(entry.key.as_str()) {
            None => found.created.push(entry.clone()),
            Some(other) if other.place == entry.place && same_name(other) => found.unchanged += 1,
            Some(_) => found.updated.push(entry.clone()),
        }
    }
    found.deleted = target.0.iter().filter(|entry| !wanted.contains_key(entry.key.as_str())).cloned().collect();
    found
}

/// Why a set is not put in place of what a location has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWanted {
    /// It would leave nothing: the source lacks a category that Google knows.
    #[error("no active category of the tenant has one of Google's ids, and a location must have one category at least")]
    Nothing,
    /// A location takes fewer.
    #[error("{additional} categories stand beside the primary one, and a location takes {max}")]
    TooMany {
        /// How many there are beside the primary one.
        additional: usize,
        /// How many there may be.
        max: usize,
    },
}

/// Whether a location may be given this set.
///
/// # Errors
/// When it has none, or more than a location takes.
pub fn check_wanted(wanted: &CategorySet, additional_max: usize) -> Result<(), NotWanted> {
    let additional = wanted.additional();
    match wanted.is_empty() {
        true => Err(NotWanted::Nothing),
        false if additional > additional_max => Err(NotWanted::TooMany { additional, max: additional_max }),
        false => Ok(()),
    }
}

/// A category of the tenant, as far as a mirror goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformCategory {
    /// Its id.
    pub id: String,
    /// Google's id of it.
    pub key: Option<String>,
    /// What it is called.
    pub name: String,
    /// Where it stands among the tenant's.
    pub sort_order: u32,
}

/// The tenant's set, of its active categories in their order, and how many have none of Google's ids: those are left alone.
#[must_use]
pub fn platform_set(categories: &[PlatformCategory]) -> (CategorySet, u64) {
    let mapped = categories.iter().filter_map(|category| Some((category.key.clone()?, category.name.clone())));
    let unmapped = categories.iter().filter(|category| category.key.is_none()).count();
    (CategorySet::ordered(mapped), unmapped as u64)
}

/// What is to be done to one of the tenant's categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Create {
        /// Google's id of it.
        key: String,
        /// Its name.
        name: String,
        /// Where it stands.
        sort_order: u32,
    },
    /// It is given another name, or another place.
    Update {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// Where it stands.
        sort_order: u32,
    },
    /// It is made inactive.
    Delete {
        /// Its id.
        id: String,
    },
}

/// What makes a tenant's categories equal those of its locations: creates, then updates, then deletions. The primary one gets the first
/// place. Whatever stands there moves behind it, and what that meets moves on, which is no word in the counts.
///
/// It can be done in parts, in this order, and what is left is found anew: those that make room move from the last one on, so that at no
/// time two of them change places, and the primary one comes last.
#[must_use]
pub fn changes(source: &CategorySet, categories: &[PlatformCategory], found: &Difference) -> Vec<Change> {
    let wanted = source.by_key();
    let gone: BTreeSet<&str> = found.deleted.iter().map(|entry| entry.key.as_str()).collect();
    let updated: BTreeSet<&str> = found.updated.iter().map(|entry| entry.key.as_str()).collect();
    let moved = found.created.iter().chain(&found.updated).find(|entry| entry.place == Place::Primary);
    let moved = moved.map(|entry| entry.key.as_str());
    let mut mapped: Vec<(&str, &PlatformCategory)> =
        categories.iter().filter_map(|category| Some((category.key.as_deref()?, category))).collect();
    mapped.sort_by(|(_, a), (_, b)| (a.sort_order, &a.id).cmp(&(b.sort_order, &b.id)));
    let (deleted, kept): (Vec<_>, Vec<_>) = mapped.into_iter().partition(|(key, _)| gone.contains(key));
    let makes_room = moved.is_some() && kept.first().map(|(key, _)| *key) != moved;
    let (mut known, mut changed, mut first) = (BTreeSet::new(), Vec::new(), None);
    // Where the one before had to go to, if it had to.
    let mut before = makes_room.then_some(0);
    let mut last = 0;
    for (key, category) in kept {
        let is_first = known.insert(key);
        // Of those that share a key the first is the one that is meant; of a name that Google does not say nothing follows.
        let entry = wanted.get(key).filter(|entry| is_first && updated.contains(key) && !entry.name.is_empty());
        let name = entry.map_or(category.name.trim(), |entry| entry.name.trim());
        let is_moved = makes_room && is_first && moved == Some(key);
        let sort_order = match before.filter(|_| !is_moved) {
            _ if is_moved => 0,
            Some(taken) if category.sort_order <= taken => taken.saturating_add(1),
            _ => category.sort_order,
        };
        if !is_moved {
            before = before.filter(|_| sort_order != category.sort_order).map(|_| sort_order);
        }
        last = last.max(sort_order).max(category.sort_order);
        if name != category.name.trim() || sort_order != category.sort_order {
            let change = Change::Update { id: category.id.clone(), name: name.to_owned(), sort_order };
            if is_moved { first = Some(change) } else { changed.push(change) }
        }
    }
    let created = found.created.iter().zip(1u32..).map(|(entry, number)| Change::Create {
        key: entry.key.clone(),
        name: if entry.name.is_empty() { entry.key.clone() } else { entry.name.trim().to_owned() },
        sort_order: if entry.place == Place::Primary { 0 } else { last.saturating_add(number) },
    });
    let deleted = deleted.into_iter().map(|(_, category)| Change::Delete { id: category.id.clone() });
    created.chain(changed.into_iter().rev()).chain(first).chain(deleted).collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
