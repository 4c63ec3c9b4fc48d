//! `GET /api/sync/health`: how the links to warehouses do.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::connections::store::{After, Listed};
use signalbox::aws::faults::AwsFault;
use signalbox::aws::queues::depth::Depth;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::health::Health;
use signalbox::domain::ids::ProviderId;
use signalbox::domain::time;
use signalbox::engine::health::Looked;
use signalbox::http::query::Query;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::health::{
    AggregateView, BreakerView, ConfigView, HealthView, HistogramView, IntegrationView, QueueStatsView, QueueView,
    reasons,
};
use tracing::warn;

use super::{SyncProblems, reach};
use crate::Reads;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 200;
const FAILED: &str = "Failed to retrieve sync health";
/// The breaker of all links.
const BREAKER: &str = "trackstar-api";

/// How the active links to warehouses do: each with its status and the thresholds that made it so.
///
/// A service token of the default tenant and a user of a platform's role see those of all tenants, or of the one that the call
/// names; anybody else their own, and whoever is bound to brands these alone. Of up to 200 links `aggregate` counts all, and the last
/// changed is first of all; of more it counts the page, pages are by name, and the last changed is first within one. Windows of a day come from counters by the hour, so they have 24 to 25 hours.
#[utoipa::path(
    get, path = "/api/sync/health", tag = "health",
    params(
        ("tenantId" = Option<String>, Query, description = "Whose; also in the header x-tenant-id"),
        ("provider" = Option<String>, Query, description = "Of another provider than trackstar"),
        ("limit" = Option<u32>, Query, description = "Default 100", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses((status = 200, description = "A page", body = HealthView), SyncProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn sync_health(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<HealthView>, SyncProblem> {
    let query = Query::of(&uri);
    let reach = reach(&reads, &query, &headers)?;
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
    let limit = limit.map_err(|wrong| SyncProblem::invalid(format!("limit {wrong}")))?;
    let provider = query.first(&["provider"]).map(ProviderId::parse).transpose();
    let provider = provider.map_err(|error| SyncProblem::invalid(error.to_string()))?.unwrap_or(ProviderId::TRACKSTAR);
    let listed = match &reach.tenant {
        Some(tenant) => Listed::Tenant(tenant.clone(), Some(provider)),
        None => Listed::Provider(provider),
    };
    let after: Option<After> = query.first(&["cursor"]).map(str::parse).transpose().ok().flatten();
    // One of another list would start where this one has nothing, and might name what the caller may not see.
    let fits = after.as_ref().is_some_and(|after| listed.has(after));
    if query.first(&["cursor"]).is_some() && !fits {
        return Err(SyncProblem::invalid("the cursor is unknown"));
    }
    let failed = |fault| SyncProblem::failed(FAILED, &fault);
    let mut links = links(&reads, &listed, after.as_ref(), limit).await.map_err(failed)?;
    links.found.retain(|stored| stored.is_active() && reach.has(&stored.connection.tenant, &stored.connection.name));
    links.found.sort_by_key(|stored| (Reverse(stored.changed.at), stored.connection.clone()));
    let now = reads.now();
    let (looked, queues) = tokio::join!(reads.looks.at(links.found, now), queue_stats(&reads));
    let mut looked = looked.map_err(failed)?;
    let aggregate = aggregate(&looked, now);
    let mut next = links.next;
    if links.are_all {
        let before = after.and_then(|After(last)| looked.iter().position(|one| one.stored.connection == last));
        looked.drain(..before.map_or(0, |place| place + 1));
        let is_cut = looked.len() > limit;
        looked.truncate(limit);
        next = looked.last().filter(|_| is_cut).map(|one| After(one.stored.connection.clone()));
    }
    Ok(Json(HealthView {
        status: "success",
        aggregate,
        integrations: looked.iter().map(|one| integration(&reads, one, &queues)).collect(),
        has_more: next.is_some(),
        next_cursor: next.map(|after| after.to_string()),
    }))
}

/// Links that are looked at.
struct Links {
    found: Vec<StoredConnection>,
    /// Whether these are all that there are, whichever page was asked for.
    are_all: bool,
    /// The page behind theirs, where they are one.
    next: Option<After>,
}

/// All links, or the page of them that was asked for, by name, where they are too many.
async fn links(reads: &Reads, listed: &Listed, after: Option<&After>, limit: usize) -> Result<Links, AwsFault> {
    let (mut found, more) = reads.connections.page(listed, None, LIMIT_MAX).await?;
    let Some(more) = more else { return Ok(Links { found, are_all: true, next: None }) };
    if after.is_some() {
        let (found, next) = reads.connections.page(listed, after, limit).await?;
        return Ok(Links { found, are_all: false, next });
    }
    let is_cut = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_cut).map_or(more, |last| After(last.connection.clone()));
    Ok(Links { found, are_all: false, next: Some(next) })
}

/// How much waits is no reason not to tell the rest.
async fn queue_stats(reads: &Reads) -> QueueStatsView {
    let depths = reads.queues.depths().await.inspect_err(|fault| warn!(%fault, "queues not looked at")).ok();
    let view = |depth: Option<Depth>| {
        let of = |part: fn(&Depth) -> u64| depth.as_ref().map(part);
        let (waiting, active, delayed) =
            (of(|depth| depth.waiting), of(|depth| depth.active), of(|depth| depth.delayed));
        QueueView { waiting, active, delayed, ..QueueView::default() }
    };
    QueueStatsView {
        sync_queue: view(depths.map(|(sync, _)| sync)),
        webhook_queue: view(depths.map(|(_, webhooks)| webhooks)),
        oldest_job_age: None,
    }
}

fn aggregate(looked: &[Looked], now: Timestamp) -> AggregateView {
    let are = |status: Health| looked.iter().filter(|one| one.judgement.status == status).count();
    let average = |lag: fn(&Looked) -> Option<i64>| {
        let lags: Vec<i64> = looked.iter().filter_map(lag).collect();
        lags.iter().sum::<i64>().checked_div(i64::try_from(lags.len()).ok()?)
    };
    AggregateView {
        total_integrations: looked.len(),
        healthy_integrations: are(Health::Healthy),
        degraded_integrations: are(Health::Degraded),
        unhealthy_integrations: are(Health::Unhealthy),
        avg_sync_lag: average(|one| one.numbers.sync_lag_ms),
        avg_webhook_lag: average(|one| one.numbers.webhook_lag_ms),
        total_recent_failures: looked.iter().map(|one| one.numbers.failures).sum(),
        circuit_breaker_stats: [(BREAKER.to_owned(), BreakerView::CLOSED)].into(),
        generated_at: time::text(now),
    }
}

fn integration(reads: &Reads, looked: &Looked, queues: &QueueStatsView) -> IntegrationView {
    let Looked { stored, hours, numbers, thresholds, judgement, .. } = looked;
    let connection = &stored.connection;
    let shown = |ms: i64| Timestamp::from_millisecond(ms).map(time::text).ok();
    let now_ms = reads.now().as_millisecond();
    IntegrationView {
        tenant_id: connection.tenant.to_string(),
        tenant_name: connection.tenant.to_string(),
        brand_id: connection.name.to_string(),
        brand_name: stored.display_name.clone(),
        integration_name: reads.providers.of(&connection.provider).name,
        connection_id: stored.settings.get("connectionId").and_then(|id| id.as_str()).map(String::from),
        status: judgement.status.as_str(),
        reasons: reasons(judgement),
        idle: numbers.is_idle(),
        last_synced_at: None,
        last_webhook_at: hours.last_received_ms().and_then(shown),
        sync_lag_ms: numbers.sync_lag_ms,
        webhook_lag_ms: numbers.webhook_lag_ms,
        recent_failures: numbers.failures,
        recent_successes: numbers.processed,
        error_rate: numbers.error_rate(),
        queue_stats: queues.clone(),
        circuit_breaker: BreakerView::CLOSED,
        config: ConfigView { settings: stored.shown_settings(), thresholds: (*thresholds).into() },
        processing: HistogramView::from(&hours.day(now_ms)),
    }
}
