//! `PUT /api/admin/connections/{tenant}/{provider}/{name}`

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use signalbox::domain::connections::provider::Settings;
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::connections::stored::{KeptBy, Wanted};
use signalbox::domain::ids::{Connection, InvalidId, ProviderId, TenantId};
use signalbox::engine::connections::change::{Deed, change};
use signalbox::engine::connections::secrets::Given;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{FORBIDDEN, Problem, ProblemView};
use signalbox::http::wire::connections::{ConnectionRequest, OneConnectionView};

use super::precondition::knows;
use super::{ConnectionPath, ConnectionProblems, answer, operator_of, refused, secret};
use crate::Control;
use crate::body::{self, Fields};

/// Make a connection, or change it.
///
/// What is not given is as at first: no schedule, no setting. Secrets and state are kept where none are given. With
/// `If-Match` it is changed at that version alone, with `If-None-Match: *` made and never changed.
#[utoipa::path(
    put, path = "/api/admin/connections/{tenant}/{provider}/{name}", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "catalogue, pos, trackstar; any other name is that of a signed sender"),
        ("name" = String, Path, description = "Which"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of an answer, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`"),
    ),
    request_body(content = ConnectionRequest),
    responses(
        (status = 200, description = "Changed; `ETag` has its version", body = OneConnectionView),
        (status = 201, description = "Made; `ETag` has its version", body = OneConnectionView),
        (status = 400, description = "invalid_request: a setting is named as `settings.url`, a part of the path as `tenant`, `provider` or `name`", body = ProblemView),
        (status = 409, description = "kept_by_configuration, address_taken; contended: after `Retry-After`", body = ProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 422, description = "unprocessable: what is stored of its secrets cannot be opened", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn put(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    // Whoever makes one is told which part of its id cannot be.
    let wrong = |part: &str, error: &InvalidId| Problem::fields(&[(part, &error.to_string())]);
    let (operator, caller, connection) = operator_of(&control, &headers, trace, path, wrong)?;
    let knows = knows(&headers)?;
    let deed = deed(&body::read(body).await?.unwrap_or_default())?;
    if let Deed::Put { wanted, .. } = &deed {
        let source = wanted.settings.get("source").and_then(Value::as_str);
        check_reach(&caller.tenant, &connection, source)?;
    }
    let changed = change(&control.connections, &operator, &connection, knows, &deed).await.map_err(refused)?;
    let status = if changed.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, &changed.connection))
}

/// What leads to all tenants' data is for the deployment's operators: files and buckets are those of the deployment, and Trackstar
/// signs the events of all links with one secret.
pub(crate) fn check_reach(caller: &TenantId, connection: &Connection, source: Option<&str>) -> Result<(), Problem> {
    if *caller == TenantId::default() {
        return Ok(());
    }
    let on_web = |source: &str| ["https://", "http://"].iter().any(|scheme| source.trim().starts_with(scheme));
    let is_file = source.is_some_and(|source| !on_web(source));
    let why = if connection.provider == ProviderId::TRACKSTAR {
        "a link to Trackstar is made by a token of the default tenant"
    } else if connection.provider == ProviderId::CATALOGUE && is_file {
        "a source that is a file or lies in a bucket is named by a token of the default tenant"
    } else {
        return Ok(());
    };
    Err(Problem::new(FORBIDDEN, why))
}

fn deed(fields: &Fields) -> Result<Deed, Problem> {
    fields.check_known(&["displayName", "settings", "secrets", "schedule", "state"])?;
    let wrong = |name: &str, why: &str| Problem::fields(&[(name, why)]);
    let settings: Settings = match fields.get("settings") {
        Some(Value::Object(settings)) => settings.clone(),
        Some(_) => return Err(wrong("settings", "must be an object")),
        None => return Err(wrong("settings", "must be there; {} has none")),
    };
    let display_name = match fields.get("displayName") {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(_) => return Err(wrong("displayName", "must be a text")),
        None => None,
    };
    let schedule = fields.get("schedule").map(|schedule| {
        // It names what is wrong, and has no place in a text.
        serde_json::from_value::<Schedule>(schedule.clone()).map_err(|error| wrong("schedule", &error.to_string()))
    });
    let secrets = match fields.get("secrets") {
        None => None,
        Some(Value::Object(secrets)) => {
            let secrets = Fields::from(secrets.clone());
            secrets.check_known(&["current", "previous"]).map_err(|_| wrong("secrets", "has current and previous"))?;
            let current = secret(&secrets, "current", "secrets.current")?;
            let current = current.ok_or_else(|| wrong("secrets.current", "must be there"))?;
            Some(Given { current, previous: secret(&secrets, "previous", "secrets.previous")? })
        }
        Some(_) => return Err(wrong("secrets", "must be an object with current, and previous where there is one")),
    };
    let active = match fields.get("state").map(Value::as_str) {
        None => None,
        Some(Some("active")) => Some(true),
        Some(Some("paused")) => Some(false),
        Some(_) => return Err(wrong("state", "must be active or paused")),
    };
    let wanted = Wanted { display_name, settings, schedule: schedule.transpose()?, kept_by: KeptBy::Operators };
    Ok(Deed::Put { wanted, secrets, active })
}
