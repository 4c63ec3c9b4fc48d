//! Look: one page of a vendor's list, as a pull would read it, for people. Nothing is written but what protects the vendor.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use url::Url;

use crate::domain::canonical::Node;
use crate::domain::connections::pull_api::PullEntity;
use crate::domain::datasets::snapshot::Pulled;
use crate::domain::ids::{Connection, Dataset, Entity, ProviderId};
use crate::domain::pull::asked::Asked;
use crate::domain::pull::rows::{RowForm, read_page};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::Wait;
use crate::engine::gbp;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::slice::SliceFault;

use super::Ended;
use super::reading::Reader;
use super::vendor::{Heard, Vendor, Wanted};

/// How many rows are shown.
const SHOWN_MAX: usize = 20;
/// How many names of fields are shown.
const FIELDS_MAX: usize = 100;
/// How many records are read at once.
const READS: usize = 5;

/// What a row is beside what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Nothing is stored of it.
    New,
    /// Something else is.
    Changed,
    /// The same is.
    Same,
}

/// A row that can be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The vendor's id.
    pub id: String,
    /// What is stored of it, as JSON.
    pub payload: String,
    /// When the vendor changed it, where it says so.
    pub changed_at: Option<Timestamp>,
    /// What it is beside what is stored; none where nobody asked for that.
    pub stands: Option<Stands>,
}

/// A page, as it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Of what.
    pub entity: Entity,
    /// The vendor's status.
    pub status: u16,
    /// What the vendor says of its limits.
    pub asked: Asked,
    /// How many rows came.
    pub rows: usize,
    /// How many there are in all, where the vendor says so.
    pub total: Option<u64>,
    /// The names of the fields of the first row.
    pub fields: Vec<String>,
    /// The first rows that can be taken.
    pub taken: Vec<Taken>,
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

/// A try to look at a page: what came of it, and what is known of the vendor whatever that was.
#[derive(Debug)]
pub struct Tried {
    /// Where the API is; none where the connection cannot be used.
    pub base_url: Option<Url>,
    /// How long it took.
    pub took: Duration,
    /// The page, or why there is none.
    pub looked: Result<Looked, NotLooked>,
    /// What the vendor answered in place of a page, if it did.
    pub heard: Option<Heard>,
}

impl Tried {
    /// The vendor's status; none where it did not answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.looked.as_ref().map(|looked| looked.status).ok().or(self.heard.as_ref().map(|heard| heard.status))
    }

    /// What the vendor says of its limits.
    #[must_use]
    pub fn asked(&self) -> Asked {
        let heard = self.heard.as_ref().map(|heard| heard.asked);
        self.looked.as_ref().map(|looked| looked.asked).ok().or(heard).unwrap_or_default()
    }

    /// Whether the vendor took the key: it answered with rows, or with what it says to those alone whom it knows.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        let is_known = |not: &NotLooked| {
            matches!(not, NotLooked::NotSupported | NotLooked::Refused(Failure::VendorNotPermitted, _))
        };
        self.looked.as_ref().map_or_else(is_known, |_| true)
    }

    /// Whether the vendor could not be reached.
    #[must_use]
    pub fn is_unreached(&self) -> bool {
        self.heard.is_none() && matches!(&self.looked, Err(NotLooked::Refused(Failure::SourceUnreadable, _)))
    }
}

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sight<'a> {
    /// Which entity; the first of the connection's where none is named.
    pub entity: Option<&'a Entity>,
    /// How many rows to ask for.
    pub rows: u64,
    /// Whether rows are compared with what is stored, which is a read each.
    pub compares: bool,
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
    try_look(worker, connection, Sight { entity: Some(entity), rows, compares: false }).await.looked
}

/// Tries to look at the first page of an entity; of Google's at all of it, as a part proves nothing there.
pub async fn try_look(worker: &RunWorker, connection: &Connection, sight: Sight<'_>) -> Tried {
    if connection.provider == ProviderId::GBP {
        return gbp::try_look(worker, connection, sight).await;
    }
    let began_at = worker.runs.now();
    let mut vendor = match Vendor::of(worker, connection).await {
        Ok(vendor) => vendor,
        Err(fault) => {
            return Tried { base_url: None, took: Duration::ZERO, looked: Err(fault.into()), heard: None };
        }
    };
    let looked = page(worker, &mut vendor, connection, sight, began_at).await;
    let took = worker.runs.now().duration_since(began_at);
    Tried {
        base_url: Some(vendor.settings.base_url.clone()),
        took: Duration::try_from(took).unwrap_or_default(),
        looked,
        heard: vendor.heard(),
    }
}

/// The last pull of a dataset that went well, and since when a delta would ask for changes.
///
/// # Errors
/// When the manifest cannot be read.
pub async fn next_delta(
    worker: &RunWorker,
    dataset: &Dataset,
) -> Result<Option<(Pulled, Option<Timestamp>)>, SliceFault> {
    let pulled = worker.runs.store.snapshots.manifest(dataset).await?.pulled;
    Ok(pulled.map(|pulled| {
        let since = pulled.basis().since().filter(|_| pulled.filters != Some(false));
        (pulled, since)
    }))
}

async fn page(
    worker: &RunWorker,
    vendor: &mut Vendor,
    connection: &Connection,
    sight: Sight<'_>,
    began_at: Timestamp,
) -> Result<Looked, NotLooked> {
    let invalid = |why: String| NotLooked::Refused(Failure::PageInvalid, why);
    let named = sight.entity.cloned().or_else(|| vendor.settings.entities.first().cloned());
    let named = named.ok_or_else(|| invalid("the connection names no entity".to_owned()))?;
    let entity: &PullEntity = vendor.api.entity(&named).ok_or_else(|| NotLooked::UnknownEntity(named.clone()))?;
    vendor.settings.page_rows = sight.rows.clamp(1, vendor.api.page_rows.1);
    let wanted = Wanted { number: 1, token: None, since: None, follow: 0 };
    let answer = vendor.page_once(entity, wanted).await?;
    let now = worker.runs.now();
    let page = match read_page(vendor.api, &answer.body) {
        Ok(page) => page,
        Err(no_page) => {
            vendor.hear(&answer);
            return Err(invalid(no_page.to_string()));
        }
    };
    let (rows, total) = (page.rows.len(), page.total);
    let fields = page.rows.first().map(fields).unwrap_or_default();
    let form = RowForm::of(entity, &vendor.settings.volatile).ok_or_else(|| invalid("a path is none".to_owned()))?;
    let mut read = Reader { entity, form: &form, name: &connection.name, began_at }.read(page.rows);
    let places: Vec<usize> = (0..read.rows.len().min(SHOWN_MAX)).collect();
    let changed: Vec<Option<Timestamp>> =
        read.rows.iter().map(|(row, _)| row.version.map(|version| version.moment())).collect();
    let unmapped =
        std::mem::take(&mut read.unmapped).into_iter().take(SHOWN_MAX).map(|row| (row.id, row.why)).collect();
    let dataset = connection.dataset(named.clone());
    let taken = read.records(&places).into_iter().zip(changed).map(|((record, _), changed_at)| {
        let dataset = &dataset;
        async move {
            let stands = match sight.compares {
                false => None,
                true => Some(match worker.records.hash_of(dataset, record.fingerprint).await? {
                    None => Stands::New,
                    Some(hash) if hash == record.hash => Stands::Same,
                    Some(_) => Stands::Changed,
                }),
            };
            Ok::<_, SliceFault>(Taken { id: record.catalog_id, payload: record.payload, changed_at, stands })
        }
    });
    let taken: Vec<Taken> = stream::iter(taken).buffered(READS).try_collect().await?;
    Ok(Looked {
        entity: named,
        status: answer.status.as_u16(),
        asked: answer.asked(now),
        rows,
        total,
        fields,
        taken,
        unmapped,
    })
}

fn fields(row: &Node<'_>) -> Vec<String> {
    let Node::Object(members) = row else { return Vec::new() };
    members.iter().take(FIELDS_MAX).map(|(name, _)| name.to_string()).collect()
}
