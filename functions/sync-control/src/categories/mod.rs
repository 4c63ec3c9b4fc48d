//! Make, change and delete a tenant's categories.

mod change;
mod google;
mod wanted;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::flags::Flag;
use signalbox::domain::ids::TenantId;
use signalbox::domain::mirror::categories::{CategoryId, Refused};
use signalbox::engine::categories::NotDone;
use signalbox::engine::operators::Operator;
use signalbox::http::auth::user::Access;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{
    CATEGORY_HAS_CHILDREN, CONTENDED, DUPLICATE_SLUG, INTERNAL_ERROR, NOT_FOUND, PRECONDITION_FAILED, Problem,
    UNPROCESSABLE,
};
use signalbox::http::query::Query;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::operator::{operator_of, trace};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(change::create_category))
        .routes(routes!(change::change_category, change::delete_category))
        .routes(routes!(change::align_category))
        .routes(routes!(google::google_categories))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum CategoryProblems {
    /// authentication_required, token_expired, invalid_token
    #[response(status = 401)]
    Unknown(NotLetInView),
    /// forbidden, insufficient_scope, cross_site_request: for administrators of the tenant
    #[response(status = 403)]
    Forbidden(NotLetInView),
    /// not_found: there is no such category, no such category to put it below, or no tenant can be called so
    #[response(status = 404)]
    NotFound(MirrorProblemView),
    /// payload_too_large
    #[response(status = 413)]
    TooLarge(MirrorProblemView),
    /// unprocessable: the tenant has as many categories as it may have
    #[response(status = 422)]
    Unprocessable(MirrorProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(MirrorProblemView),
}

/// The problems of routes that map a category to one of Google's, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum GoogleProblems {
    /// vendor_failed: whether Google has the category could not be asked; `code` may be the more exact one of a run
    #[response(status = 502)]
    Unreached(MirrorProblemView),
    /// vendor_rests: Google is not asked now; unavailable
    #[response(status = 503)]
    Rests(MirrorProblemView),
}

/// A call about a tenant's categories, or Google's for it, of somebody who administers the tenant, where it has any.
pub(crate) struct OfTenant {
    operator: Operator,
    /// Which, where the path names one.
    id: Option<CategoryId>,
    query: Query,
}

impl FromRequestParts<Control> for OfTenant {
    type Rejection = MirrorProblem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, MirrorProblem> {
        let path = RawPathParams::from_request_parts(parts, control).await.ok();
        let named = |wanted: &str| path.iter().flatten().find_map(|(name, value)| (name == wanted).then_some(value));
        let tenant = named("tenant").and_then(|named| TenantId::parse(named).ok());
        let tenant = tenant.ok_or_else(|| MirrorProblem::new(NOT_FOUND, "no tenant can be called so"))?;
        let query = Query::of(&parts.uri);
        let call = (&parts.headers, &query);
        let caller = control.authority.of_tenant(call, &tenant, Access::Write, control.now())?;
        let flag = Flag::TenantPlatformCategory;
        if !control.flags.effective(flag, Some(&tenant)).await.map_err(failed)?.on {
            return Err(MirrorProblem::disabled(flag));
        }
        let id = named("id").map(|id| CategoryId::parse(id).map_err(|_| refused(Refused::NotFound))).transpose()?;
        Ok(Self { operator: operator_of(caller, trace(&parts.extensions)), id, query })
    }
}

impl OfTenant {
    fn id(&self) -> Result<&CategoryId, MirrorProblem> {
        self.id.as_ref().ok_or_else(|| refused(Refused::NotFound))
    }
}

fn not_done(not: NotDone) -> MirrorProblem {
    match not {
        NotDone::Refused(why) => refused(why),
        NotDone::Contended => MirrorProblem::new(CONTENDED, not.to_string()),
        NotDone::Fault(fault) => failed(fault),
    }
}

/// Why a change is refused, in the words of these clients.
fn refused(why: Refused) -> MirrorProblem {
    let text = why.to_string();
    match why {
        Refused::NotFound | Refused::NoParent => MirrorProblem::new(NOT_FOUND, text),
        Refused::Version(version) => MirrorProblem::new(PRECONDITION_FAILED, text).with("version", version),
        Refused::Cycle | Refused::TooDeep => MirrorProblem::invalid(&[("parentId", &text)]),
        Refused::TooMany | Refused::Full => MirrorProblem::new(UNPROCESSABLE, text),
        Refused::SlugTaken(id) | Refused::SlugOfDeleted(id) => {
            MirrorProblem::new(DUPLICATE_SLUG, text).with("categoryId", id.to_string())
        }
        Refused::HasChildren(children) => MirrorProblem::new(CATEGORY_HAS_CHILDREN, text).with("childCount", children),
    }
}

/// A call to AWS failed.
fn failed(fault: AwsFault) -> MirrorProblem {
    Problem::internal(INTERNAL_ERROR, &fault).into()
}
