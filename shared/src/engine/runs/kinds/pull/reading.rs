//! Reading: the rows of an answer, as they are compared and as they are stored. Nothing is called here.

use jiff::Timestamp;

use crate::aws::datasets::records::Record;
use crate::domain::canonical::Node;
use crate::domain::connections::pull_api::{Kept, Met, PullEntity};
use crate::domain::datasets::manifest::{Entry, Fingerprint};
use crate::domain::ids::ConnectionName;
use crate::domain::pull::rows::{Mapped, NOT_MAPPED, RowForm, Unmapped, text_of};

/// The rows of a page.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    /// Those that can be taken, in order; with their record where webhooks make such as well.
    pub rows: Vec<(Mapped<'a>, Option<Met>)>,
    /// Those that cannot.
    pub unmapped: Vec<Unmapped<'a>>,
    /// What tells each row apart, in the order of the page.
    pub keys: Vec<Fingerprint>,
}

/// How the rows of an entity are read.
pub(super) struct Reader<'r> {
    /// What it is.
    pub entity: &'r PullEntity,
    /// What names and versions its rows.
    pub form: &'r RowForm,
    /// Of which connection.
    pub name: &'r ConnectionName,
    /// When its pull began.
    pub began_at: Timestamp,
}

impl Reader<'_> {
    /// Reads the rows of a page.
    pub(super) fn read<'a>(&self, rows: Vec<Node<'a>>) -> Read<'a> {
        let (mut read, mut scratch) = (Read::default(), Vec::new());
        for row in rows {
            match self.row(row, &mut scratch) {
                Ok(taken) => {
                    read.keys.push(taken.0.entry.fingerprint);
                    read.rows.push(taken);
                }
                Err(mut unmapped) => {
                    // Without an id it is told apart by what it holds.
                    let text = if unmapped.id.is_empty() { text_of(&mut unmapped.item) } else { unmapped.id.clone() };
                    read.keys.push(Fingerprint::of(text.as_bytes()));
                    read.unmapped.push(unmapped);
                }
            }
        }
        read
    }

    fn row<'a>(&self, row: Node<'a>, scratch: &mut Vec<u8>) -> Result<(Mapped<'a>, Option<Met>), Unmapped<'a>> {
        let mut mapped = self.form.map(row, scratch)?;
        let Kept::AsWebhooks(meet) = self.entity.kept else { return Ok((mapped, None)) };
        match meet(self.name, &text_of(&mut mapped.item), self.began_at) {
            Ok(met) => Ok((mapped, Some(met))),
            Err(why) => Err(Unmapped { id: mapped.id, why, code: NOT_MAPPED, item: mapped.item }),
        }
    }
}

impl Read<'_> {
    /// What the manifest is to know of them, in order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.rows.iter().map(|(row, _)| row.entry).collect()
    }

    /// The id of the row at a place.
    pub(super) fn id(&self, place: usize) -> &str {
        self.rows.get(place).map_or("", |(row, _)| &row.id)
    }

    /// The rows at these places, as they are stored.
    pub(super) fn records(&mut self, places: &[usize]) -> Vec<(Record, Option<Met>)> {
        let record = |index: &usize| {
            let (row, met) = self.rows.get_mut(*index)?;
            let record = Record {
                fingerprint: row.entry.fingerprint,
                catalog_id: row.id.clone(),
                payload: text_of(&mut row.item),
                hash: hex::encode(row.hash),
            };
            Some((record, met.take()))
        };
        places.iter().filter_map(record).collect()
    }
}
