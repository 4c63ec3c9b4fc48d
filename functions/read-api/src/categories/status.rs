//! How far a tenant's categories are mapped to Google's, and all of them as a shop reads them.

use axum::Json;
use axum::extract::State;
use signalbox::http::mirror_problem::MirrorProblem;
use signalbox::http::wire::categories::{
    AlignmentStatusView, AlignmentView, CategoryView, ShopCategoriesView, ShopCategoryView,
};

use super::{CategoryProblems, OfTenant, failed};
use crate::Reads;

/// How many of a tenant's categories stand for one of Google's.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/categories-alignment-status", tag = "mirror",
    params(("tenant" = String, Path, description = "Whose")),
    responses((status = 200, description = "Of all that were not deleted", body = AlignmentStatusView), CategoryProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn alignment_status(
    State(reads): State<Reads>,
    call: OfTenant,
) -> Result<Json<AlignmentStatusView>, MirrorProblem> {
    call.query.only(&[])?;
    let counts = reads.categories.counts(&call.tenant).await.map_err(failed)?;
    let data = AlignmentView { coverage: counts.into(), is_compliant: counts.is_compliant() };
    Ok(Json(AlignmentStatusView { success: true, data }))
}

/// All of a tenant's categories that were not deleted, by sort order, then by id: 1,000 at most.
#[utoipa::path(
    get, path = "/api/tenant/{tenant}/categories", tag = "mirror",
    params(("tenant" = String, Path, description = "Whose")),
    responses((status = 200, description = "All", body = ShopCategoriesView), CategoryProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn categories_of_shop(
    State(reads): State<Reads>,
    call: OfTenant,
) -> Result<Json<ShopCategoriesView>, MirrorProblem> {
    call.query.only(&[])?;
    let found = reads.categories.active(&call.tenant).await.map_err(failed)?;
    let data = found.iter().map(|category| ShopCategoryView::from(CategoryView::from(category))).collect();
    Ok(Json(ShopCategoriesView { success: true, data }))
}
