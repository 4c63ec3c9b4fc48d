//! `POST /api/admin/deliveries/verify`: let a rejected delivery in after all. The deed is recorded with its actor.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use signalbox::domain::deliveries::rejected::{RejectedId, Rejection};
use signalbox::domain::deliveries::signature::Finding;
use signalbox::engine::deliveries::admit::{Admitted, admit};
use signalbox::engine::deliveries::take_in::{Intake, NotTakenIn};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{CONFLICT, NOT_FOUND, Problem, ProblemView, UNPROCESSABLE, VERIFICATION_FAILED};
use signalbox::http::wire::operations::{AdmittedView, VerifyRequest};
use signalbox::http::wire::parameters::TenantMeant;

use crate::operator::{OperatorProblems, decider, failed, operator_of};
use crate::{Control, body};

/// Verify a rejected delivery again, as of when it was received, and let it in. For operators of all tenants: a
/// refused request does not prove whose it is. Where they name a tenant, it is one that says it is that tenant's.
#[utoipa::path(
    post, path = "/api/admin/deliveries/verify", tag = "operations",
    params(TenantMeant),
    request_body(content = VerifyRequest),
    responses(
        (status = 200, description = "Let in", body = AdmittedView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 409, description = "conflict", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 422, description = "verification_failed, unprocessable: `reason` says why it is still refused, and `findings`, each with `code` and `text`, what explains a wrong signature; or its body was not kept", body = ProblemView),
        (status = 503, description = "unavailable: what is stored of its sender could not be read; after `Retry-After`", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn verify(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AdmittedView>, Problem> {
    let caller = decider(&control, &uri, &headers)?;
    if !caller.any_tenant {
        return Err(Problem::new(NOT_FOUND, "there is no such rejected delivery"));
    }
    let operator = operator_of(caller, trace);
    let id = body::read(body).await?.unwrap_or_default().text("id")?;
    let Some(id) = id.and_then(|id| id.parse::<RejectedId>().ok()) else {
        return Err(Problem::fields(&[("id", "must be an id as listed by GET /api/admin/deliveries")]));
    };
    let admitted = admit(&control.deliveries, &control.operators, &operator, &id).await;
    // An operator's calls are far apart: the next may be another instance's.
    control.deliveries.counts.flush_now(control.deliveries.now()).await;
    let admitted = admitted.map_err(|why| match why {
        NotTakenIn::Unread(fault) => Problem::unread(&fault),
        NotTakenIn::NotStored(fault) => failed(fault),
    });
    match admitted? {
        Admitted::NotFound => Err(Problem::new(NOT_FOUND, "there is no such rejected delivery")),
        Admitted::NoBody => Err(Problem::new(UNPROCESSABLE, "its body was not kept: the sender must send it again")),
        Admitted::Intake(Intake::Refused(refusal)) => {
            let conflict = refusal.reason == Rejection::Conflict;
            let kind = if conflict { CONFLICT } else { VERIFICATION_FAILED };
            let findings: Vec<Value> = refusal.findings.iter().map(finding).collect();
            Err(Problem::new(kind, refusal.detail).with("reason", refusal.reason.as_str()).with("findings", findings))
        }
        Admitted::Intake(intake) => Ok(Json(AdmittedView { ok: true, status: intake.as_str() })),
    }
}

/// What explains a wrong signature, in the words of `signalbox verify`.
fn finding(found: &Finding) -> Value {
    json!({"code": found.code(), "text": found.to_string()})
}
