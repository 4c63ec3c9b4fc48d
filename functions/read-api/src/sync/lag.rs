//! `GET /api/sync/lag/{brandId}`: how late a brand's link is.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::deliveries::hours::{DAY_HOURS, HourCounter};
use signalbox::domain::ids::{Connection, ConnectionName, ProviderId};
use signalbox::domain::time;
use signalbox::engine::connections::brands::is_brand;
use signalbox::engine::deliveries::list::ListReads;
use signalbox::engine::health::lags;
use signalbox::http::auth::READ;
use signalbox::http::auth::user::Access;
use signalbox::http::problem::FORBIDDEN;
use signalbox::http::query::{Query, path_text};
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use signalbox::http::wire::checkpoints::CheckpointView;
use signalbox::http::wire::health::{
    DayView, LagView, LagsView, ProcessingLagView, RecentActivityView, SyncLagView, WebhookLagView,
};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::SyncProblems;
use crate::Reads;

const FAILED: &str = "Failed to retrieve lag metrics";
const NO_BRAND: &str = "Brand not found";
const NO_LINK: &str = "Trackstar integration not found";

/// How late a brand's link to its warehouse is: since the last webhook, and from receipt to effect.
///
/// Names of brands are a tenant's own: whoever reaches several names one. What comes from receipt to effect is exact, of the
/// newest 100 deliveries of 24 hours; the numbers of the day come from counters by the hour, so they are of 24 to 25 hours.
#[utoipa::path(
    get, path = "/api/sync/lag/{brandId}", tag = "health",
    params(
        ("brandId" = String, Path, description = "Which"),
        TenantOfBrand,
    ),
    responses(
        (status = 200, description = "How late", body = LagView),
        (status = 404, description = "not_found: the tenant has no such brand, or the brand no link to Trackstar", body = SyncProblemView),
        SyncProblems,
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn lag(
    State(reads): State<Reads>,
    brand: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<LagView>, SyncProblem> {
    // Of whom somebody may not see, they do not see the brand either.
    let reach = reads.authority.reach((&headers, &Query::of(&uri)), Access::Read, READ, reads.now());
    let reach = reach.map_err(|problem| match problem.kind() {
        FORBIDDEN => SyncProblem::denied(&problem.sentence()),
        _ => problem.into(),
    })?;
    let Some(tenant) = &reach.tenant else {
        return Err(SyncProblem::invalid("name the tenant whose brand it is: tenantId, or the header x-tenant-id"));
    };
    let missing = || SyncProblem::missing(NO_BRAND, "the tenant has no brand of this name");
    let name = ConnectionName::parse(&path_text(brand)).map_err(|_| missing())?;
    if !reach.has(tenant, &name) {
        return Err(SyncProblem::denied("the brand is none of the user's"));
    }
    let connection = Connection::new(tenant.clone(), ProviderId::TRACKSTAR, name);
    let failed = |fault| SyncProblem::failed(FAILED, &fault);
    let Some(stored) = reads.connections.glance(&connection).await.map_err(failed)? else {
        let brand = is_brand(&reads.connections, &reads.vendors, tenant, &connection.name).await.map_err(failed)?;
        return Err(if brand {
            SyncProblem::missing(NO_LINK, "the brand has no link to Trackstar")
        } else {
            missing()
        });
    };
    let now = reads.now();
    let lists = ListReads { deliveries: &reads.processed, store: &reads.deliveries, journal: &reads.journal };
    let pulls = &reads.looks.pulls;
    let (hours, lags, checkpoints, synced) = tokio::try_join!(
        reads.deliveries.hours(&connection, DAY_HOURS),
        lags(lists, now, &connection),
        pulls.checkpoints(&stored),
        pulls.read(std::slice::from_ref(&stored), now),
    )
    .map_err(failed)?;
    let synced = synced.get(&connection).cloned().unwrap_or_default();
    let (day, last) = (hours.day(now.as_millisecond()), hours.last_received_ms());
    Ok(Json(LagView {
        brand_id: connection.name.to_string(),
        brand_name: stored.display_name.clone(),
        tenant_id: tenant.to_string(),
        tenant_name: tenant.to_string(),
        integration_status: if stored.is_active() { "active" } else { "paused" },
        lag: LagsView {
            sync_lag: SyncLagView {
                last_sync_at: synced.synced_at.map(time::text),
                lag_ms: synced.lag_ms(now),
                checkpoints: checkpoints.iter().map(|one| CheckpointView::new(&stored, one, now)).collect(),
            },
            webhook_lag: WebhookLagView {
                last_webhook_at: last.and_then(|ms| Timestamp::from_millisecond(ms).map(time::text).ok()),
                lag_ms: last.map(|last| (now.as_millisecond() - last).max(0)),
            },
            processing_lag: ProcessingLagView {
                count: lags.sorted.len(),
                avg_ms: lags.average(),
                p50_ms: lags.percentile(50),
                p95_ms: lags.percentile(95),
                p99_ms: lags.percentile(99),
                max_ms: lags.sorted.last().copied(),
                complete: lags.complete,
            },
            recent_activity: RecentActivityView {
                last24h: DayView {
                    webhooks_received: day.count(HourCounter::Received),
                    webhooks_processed: day.count(HourCounter::Processed),
                    webhooks_failed: day.failures(),
                },
            },
        },
        generated_at: time::text(now),
    }))
}
