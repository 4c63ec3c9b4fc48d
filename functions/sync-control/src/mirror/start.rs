//! `POST /api/categories/mirror`: a mirror of one tenant, or of all that have the feature on.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use signalbox::domain::audit::Action;
use signalbox::domain::flags::Flag;
use signalbox::domain::ids::TenantId;
use signalbox::domain::mirror::log::job_id;
use signalbox::domain::mirror::plan::Strategy;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::engine::mirror::start::MirrorRequest;
use signalbox::engine::mirror::{fan_out, start};
use signalbox::engine::operators::Operator;
use signalbox::http::auth::user::Access;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{INTERNAL_ERROR, INVALID_STRATEGY, Problem};
use signalbox::http::wire::mirror::{MirrorAcceptedView, MirrorStartRequest};

use crate::Control;
use crate::body::{self, Fields};

const FIELDS: [&str; 3] = ["strategy", "tenantId", "dryRun"];

/// Mirror categories between tenants and their locations at Google.
///
/// The run is stored, and its row of the log there, before the answer. One that may not start, within a minute after one that went well
/// for example, is a row with its reason.
#[utoipa::path(
    post, path = "/api/categories/mirror", tag = "mirror",
    request_body(content = MirrorStartRequest),
    responses(
        (status = 202, description = "It is started", body = MirrorAcceptedView),
        (status = 400, description = "invalid_strategy; invalid_request", body = MirrorProblemView),
        (status = 401, description = "authentication_required, token_expired, invalid_token", body = NotLetInView),
        (status = 403, description = "platform_admin_required", body = NotLetInView),
        (status = 409, description = "feature_disabled: `flag` is the one that is off", body = MirrorProblemView),
        (status = 413, description = "payload_too_large", body = MirrorProblemView),
        (status = 500, description = "internal_error", body = MirrorProblemView),
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn start_mirror(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<MirrorAcceptedView>), MirrorProblem> {
    let actor = control.authority.platform_admin(&headers, Access::Write, control.now())?;
    if !control.mirrors.flags.effective(Flag::CategoryMirroring, None).await.map_err(failed)?.on {
        return Err(MirrorProblem::disabled(Flag::CategoryMirroring));
    }
    let fields = body::read(body).await?.unwrap_or_default();
    let strategy = fields.get("strategy").and_then(|strategy| Strategy::parse(strategy.as_str()?));
    let strategy = strategy
        .ok_or_else(|| MirrorProblem::new(INVALID_STRATEGY, "strategy must be platform_to_gbp or gbp_to_platform"))?;
    // Passed over, `dryrun` would write for real.
    fields.check_spelling(&FIELDS)?;
    let tenant = tenant(&fields)?;
    let mode = if is_truthy(fields.get("dryRun")) { Mode::DryRun } else { Mode::Apply };
    let request = MirrorRequest {
        strategy,
        mode,
        actor: actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: trace.0.clone(),
        parent: None,
    };
    let recorded = tenant.clone().unwrap_or_default();
    let operator = Operator { tenant: recorded, actor, correlation_id: trace.0 };
    let dry = if mode.is_dry() { ", dry run" } else { "" };
    let whose = tenant.as_ref().map_or("all tenants", TenantId::as_str);
    let target = format!("{} of {whose}{dry}", strategy.as_str());
    control.operators.record(&operator, Action::StartMirror, target, None).await.map_err(failed)?;
    let id = match &tenant {
        Some(tenant) => {
            let run =
                start::start(&control.mirrors, tenant, &request).await.map_err(|refused| failed_with(&refused))?;
            run.map(|run| run.id).ok_or_else(|| failed_with(&std::io::Error::other("a mirror was not stored")))?
        }
        None => fan_out::start(&control.mirrors.runs, &request).await.map_err(failed)?.id,
    };
    let accepted = MirrorAcceptedView {
        success: true,
        accepted: true,
        job_id: job_id(&id),
        strategy: strategy.as_str(),
        tenant_id: tenant.map(|tenant| tenant.to_string()),
        dry_run: mode.is_dry(),
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// Whose; none where it is left out or null. Nothing else means all.
fn tenant(fields: &Fields) -> Result<Option<TenantId>, MirrorProblem> {
    let wrong = || MirrorProblem::invalid(&[("tenantId", "must be a tenant's id, or left out to mean all")]);
    match fields.get("tenantId") {
        None => Ok(None),
        Some(Value::String(tenant)) => TenantId::parse(tenant).map(Some).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

/// What these clients take for true.
fn is_truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(number)) => number.as_f64().is_none_or(|number| number != 0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => true,
    }
}

fn failed(fault: signalbox::aws::faults::AwsFault) -> MirrorProblem {
    failed_with(&fault)
}

fn failed_with(cause: &dyn std::error::Error) -> MirrorProblem {
    Problem::internal(INTERNAL_ERROR, cause).into()
}
