//! `POST`, `PUT` and `DELETE` of a tenant's categories, and `align`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode, header};
use signalbox::domain::connections::stored::Knows;
use signalbox::domain::mirror::categories::TenantCategory;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView};
use signalbox::http::wire::categories::{
    AlignRequest, CategoryChangeRequest, CategoryRequest, CategoryView, OneCategoryView,
};

use super::{CategoryProblems, GoogleProblems, OfTenant, google, not_done, wanted};
use crate::connections::precondition;
use crate::{Control, body};

/// Make a category.
///
/// It is on the tenant's record before (`category.put`).
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/categories", tag = "mirror",
    params(("tenant" = String, Path, description = "Whose")),
    request_body(content = CategoryRequest),
    responses(
        (status = 201, description = "The category", body = OneCategoryView),
        (status = 400, description = "invalid_request: `error` is `Validation error`, and `details` names each field", body = MirrorProblemView),
        (status = 409, description = "feature_disabled, duplicate_slug, contended", body = MirrorProblemView),
        CategoryProblems,
        GoogleProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn create_category(
    State(control): State<Control>,
    call: OfTenant,
    body: Body,
) -> Result<(StatusCode, Json<OneCategoryView>), MirrorProblem> {
    call.query.only(&[])?;
    let new = wanted::new(&body::read(body).await?.unwrap_or_default())?;
    google::check(&control, &call.operator.tenant, new.google_category_id.as_ref()).await?;
    let made = control.categories.create(&call.operator, &new).await.map_err(not_done)?;
    Ok((StatusCode::CREATED, view(&made)))
}

/// Change a category. What is left out stays.
///
/// `isActive: true` restores one that was deleted. It is on the tenant's record before (`category.put`).
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/categories/{id}", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("id" = String, Path, description = "Which"),
        ("if-match" = Option<String>, Header, description = "The version that the change is of, such as `\"7\"`"),
    ),
    request_body(content = CategoryChangeRequest),
    responses(
        (status = 200, description = "The category as it is now", body = OneCategoryView),
        (status = 400, description = "invalid_request: `error` is `Validation error`, and `details` names each field; category_has_children", body = MirrorProblemView),
        (status = 409, description = "feature_disabled, duplicate_slug, contended", body = MirrorProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = MirrorProblemView),
        CategoryProblems,
        GoogleProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn change_category(
    State(control): State<Control>,
    call: OfTenant,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<OneCategoryView>, MirrorProblem> {
    call.query.only(&[])?;
    let version = version(&headers)?;
    let change = wanted::change(&body::read(body).await?.unwrap_or_default())?;
    let google_category_id = change.google_category_id.as_ref().and_then(Option::as_ref);
    google::check(&control, &call.operator.tenant, google_category_id).await?;
    let changed = control.categories.change(&call.operator, call.id()?, &change, version).await;
    changed.map(|changed| view(&changed)).map_err(not_done)
}

/// Delete a category that has none below it. It can be restored, and keeps its slug.
///
/// It is on the tenant's record before (`category.delete`).
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/categories/{id}", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("id" = String, Path, description = "Which"),
        ("if-match" = Option<String>, Header, description = "The version that the change is of, such as `\"7\"`"),
    ),
    responses(
        (status = 200, description = "The category as it was deleted", body = OneCategoryView),
        (status = 400, description = "category_has_children: `childCount` says how many; invalid_request", body = MirrorProblemView),
        (status = 409, description = "feature_disabled, contended", body = MirrorProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = MirrorProblemView),
        CategoryProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn delete_category(
    State(control): State<Control>,
    call: OfTenant,
    headers: HeaderMap,
) -> Result<Json<OneCategoryView>, MirrorProblem> {
    call.query.only(&[])?;
    let version = version(&headers)?;
    let deleted = control.categories.remove(&call.operator, call.id()?, version).await;
    deleted.map(|deleted| view(&deleted)).map_err(not_done)
}

/// Say which of Google's categories a category stands for; null for none.
///
/// It is on the tenant's record before (`category.put`).
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/categories/{id}/align", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("id" = String, Path, description = "Which"),
        ("if-match" = Option<String>, Header, description = "The version that the change is of, such as `\"7\"`"),
    ),
    request_body(content = AlignRequest),
    responses(
        (status = 200, description = "The category as it is now", body = OneCategoryView),
        (status = 400, description = "invalid_request: `error` is `Validation error`, and `details` names the field", body = MirrorProblemView),
        (status = 409, description = "feature_disabled, contended", body = MirrorProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = MirrorProblemView),
        CategoryProblems,
        GoogleProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn align_category(
    State(control): State<Control>,
    call: OfTenant,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<OneCategoryView>, MirrorProblem> {
    call.query.only(&[])?;
    let version = version(&headers)?;
    let change = wanted::align(&body::read(body).await?.unwrap_or_default())?;
    let google_category_id = change.google_category_id.as_ref().and_then(Option::as_ref);
    google::check(&control, &call.operator.tenant, google_category_id).await?;
    let changed = control.categories.change(&call.operator, call.id()?, &change, version).await;
    changed.map(|changed| view(&changed)).map_err(not_done)
}

fn view(category: &TenantCategory) -> Json<OneCategoryView> {
    Json(OneCategoryView { success: true, data: CategoryView::from(category) })
}

/// The version that a caller knows, if any.
fn version(headers: &HeaderMap) -> Result<Option<u64>, MirrorProblem> {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return Err(MirrorProblem::invalid(&[("If-None-Match", "is of no use here: send If-Match")]));
    }
    match precondition::knows(headers)? {
        Knows::Version(version) => Ok(Some(version)),
        _ => Ok(None),
    }
}
