//! The lists of Google's categories that an instance knows, for a day.
//!
//! They are in memory and not in storage: a list has some four thousand categories in forty pages, Google changes it a few times a year, and
//! who needs all of it is a person who picks one. Runs do without, as each location says the names of its own categories, and an id is
//! looked up by itself. They are of no tenant: all see the same. A list is kept under the address that it came from, so that nobody who names
//! another address is believed by others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::mirror::categories::GoogleCategoryId;
use crate::vendors::gbp::{Category, GbpSettings};

/// How long a list is gone by.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How many lists are kept. Each has some hundreds of kilobytes.
const LISTS_MAX: usize = 20;

/// All categories of a country, in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryList {
    all: Vec<Category>,
    by_id: HashMap<GoogleCategoryId, usize>,
}

impl CategoryList {
    pub(super) fn new(all: Vec<Category>) -> Self {
        let by_id = all.iter().enumerate().map(|(place, category)| (category.id.clone(), place)).collect();
        Self { all, by_id }
    }

    /// All of them, in Google's order.
    #[must_use]
    pub fn all(&self) -> &[Category] {
        &self.all
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &GoogleCategoryId) -> Option<&Category> {
        self.all.get(*self.by_id.get(id)?)
    }
}

/// What a list is kept under: where it came from, the country and the language.
pub(super) type Key = (String, String, String);

pub(super) fn key(settings: &GbpSettings) -> Key {
    (settings.base_url.to_string(), settings.region.clone(), settings.language.clone())
}

/// Until when a list is gone by, and the list.
type Kept = (Timestamp, Arc<CategoryList>);

/// The lists. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct CategoryLists(Arc<Mutex<HashMap<Key, Kept>>>);

impl CategoryLists {
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Option<Arc<CategoryList>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| *until > now);
        kept.get(key).map(|(_, list)| Arc::clone(list))
    }

    pub(super) fn keep(&self, key: Key, list: &Arc<CategoryList>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= LISTS_MAX && !kept.contains_key(&key) {
            // The oldest one goes.
            let oldest = kept.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            oldest.map(|oldest| kept.remove(&oldest));
        }
        let until = now.checked_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        kept.insert(key, (until, Arc::clone(list)));
    }
}
