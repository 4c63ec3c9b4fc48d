//! Drift: the fields that rows have, beside those that they had. What is new, missing or of another type is kept with the run, and with
//! the first row that showed it; a connection may say that nothing of the kind is applied.
//!
//! Rows that changed are looked at, as the others are what they were, and of a page so many. While a dataset was never read to its end
//! all of it is new, and nothing a change.

use crate::domain::datasets::snapshot::KnownShape;
use crate::domain::ids::Dataset;
use crate::domain::pull::drift::{Change, Observer, Policy};
use crate::domain::pull::rows::Mapped;
use crate::domain::runs::failure::Failure;
use crate::engine::runs::slice::{Slice, SliceFault};

use super::Ended;

/// How many rows of a page are looked at.
const ROWS_MAX: usize = 100;
/// How many changes are kept with an entity of a run, which is stored with each page.
const CHANGES_MAX: usize = 20;

/// What is known of a dataset's fields, as an entity begins to be worked at.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn known(slice: &Slice<'_>, dataset: &Dataset) -> Result<KnownShape, SliceFault> {
    Ok(slice.worker.runs.store.snapshots.shape(dataset).await?.unwrap_or_default())
}

/// What looks at the rows of an entity.
pub(super) struct Watch<'k> {
    before: &'k KnownShape,
    observer: Option<Observer<'k>>,
}

impl<'k> Watch<'k> {
    /// Looks with this in mind.
    pub(super) fn new(before: &'k KnownShape, policy: Policy) -> Self {
        // Of what is not known as a whole, nobody can say that it is new.
        let policy = if before.is_whole || policy == Policy::Ignore { policy } else { Policy::Accept };
        let known = (before.is_whole || !before.shape.fields.is_empty()).then_some(&before.shape);
        Self { before, observer: Some(Observer::new(known, policy)) }
    }

    /// Looks at the rows of a page that are about to be put.
    ///
    /// # Errors
    /// When they have changed, and are not to be.
    pub(super) fn look<'r, 'a: 'r>(&mut self, rows: impl Iterator<Item = &'r Mapped<'a>>) -> Result<(), Ended> {
        let Some(observer) = &mut self.observer else { return Ok(()) };
        for row in rows.take(ROWS_MAX) {
            observer.observe(&row.id, &row.item);
        }
        if observer.freezes() {
            let detail = "rows have other fields than before, and the connection says that none may".to_owned();
            return Err(Ended::Failed(Failure::SchemaChanged, detail));
        }
        Ok(())
    }

    /// Keeps what was seen; `ended` says that all rows were. A crash after it leaves what is kept twice.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(super) async fn keep(
        &mut self,
        slice: &mut Slice<'_>,
        index: usize,
        dataset: &Dataset,
        ended: bool,
    ) -> Result<(), SliceFault> {
        let Some(drift) = self.observer.take().map(Observer::finish) else { return Ok(()) };
        let changes = if self.before.is_whole { drift.changes } else { Vec::new() };
        let told = &mut slice.entity(index).drift;
        for change in &changes {
            if told.len() < CHANGES_MAX && !told.iter().any(|known: &Change| known.path == change.path) {
                told.push(change.clone());
            }
        }
        let is_whole = self.before.is_whole || ended;
        if slice.run.mode.is_dry() || drift.known.is_none() && is_whole == self.before.is_whole {
            return Ok(());
        }
        let shape = drift.known.unwrap_or_else(|| self.before.shape.clone());
        let changed_by = if changes.is_empty() { self.before.changed_by.clone() } else { Some(slice.run.id.clone()) };
        let changes = if changes.is_empty() { self.before.changes.clone() } else { changes };
        let known = KnownShape { shape, is_whole, changes, changed_by };
        Ok(slice.worker.runs.store.snapshots.put_shape(dataset, &known).await?)
    }
}
