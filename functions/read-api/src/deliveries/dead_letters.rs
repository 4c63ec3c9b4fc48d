//! `GET /api/sync/dead-letters`: what the queues gave up on.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::domain::dead_letter::DeadLetter;
use signalbox::engine::deliveries::dead_letters::{DeadLetterFilter, Limits, page};
use signalbox::http::auth::Caller;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::operations::{DeadLetterView, DeadLettersView};
use utoipa::IntoParams;

use super::list::{bound, limit};
use crate::{ListProblems, Reads};

/// Dead letters that one call looks at: a page may end early, with a cursor.
pub(super) const READ_MAX: usize = 1000;

/// What the queues gave up on, newest first, of the caller's tenant or the one that is named.
#[utoipa::path(
    get, path = "/api/sync/dead-letters", tag = "operations",
    params(
        Filters,
        ("limit" = Option<u32>, Query, description = "Default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = DeadLettersView),
        ListProblems,
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DeadLettersView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let query = Query::of(&uri);
    query.only(&["provider", "connection", "reason", "from", "to", "limit", "cursor"])?;
    let limit = limit(&query)?;
    let filter = filter(&query)?;
    let from = query.first(&["cursor"]).map(str::parse).transpose();
    let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    let limits = Limits { found_max: limit, read_max: READ_MAX };
    let page =
        page(&reads.journal, reads.now(), &caller.tenant, &filter, |letter| may_see(&caller, letter), from, limits)
            .await
            .map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(DeadLettersView {
        ok: true,
        items: page.found.iter().map(DeadLetterView::from).collect(),
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Whether a dead letter of their tenant is open to a caller. One of no connection is of no brand.
pub(super) fn may_see(caller: &Caller, letter: &DeadLetter) -> bool {
    caller.brands().is_none() || letter.connection().is_some_and(|connection| caller.sees(&connection.name))
}

/// What a query names them by, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, which the filter reads one by one")]
pub(super) struct Filters {
    /// Whose; the token's tenant by default, and another than that for operators of the default tenant alone
    tenant: Option<String>,
    /// pos, trackstar, …
    provider: Option<String>,
    /// The source or connection
    connection: Option<String>,
    /// A part of the reason, in any case
    reason: Option<String>,
    /// Sent to the queue at or after this
    from: Option<String>,
    /// Sent to the queue at or before this, or on this day
    to: Option<String>,
}

/// Which dead letters a query means.
pub(super) fn filter(query: &Query) -> Result<DeadLetterFilter, Problem> {
    let filter = DeadLetterFilter::read(|name| Ok::<_, Problem>(query.first(&[name]).map(String::from)))?;
    Ok(filter.between(bound(query, "from")?, bound(query, "to")?))
}
