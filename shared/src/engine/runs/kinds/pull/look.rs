//! Look: one page of a vendor's list, as a pull would read it, for people. Nothing is written but what protects the vendor.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::canonical::Node;
use crate::domain::ids::{Connection, Entity};
use crate::domain::pull::asked::Asked;
use crate::domain::pull::rows::{RowForm, read_page};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::Wait;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::slice::SliceFault;

use super::Ended;
use super::reading::Reader;
use super::vendor::{Vendor, Wanted};

/// How many rows are shown.
const SHOWN_MAX: usize = 20;
/// How many names of fields are shown.
const FIELDS_MAX: usize = 100;

/// A page, as it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// The vendor's status.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// What the vendor says of its limits.
    pub asked: Asked,
    /// How many rows came.
    pub rows: usize,
    /// How many there are in all, where the vendor says so.
    pub total: Option<u64>,
    /// The names of the fields of the first row.
    pub fields: Vec<String>,
    /// The first rows that can be taken: the id, what is stored of it, and when the vendor changed it.
    pub taken: Vec<(String, String, Option<Timestamp>)>,
    /// The first rows that cannot: the id, if there is one, and why.
    pub unmapped: Vec<(String, String)>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NotLooked {
    /// The vendor has no such entity.
    #[error("there is no entity {0}")]
    UnknownEntity(Entity),
    /// The vendor does not have it over this connection.
    #[error("the vendor does not support it")]
    NotSupported,
    /// The vendor refuses, cannot be used, or answers with something else.
    #[error("{1}")]
    Refused(Failure, String),
    /// Breaker, quota or the vendor want that nobody asks before a time.
    #[error("{}", .0.reason.text())]
    Waits(Wait),
    /// The connection cannot be read, or AWS fails.
    #[error(transparent)]
    Fault(SliceFault),
}

impl From<Ended> for NotLooked {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Failed(failure, detail) => Self::Refused(failure, detail),
            Ended::NotSupported => Self::NotSupported,
            Ended::Stopped(fault) => fault.into(),
        }
    }
}

impl From<SliceFault> for NotLooked {
    fn from(fault: SliceFault) -> Self {
        match fault {
            SliceFault::Vendor { failure, detail, .. } => Self::Refused(failure, detail),
            SliceFault::Waits(wait) => Self::Waits(wait),
            other => Self::Fault(other),
        }
    }
}

/// Looks at the first page of an entity, of so many rows. It draws on the connection's quota, and its breaker may keep it from asking.
///
/// # Errors
/// When there is no page.
pub async fn look(
    worker: &RunWorker,
    connection: &Connection,
    entity: &Entity,
    rows: u64,
) -> Result<Looked, NotLooked> {
    let mut vendor = Vendor::of(worker, connection).await?;
    let entity = vendor.api.entity(entity).ok_or_else(|| NotLooked::UnknownEntity(entity.clone()))?;
    vendor.settings.page_rows = rows.clamp(1, vendor.api.page_rows.1);
    let began_at = worker.runs.now();
    let wanted = Wanted { number: 1, token: None, since: None, follow: 0 };
    let answer = vendor.page_once(entity, wanted).await?;
    let now = worker.runs.now();
    let invalid = |why: String| NotLooked::Refused(Failure::PageInvalid, why);
    let page = read_page(vendor.api, &answer.body).map_err(|no_page| invalid(no_page.to_string()))?;
    let (count, total) = (page.rows.len(), page.total);
    let fields = page.rows.first().map(fields).unwrap_or_default();
    let form = RowForm::of(entity, &vendor.settings.volatile).ok_or_else(|| invalid("a path is none".to_owned()))?;
    let mut read = Reader { entity, form: &form, name: &connection.name, began_at }.read(page.rows);
    let places: Vec<usize> = (0..read.rows.len().min(SHOWN_MAX)).collect();
    let changed: Vec<Option<Timestamp>> =
        read.rows.iter().map(|(row, _)| row.version.map(|version| version.moment())).collect();
    let records = read.records(&places).into_iter().zip(changed);
    Ok(Looked {
        status: answer.status.as_u16(),
        took: Duration::try_from(now.duration_since(began_at)).unwrap_or_default(),
        asked: answer.asked(now),
        rows: count,
        total,
        fields,
        taken: records.map(|((record, _), changed)| (record.catalog_id, record.payload, changed)).collect(),
        unmapped: read.unmapped.into_iter().take(SHOWN_MAX).map(|row| (row.id, row.why)).collect(),
    })
}

fn fields(row: &Node<'_>) -> Vec<String> {
    let Node::Object(members) = row else { return Vec::new() };
    members.iter().take(FIELDS_MAX).map(|(name, _)| name.to_string()).collect()
}
