//! `GET /api/admin/alerts/{id}`: an alert, and what became of it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem};
use signalbox::http::query::path_text;
use signalbox::http::wire::alerts::{AlertView, OneAlertView, TransitionView};

use super::AlertProblems;
use crate::Reads;

/// One of a tenant's alerts, with its history.
#[utoipa::path(
    get, path = "/api/admin/alerts/{id}", tag = "alerts",
    params(
        ("id" = String, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses(
        (status = 200, description = "The alert", body = OneAlertView),
        (status = 404, description = "not_found", body = AdminProblemView),
        AlertProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn alert(
    State(reads): State<Reads>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneAlertView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let found = reads.alerts.one(&caller.tenant, &path_text::<String>(id)).await;
    let found = found.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    let (alert, history) = found.ok_or_else(|| AdminProblem::new(NOT_FOUND, "there is no such alert"))?;
    let history = history.into_iter().map(TransitionView::from).collect();
    Ok(Json(OneAlertView { ok: true, alert: AlertView::from(&alert), history }))
}
