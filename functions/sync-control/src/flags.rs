//! Turn a feature on or off, for the platform or a tenant, and say who has it before all do.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use serde_json::Value;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::flags::{Flag, PERCENTAGE_MAX, PILOTS_MAX};
use signalbox::domain::ids::TenantId;
use signalbox::engine::flags::change::{FlagChange, NotChanged, change};
use signalbox::engine::operators::Operator;
use signalbox::http::auth::user::Access;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{
    CONTENDED, ENVIRONMENT_LOCKED, INTERNAL_ERROR, NOT_FOUND, OVERRIDE_NOT_ALLOWED, Problem, UNPROCESSABLE,
    VALUE_REQUIRED,
};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::flags::{FlagChangedView, FlagRequest, FlagView, OverrideRequest};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::Fields;
use crate::{Control, body};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(override_platform))
        .routes(routes!(override_tenant))
        .routes(routes!(change_flag))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum FlagProblems {
    /// authentication_required, token_expired, invalid_token
    #[response(status = 401)]
    Unknown(NotLetInView),
    /// platform_admin_required, cross_site_request
    #[response(status = 403)]
    Forbidden(NotLetInView),
    /// not_found: there is no such flag, or no tenant can be called so
    #[response(status = 404)]
    NotFound(MirrorProblemView),
    /// payload_too_large
    #[response(status = 413)]
    TooLarge(MirrorProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(MirrorProblemView),
}

type Head<'a> = (&'a Uri, &'a HeaderMap, CorrelationId);

/// Override a flag for the platform, or take that back with null.
///
/// Off stops the flag's rollout as well. It holds within half a minute everywhere, and is on record before (`flag.change`, of the default
/// tenant).
#[utoipa::path(
    post, path = "/api/admin/flags/override/platform/{flag}", tag = "mirror",
    params(("flag" = String, Path, description = "Which: `FF_CATEGORY_MIRRORING`, …")),
    request_body(content = OverrideRequest),
    responses(
        (status = 200, description = "The flag as it is now", body = FlagChangedView),
        (status = 400, description = "value_required: `value` is none of true, false and null; invalid_request", body = MirrorProblemView),
        (status = 409, description = "environment_locked: the environment turns it on; contended", body = MirrorProblemView),
        FlagProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn override_platform(
    State(control): State<Control>,
    flag: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FlagChangedView>, MirrorProblem> {
    let (operator, flag) = meant(&control, (&uri, &headers, trace), &path_text::<String>(flag))?;
    let value = value(body).await?;
    changed(&control, &operator, flag, &FlagChange::Platform(value)).await
}

/// Override a flag for a tenant, or take that back with null.
///
/// It holds within half a minute everywhere, and is on the tenant's record before (`flag.change`).
#[utoipa::path(
    post, path = "/api/admin/flags/override/tenant/{tenant}/{flag}", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("flag" = String, Path, description = "Which: `FF_TENANT_PLATFORM_CATEGORY`, …"),
    ),
    request_body(content = OverrideRequest),
    responses(
        (status = 200, description = "The flag as it is now", body = FlagChangedView),
        (status = 400, description = "value_required: `value` is none of true, false and null; invalid_request", body = MirrorProblemView),
        (status = 409, description = "override_not_allowed: no tenant may differ about this flag; contended", body = MirrorProblemView),
        FlagProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn override_tenant(
    State(control): State<Control>,
    path: Result<Path<(String, String)>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FlagChangedView>, MirrorProblem> {
    let (tenant, flag) = path_text::<(String, String)>(path);
    let (operator, flag) = meant(&control, (&uri, &headers, trace), &flag)?;
    let no_tenant = |_| MirrorProblem::new(NOT_FOUND, "no tenant can be called so");
    let tenant = TenantId::parse(&tenant).map_err(no_tenant)?;
    let operator = Operator { tenant: tenant.clone(), ..operator };
    let value = value(body).await?;
    changed(&control, &operator, flag, &FlagChange::Tenant(tenant, value)).await
}

/// Say whether a flag is on for all, whether tenants may differ, and who is let in before all are.
///
/// What is left out stays. A tenant that is let in by a percentage stays so with every higher one. It is on record before (`flag.change`, of
/// the default tenant).
#[utoipa::path(
    put, path = "/api/admin/flags/{flag}", tag = "mirror",
    params(("flag" = String, Path, description = "Which: `FF_TENANT_PLATFORM_CATEGORY`, …")),
    request_body(content = FlagRequest),
    responses(
        (status = 200, description = "The flag as it is now", body = FlagChangedView),
        (status = 400, description = "invalid_request: `error` is `Validation error`, and `details` names the field", body = MirrorProblemView),
        (status = 409, description = "contended", body = MirrorProblemView),
        (status = 422, description = "unprocessable: a rollout of a flag about which no tenant may differ", body = MirrorProblemView),
        FlagProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn change_flag(
    State(control): State<Control>,
    flag: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FlagChangedView>, MirrorProblem> {
    let (operator, flag) = meant(&control, (&uri, &headers, trace), &path_text::<String>(flag))?;
    let wanted = wanted(&body::read(body).await?.unwrap_or_default())?;
    changed(&control, &operator, flag, &wanted).await
}

/// Who asks, of the default tenant's record, and about which flag.
fn meant(control: &Control, (uri, headers, trace): Head<'_>, flag: &str) -> Result<(Operator, Flag), MirrorProblem> {
    let actor = control.authority.platform_admin(headers, Access::Write, control.now())?;
    Query::of(uri).only(&[])?;
    let names = Flag::ALL.map(Flag::as_str).join(", ");
    let flag = Flag::parse(flag).ok_or_else(|| MirrorProblem::new(NOT_FOUND, format!("the flags are {names}")))?;
    Ok((Operator { tenant: TenantId::DEFAULT, actor, correlation_id: trace.0 }, flag))
}

async fn value(body: Body) -> Result<Option<bool>, MirrorProblem> {
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["value"])?;
    let required = || MirrorProblem::new(VALUE_REQUIRED, "value must be true, false or null");
    if !fields.has("value") {
        return Err(required());
    }
    fields.switch("value").map_err(|_| required())
}

fn wanted(fields: &Fields) -> Result<FlagChange, MirrorProblem> {
    const NAMES: [&str; 3] = ["enabled", "allowOverride", "rollout"];
    fields.check_known(&NAMES)?;
    // A null would be a choice that nobody has made.
    fields.check_set(&NAMES)?;
    let switch = |name: &str| {
        let wrong = |_| MirrorProblem::invalid(&[(name, "must be true or false")]);
        fields.switch(name).map_err(wrong)
    };
    let (enabled, allow_override) = (switch("enabled")?, switch("allowOverride")?);
    let rollout = match fields.get("rollout") {
        None => Fields::default(),
        Some(Value::Object(rollout)) => Fields::from(rollout.clone()),
        Some(_) => return Err(MirrorProblem::invalid(&[("rollout", "must be an object")])),
    };
    rollout.check_known(&["percentage", "pilots"])?;
    rollout.check_set(&["percentage", "pilots"])?;
    let (percentage, pilots) = (percentage(&rollout)?, pilots(&rollout)?);
    if (enabled, allow_override, percentage) == (None, None, None) && pilots.is_none() {
        let names = NAMES.join(", ");
        return Err(MirrorProblem::invalid(&[("body", &format!("must name what is to be changed: {names}"))]));
    }
    Ok(FlagChange::Row { enabled, allow_override, percentage, pilots })
}

fn percentage(rollout: &Fields) -> Result<Option<u8>, MirrorProblem> {
    let Some(given) = rollout.get("percentage") else { return Ok(None) };
    let read = given.as_u64().and_then(|given| u8::try_from(given).ok()).filter(|given| *given <= PERCENTAGE_MAX);
    let wrong = || MirrorProblem::invalid(&[("rollout.percentage", "must be a whole number from 0 to 100")]);
    read.map(Some).ok_or_else(wrong)
}

fn pilots(rollout: &Fields) -> Result<Option<BTreeSet<TenantId>>, MirrorProblem> {
    let wrong = |why: &str| MirrorProblem::invalid(&[("rollout.pilots", why)]);
    let many = format!("must be ids of {PILOTS_MAX} tenants at most");
    match rollout.get("pilots") {
        None => Ok(None),
        Some(Value::Array(names)) if names.len() <= PILOTS_MAX => {
            let read = |name: &Value| TenantId::parse(name.as_str().unwrap_or_default());
            let read: Result<_, _> = names.iter().map(read).collect();
            read.map(Some).map_err(|why| wrong(&why.to_string()))
        }
        Some(_) => Err(wrong(&many)),
    }
}

async fn changed(
    control: &Control,
    operator: &Operator,
    flag: Flag,
    wanted: &FlagChange,
) -> Result<Json<FlagChangedView>, MirrorProblem> {
    let flags = &control.flags;
    change(flags, (&control.operators, operator), flag, wanted).await.map_err(not_changed)?;
    let in_environment = flags.in_environment(flag);
    let row = flags.platform().await.map_err(failed)?.row(flag);
    let data = match wanted {
        FlagChange::Tenant(tenant, _) => {
            let overridden = flags.tenant(tenant).await.map_err(failed)?.overridden(flag);
            FlagView::of_tenant(flag, in_environment, &row, (tenant, overridden))
        }
        FlagChange::Platform(_) | FlagChange::Row { .. } => FlagView::of_platform(flag, in_environment, &row),
    };
    Ok(Json(FlagChangedView { success: true, data }))
}

fn not_changed(not: NotChanged) -> MirrorProblem {
    let text = not.to_string();
    match not {
        NotChanged::Locked(flag) => MirrorProblem::new(ENVIRONMENT_LOCKED, text).with("flag", flag),
        NotChanged::NotAllowed(flag) => MirrorProblem::new(OVERRIDE_NOT_ALLOWED, text).with("flag", flag),
        NotChanged::RolloutUnused(flag) => MirrorProblem::new(UNPROCESSABLE, text).with("flag", flag),
        NotChanged::Contended => MirrorProblem::new(CONTENDED, text),
        NotChanged::Fault(fault) => failed(fault),
    }
}

/// A call to AWS failed.
fn failed(fault: AwsFault) -> MirrorProblem {
    Problem::internal(INTERNAL_ERROR, &fault).into()
}
