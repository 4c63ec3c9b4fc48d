//! `GET /api/catalog/vendor-sync/runs`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::aws::runs::reads::Wanted;
use signalbox::domain::ids::RunId;
use signalbox::engine::runs::history::{HistoryError, RunPage, page};
use signalbox::http::problem::{FAILED_TO_FETCH_RUNS, Problem, ProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::runs::{RunView, RunsPage, RunsView, statuses};

use super::state::vendor_of;
use crate::{Reads, connection};

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: f64 = 100.0;

/// A vendor's runs, newest first.
///
/// A page starts at its cursor, which is the id of the first run that the page before did not show.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/runs", tag = "vendor sync",
    params(
        ("vendor" = Option<String>, Query, description = "The vendor; also `v`, or header `x-vendor`. Default moscot"),
        ("status" = Option<Vec<String>>, Query, description = "running, success, error; repeated or in a comma list"),
        ("limit" = Option<String>, Query, description = "1 to 100, default 20; what is outside is brought inside"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "A page", body = RunsView),
        (status = 400, description = "missing_vendor, invalid_request: the vendor is blank, the status or the cursor unknown", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_fetch_runs", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn runs(State(reads): State<Reads>, uri: Uri, headers: HeaderMap) -> Result<Json<RunsView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let vendor = vendor_of(&uri, &headers)?;
    let query = Query::of(&uri);
    let wanted = Wanted {
        statuses: statuses(query.list(&["status"])).map_err(|wrong| Problem::fields(&[("status", wrong)]))?,
        cursor: cursor(&query)?,
        limit: limit(query.first(&["limit"])),
        ..Wanted::default()
    };
    let (limit, statuses) = (wanted.limit, wanted.statuses.clone());
    let found = match connection(&caller, &vendor) {
        Some(connection) => page(&reads.runs, &connection, wanted, reads.now()).await.map_err(|error| match error {
            HistoryError::UnknownCursor => unknown_cursor(),
            HistoryError::Fault(fault) => Problem::internal(FAILED_TO_FETCH_RUNS, &fault),
        })?,
        None if wanted.cursor.is_some() => return Err(unknown_cursor()),
        None => RunPage::default(),
    };
    Ok(Json(RunsView {
        ok: true,
        data: RunsPage {
            page: 1,
            page_size: limit,
            total_items: found.tally.of(&statuses),
            has_more: found.next.is_some(),
            next_cursor: found.next.map(|id| id.to_string()),
            items: found.runs.iter().map(RunView::from).collect(),
        },
    }))
}

/// A cursor is a run's id; anything else is refused rather than taken for the first page.
pub(crate) fn cursor(query: &Query) -> Result<Option<RunId>, Problem> {
    let Some(text) = query.first(&["cursor"]) else { return Ok(None) };
    RunId::parse(text).map(Some).ok_or_else(unknown_cursor)
}

/// A cursor that names no run, or one of another list.
pub(crate) fn unknown_cursor() -> Problem {
    Problem::fields(&[("cursor", "names no run of this list")])
}

/// Never a refusal: a number is cut to a whole one and brought inside, anything else is the default.
fn limit(text: Option<&str>) -> usize {
    match text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite()) {
        Some(number) => number.trunc().clamp(1.0, LIMIT_MAX) as usize,
        None => LIMIT_DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_brought_inside() {
        for (text, expected) in [
            (None, 20),
            (Some("5"), 5),
            (Some("5.9"), 5),
            (Some("0"), 1),
            (Some("-3"), 1),
            (Some("1000"), 100),
            (Some("ten"), 20),
            (Some("NaN"), 20),
            (Some("inf"), 20),
        ] {
            assert_eq!(limit(text), expected, "{text:?}");
        }
    }
}
