//! Orders to change rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Members, Rows};
use crate::options::{ROWS_MAX, Unusable};

/// The most ids that an answer names.
const IDS_MAX: usize = 1000;

/// Which rows: so many, spread over the list, or those with these ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a number from 0 on, or a list of ids")]
pub enum Which {
    /// So many.
    Count(u64),
    /// These.
    Ids(Vec<String>),
}

impl Default for Which {
    fn default() -> Self {
        Self::Count(0)
    }
}

/// An order: first rows are changed, then removed, then added.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowsChange {
    /// Of what.
    pub entity: String,
    /// How many are added, at the end of the list.
    #[serde(default)]
    pub add: u64,
    /// Which are changed.
    #[serde(default)]
    pub change: Which,
    /// Which are removed.
    #[serde(default)]
    pub remove: Which,
    /// Fields of those that are changed, in place of what they would have.
    #[serde(default)]
    pub set: Option<Members>,
}

/// Rows that something was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// How many.
    pub count: u64,
    /// The ids of the first 1,000.
    pub ids: Vec<String>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsChanged {
    /// Added.
    pub added: Touched,
    /// Changed.
    pub changed: Touched,
    /// Removed.
    pub removed: Touched,
    /// How many rows the entity has now.
    pub total: u64,
}

impl Rows {
    /// Carries an order out, or none of it.
    pub(crate) fn order(&mut self, order: &RowsChange, now_ms: i64) -> Result<RowsChanged, Unusable> {
        let name = &order.entity;
        let entity = self.entity(name).ok_or_else(|| Unusable::new(format!("there is no entity {name}")))?;
        let changed = self.chosen(entity, &order.change, 0)?;
        // From another place, so that the rows that are removed are not the ones that were changed.
        let removed = self.chosen(entity, &order.remove, 1)?;
        if self.added().saturating_add(order.add) > ROWS_MAX {
            return Err(Unusable::new(format!("at most {ROWS_MAX} rows can be added")));
        }
        let set = order.set.clone().map(Arc::new);
        for index in &changed {
            let before = self.updated_ms(entity, *index);
            self.dataset_mut(entity).touch(*index, before, now_ms, set.as_ref());
        }
        let (changed, gone) = (self.touched(entity, &changed), self.touched(entity, &removed));
        self.dataset_mut(entity).remove(removed);
        let added: Vec<u64> = self.dataset_mut(entity).add(order.add, now_ms).collect();
        let added = self.touched(entity, &added);
        Ok(RowsChanged { added, changed, removed: gone, total: self.dataset(entity).len() })
    }

    fn touched(&self, entity: usize, indices: &[u64]) -> Touched {
        let ids = indices.iter().take(IDS_MAX).map(|index| self.id(entity, *index)).collect();
        Touched { count: indices.len() as u64, ids }
    }

    fn chosen(&self, entity: usize, which: &Which, shift: u64) -> Result<Vec<u64>, Unusable> {
        let dataset = self.dataset(entity);
        match which {
            Which::Ids(ids) => {
                let found = |id: &String| {
                    self.find(entity, id).ok_or_else(|| Unusable::new(format!("there is no row with the id {id}")))
                };
                let mut indices = ids.iter().map(found).collect::<Result<Vec<u64>, _>>()?;
                indices.sort_unstable();
                indices.dedup();
                Ok(indices)
            }
            Which::Count(count) if *count > dataset.len() => {
                Err(Unusable::new(format!("there are only {} rows", dataset.len())))
            }
            Which::Count(count) => {
                let places = (0..*count).map(|nth| (nth * dataset.len() / count + shift) % dataset.len());
                let mut indices: Vec<u64> = places.filter_map(|place| dataset.at(place)).collect();
                indices.sort_unstable();
                Ok(indices)
            }
        }
    }
}
