//! A tenant's categories, and how far they are mapped to Google's.

mod list;
mod status;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::flags::Flag;
use signalbox::domain::ids::TenantId;
use signalbox::http::auth::user::Access;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem};
use signalbox::http::query::Query;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(list::categories))
        .routes(routes!(list::unmapped_categories))
        .routes(routes!(status::alignment_status))
        .routes(routes!(status::categories_of_shop))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum CategoryProblems {
    /// invalid_request: `error` is `Validation error`, and `details` names the parameter
    #[response(status = 400)]
    Invalid(MirrorProblemView),
    /// authentication_required, token_expired, invalid_token
    #[response(status = 401)]
    Unknown(NotLetInView),
    /// forbidden, insufficient_scope: of another tenant
    #[response(status = 403)]
    Forbidden(NotLetInView),
    /// not_found: no tenant can be called so
    #[response(status = 404)]
    NotFound(MirrorProblemView),
    /// feature_disabled: `flag` is `FF_TENANT_PLATFORM_CATEGORY`
    #[response(status = 409)]
    Disabled(MirrorProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(MirrorProblemView),
}

/// A call about a tenant's categories, of somebody who may see them, where the tenant has any.
pub(crate) struct OfTenant {
    tenant: TenantId,
    query: Query,
}

impl FromRequestParts<Reads> for OfTenant {
    type Rejection = MirrorProblem;

    async fn from_request_parts(parts: &mut Parts, reads: &Reads) -> Result<Self, MirrorProblem> {
        let named = RawPathParams::from_request_parts(parts, reads).await.ok();
        let named = named.iter().flatten().find_map(|(name, value)| (name == "tenant").then_some(value));
        let tenant = named.and_then(|named| TenantId::parse(named).ok());
        let tenant = tenant.ok_or_else(|| MirrorProblem::new(NOT_FOUND, "no tenant can be called so"))?;
        let query = Query::of(&parts.uri);
        reads.authority.of_tenant((&parts.headers, &query), &tenant, Access::Read, reads.now())?;
        let flag = Flag::TenantPlatformCategory;
        let effective = reads.flags.effective(flag, Some(&tenant)).await.map_err(failed)?;
        if effective.on { Ok(Self { tenant, query }) } else { Err(MirrorProblem::disabled(flag)) }
    }
}

fn failed(fault: AwsFault) -> MirrorProblem {
    Problem::internal(INTERNAL_ERROR, &fault).into()
}
