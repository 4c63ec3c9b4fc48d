//! Reads of history: a page costs the page, a window its counters (I8).

use jiff::{Timestamp, ToSpan as _};

use crate::aws::faults::AwsFault;
use crate::aws::runs::RunReads;
use crate::aws::runs::reads::Wanted;
use crate::domain::catalogue::vendor::Vendor;
use crate::domain::ids::{Connection, ConnectionName, RunId, TenantId};
use crate::domain::runs::run::{Run, SeenStatus};
use crate::domain::runs::window::{Tally, cover};
use crate::engine::catalogue::vendors::Vendors;

/// A page of runs.
#[derive(Debug, Default)]
pub struct RunPage {
    /// Newest first.
    pub runs: Vec<Run>,
    /// The first run that did not fit: where the next page starts, itself included.
    pub next: Option<RunId>,
    /// All runs of the filter, by status, whatever the page.
    pub tally: Tally,
    /// When the newest run of the filter started, whatever the page.
    pub latest_run_at: Option<Timestamp>,
}

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The cursor names no run of this filter.
    #[error("the cursor is unknown")]
    UnknownCursor,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// Reads a page of a connection's runs, and the statistics of all that the filter holds. Both end where runs are kept no longer.
///
/// # Errors
/// See [`HistoryError`].
pub async fn page(
    reads: &RunReads,
    connection: &Connection,
    wanted: Wanted,
    now: Timestamp,
) -> Result<RunPage, HistoryError> {
    let wanted = Wanted { start: reads.retention().clip(wanted.start, now), ..wanted };
    let limit = wanted.limit;
    let one_more = Wanted { limit: limit + 1, ..wanted.clone() };
    let newest = Wanted { limit: 1, cursor: None, ..wanted.clone() };
    let window = cover(wanted.start, wanted.end);
    let with_cursor = async {
        match &wanted.cursor {
            // Without a cursor the page itself starts with the newest.
            None => Ok((None, None)),
            Some(cursor) => {
                futures::future::try_join(reads.one(connection, cursor), async {
                    Ok(reads.page(connection, &newest).await?.pop())
                })
                .await
            }
        }
    };
    let (mut runs, tally, (at_cursor, newest)) =
        futures::future::try_join3(reads.page(connection, &one_more), reads.tally(connection, &window), with_cursor)
            .await?;
    if wanted.cursor.is_some() && !at_cursor.is_some_and(|run| belongs(&run, &wanted)) {
        return Err(HistoryError::UnknownCursor);
    }
    let latest_run_at = newest.as_ref().or(runs.first()).map(|run| run.started_at);
    let next = runs.get(limit).map(|run| run.id.clone());
    runs.truncate(limit);
    Ok(RunPage { runs, next, tally, latest_run_at })
}

/// A run may have changed its status since its id was handed out as a cursor: the place it marks is still good.
fn belongs(run: &Run, wanted: &Wanted) -> bool {
    wanted.start.is_none_or(|start| run.started_at >= start) && wanted.end.is_none_or(|end| run.started_at <= end)
}

/// The last 24 hours of all of a tenant's vendors.
#[derive(Debug, Default)]
pub struct Overview {
    /// Runs started in the last 24 hours.
    pub tally: Tally,
    /// Runs that are not over.
    pub in_progress: Vec<Run>,
}

/// Reads the overview: per vendor a few counters, and the runs in progress.
///
/// # Errors
/// When the tables cannot be read.
pub async fn overview(reads: &RunReads, vendors: &[Vendor], now: Timestamp) -> Result<Overview, AwsFault> {
    let window = cover(now.checked_sub(24.hours()).ok(), Some(now));
    let connections: Vec<Connection> = vendors.iter().map(Vendor::connection).collect();
    let running = Wanted { statuses: vec![SeenStatus::Running], limit: 10, ..Wanted::default() };
    let reads = connections.iter().map(|connection| {
        futures::future::try_join(reads.tally(connection, &window), reads.page(connection, &running))
    });
    let mut overview = Overview::default();
    for (tally, runs) in futures::future::try_join_all(reads).await? {
        overview.tally += tally;
        overview.in_progress.extend(runs);
    }
    overview.in_progress.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(overview)
}

/// How many runs each of a tenant's vendors has had, by status.
///
/// # Errors
/// When the tables cannot be read.
pub async fn totals(
    reads: &RunReads,
    vendors: &Vendors,
    now: Timestamp,
    tenant: &TenantId,
) -> Result<Vec<(ConnectionName, Tally)>, AwsFault> {
    let ever = cover(None, Some(now));
    let of_vendor = async |connection: Connection| {
        let tally = reads.tally(&connection, &ever).await?;
        Ok((connection.name, tally))
    };
    let vendors = vendors.of(tenant).await?;
    futures::future::try_join_all(vendors.iter().map(|vendor| of_vendor(vendor.connection()))).await
}
