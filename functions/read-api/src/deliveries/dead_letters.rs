//! `GET /api/sync/dead-letters`: what the queues gave up on.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::engine::deliveries::dead_letters::{DeadLetterFilter, Limits, page};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::operations::{DeadLetterView, DeadLettersView};

use super::list::{bound, limit, own_or_named};
use crate::{ListProblems, Reads};

/// Dead letters that one call looks at: a page may end early, with a cursor.
pub(super) const READ_MAX: usize = 1000;

/// What the queues gave up on, newest first, of the caller's tenant or the one that is named.
#[utoipa::path(
    get, path = "/api/sync/dead-letters", tag = "operations",
    params(
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default, and another than that for operators of the default tenant alone"),
        ("provider" = Option<String>, Query, description = "pos, trackstar, …"),
        ("connection" = Option<String>, Query, description = "The source or connection"),
        ("reason" = Option<String>, Query, description = "A part of the reason, in any case"),
        ("from" = Option<String>, Query, description = "Sent to the queue at or after this"),
        ("to" = Option<String>, Query, description = "Sent to the queue at or before this, or on this day"),
        ("limit" = Option<u32>, Query, description = "Default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = DeadLettersView),
        ListProblems,
    ),
    security((), ("service" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DeadLettersView>, Problem> {
    let caller = reads.reader(&headers)?;
    let query = Query::of(&uri);
    let of = own_or_named(&caller, &query)?;
    let limit = limit(&query)?;
    let filter = filter(&query)?;
    let from = query.first(&["cursor"]).map(str::parse).transpose();
    let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    let limits = Limits { found_max: limit, read_max: READ_MAX };
    let page = page(&reads.journal, reads.now(), &of, &filter, from, limits)
        .await
        .map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(DeadLettersView {
        ok: true,
        items: page.found.iter().map(DeadLetterView::from).collect(),
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Which dead letters a query means.
pub(super) fn filter(query: &Query) -> Result<DeadLetterFilter, Problem> {
    let filter = DeadLetterFilter::read(|name| Ok::<_, Problem>(query.first(&[name]).map(String::from)))?;
    Ok(filter.between(bound(query, "from")?, bound(query, "to")?))
}
