//! Runs, on every read route.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::datasets::guard::check_removals;
use crate::domain::runs::run::{Run, RunStatus, SeenStatus};
use crate::domain::runs::spent::Spent;
use crate::domain::time;
use crate::http::wire::held::HeldView;

/// How many items, by what happened to them; null while that is not known.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct CountsView {
    /// Distinct ids in the source.
    pub total: Option<u64>,
    /// New.
    pub created: Option<u64>,
    /// Changed.
    pub updated: Option<u64>,
    /// Gone.
    pub removed: Option<u64>,
    /// The same.
    pub unchanged: Option<u64>,
}

impl CountsView {
    /// The counts of a run; zero is zero, and null is not known.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        run.work.counts().map_or_else(Self::default, |counts| Self {
            total: Some(counts.total),
            created: Some(counts.created),
            updated: Some(counts.updated),
            removed: Some(counts.removed),
            unchanged: Some(counts.unchanged),
        })
    }
}

/// What a run costs at list prices: what its slices were counted to use, and what each run needs besides (docs/cost.md).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostView {
    /// Dollars.
    #[schema(example = 0.000041)]
    pub usd: f64,
    /// Write units that its slices were counted to use, up to its latest commit.
    pub write_units: f64,
    /// Read units of the same.
    pub read_units: f64,
    /// Messages it sent.
    pub messages: u64,
    /// Events it put on the bus.
    pub events: u64,
    /// Slices it took, each an invocation.
    pub slices: u64,
    /// Gigabytes of memory times seconds.
    pub gigabyte_seconds: f64,
}

impl CostView {
    /// What a run that has spent this costs.
    #[must_use]
    pub fn of(spent: &Spent) -> Self {
        Self {
            usd: spent.dollars(),
            write_units: spent.write_tenths as f64 / 10.0,
            read_units: spent.read_tenths as f64 / 10.0,
            messages: spent.messages,
            events: spent.events,
            slices: spent.slices,
            gigabyte_seconds: spent.gigabyte_seconds(),
        }
    }
}

/// A run, on every read route.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Sorts by start; also a cursor.
    pub id: String,
    /// The vendor's slug.
    pub vendor: String,
    /// `running`, `success` or `error`.
    #[schema(example = "success")]
    pub status: &'static str,
    /// Who or what asked for it.
    pub actor: Option<String>,
    /// Whether it wrote nothing.
    pub dry_run: bool,
    /// Where the catalogue came from.
    pub source_path: Option<String>,
    /// ISO-8601, UTC, milliseconds.
    pub started_at: String,
    /// Null while it runs.
    pub completed_at: Option<String>,
    /// The same as `completedAt`.
    pub finished_at: Option<String>,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// What it found.
    pub counts: CountsView,
    /// The same as `counts`.
    pub metrics: CountsView,
    /// The aggregate hash of the source.
    pub hash: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// More about it: stored status, trigger, error code, correlation id; while it waits, `waitsUntil` and `waitsFor`, which is
    /// `retryAfter` (its vendor asked for it), `backoff` (a fault may pass) or `approval`; of one that waits for approval `held`, with
    /// `why`, how many would go (`removals`) `of` how many, some of them (`going`), `since`, and `decideAt`, below which `/approve` and `/reject` are; of one that took several slices `slices`, the newest
    /// of them with `startedAt`, `endedAt` and `endedBy` (`time`, `process`, one of the waits, or `over`), and `slicesBefore`, how many
    /// there were before these; `badRows`, the rows that were set aside with their
    /// number, the first of them with `row`, `byte` and `reason`, and how many items were kept on their account; `repeatedIds`,
    /// how many rows have an id that a later row has again, and some of these ids.
    #[schema(value_type = Option<Object>)]
    pub metadata: Value,
    /// What it costs; absent until it has committed something, and of runs of before that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<CostView>,
    /// When it last changed.
    pub updated_at: String,
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let completed_at = run.completed_at.map(time::text);
        let mut metadata = json!({
            "status": run.status.as_str(),
            "trigger": run.trigger,
            "correlationId": run.correlation_id,
        });
        if let Some(error) = &run.error {
            metadata["errorCode"] = json!(error.code());
        }
        if let Some(wait) = run.wait {
            metadata["waitsUntil"] = json!(time::text(wait.until));
            metadata["waitsFor"] = json!(wait.reason);
        }
        if let Some(held) = HeldView::of(run) {
            metadata["held"] = json!(held);
        }
        if !run.slices.is_empty() {
            let kept = run.slices.kept.iter().filter_map(|slice| {
                let at = |ms: i64| Timestamp::from_millisecond(ms).ok().map(time::text);
                let (started, ended) = (at(slice.at)?, at(slice.at.saturating_add(slice.ms))?);
                Some(json!({"startedAt": started, "endedAt": ended, "endedBy": slice.by}))
            });
            metadata["slices"] = kept.collect();
            metadata["slicesBefore"] = json!(run.slices.before);
        }
        if run.status == RunStatus::Skipped {
            metadata["skipped"] = json!(true);
        }
        if let Some(warning) = warning(run) {
            metadata["warning"] = json!(warning);
        }
        if let Some(pull) = run.work.pull() {
            metadata["kind"] = json!(run.work.kind());
            metadata["entities"] = json!(pull.entities);
        }
        let work = run.work.catalogue();
        if let Some(checkpoint) = work.and_then(|work| work.checkpoint) {
            metadata["checkpoint"] = json!(checkpoint);
        }
        if let Some(findings) = work.map(|work| &work.findings) {
            if findings.bad_rows > 0 {
                let (count, kept) = (findings.bad_rows, findings.items_kept);
                metadata["badRows"] = json!({"count": count, "itemsKept": kept, "first": findings.bad_rows_kept});
            }
            if findings.repeated > 0 {
                metadata["repeatedIds"] = json!({"count": findings.repeated, "some": findings.repeated_ids});
            }
        }
        Self {
            id: run.id.to_string(),
            vendor: run.connection.name.to_string(),
            status: run.status.seen().as_str(),
            actor: Some(run.actor.clone()),
            dry_run: run.mode.is_dry(),
            source_path: work.and_then(|work| work.source_path.clone()),
            started_at: time::text(run.started_at),
            finished_at: completed_at.clone(),
            completed_at,
            duration_ms: run.duration_ms,
            counts: CountsView::of(run),
            metrics: CountsView::of(run),
            hash: run.work.hash().map(str::to_owned),
            error: run.error.as_ref().map(|error| error.detail.clone()),
            metadata,
            cost: run.spent.as_ref().map(CostView::of),
            updated_at: time::text(run.updated_at),
        }
    }
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneRunView {
    /// Always true.
    pub ok: bool,
    /// The run.
    pub data: RunView,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunsView {
    /// Always true.
    pub ok: bool,
    /// The page.
    pub data: RunsPage,
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunsPage {
    /// Always 1: pages are found by cursor.
    pub page: u32,
    /// Runs on a page at most.
    pub page_size: usize,
    /// All runs of the filter, whatever the page.
    pub total_items: u64,
    /// Whether another page follows.
    pub has_more: bool,
    /// The id of the first run of the next page.
    pub next_cursor: Option<String>,
    /// The runs.
    pub items: Vec<RunView>,
}

/// What an apply of a dry run's source would be refused for; otherwise that rows were set aside.
#[must_use]
pub fn warning(run: &Run) -> Option<String> {
    let work = run.work.catalogue()?;
    let counts = work.counts?;
    let refused = check_removals(&counts, &work.findings, work.allow_removals).err().filter(|_| run.mode.is_dry());
    if let Some(refused) = refused {
        return Some(format!("an apply would be refused: {refused}"));
    }
    let bad_rows = work.findings.bad_rows;
    (bad_rows > 0)
        .then(|| format!("{bad_rows} rows could not be read and were set aside; what seems to be missing was kept"))
}

/// Reads status filters; none given are none. What is not a status is refused: the original passed it over, and with nothing
/// left answered as if all had been asked for.
///
/// # Errors
/// The text to refuse it with.
pub fn statuses<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<SeenStatus>, &'static str> {
    let statuses: Option<Vec<SeenStatus>> = values.map(SeenStatus::parse).collect();
    let mut statuses = statuses.ok_or("must be running, success or error")?;
    statuses.sort();
    statuses.dedup();
    Ok(statuses)
}
