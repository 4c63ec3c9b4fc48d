//! `GET /api/sync/dead-letters/preview`: what requeuing would come to.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::engine::deliveries::dead_letters::{DeadLetterPage, Limits, named, page};
use signalbox::engine::deliveries::preview::{Foresight, preview};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::requeue::{PreviewView, PreviewedView};

use super::dead_letters::{Filters, READ_MAX, filter};
use crate::{ListProblems, Reads};

const LIMIT: usize = 100;

/// What requeuing dead letters would come to, for each, newest first: those that POST /api/sync/dead-letters/requeue would take
/// under the same filters, or those that are named. Nothing is changed, and what happens meanwhile may make it untrue.
#[utoipa::path(
    get, path = "/api/sync/dead-letters/preview", tag = "operations",
    params(
        Filters,
        ("id" = Option<Vec<String>>, Query, description = "These alone, at most 100, whatever else is asked for; repeated or in a comma list"),
        ("limit" = Option<u32>, Query, description = "Default 100", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = PreviewView),
        ListProblems,
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn show(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<PreviewView>, Problem> {
    let caller = reads.reader_within(&uri, &headers)?;
    let (query, now) = (Query::of(&uri), reads.now());
    query.only(&["id", "provider", "connection", "reason", "from", "to", "limit", "cursor"])?;
    let of = caller.tenant;
    let wrong = |field: &'static str, why: &str| Problem::fields(&[(field, why)]);
    let limit = query.limit(&["limit"], LIMIT, LIMIT).map_err(|why| wrong("limit", &why))?;
    let ids: Result<Vec<DeadLetterId>, _> = query.list(&["id"]).map(str::parse).collect();
    let ids = ids.map_err(|_| wrong("id", "must be ids as listed by GET /api/sync/dead-letters"))?;
    if ids.len() > LIMIT {
        return Err(wrong("id", &format!("there may be {LIMIT}")));
    }
    let from = query.first(&["cursor"]).map(str::parse).transpose();
    let from = from.map_err(|_| wrong("cursor", "is unknown"))?;
    let failed = |fault: signalbox::aws::faults::AwsFault| Problem::internal(INTERNAL_ERROR, &fault);
    let DeadLetterPage { found, next, .. } = if ids.is_empty() {
        let limits = Limits { found_max: limit, read_max: READ_MAX };
        page(&reads.journal, now, &of, &filter(&query)?, |_| true, from, limits).await.map_err(failed)?
    } else {
        let found = named(&reads.journal, now, &of, &ids).await.map_err(failed)?;
        DeadLetterPage { found, passed_over: 0, next: None }
    };
    let foresight =
        Foresight { store: reads.deliveries.clone(), journal: reads.journal.clone(), effects: reads.effects.clone() };
    let previewed = preview(&foresight, now, &of, found).await.map_err(failed)?;
    Ok(Json(PreviewView {
        ok: true,
        items: previewed
            .iter()
            .map(|(letter, would)| PreviewedView::of(letter, would.as_str(), would.detail()))
            .collect(),
        has_more: next.is_some(),
        next_cursor: next.map(|id| id.to_string()),
    }))
}
