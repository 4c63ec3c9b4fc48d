//! What people do about weekly digests: send one by hand, and say that they do not want it any more.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use signalbox::domain::ids::RunId;
use signalbox::engine::digests::desk::{NotSent, send_by_hand, unsubscribe};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{ALREADY_DECIDED, INTERNAL_ERROR, INVALID_TICKET, NOT_FOUND, Problem};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::digests::{DigestView, OneDigestView, UnsubscribedView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::operator::operator_of;
use crate::pulls::PullProblems;
use crate::{Control, body};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default().routes(routes!(send_digest)).routes(routes!(unsubscribe_digest))
}

/// Send a weekly digest by hand.
///
/// For one of which nobody knows whether it came, or that surely did not: the next tick sends it. It is on record before (`digest.send`).
#[utoipa::path(
    post, path = "/api/admin/digests/{id}/send", tag = "digests",
    params(
        ("id" = String, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses(
        (status = 200, description = "The next tick sends it", body = OneDigestView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 409, description = "already_decided: it was sent, or is about to be", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn send_digest(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<OneDigestView>, AdminProblem> {
    let caller = control.authority.admin_writer(&uri, &headers, control.now())?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let not_found = || AdminProblem::new(NOT_FOUND, "there is no such digest");
    let id = RunId::parse(&path_text::<String>(id)).ok_or_else(not_found)?;
    let operator = operator_of(caller, trace);
    let sent = send_by_hand(&control.digests, &control.operators, &operator, id.as_str()).await;
    let record = sent.map_err(|not| match &not {
        NotSent::NotFound => not_found(),
        NotSent::Decided => Problem::new(ALREADY_DECIDED, not.to_string()).into(),
        NotSent::Fault(fault) => Problem::internal(INTERNAL_ERROR, fault).into(),
    })?;
    Ok(Json(OneDigestView { ok: true, digest: DigestView::from(&record) }))
}

/// Say that one does not want the weekly digest any more.
///
/// The link of a mail says who: it is signed, and needs nothing else. Mail programs post to it with one click (RFC 8058); what they send in
/// the body is passed over. With `again=1` it is wanted again.
#[utoipa::path(
    post, path = "/api/digests/unsubscribe", tag = "digests",
    params(
        ("token" = String, Query, description = "From the link"),
        ("again" = Option<String>, Query, description = "`1`: it is wanted again"),
    ),
    responses(
        (status = 200, description = "It is kept", body = UnsubscribedView),
        (status = 403, description = "invalid_ticket: the link is none of ours, or was cut off", body = AdminProblemView),
        (status = 500, description = "internal_error", body = AdminProblemView),
    ),
)]
pub(crate) async fn unsubscribe_digest(
    State(control): State<Control>,
    uri: Uri,
) -> Result<Json<UnsubscribedView>, AdminProblem> {
    let query = Query::of(&uri);
    let (token, gone) = (query.first(&["token"]).unwrap_or_default(), query.first(&["again"]) != Some("1"));
    let done = unsubscribe(&control.digests, &control.service_secrets, token, gone, control.now()).await;
    let link = done.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    let link = link.ok_or_else(|| AdminProblem::new(INVALID_TICKET, "the link is none of ours, or was cut off"))?;
    Ok(Json(UnsubscribedView { ok: true, address: link.address, subscribed: !gone }))
}
