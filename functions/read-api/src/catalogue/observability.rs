//! `GET /api/catalog/vendor-sync/observability`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use jiff::civil::Date;
use signalbox::aws::runs::reads::Wanted;
use signalbox::domain::runs::run::SeenStatus;
use signalbox::domain::runs::spent::dollars;
use signalbox::domain::runs::window::{Tally, days_of};
use signalbox::domain::time;
use signalbox::engine::runs::history::{HistoryError, RunPage, page};
use signalbox::http::problem::{FAILED_TO_LOAD_OBSERVABILITY, Problem, ProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::runs::{RunView, statuses};
use signalbox::http::wire::vendor_sync::window::{
    Aggregates, DayCounts, ObservabilityView, Range, StatusCounts, Window,
};

use super::runs::{cursor, unknown_cursor};
use crate::{DEFAULT_VENDOR, Reads, connection};

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 200;

/// A window of a vendor's runs with its statistics.
///
/// The window is inclusive at both ends, by start; a bound left out is open. The statistics are of the whole
/// filtered window, whatever the page.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/observability", tag = "vendor sync",
    params(
        ("vendorId" = Option<String>, Query, description = "The vendor; also `vendor`, `v`. Default moscot"),
        ("start" = Option<String>, Query, description = "Date or date-time, UTC where it says no offset; also `from`"),
        ("end" = Option<String>, Query, description = "Date or date-time; a date is all of that day, up to its last millisecond; also `to`"),
        ("limit" = Option<u32>, Query, description = "Default 20; also `pageSize`", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
        ("status" = Option<Vec<String>>, Query, description = "running, success, error; repeated or in a comma list"),
        ("days" = Option<String>, Query, description = "1, true, yes, on, or the name alone: counts for each day as well"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "The window", body = ObservabilityView),
        (status = 400, description = "invalid_request; `detail` has `formErrors` and `fieldErrors`", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_load_observability", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn observability(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ObservabilityView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let query = Query::of(&uri);
    let vendor = query.first(&["vendorId", "vendor", "v"]).unwrap_or(DEFAULT_VENDOR).to_owned();
    let wanted = wanted(&query)?;
    let (limit, start, end) = (wanted.limit, wanted.start, wanted.end);
    let filter = wanted.statuses.clone();
    let with_days = query.switch("days").map_err(|wrong| Problem::fields(&[("days", wrong)]))?.unwrap_or(false);
    let connection = connection(&caller, &vendor);
    let vendor = connection.as_ref().map_or(vendor, |connection| connection.name.to_string());
    let kept = reads.runs.retention().clip(start, reads.now());
    let days: Vec<Date> = if with_days { days_of(kept, end, reads.now()).collect() } else { Vec::new() };
    let daily = match &connection {
        Some(connection) => reads.runs.daily(connection, &days).await,
        None => Ok(days.iter().map(|day| (*day, Tally::default())).collect()),
    };
    let daily = daily.map_err(|fault| Problem::internal(FAILED_TO_LOAD_OBSERVABILITY, &fault))?;
    let found = match connection {
        Some(connection) => page(&reads.runs, &connection, wanted, reads.now()).await.map_err(|error| match error {
            HistoryError::UnknownCursor => unknown_cursor(),
            HistoryError::Fault(fault) => Problem::internal(FAILED_TO_LOAD_OBSERVABILITY, &fault),
        })?,
        None if wanted.cursor.is_some() => return Err(unknown_cursor()),
        None => RunPage::default(),
    };
    let count = |status| if filter.is_empty() || filter.contains(&status) { found.tally.count(status) } else { 0 };
    let aggregates = Aggregates {
        total_runs: found.tally.of(&filter),
        latest_run_at: found.latest_run_at.map(time::text),
        page_size: limit,
        counts: StatusCounts {
            success: count(SeenStatus::Success),
            error: count(SeenStatus::Error),
            running: count(SeenStatus::Running),
        },
    };
    let runs: Vec<RunView> = found.runs.iter().map(RunView::from).collect();
    let next_cursor = found.next.map(|id| id.to_string());
    Ok(Json(ObservabilityView {
        ok: true,
        data: Window {
            vendor_id: vendor,
            range: Range { start: start.map(time::text), end: end.map(time::text) },
            page_size: limit,
            total_runs: aggregates.total_runs,
            counts: aggregates.counts.clone(),
            latest_run_at: aggregates.latest_run_at.clone(),
            has_more: next_cursor.is_some(),
            next_cursor: next_cursor.clone(),
            runs: runs.clone(),
            items: runs.clone(),
            aggregates: aggregates.clone(),
            days: with_days.then(|| daily.iter().map(day_counts).collect()),
        },
        items: runs,
        aggregates,
        next_cursor,
    }))
}

fn day_counts((day, tally): &(Date, Tally)) -> DayCounts {
    DayCounts {
        day: day.to_string(),
        success: tally.success,
        error: tally.error,
        running: tally.running,
        usd: dollars(tally.nano_dollars),
    }
}

/// Reads the parameters; every wrong one is named at once.
fn wanted(query: &Query) -> Result<Wanted, Problem> {
    let mut wrong = Vec::new();
    let mut bound =
        |field: &'static str, names: [&str; 2], parse: fn(&str) -> Option<Timestamp>| -> Option<Timestamp> {
            let text = query.first(&names)?;
            let at = parse(text);
            if at.is_none() {
                wrong.push((field, "must be a date or date-time, for example 2024-06-07 or 2024-06-07T12:00:00Z"));
            }
            at
        };
    let start = bound("start", ["start", "from"], time::parse_query);
    let end = bound("end", ["end", "to"], time::parse_end_query);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        wrong.push(("start", "must not be after the end"));
    }
    let limit = query.limit(&["limit", "pageSize"], LIMIT_DEFAULT, LIMIT_MAX);
    if let Err(text) = &limit {
        wrong.push(("limit", text));
    }
    let cursor = cursor(query).unwrap_or_else(|_| {
        wrong.push(("cursor", "names no run of this list"));
        None
    });
    let statuses = statuses(query.list(&["status"])).unwrap_or_else(|text| {
        wrong.push(("status", text));
        Vec::new()
    });
    let (true, Ok(limit)) = (wrong.is_empty(), &limit) else { return Err(Problem::fields(&wrong)) };
    Ok(Wanted { start, end, limit: *limit, cursor, statuses })
}
