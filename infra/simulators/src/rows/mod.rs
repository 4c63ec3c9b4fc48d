//! A vendor's rows. Each is made from the seed and its number whenever it is asked for, so a million cost no memory;
//! what is held is which of them were changed or removed.

pub(crate) mod change;
pub(crate) mod dataset;
pub(crate) mod seed;

use jiff::Timestamp;
use serde_json::{Map, Value};
use signalbox::domain::time;

pub(crate) use self::dataset::Dataset;
pub(crate) use self::seed::Seed;

/// When the first row was made. Rows do not depend on when the simulator was started.
pub(crate) const FIRST_MS: i64 = 1_704_067_200_000;
/// The time between two rows: a million of them were made within a year.
const STEP_MS: u64 = 31_000;
/// Until when after it was made a row was changed for the last time, before the simulator was started.
const CHANGED_WITHIN_SECONDS: u64 = 30 * 86_400;
/// Behind the entities, so that no token is an id.
const TOKENS: usize = 100;

/// What a vendor lists.
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    /// Its part of all rows.
    pub(crate) share: u64,
    /// The row itself.
    pub(crate) row: fn(&Facts<'_>) -> Value,
}

/// All rows of a vendor.
#[derive(Clone)]
pub(crate) struct Rows {
    entities: &'static [Entity],
    pub(crate) seed: Seed,
    datasets: Vec<Dataset>,
}

/// What a row is made from.
pub(crate) struct Facts<'a> {
    rows: &'a Rows,
    entity: usize,
    /// Its number, from 0.
    pub(crate) index: u64,
    pub(crate) id: String,
    pub(crate) created: String,
    pub(crate) updated: String,
    /// How often it was changed: each kind of row has a field that shows it.
    pub(crate) revision: u64,
}

impl Rows {
    pub(crate) fn new(entities: &'static [Entity], seed: u64, counts: &[u64]) -> Self {
        let datasets = counts.iter().map(|count| Dataset::new(*count)).collect();
        Self { entities, seed: Seed::new(seed), datasets }
    }

    /// Which of the datasets has this name.
    pub(crate) fn entity(&self, name: &str) -> Option<usize> {
        self.entities.iter().position(|entity| entity.name == name)
    }

    pub(crate) fn dataset(&self, entity: usize) -> &Dataset {
        &self.datasets[entity]
    }

    pub(crate) fn dataset_mut(&mut self, entity: usize) -> &mut Dataset {
        &mut self.datasets[entity]
    }

    /// Rows that were added, of all entities.
    pub(crate) fn added(&self) -> u64 {
        self.datasets.iter().map(Dataset::added).sum()
    }

    /// The row with this number, whether or not it was removed.
    pub(crate) fn row(&self, entity: usize, index: u64) -> Value {
        let dataset = &self.datasets[entity];
        let change = dataset.change(index);
        let facts = Facts {
            rows: self,
            entity,
            index,
            id: self.id(entity, index),
            created: written(self.created_ms(entity, index)),
            updated: written(self.updated_ms(entity, index)),
            revision: change.map_or(0, |change| change.revision),
        };
        let mut row = (self.entities[entity].row)(&facts);
        if let (Some(set), Value::Object(members)) = (change.and_then(|change| change.set.as_deref()), &mut row) {
            members.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        row
    }

    pub(crate) fn created_ms(&self, entity: usize, index: u64) -> i64 {
        let made = i64::try_from(index * STEP_MS).map_or(i64::MAX, |after| FIRST_MS.saturating_add(after));
        self.datasets[entity].added_ms(index).unwrap_or(made)
    }

    pub(crate) fn updated_ms(&self, entity: usize, index: u64) -> i64 {
        let dataset = &self.datasets[entity];
        let first = || {
            let later = self.seed.id(entity, index) % CHANGED_WITHIN_SECONDS * 1000;
            self.created_ms(entity, index).saturating_add(i64::try_from(later).unwrap_or_default())
        };
        dataset.change(index).map(|change| change.at_ms).or_else(|| dataset.added_ms(index)).unwrap_or_else(first)
    }

    /// Twelve bytes in hexadecimal: four that grow with the rows, and eight that tell the number to who knows the seed.
    pub(crate) fn id(&self, entity: usize, index: u64) -> String {
        let seconds = (FIRST_MS.unsigned_abs() + index * STEP_MS) / 1000;
        format!("{seconds:08x}{:016x}", self.seed.id(entity, index))
    }

    /// What leads to a page that begins with this row.
    pub(crate) fn token(&self, entity: usize, index: u64) -> String {
        format!("{:016x}", self.seed.id(entity + TOKENS, index))
    }

    /// The number of the row that a page begins with.
    pub(crate) fn find_token(&self, entity: usize, token: &str) -> Option<u64> {
        self.seed.index(entity + TOKENS, u64::from_str_radix(token, 16).ok()?)
    }

    /// The number of the row with this id, if there is one and it was not removed.
    pub(crate) fn find(&self, entity: usize, id: &str) -> Option<u64> {
        let number = u64::from_str_radix(id.get(8..)?, 16).ok()?;
        let index = self.seed.index(entity, number)?;
        (self.datasets[entity].has(index) && self.id(entity, index) == id).then_some(index)
    }
}

impl Facts<'_> {
    /// Randomness that this row always gets again.
    pub(crate) fn dice(&self) -> fastrand::Rng {
        self.rows.seed.dice(self.entity, self.index)
    }

    /// The number of the row of another entity that this one belongs to: the same for each `nth`.
    pub(crate) fn related_index(&self, name: &str, nth: u64) -> Option<u64> {
        let entity = self.rows.entity(name)?;
        nth.checked_rem(self.rows.datasets[entity].initial())
    }

    /// Its id.
    pub(crate) fn related(&self, name: &str, nth: u64) -> Option<String> {
        let index = self.related_index(name, nth)?;
        Some(self.rows.id(self.rows.entity(name)?, index))
    }
}

/// What an operator set in a row.
pub(crate) type Members = Map<String, Value>;

pub(crate) fn written(ms: i64) -> String {
    time::text(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX))
}
