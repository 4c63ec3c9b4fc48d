//! `POST /api/admin/alerts/{id}/acknowledge`: somebody has seen an alert.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use signalbox::engine::alerts::acknowledge::{NotAcknowledged, acknowledge};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{CONTENDED, INTERNAL_ERROR, NOT_FOUND, Problem};
use signalbox::http::query::path_text;
use signalbox::http::wire::alerts::{AcknowledgedView, AlertView};

use crate::operator::operator_of;
use crate::pulls::PullProblems;
use crate::{Control, body};

/// Say that an alert was seen.
///
/// It is on record before (`alert.acknowledge`). It is not told of again until it is resolved. One that somebody has acknowledged, or that is
/// resolved, stays as it is.
#[utoipa::path(
    post, path = "/api/admin/alerts/{id}/acknowledge", tag = "alerts",
    params(
        ("id" = String, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses(
        (status = 200, description = "The alert as it is now", body = AcknowledgedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 409, description = "contended", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn acknowledge_alert(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AcknowledgedView>, AdminProblem> {
    let caller = control.authority.admin_writer(&uri, &headers, control.now())?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let operator = operator_of(caller, trace);
    let seen = acknowledge(&control.alerts, &control.operators, &operator, &path_text::<String>(id)).await;
    let alert = seen.map_err(|not| match &not {
        NotAcknowledged::NotFound => AdminProblem::new(NOT_FOUND, not.to_string()),
        NotAcknowledged::Contended => Problem::new(CONTENDED, not.to_string()).into(),
        NotAcknowledged::Fault(fault) => Problem::internal(INTERNAL_ERROR, fault).into(),
    })?;
    Ok(Json(AcknowledgedView { ok: true, alert: AlertView::from(&alert) }))
}
