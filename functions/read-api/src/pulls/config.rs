//! `GET /api/admin/integrations/config` and `GET /api/config/integrations`: what is configured, without any secret.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::connections::lists::Listed;
use signalbox::domain::connections::meant::NotMeant;
use signalbox::domain::connections::stored::{KeptBy, StoredConnection};
use signalbox::domain::ids::{ProviderId, TenantId};
use signalbox::domain::pull::breaker::{COOLDOWN_MS, WINDOW_MS};
use signalbox::engine::connections::pulled::{names, pulled};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::Problem;
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::integrations::{
    BreakerRuleView, ConfiguredView, IntegrationsConfigView, PulledConnectionView, RetryView,
};
use signalbox::http::wire::parameters::{ConnectionMeant, ConnectionOfProvider};
use signalbox::vendors::Providers;
use signalbox::vendors::pulled::read;

use super::{DEFAULT_PROVIDER, PullProblems};
use crate::Reads;

/// So many connections of a provider are looked at for one that has a key.
const LOOKED_AT: usize = 20;

/// The routes that take the admin token, beside those of connections.
const ADMIN_ENDPOINTS: &[&str] = &[
    "/api/admin/integrations/{provider}/ping",
    "/api/admin/integrations/{provider}/check",
    "/api/admin/integrations/{provider}/preview",
    "/api/admin/integrations/{provider}/circuit-breaker/reset",
    "/api/admin/integrations/{provider}/config",
    "/api/admin/integrations/{provider}/sync/runs",
    "/api/admin/integrations/{provider}/teams/test",
    "/api/admin/integrations/teams/test",
    "/api/admin/integrations/config",
    "/api/admin/integrations/sync/runs",
    "/api/admin/alerts",
    "/api/admin/alerts/{id}",
    "/api/admin/alerts/{id}/acknowledge",
    "/api/admin/alerts/messages",
    "/api/admin/sync/status",
    "/api/admin/sync/runs",
    "/api/admin/sync/run",
    "/api/admin/sync/quick-run",
    "/api/admin/sync/stop",
    "/api/admin/sync/reset-lock",
    "/api/admin/sync/scheduler",
    "/api/admin/sync/dlq",
    "/api/admin/sync/dlq/requeue",
    "/api/admin/sync/dlq/{id}",
    "/api/admin/sync/dlq/{id}/requeue",
    "/api/admin/sync/dlq/requeue-all",
    "/api/admin/sync/dlq/clear",
];

/// How DoorLoop, or the provider that the query names, is pulled, and whether there is an admin token.
#[utoipa::path(
    get, path = "/api/admin/integrations/config", tag = "pulls",
    params(ConnectionMeant),
    responses((status = 200, description = "What is configured", body = IntegrationsConfigView), PullProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn config(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<IntegrationsConfigView>, AdminProblem> {
    answered(&reads, (&uri, &headers), None).await
}

/// How a provider is pulled, and whether there is an admin token.
#[utoipa::path(
    get, path = "/api/admin/integrations/{provider}/config", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Of which"),
        ConnectionOfProvider,
    ),
    responses((status = 200, description = "What is configured", body = IntegrationsConfigView), PullProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn config_of_provider(
    State(reads): State<Reads>,
    provider: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<IntegrationsConfigView>, AdminProblem> {
    answered(&reads, (&uri, &headers), Some(&path_text::<String>(provider))).await
}

async fn answered(
    reads: &Reads,
    (uri, headers): (&Uri, &HeaderMap),
    provider: Option<&str>,
) -> Result<Json<IntegrationsConfigView>, AdminProblem> {
    let caller = reads.authority.admin_reader(uri, headers, reads.now())?;
    let query = Query::of(uri);
    let provider = provider.or(query.first(&["provider"])).unwrap_or(DEFAULT_PROVIDER);
    let of = (&caller.tenant, provider);
    let found = pulled(&reads.connections, &reads.providers, of, query.first(&["connection"])).await;
    let stored = match found.map_err(|fault| Problem::unread(&fault))? {
        Ok(stored) => Some(stored),
        // Whoever sets it up looks here first.
        Err(NotMeant::None(..)) => None,
        Err(not_meant) => return Err(not_meant.into()),
    };
    Ok(Json(IntegrationsConfigView {
        ok: true,
        has_admin_token: reads.authority.has_admin_token(reads.now())?,
        admin_endpoints: ADMIN_ENDPOINTS,
        integration: stored.map(|stored| view(&reads.providers, &stored)),
    }))
}

fn view(providers: &Providers, stored: &StoredConnection) -> PulledConnectionView {
    let api = providers.of(&stored.connection.provider).pull;
    let settings = api.and_then(|api| read(api, &stored.settings).ok());
    let settings = settings.as_ref();
    let documentation = api.and_then(|api| api.documentation.as_ref());
    let documents = documentation.zip(settings).filter(|(it, settings)| settings.base_url.host_str() == Some(it.host));
    let documents =
        documents.map(|(it, _)| format!("{} has the vendor's documents: the API is at {}", it.host, it.api));
    PulledConnectionView {
        connection: stored.connection.to_string(),
        display_name: stored.display_name.clone(),
        has_api_key: stored.secrets.is_some(),
        api_key_masked: stored.secrets.as_ref().map(|secrets| secrets.current.masked().to_owned()),
        base_url: settings.map(|settings| settings.base_url.to_string()),
        page_size: settings.map(|settings| settings.page_rows),
        requests_per_minute: settings.map(|settings| settings.rates.0),
        requests_per_hour: settings.map(|settings| settings.rates.1),
        retry: RetryView::in_force(),
        breaker: settings.map(|settings| BreakerRuleView {
            failures: settings.breaker_failures,
            within_ms: WINDOW_MS,
            cooldown_ms: COOLDOWN_MS,
        }),
        entities: settings.iter().flat_map(|settings| &settings.entities).map(ToString::to_string).collect(),
        state: if stored.is_active() { "active" } else { "paused" },
        kept_by: match stored.kept_by {
            KeptBy::Operators => "operators",
            KeptBy::Configuration { .. } => "configuration",
        },
        warnings: documents.into_iter().collect(),
    }
}

/// Which integrations the default tenant has a key for. Open to anybody, as it tells no more than that.
#[utoipa::path(
    get, path = "/api/config/integrations", tag = "pulls",
    responses(
        (status = 200, description = "Which are configured", body = ConfiguredView),
        (status = 503, description = "unavailable: it could not be read; after `Retry-After`", body = AdminProblemView),
    ),
)]
pub(crate) async fn configured(State(reads): State<Reads>) -> Result<Json<ConfiguredView>, AdminProblem> {
    let mut integrations = BTreeMap::new();
    let pulled = names(&reads.providers);
    for name in pulled.into_iter().chain([ProviderId::TEAMS.to_string()]) {
        let Ok(provider) = ProviderId::parse(&name) else { continue };
        let of = Listed::Tenant(TenantId::DEFAULT, Some(provider));
        let found = reads.connections.page(&of, None, LOOKED_AT).await;
        let (found, _more) = found.map_err(|fault| Problem::unread(&fault))?;
        integrations.insert(name, found.iter().any(|stored| stored.secrets.is_some()));
    }
    Ok(Json(ConfiguredView { integrations }))
}
