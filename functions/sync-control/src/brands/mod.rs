//! A brand's link to Trackstar: making it, pulling it, and taking it away. For administrators of the brand's tenant.

mod disconnect;
mod exchange;
mod link_token;
mod subscribe;
mod sync;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use signalbox::domain::ids::{Connection, ConnectionName, ProviderId};
use signalbox::engine::connections::brands::is_brand;
use signalbox::engine::connections::desk::Refused;
use signalbox::engine::connections::link::NotLinked;
use signalbox::engine::operators::Operator;
use signalbox::http::auth::CONNECTIONS_WRITE;
use signalbox::http::auth::user::Access;
use signalbox::http::problem::{
    INVALID_REQUEST, LINK_IN_PROGRESS, NOT_CONFIGURED, Problem, UNPROCESSABLE, VENDOR_FAILED, VENDOR_RESTS,
};
use signalbox::http::query::{Query, path_text};
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::operator::trace;
use crate::{Control, connections};

const NO_BRAND: &str = "Brand not found";
const NO_LINK: &str = "Trackstar integration not found";

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(link_token::link_token))
        .routes(routes!(exchange::exchange))
        .routes(routes!(sync::sync))
        .routes(routes!(disconnect::disconnect))
        .routes(routes!(subscribe::subscribe))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum LinkProblems {
    /// invalid_request: a field is wrong, no tenant is named, or Trackstar refused it
    #[response(status = 400)]
    Invalid(SyncProblemView),
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(SyncProblemView),
    /// insufficient_scope, forbidden: for administrators of the tenant
    #[response(status = 403)]
    Forbidden(SyncProblemView),
    /// not_found: the tenant has no such brand, or the brand no link to Trackstar
    #[response(status = 404)]
    NotFound(SyncProblemView),
    /// not_configured, internal_error: there is no key to ask Trackstar with, or something failed
    #[response(status = 500)]
    Failed(SyncProblemView),
    /// unavailable, vendor_rests: what is stored could not be read, or Trackstar is left alone for now; after `Retry-After`
    #[response(status = 503)]
    Unread(SyncProblemView),
}

/// What only those can answer that ask the vendor.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum VendorProblems {
    /// link_in_progress, kept_by_configuration, address_taken, contended
    #[response(status = 409)]
    Conflict(SyncProblemView),
    /// payload_too_large
    #[response(status = 413)]
    TooLarge(SyncProblemView),
    /// unprocessable: the link has no access token, or its address cannot be asked
    #[response(status = 422)]
    Unprocessable(SyncProblemView),
    /// vendor_failed: Trackstar could not be reached, failed, or refused our key. It may have done what it was asked
    #[response(status = 502)]
    Vendor(SyncProblemView),
}

/// A call about a brand's link, which need not be there, of somebody who administers the brand's tenant.
pub(crate) struct OfBrand {
    operator: Operator,
    link: Connection,
}

impl FromRequestParts<Control> for OfBrand {
    type Rejection = SyncProblem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, SyncProblem> {
        let path = Path::<String>::from_request_parts(parts, control).await;
        let query = Query::of(&parts.uri);
        let call = (&parts.headers, &query);
        let reach = control.authority.administered(call, Access::Write, CONNECTIONS_WRITE, control.now())?;
        let which = || SyncProblem::invalid("name the tenant whose brand it is: tenantId, or the header x-tenant-id");
        let tenant = reach.tenant.ok_or_else(which)?;
        let missing = || {
            let why = "the tenant has no brand of this name: a brand is what it has a connection of, of any provider";
            SyncProblem::missing(NO_BRAND, why)
        };
        let name = ConnectionName::parse(&path_text(path)).map_err(|_| missing())?;
        let link = Connection::new(tenant.clone(), ProviderId::TRACKSTAR, name);
        let (store, vendors) = (&control.connections.store, &control.worker.runs.vendors);
        let is_there = is_brand(store, vendors, &link.tenant, &link.name).await;
        if !is_there.map_err(|fault| SyncProblem::from(Problem::unread(&fault)))? {
            return Err(missing());
        }
        let operator = Operator { tenant, actor: reach.actor, correlation_id: trace(&parts.extensions).0 };
        Ok(Self { operator, link })
    }
}

/// Why a link was not made, or not taken away, in the words of these clients. `failed` is what they know a failure by.
fn not_linked(control: &Control, failed: &'static str, error: NotLinked) -> SyncProblem {
    let text = error.to_string();
    let problem = match error {
        NotLinked::Record(Refused::NotFound) => {
            return SyncProblem::missing(NO_LINK, "the brand has no link to Trackstar");
        }
        NotLinked::Record(refused) => connections::refused(refused),
        NotLinked::Busy => Problem::new(LINK_IN_PROGRESS, text),
        NotLinked::NoKey => Problem::new(NOT_CONFIGURED, text),
        NotLinked::NoToken | NotLinked::Unusable(_) => Problem::new(UNPROCESSABLE, text),
        NotLinked::Refused(_) => Problem::new(INVALID_REQUEST, text),
        NotLinked::Failed(_) => Problem::new(VENDOR_FAILED, text),
        NotLinked::Waits(wait) => {
            let problem = SyncProblem::from(Problem::new(VENDOR_RESTS, text)).called(failed);
            return problem.after(wait.until, control.now());
        }
    };
    SyncProblem::from(problem).called(failed)
}
