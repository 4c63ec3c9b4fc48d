//! `GET /api/admin/effective-flags`: which features are on, and why.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::flags::Flag;
use signalbox::domain::ids::TenantId;
use signalbox::http::auth::user::Access;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{FAILED_TO_GET_EFFECTIVE_FLAGS, NOT_FOUND, Problem};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::flags::{FlagView, FlagsView};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(effective_flags)).routes(routes!(effective_flags_of_tenant))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum FlagProblems {
    /// invalid_request: a parameter that there is not
    #[response(status = 400)]
    Invalid(MirrorProblemView),
    /// authentication_required, token_expired, invalid_token
    #[response(status = 401)]
    Unknown(NotLetInView),
    /// failed_to_get_effective_flags
    #[response(status = 500)]
    Failed(MirrorProblemView),
}

/// Each flag, whether it is on for the platform, and what decided so.
///
/// It is read anew each time; what is on goes by it within half a minute.
#[utoipa::path(
    get, path = "/api/admin/effective-flags", tag = "mirror",
    responses(
        (status = 200, description = "All of them", body = FlagsView),
        (status = 403, description = "platform_admin_required", body = NotLetInView),
        FlagProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn effective_flags(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<FlagsView>, MirrorProblem> {
    reads.authority.platform_admin(&headers, Access::Read, reads.now())?;
    Query::of(&uri).only(&[])?;
    let stored = reads.flags.as_of_now().platform().await.map_err(failed)?;
    let view = |flag: Flag| FlagView::of_platform(flag, reads.flags.in_environment(flag), &stored.row(flag));
    Ok(Json(FlagsView { success: true, data: Flag::ALL.map(view).into() }))
}

/// Each flag, whether it is on for a tenant, and what decided so.
#[utoipa::path(
    get, path = "/api/admin/effective-flags/{tenant}", tag = "mirror",
    params(("tenant" = String, Path, description = "Whose")),
    responses(
        (status = 200, description = "All of them", body = FlagsView),
        (status = 403, description = "forbidden, insufficient_scope: of another tenant", body = NotLetInView),
        (status = 404, description = "not_found: no tenant can be called so", body = MirrorProblemView),
        FlagProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn effective_flags_of_tenant(
    State(reads): State<Reads>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<FlagsView>, MirrorProblem> {
    let query = Query::of(&uri);
    let no_tenant = |_| MirrorProblem::new(NOT_FOUND, "no tenant can be called so");
    let tenant = TenantId::parse(&path_text::<String>(tenant)).map_err(no_tenant)?;
    reads.authority.of_tenant((&headers, &query), &tenant, Access::Read, reads.now())?;
    query.only(&[])?;
    let flags = reads.flags.as_of_now();
    let (stored, own) = (flags.platform().await.map_err(failed)?, flags.tenant(&tenant).await.map_err(failed)?);
    let view = |flag: Flag| {
        let of_tenant = (&tenant, own.overridden(flag));
        FlagView::of_tenant(flag, flags.in_environment(flag), &stored.row(flag), of_tenant)
    };
    Ok(Json(FlagsView { success: true, data: Flag::ALL.map(view).into() }))
}

fn failed(fault: AwsFault) -> MirrorProblem {
    Problem::internal(FAILED_TO_GET_EFFECTIVE_FLAGS, &fault).into()
}
