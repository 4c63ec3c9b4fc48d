//! The control centre's writes: starting and stopping pulls, when they start by themselves, and the rows that they set aside.

mod letters;
mod run;
mod schedule;
mod stop;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::engine::connections::pulled::pulled;
use signalbox::engine::operators::Operator;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::auth::Caller;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTERNAL_ERROR, INVALID_REQUEST, Problem};
use signalbox::http::query::Query;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::operator::trace;

/// How much of a name that somebody made up is told back, in characters.
const ENTITY_CHARACTERS_MAX: usize = 64;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(run::run))
        .routes(routes!(run::quick_run))
        .routes(routes!(stop::stop))
        .routes(routes!(stop::reset_lock))
        .routes(routes!(letters::list))
        .routes(routes!(letters::requeue))
        .routes(routes!(letters::requeue_one))
        .routes(routes!(letters::requeue_all))
        .routes(routes!(letters::forget))
        .routes(routes!(letters::clear))
        .routes(routes!(schedule::show, schedule::change))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum PullProblems {
    /// missing_token, invalid_token: `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// insufficient_scope: needs connections:write; forbidden: of another tenant
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// not_found: the tenant has no such connection, or nothing is pulled of the provider
    #[response(status = 404)]
    NotFound(AdminProblemView),
    /// payload_too_large
    #[response(status = 413)]
    TooLarge(AdminProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(AdminProblemView),
}

/// What a call is about, and who makes it.
pub(crate) struct Meant {
    /// Who, within the connection's tenant.
    pub operator: Operator,
    /// The connection, as it is now.
    pub stored: StoredConnection,
}

/// A call of somebody who changes something, if they may, within the tenant that it names or else their own.
pub(crate) struct Call {
    caller: Caller,
    query: Query,
    trace: CorrelationId,
}

impl FromRequestParts<Control> for Call {
    type Rejection = AdminProblem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, AdminProblem> {
        let caller = control.authority.admin_writer(&parts.uri, &parts.headers, control.now())?;
        Ok(Self::of(caller, &parts.uri, &parts.extensions))
    }
}

impl Call {
    fn of(caller: Caller, uri: &Uri, extensions: &Extensions) -> Self {
        Self { caller, query: Query::of(uri), trace: trace(extensions) }
    }

    /// What it is about.
    async fn meant(self, control: &Control) -> Result<Meant, AdminProblem> {
        let Self { caller, query, trace } = self;
        let provider = query.first(&["provider"]).unwrap_or("doorloop");
        let (desk, named) = (&control.connections, query.first(&["connection"]));
        let found = pulled(&desk.store, &desk.providers, (&caller.tenant, provider), named).await.map_err(failed)?;
        let operator = Operator { tenant: caller.tenant, actor: caller.actor, correlation_id: trace.0 };
        Ok(Meant { operator, stored: found? })
    }
}

/// Refuses an entity that the connection's vendor does not have.
fn check_entity(control: &Control, stored: &StoredConnection, entity: &str) -> Result<(), AdminProblem> {
    let api = control.connections.providers.of(&stored.connection.provider).pull;
    if api.is_some_and(|api| api.has_entity(entity)) { Ok(()) } else { Err(no_entity(control, stored, entity)) }
}

/// Says which entities there are, where one is named that is none of them.
fn no_entity(control: &Control, stored: &StoredConnection, entity: &str) -> AdminProblem {
    let api = control.connections.providers.of(&stored.connection.provider).pull;
    let known: Vec<&str> = api.iter().flat_map(|api| api.entities).map(|known| known.entity.as_str()).collect();
    let entity: String = entity.chars().take(ENTITY_CHARACTERS_MAX).collect();
    let problem = AdminProblem::new(INVALID_REQUEST, format!("there is no entity {entity}"));
    problem.hint(format!("there are {}", known.join(", ")))
}

/// A call to AWS failed.
fn failed(fault: AwsFault) -> AdminProblem {
    Problem::internal(INTERNAL_ERROR, &fault).into()
}
