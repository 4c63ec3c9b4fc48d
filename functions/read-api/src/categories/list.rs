//! `GET /api/v1/tenants/{tenant}/categories`, and those that stand for none of Google's.

use axum::Json;
use axum::extract::State;
use signalbox::domain::mirror::categories::{CategoryId, NAME_CHARACTERS_MAX};
use signalbox::domain::mirror::filter::Filter;
use signalbox::engine::categories::list;
use signalbox::http::mirror_problem::MirrorProblem;
use signalbox::http::query::Query;
use signalbox::http::wire::categories::{CategoriesView, CategoryView};

use super::{CategoryProblems, OfTenant, failed};
use crate::Reads;

/// The most categories of a page, and how many it has where nobody says.
const LIMIT: usize = 50;

/// A tenant's categories, by id. `stats` is of all that were not deleted, whatever page or filter is asked for.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/categories", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("includeInactive" = Option<bool>, Query, description = "Deleted ones as well; not by default"),
        ("parentId" = Option<String>, Query, description = "Right below this one; `null` for those below none"),
        ("search" = Option<String>, Query, description = "With this in the name or the slug, whatever its case"),
        ("mapped" = Option<bool>, Query, description = "That stand for one of Google's, or that stand for none"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor` of the page before: the id of its last category"),
    ),
    responses((status = 200, description = "A page", body = CategoriesView), CategoryProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn categories(
    State(reads): State<Reads>,
    call: OfTenant,
) -> Result<Json<CategoriesView>, MirrorProblem> {
    call.query.only(&["includeInactive", "parentId", "search", "mapped", "limit", "cursor"])?;
    let filter = Filter {
        include_inactive: switch(&call.query, "includeInactive")?.unwrap_or(false),
        parent: match call.query.first(&["parentId"]) {
            None => None,
            Some("null") => Some(None),
            Some(id) => Some(Some(id_of("parentId", id)?)),
        },
        search: call.query.first(&["search"]).map(str::to_owned),
        mapped: switch(&call.query, "mapped")?,
    };
    if filter.search.as_ref().is_some_and(|search| search.chars().count() > NAME_CHARACTERS_MAX) {
        return Err(MirrorProblem::invalid(&[("search", "may have 100 characters")]));
    }
    page(&reads, &call, &filter).await
}

/// A tenant's categories that stand for none of Google's, by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/categories-unmapped", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor` of the page before: the id of its last category"),
    ),
    responses((status = 200, description = "A page", body = CategoriesView), CategoryProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn unmapped_categories(
    State(reads): State<Reads>,
    call: OfTenant,
) -> Result<Json<CategoriesView>, MirrorProblem> {
    call.query.only(&["limit", "cursor"])?;
    page(&reads, &call, &Filter { mapped: Some(false), ..Filter::default() }).await
}

async fn page(
    reads: &Reads,
    OfTenant { tenant, query }: &OfTenant,
    filter: &Filter,
) -> Result<Json<CategoriesView>, MirrorProblem> {
    let limit = query.limit(&["limit"], LIMIT, LIMIT).map_err(|why| MirrorProblem::invalid(&[("limit", &why)]))?;
    let behind = query.first(&["cursor"]).map(|cursor| id_of("cursor", cursor)).transpose()?;
    let store = &reads.categories;
    let read = async { tokio::try_join!(list(store, tenant, filter, behind, limit), store.counts(tenant)) };
    let ((found, more), counts) = read.await.map_err(failed)?;
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
    let data = found.iter().map(CategoryView::from).collect();
    Ok(Json(CategoriesView { success: true, data, next_cursor, stats: counts.into() }))
}

fn switch(query: &Query, name: &str) -> Result<Option<bool>, MirrorProblem> {
    query.switch(name).map_err(|why| MirrorProblem::invalid(&[(name, why)]))
}

fn id_of(name: &str, text: &str) -> Result<CategoryId, MirrorProblem> {
    CategoryId::parse(text).map_err(|why| MirrorProblem::invalid(&[(name, &why.to_string())]))
}
