//! `GET /api/admin/connections/{tenant}/{provider}/{name}/drift`: how the fields of what is pulled have changed.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::domain::connections::pull_api::PullEntity;
use signalbox::domain::datasets::snapshot::KnownShape;
use signalbox::domain::ids::{Entity, RunId};
use signalbox::domain::pull::drift::Policy;
use signalbox::domain::time;
use signalbox::http::problem::{NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::integrations::{DriftView, EntityDriftView, FieldView, OneDriftView};
use signalbox::vendors::pulled::{PullSettings, read};

use super::one::{missing, named};
use crate::Reads;

/// How the fields of a connection's rows have changed: of each entity that was pulled the last changes, each with the first row that showed it,
/// and the run that met them. Of an entity that the query names all fields that are known as well.
#[utoipa::path(
    get, path = "/api/admin/connections/{tenant}/{provider}/{name}/drift", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("entity" = Option<String>, Query, description = "Of this one alone, with all its fields"),
    ),
    responses(
        (status = 200, description = "What is known of its fields", body = OneDriftView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs connections:read", body = ProblemView),
        (status = 404, description = "not_found: there is no such connection, or no such entity of it", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
        (status = 503, description = "unavailable: it could not be read; after `Retry-After`", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn drift(
    State(reads): State<Reads>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneDriftView>, Problem> {
    let connection = named(&reads, &headers, path)?;
    let unread = |fault| Problem::unread(&fault);
    let stored = reads.connections.glance(&connection).await.map_err(unread)?.ok_or_else(missing)?;
    let api = reads.providers.of(&connection.provider).pull;
    let settings = api.and_then(|api| read(api, &stored.settings).ok());
    let query = Query::of(&uri);
    let no_entity = || {
        let known: Vec<&str> = api.iter().flat_map(|api| api.entities).map(|known| known.entity.as_str()).collect();
        Problem::new(NOT_FOUND, format!("the connection has no such entity: there are {}", known.join(", ")))
    };
    let wanted = query.first(&["entity"]).map(Entity::parse).transpose().map_err(|_| no_entity())?;
    let is_wanted = |entity: &&PullEntity| wanted.as_ref().is_none_or(|wanted| *wanted == entity.entity);
    let entities: Vec<&PullEntity> = api.into_iter().flat_map(|api| api.entities).filter(is_wanted).collect();
    if wanted.is_some() && entities.is_empty() {
        return Err(no_entity());
    }
    let mut known = Vec::new();
    for entity in entities {
        let entity = &entity.entity;
        if let Some(shape) = reads.snapshots.shape(&connection.dataset(entity.clone())).await.map_err(unread)? {
            known.push(view(entity, shape, settings.as_ref(), wanted.is_some()));
        }
    }
    Ok(Json(OneDriftView { ok: true, data: DriftView { connection: connection.to_string(), entities: known } }))
}

fn view(entity: &Entity, known: KnownShape, settings: Option<&PullSettings>, with_fields: bool) -> EntityDriftView {
    let KnownShape { shape, is_whole, changes, changed_by } = known;
    let fields = shape.fields.len();
    let told = shape
        .fields
        .into_iter()
        .map(|(path, field)| (path, FieldView { types: field.types.text(), always: field.always }));
    EntityDriftView {
        entity: entity.to_string(),
        policy: settings.map(|settings| match settings.drift(entity) {
            Policy::Accept => "accept",
            Policy::Freeze => "freeze",
            Policy::Ignore => "ignore",
        }),
        is_whole,
        fields,
        more_fields: shape.more,
        known: with_fields.then(|| told.collect()),
        changes,
        changed_at: changed_by.as_ref().and_then(RunId::started_at).map(time::text),
        changed_by: changed_by.map(|run| run.to_string()),
    }
}
