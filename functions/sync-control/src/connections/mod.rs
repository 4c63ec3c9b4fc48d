//! Connections: making, changing, testing and removing them.

mod breaker;
mod delete;
pub(crate) mod precondition;
pub(crate) mod put;
mod rotate;
mod state;
mod test;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use signalbox::domain::connections::sealed::SECRET_BYTES_MAX;
use signalbox::domain::connections::stored::{ChangeError, StoredConnection};
use signalbox::domain::ids::{Connection, ConnectionName, InvalidId, ProviderId, TenantId};
use signalbox::domain::secret::Secret;
use signalbox::engine::connections::desk::Refused;
use signalbox::engine::operators::Operator;
use signalbox::http::auth::{CONNECTIONS_WRITE, Caller};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    ADDRESS_TAKEN, CONTENDED, INTERNAL_ERROR, KEPT_BY_CONFIGURATION, NOT_FOUND, PRECONDITION_FAILED, Problem,
    ProblemView, TOO_OFTEN, UNPROCESSABLE,
};
use signalbox::http::query::path_text;
use signalbox::http::wire::connections::OneConnectionView;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::body::Fields;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(put::put, delete::delete))
        .routes(routes!(state::pause))
        .routes(routes!(state::resume))
        .routes(routes!(rotate::rotate))
        .routes(routes!(breaker::breaker))
        .routes(routes!(test::test))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum ConnectionProblems {
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(ProblemView),
    /// forbidden, insufficient_scope: needs connections:write
    #[response(status = 403)]
    Forbidden(ProblemView),
    /// not_found
    #[response(status = 404)]
    NotFound(ProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(ProblemView),
    /// unavailable: what is stored could not be read, and nothing was changed; after `Retry-After`
    #[response(status = 503)]
    Unread(ProblemView),
}

pub(crate) type ConnectionPath = Result<Path<(String, String, String)>, PathRejection>;

/// The operator who asks, if they may change what is this connection's tenant's. Of another tenant's, they are not told
/// whether it is there.
pub(crate) fn operator(
    control: &Control,
    headers: &HeaderMap,
    trace: CorrelationId,
    path: ConnectionPath,
) -> Result<(Operator, Connection), Problem> {
    // A connection that cannot be named cannot be there.
    let missing = |_: &str, error: &InvalidId| Problem::new(NOT_FOUND, format!("there is no such connection: {error}"));
    let (operator, _, connection) = operator_of(control, headers, trace, path, missing)?;
    Ok((operator, connection))
}

/// The same, where what is wrong with a part of the path is told as the caller says.
fn operator_of(
    control: &Control,
    headers: &HeaderMap,
    trace: CorrelationId,
    path: ConnectionPath,
    wrong: impl Fn(&str, &InvalidId) -> Problem,
) -> Result<(Operator, Caller, Connection), Problem> {
    let caller = control.authority.writer(headers, control.now())?;
    caller.require_any(&[CONNECTIONS_WRITE])?;
    let (tenant, provider, name) = path_text(path);
    let connection = Connection::new(
        TenantId::parse(&tenant).map_err(|error| wrong("tenant", &error))?,
        ProviderId::parse(&provider).map_err(|error| wrong("provider", &error))?,
        ConnectionName::parse(&name).map_err(|error| wrong("name", &error))?,
    );
    if !caller.may_touch(&connection.tenant) {
        return Err(Problem::new(NOT_FOUND, "there is no such connection"));
    }
    // Whoever is on the record of the tenants that they enter is there with their deeds.
    let tenant = if caller.enters { connection.tenant.clone() } else { caller.tenant.clone() };
    let operator = Operator { tenant, actor: caller.actor.clone(), correlation_id: trace.0 };
    Ok((operator, caller, connection))
}

pub(crate) fn refused(refused: Refused) -> Problem {
    let text = refused.to_string();
    let stale = |version: u64| Problem::new(PRECONDITION_FAILED, text.clone()).with("version", version);
    match &refused {
        Refused::NotFound => Problem::new(NOT_FOUND, text),
        Refused::Change(ChangeError::Stale(version) | ChangeError::Exists(version)) => stale(*version),
        Refused::Change(ChangeError::Gone) => Problem::new(PRECONDITION_FAILED, text),
        Refused::Contended => Problem::new(CONTENDED, text),
        Refused::TooOften(_) => Problem::new(TOO_OFTEN, text),
        Refused::Change(ChangeError::KeptElsewhere(_)) => Problem::new(KEPT_BY_CONFIGURATION, text),
        Refused::Change(ChangeError::Wrong(wrong)) => {
            let fields: Vec<(&str, &str)> = wrong.iter().map(|one| (one.name.as_str(), one.why.as_str())).collect();
            Problem::fields(&fields)
        }
        Refused::AddressTaken(_) => Problem::new(ADDRESS_TAKEN, text),
        Refused::Unreadable => Problem::new(UNPROCESSABLE, text),
        Refused::Unread(fault) => Problem::unread(fault),
        Refused::Fault(fault) => Problem::internal(INTERNAL_ERROR, fault),
    }
}

/// A connection with its version.
fn answer(status: StatusCode, stored: &StoredConnection) -> Response {
    let mut response = (status, Json(OneConnectionView::from(stored))).into_response();
    if let Ok(version) = HeaderValue::from_str(&format!("\"{}\"", stored.version)) {
        response.headers_mut().insert(header::ETAG, version);
    }
    response
}

/// A secret in a body. What is wrong with it is told without it.
fn secret(fields: &Fields, name: &str, shown_as: &str) -> Result<Option<Secret>, Problem> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    read_secret(value).map(Some).map_err(|why| Problem::fields(&[(shown_as, &why)]))
}

/// A secret, or what is wrong with it.
pub(crate) fn read_secret(value: &Value) -> Result<Secret, String> {
    let text = value.as_str().ok_or("must be a text")?;
    if text.trim().is_empty() {
        return Err("must not be blank".into());
    }
    // A line break that was copied along is the usual reason for signatures that never fit.
    if text.trim() != text {
        return Err("must not begin or end with white space".into());
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(format!("may have {SECRET_BYTES_MAX} bytes"));
    }
    Ok(Secret::new(text))
}
