//! Vendors that are pulled, for the control centre's clients: whether they answer, what, and that their breakers begin anew. Each of these
//! asks a vendor, within the quota and the breaker of its connection, or decides whether it is asked.

mod check;
mod ping;
mod preview;
mod reset;

use std::time::Duration;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::Uri;
use jiff::Timestamp;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::{Connection, Entity};
use signalbox::domain::pull::breaker::Breaker;
use signalbox::domain::runs::failure::Failure;
use signalbox::domain::runs::lease::Wait;
use signalbox::domain::time;
use signalbox::engine::connections::pulled;
use signalbox::engine::runs::kinds::pull::look::{NotLooked, Sight, Tried, try_look};
use signalbox::engine::runs::slice::SliceFault;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::auth::Caller;
use signalbox::http::problem::{INVALID_REQUEST, INVALID_TOKEN, Kind, NOT_FOUND, Problem, VENDOR_FAILED, VENDOR_RESTS};
use signalbox::http::query::{Query, path_text};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;

/// How much of a reason is told, in characters.
const ERROR_CHARACTERS_MAX: usize = 300;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(ping::ping))
        .routes(routes!(check::check))
        .routes(routes!(preview::preview))
        .routes(routes!(reset::reset))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum IntegrationProblems {
    /// missing_token, invalid_token: in this envelope `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// forbidden, insufficient_scope, cross_site_request: for administrators; a service token needs connections:write
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// not_found: there is no such provider, or no connection to it
    #[response(status = 404)]
    NotFound(AdminProblemView),
    /// connection_not_named
    #[response(status = 409)]
    NotNamed(AdminProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(AdminProblemView),
}

type ProviderPath = Result<Path<String>, PathRejection>;

/// The connection that a call is about, of the caller's tenant.
async fn meant(
    control: &Control,
    caller: &Caller,
    uri: &Uri,
    provider: ProviderPath,
) -> Result<StoredConnection, AdminProblem> {
    let (query, provider) = (Query::of(uri), path_text::<String>(provider));
    let desk = &control.connections;
    let found =
        pulled::asked(&desk.store, &desk.providers, (&caller.tenant, &provider), query.first(&["connection"])).await;
    Ok(found.map_err(|fault| Problem::unread(&fault))??)
}

/// One of the lists of a connection's vendor: the one that is named, or its first. Each route has its own noun for them.
fn entity(
    control: &Control,
    stored: &StoredConnection,
    (noun, named): (&str, Option<&str>),
) -> Result<Entity, AdminProblem> {
    let provider = control.connections.providers.of(&stored.connection.provider);
    let known: Vec<&Entity> = match provider.pull {
        Some(api) => api.entities.iter().map(|entity| &entity.entity).collect(),
        None => provider.entities.iter().collect(),
    };
    let wanted = named.map(Entity::parse).transpose().ok();
    let found = match wanted {
        Some(None) => known.first().copied(),
        Some(Some(wanted)) => known.iter().copied().find(|entity| **entity == wanted),
        None => None,
    };
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|entity| entity.as_str()).collect();
        AdminProblem::new(INVALID_REQUEST, format!("there is no such {noun}"))
            .hint(format!("there are {}", names.join(", ")))
    })
}

/// How many rows to ask for.
fn rows(query: &Query, names: &[&str], default: usize, max: usize) -> Result<u64, AdminProblem> {
    let rows = query.limit(names, default, max);
    let name = names.first().copied().unwrap_or_default();
    let rows = rows.map_err(|wrong| AdminProblem::new(INVALID_REQUEST, format!("{name} {wrong}")))?;
    Ok(rows as u64)
}

/// Asks the vendor, by the connection as it is now.
async fn asked(control: &Control, stored: &StoredConnection, sight: Sight<'_>) -> Tried {
    try_look(&control.worker.as_of_now(), &stored.connection, sight).await
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// A reason, as long as it may be.
fn shortened(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// What is to be done about a reason: what the provider says of it, or what is said of it for all.
fn remedy(control: &Control, stored: &StoredConnection, failure: Failure) -> &'static str {
    control.connections.providers.of(&stored.connection.provider).remedy(failure)
}

/// Who forced a connection's breaker open, and what to do: what keeps its vendor from being asked is no time then.
fn forced_open(connection: &Connection, breaker: &Breaker) -> Option<(String, String)> {
    let forced = breaker.forced().filter(|forced| forced.open)?;
    let since = Timestamp::from_millisecond(forced.since_ms).map(time::text).unwrap_or_default();
    let why = format!("an operator opened the connection's breaker: {} at {since}", forced.by);
    let how = format!("let it decide again: POST /api/admin/connections/{connection}/breaker {{\"state\": \"auto\"}}");
    Some((why, how))
}

/// That a connection's vendor is not asked now, and until when: an operator may have said so, and then there is no time.
pub(crate) async fn rests(control: &Control, connection: &Connection, wait: &Wait) -> AdminProblem {
    let breaker = control.connections.breakers.of(connection).await.unwrap_or_default();
    if let Some((why, how)) = forced_open(connection, &breaker) {
        return AdminProblem::new(VENDOR_RESTS, why).hint(how);
    }
    let problem = AdminProblem::rests(wait.reason.text(), wait.until, control.now());
    problem.with("retryAt", time::text(wait.until)).hint("come again then, or reset the breaker")
}

/// Why there is no page, as a problem.
async fn no_page(
    control: &Control,
    stored: &StoredConnection,
    (entity, tried): (&Entity, &Tried),
    not: &NotLooked,
) -> AdminProblem {
    let told = |kind: Kind, error: &str| {
        let error = shortened(error, ERROR_CHARACTERS_MAX);
        let problem = AdminProblem::new(kind, error).with("endpoint", entity.as_str());
        problem.with("elapsedMs", ms(tried.took)).with("status", tried.status())
    };
    match not {
        NotLooked::UnknownEntity(_) => told(INVALID_REQUEST, &not.to_string()),
        NotLooked::NotSupported => told(VENDOR_FAILED, &not.to_string()).hint("leave the entity out"),
        NotLooked::Refused(failure, detail) => {
            let kind = match tried.status() {
                Some(401) => INVALID_TOKEN,
                Some(404) => NOT_FOUND,
                _ => VENDOR_FAILED,
            };
            told(kind, detail).code(failure.code()).hint(remedy(control, stored, *failure))
        }
        NotLooked::Waits(wait) => rests(control, &stored.connection, wait).await.with("endpoint", entity.as_str()),
        NotLooked::Fault(fault) => fault_of_ours(fault),
    }
}

/// What kept a vendor from being asked that is none of its own.
fn fault_of_ours(fault: &SliceFault) -> AdminProblem {
    match fault {
        SliceFault::VendorGone => AdminProblem::new(NOT_FOUND, "there is no such connection any more"),
        other => Problem::unread(other).into(),
    }
}
