//! `GET …/trackstar/health`: how a brand's link does.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::{SignedDuration, Timestamp};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::engine::deliveries::list::{self, ListReads, Source, Wanted, Which};
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::{LinkHealthView, LinkQueuesView, OneLinkHealthView};
use signalbox::http::wire::operations::DeliveryView;
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{BrandPath, Found, LinkProblems, view};
use crate::Reads;
use crate::deliveries::taken_in;
use crate::sync::health::{integration, queue_stats};

const FAILED: &str = "Failed to get health";
/// Webhooks that are shown.
const WEBHOOKS_MAX: usize = 10;
const WEBHOOKS_OF: SignedDuration = SignedDuration::from_hours(24);

/// How a brand's link does: its status and lags, how far its lists are, why its last run failed, and its last webhooks. Trackstar is not
/// asked for it. Where making or taking away a link came to no end, `linking` says since when, and what to do.
#[utoipa::path(
    get, path = "/api/brands/{id}/integrations/trackstar/health", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    responses((status = 200, description = "How it does", body = OneLinkHealthView), LinkProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn link_health(
    State(reads): State<Reads>,
    path: BrandPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneLinkHealthView>, SyncProblem> {
    let found = Found::read(&reads, (&uri, &headers), path, FAILED).await?;
    let linking = found.linking(&reads);
    let queues = queue_stats(&reads).await;
    let of_queues = LinkQueuesView { sync: queues.sync_queue.clone(), webhook: queues.webhook_queue.clone() };
    let Some(stored) = found.stored else {
        let health = LinkHealthView {
            integration: None,
            connection: None,
            linking,
            last_error: None,
            queues: of_queues,
            recent_webhooks: Vec::new(),
        };
        return Ok(Json(OneLinkHealthView { success: true, health }));
    };
    let now = reads.now();
    let known = tokio::try_join!(
        view(&reads, &stored),
        reads.snapshots.state(&stored.connection),
        reads.looks.at(vec![stored.clone()], now),
        webhooks(&reads, &stored, now),
    );
    let (connection, state, looked, recent_webhooks) = known.map_err(|fault| SyncProblem::failed(FAILED, &fault))?;
    let health = LinkHealthView {
        integration: looked.first().map(|one| integration(&reads, one, &queues)),
        connection: Some(connection),
        linking,
        last_error: state.and_then(|state| state.last_error),
        queues: of_queues,
        recent_webhooks,
    };
    Ok(Json(OneLinkHealthView { success: true, health }))
}

async fn webhooks(reads: &Reads, stored: &StoredConnection, now: Timestamp) -> Result<Vec<DeliveryView>, AwsFault> {
    let connection = &stored.connection;
    let wanted = Wanted {
        tenant: connection.tenant.clone(),
        which: Which::All,
        brands: None,
        source: Some(Source { provider: connection.provider.clone(), name: Some(connection.name.clone()) }),
        from: now.checked_sub(WEBHOOKS_OF).ok(),
        to: None,
        correlation_id: None,
        text: None,
        key: None,
        below: None,
        limit: WEBHOOKS_MAX,
    };
    let lists = ListReads { deliveries: &reads.processed, store: &reads.deliveries, journal: &reads.journal };
    let page = list::page(lists, now, &wanted).await?;
    Ok(page.found.into_iter().map(|listed| taken_in::view(&connection.tenant, listed)).collect())
}
