//! Alerts: a tenant's, one with its history, and the messages that were made of them.

mod list;
mod messages;
mod one;

use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INVALID_REQUEST, Problem};
use signalbox::http::query::Query;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(list::alerts))
        .routes(routes!(messages::alert_messages))
        .routes(routes!(one::alert))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum AlertProblems {
    /// invalid_request
    #[response(status = 400)]
    Invalid(AdminProblemView),
    /// missing_token, invalid_token: in this envelope `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// forbidden, insufficient_scope: for administrators; a service token needs connections:read
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(AdminProblemView),
}

fn wrong(text: impl Into<String>) -> AdminProblem {
    AdminProblem::new(INVALID_REQUEST, text)
}

/// A filter that is misspelt would be passed over, and the list be of all.
fn only(query: &Query, names: &[&str]) -> Result<(), AdminProblem> {
    let told =
        |_: Problem| wrong(format!("there is a parameter that is none of {}, tenant, or twice", names.join(", ")));
    query.only(names).map_err(told)
}

fn limit(query: &Query) -> Result<usize, AdminProblem> {
    query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX).map_err(|why| wrong(format!("limit {why}")))
}
