//! `GET /api/admin/deliveries`: what became of webhooks.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::correlation::is_plain;
use signalbox::domain::deliveries::text::Part;
use signalbox::domain::ids::TenantId;
use signalbox::domain::time;
use signalbox::http::auth::tenant::in_query;
use signalbox::http::auth::{Caller, READ};
use signalbox::http::problem::Problem;
use signalbox::http::query::Query;
use signalbox::http::wire::operations::DeliveriesPage;

use super::{rejected, taken_in};
use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Webhooks, newest first: those that were not let in, or those that were.
///
/// **Not let in**, without `status`. Per source the last 200 are kept, as many again whose signature was right, and the last
/// 5,000 whose sender was told of success all the same, for 14 days. Whoever was refused has not proved to be of a tenant: so
/// operators of the default tenant see all, and others only what was refused after its signature was right.
///
/// **Let in**, with `status` `processed` (they had their effect), `dead` (a queue gave them up), or `all` (both). These are one
/// tenant's: the token's, or where that is the default tenant's, the one that is named. A call looks at up to 2,000 of them in up
/// to 256 queries; so a page of what a filter seldom takes may hold few or none, and be followed by another. What was taken in and has not had its effect yet is in no list.
///
/// A user who is bound to brands sees those of their connections alone.
#[utoipa::path(
    get, path = "/api/admin/deliveries", tag = "operations",
    params(
        ("status" = Option<Vec<String>>, Query, description = "`processed`, `dead` or `all`, alone. Or any of `rejected`, `admitted` and the reasons bad_signature, too_large, unknown_sender, bad_body, conflict, no_secret, same_body; repeated or in a comma list"),
        ("source" = Option<String>, Query, description = "`pos`, `trackstar`, `provider`, `provider/connection`, or `unknown`; with `:proved` or `:acknowledged`, that ring of refused ones alone. Of those that were let in, `provider` or `provider/connection`"),
        ("tenant" = Option<String>, Query, description = "The tenant. Of those that were let in, another than the token's is seen by operators of the default tenant alone"),
        ("from" = Option<String>, Query, description = "Received at or after this; a dead letter: sent to the queue"),
        ("to" = Option<String>, Query, description = "Received at or before this, or on this day; a dead letter: sent to the queue"),
        ("key" = Option<String>, Query, max_length = 1024, description = "The key, as its sender knows it or as it is listed, of one that was let in within the last 30 days; needs `source`, `pos` or `provider/connection`. With `all` it also tells of one that has not had its effect yet"),
        ("correlationId" = Option<String>, Query, max_length = 128, description = "The trace. One that was made here is looked for in the minute in which it was made first, unless `from` or `to` says otherwise; any other within the range"),
        ("text" = Option<String>, Query, max_length = 200, description = "In any case, a part of the key, the trace, the event's name, or the reason why it was refused or given up"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = DeliveriesPage),
        ListProblems,
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DeliveriesPage>, Problem> {
    let caller = reads.authority.reader_of_brands(READ, &headers, reads.now())?;
    let query = Query::of(&uri);
    query.only(&["status", "source", "from", "to", "key", "correlationId", "text", "limit", "cursor"])?;
    let page = match taken_in::which(&query)? {
        Some(which) => taken_in::page(&reads, &caller, &query, which).await?,
        None => rejected::page(&reads, &caller, &query).await?,
    };
    Ok(Json(page))
}

pub(super) fn limit(query: &Query) -> Result<usize, Problem> {
    query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX).map_err(|wrong| Problem::fields(&[("limit", &wrong)]))
}

/// Whose deliveries are asked for: the caller's, or those of the tenant that the query names. None where the caller sees nothing of it: only
/// operators of the default tenant see another's, one a call, and whoever is one by a platform's role is on the tenant's record with it.
pub(super) fn tenant(caller: &Caller, query: &Query) -> Result<Option<TenantId>, Problem> {
    let named = in_query(query)?;
    Ok(Some(named.unwrap_or_else(|| caller.tenant.clone())).filter(|tenant| caller.may_touch(tenant)))
}

pub(super) fn bound(query: &Query, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let parse = if name == "to" { time::parse_end_query } else { time::parse_query };
    match query.first(&[name]).map(parse) {
        Some(None) => Err(Problem::fields(&[(name, "must be a date or date-time")])),
        found => Ok(found.flatten()),
    }
}

pub(super) fn text(query: &Query) -> Result<Option<Part>, Problem> {
    let part = query.first(&["text"]).map(Part::of).transpose();
    part.map(Option::flatten).map_err(|wrong| Problem::fields(&[("text", &wrong)]))
}

pub(super) fn trace(query: &Query) -> Result<Option<String>, Problem> {
    match query.first(&["correlationId"]) {
        Some(text) if !is_plain(text) => {
            let form = "must be 1 to 128 letters, digits, or any of - _ . : / + =";
            Err(Problem::fields(&[("correlationId", form)]))
        }
        found => Ok(found.map(String::from)),
    }
}
