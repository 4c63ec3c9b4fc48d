//! `GET /api/admin/replays`: how far replays of dead letters are, and what became of each.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::deliveries::replay::ReplayId;
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::replays::{ReplayPage, ReplayView, ReplayedView, ReplaysPage};

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 50;

fn failed(fault: AwsFault) -> Problem {
    Problem::internal(INTERNAL_ERROR, &fault)
}

/// The caller's tenant's replays, the one that began last first. They are kept for 30 days.
#[utoipa::path(
    get, path = "/api/admin/replays", tag = "operations",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Default 20"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
        TenantMeant,
    ),
    responses((status = 200, description = "A page", body = ReplaysPage), ListProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ReplaysPage>, Problem> {
    let caller = reads.reader_within(&uri, &headers)?;
    let (query, now) = (Query::of(&uri), reads.now());
    query.only(&["limit", "cursor"])?;
    let wrong = |field: &str, why: &str| Problem::fields(&[(field, why)]);
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX).map_err(|why| wrong("limit", &why))?;
    let below = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| wrong("cursor", "is unknown"))?;
    let found = reads.replays.list(&caller.tenant, below.as_ref(), limit, now).await.map_err(failed)?;
    let next_cursor = found.last().filter(|_| found.len() == limit).map(|(place, _)| place.to_string());
    let replays = found.iter().filter_map(|(_, replay)| replay.as_ref());
    let items = replays.map(|replay| ReplayView::of(replay, now)).collect();
    Ok(Json(ReplaysPage { ok: true, items, has_more: next_cursor.is_some(), next_cursor }))
}

/// How far a replay is, and what became of its dead letters, a hundred a page.
#[utoipa::path(
    get, path = "/api/admin/replays/{id}", tag = "operations",
    params(
        ("id" = String, Path, description = "The replay"),
        ("cursor" = Option<u32>, Query, minimum = 0, description = "From `nextCursor`"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "The replay, with a page of its dead letters", body = ReplayPage),
        (status = 404, description = "not_found", body = ProblemView),
        ListProblems,
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn one(
    State(reads): State<Reads>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ReplayPage>, Problem> {
    let caller = reads.reader_within(&uri, &headers)?;
    let (query, now) = (Query::of(&uri), reads.now());
    query.only(&["cursor"])?;
    let none = || Problem::new(NOT_FOUND, "there is no such replay");
    let id: ReplayId = path_text(id).parse().map_err(|_| none())?;
    let cursor = query.first(&["cursor"]).map(str::parse::<u32>).transpose();
    let number = cursor.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?.unwrap_or(0);
    let replay = reads.replays.one(&caller.tenant, &id, now).await.map_err(failed)?.ok_or_else(none)?;
    if number >= replay.chunks {
        return Err(Problem::fields(&[("cursor", "is unknown")]));
    }
    let chunk = reads.replays.chunk(&caller.tenant, &id, number).await.map_err(failed)?;
    let is_of_round = |round: i64| round == replay.round;
    let items =
        chunk.iter().flat_map(|chunk| chunk.items.iter().map(|item| ReplayedView::of(item, is_of_round(chunk.round))));
    let next_cursor = Some(number + 1).filter(|next| *next < replay.chunks).map(|next| next.to_string());
    Ok(Json(ReplayPage {
        ok: true,
        replay: ReplayView::of(&replay, now),
        items: items.collect(),
        has_more: next_cursor.is_some(),
        next_cursor,
    }))
}
