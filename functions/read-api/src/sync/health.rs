//! `GET /api/sync/health`: how the links to warehouses do.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::connections::lists::{After, Listed};
use signalbox::aws::faults::AwsFault;
use signalbox::aws::queues::depth::Depth;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::health::Health;
use signalbox::domain::ids::{Connection, ProviderId};
use signalbox::domain::time;
use signalbox::engine::health::Looked;
use signalbox::http::auth::user::Reach;
use signalbox::http::query::Query;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::health::{
    AggregateView, CircuitBreakerView, ConfigView, HealthView, HistogramView, IntegrationView, QueueStatsView,
    QueueView, reasons,
};
use signalbox::http::wire::parameters::TenantOfBrand;
use tracing::warn;

use super::{SyncProblems, reach};
use crate::Reads;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 200;
const FAILED: &str = "Failed to retrieve sync health";

/// How the active links to warehouses do: each with its status and the thresholds that made it so.
///
/// A service token of the default tenant and a user of a platform's role see those of all tenants, or of the one that the call
/// names; anybody else their own, and whoever is bound to brands these alone. Of up to 200 links `aggregate` counts all, and the last
/// changed is first of all; of more it counts the page, pages are by name, and the last changed is first within one. Windows of a day come from counters by the hour, so they have 24 to 25 hours.
#[utoipa::path(
    get, path = "/api/sync/health", tag = "health",
    params(
        TenantOfBrand,
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
        Some(tenant) => Listed::Tenant(tenant.clone(), Some(provider.clone())),
        None => Listed::Provider(provider.clone()),
    };
    let cursor = query.first(&["cursor"]).and_then(Cursor::parse);
    // One of another list would start where this one has nothing, and might name what the caller may not see.
    let fits = cursor.as_ref().is_some_and(|cursor| listed.has(&cursor.after));
    if query.first(&["cursor"]).is_some() && !fits {
        return Err(SyncProblem::invalid("the cursor is unknown"));
    }
    let failed = |fault| SyncProblem::failed(FAILED, &fault);
    let after = cursor.as_ref().map(|cursor| &cursor.after);
    let mut links = links(&reads, &reach, &listed, after, limit).await.map_err(failed)?;
    links.found.retain(StoredConnection::is_active);
    links.found.sort_by_key(place);
    let now = reads.now();
    let (looked, queues) = tokio::join!(reads.looks.at(links.found, now), queue_stats(&reads));
    let mut looked = looked.map_err(failed)?;
    let aggregate = aggregate(&looked, &provider, now);
    let mut next = links.next.map(|after| Cursor { changed_ms: None, after });
    if links.are_all {
        // By its place and not by itself, as it may have been paused since.
        let before = cursor.and_then(|Cursor { changed_ms, after }| Some((Reverse(changed_ms?), after.0)));
        looked.retain(|one| before.as_ref().is_none_or(|before| place(&one.stored) > *before));
        let is_cut = looked.len() > limit;
        looked.truncate(limit);
        next = looked.last().filter(|_| is_cut).map(|one| Cursor::behind(&one.stored));
    }
    Ok(Json(HealthView {
        status: "success",
        aggregate,
        integrations: looked.iter().map(|one| integration(&reads, one, &queues)).collect(),
        has_more: next.is_some(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// Where a link stands among all: the last changed first.
fn place(stored: &StoredConnection) -> (Reverse<i64>, Connection) {
    (Reverse(stored.changed.at.as_millisecond()), stored.connection.clone())
}

/// Where a page ended: `1768478400000~acme/trackstar/north` in the list of all, the link alone in one by name.
struct Cursor {
    changed_ms: Option<i64>,
    after: After,
}

impl Cursor {
    fn behind(stored: &StoredConnection) -> Self {
        let (Reverse(changed_ms), connection) = place(stored);
        Self { changed_ms: Some(changed_ms), after: After(connection) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (changed_ms, after) = match text.split_once('~') {
            Some((ms, after)) => (Some(ms.parse().ok()?), after),
            None => (None, text),
        };
        Some(Self { changed_ms, after: after.parse().ok()? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.changed_ms {
            Some(ms) => write!(formatter, "{ms}~{}", self.after),
            None => self.after.fmt(formatter),
        }
    }
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
async fn links(
    reads: &Reads,
    reach: &Reach,
    listed: &Listed,
    after: Option<&After>,
    limit: usize,
) -> Result<Links, AwsFault> {
    let is_seen = |connection: &Connection| reach.has(&connection.tenant, &connection.name);
    let page = async |after, limit| match reach.brands {
        None => reads.connections.page(listed, after, limit).await,
        Some(_) => reads.connections.page_of_seen(listed, after, limit, is_seen).await,
    };
    let (mut found, more) = page(None, LIMIT_MAX).await?;
    let Some(more) = more else { return Ok(Links { found, are_all: true, next: None }) };
    if after.is_some() {
        let (found, next) = page(after, limit).await?;
        return Ok(Links { found, are_all: false, next });
    }
    let is_cut = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_cut).map_or(more, |last| After(last.connection.clone()));
    Ok(Links { found, are_all: false, next: Some(next) })
}

/// How much waits is no reason not to tell the rest.
pub(crate) async fn queue_stats(reads: &Reads) -> QueueStatsView {
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

/// The breaker of all links by the name that clients know, and by its connection each that says more than that nothing is wrong.
fn breakers(looked: &[Looked], provider: &ProviderId, now: Timestamp) -> BTreeMap<String, CircuitBreakerView> {
    let all: Vec<(String, CircuitBreakerView)> = looked
        .iter()
        .map(|one| (one.stored.connection.to_string(), CircuitBreakerView::new(&one.pulls, now)))
        .collect();
    let together = CircuitBreakerView::together(all.iter().map(|(_, breaker)| breaker));
    let telling = all.into_iter().filter(|(_, breaker)| breaker.tells());
    telling.chain([(format!("{provider}-api"), together)]).collect()
}

fn aggregate(looked: &[Looked], provider: &ProviderId, now: Timestamp) -> AggregateView {
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
        circuit_breaker_stats: breakers(looked, provider, now),
        generated_at: time::text(now),
    }
}

pub(crate) fn integration(reads: &Reads, looked: &Looked, queues: &QueueStatsView) -> IntegrationView {
    let Looked { stored, hours, pulls, numbers, thresholds, judgement, .. } = looked;
    let connection = &stored.connection;
    let shown = |ms: i64| Timestamp::from_millisecond(ms).map(time::text).ok();
    let now = reads.now();
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
        last_synced_at: pulls.synced_at.map(time::text),
        last_webhook_at: hours.last_received_ms().and_then(shown),
        sync_lag_ms: numbers.sync_lag_ms,
        webhook_lag_ms: numbers.webhook_lag_ms,
        recent_failures: numbers.failures,
        recent_successes: numbers.processed,
        error_rate: numbers.error_rate(),
        queue_stats: queues.clone(),
        circuit_breaker: CircuitBreakerView::new(pulls, now),
        config: ConfigView { settings: stored.shown_settings(), thresholds: (*thresholds).into() },
        processing: HistogramView::from(&hours.day(now.as_millisecond())),
    }
}
