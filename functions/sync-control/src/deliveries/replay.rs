//! `POST /api/sync/replay`: what failed is done again.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::Value;
use signalbox::domain::audit::Action;
use signalbox::domain::dead_letter::DeadLetter;
use signalbox::domain::ids::{ConnectionName, ProviderId, TenantId};
use signalbox::domain::runs::run::{Mode, Run, RunStatus, Trigger};
use signalbox::domain::time;
use signalbox::engine::deliveries::replay::at_once::{REPLAYED_MAX, ReplayFilter, failed, replay as replay_all};
use signalbox::engine::operators::Operator;
use signalbox::engine::runs::start::{StartRefused, StartRequest, start_many};
use signalbox::http::auth::user::{Access, Reach};
use signalbox::http::auth::{DELIVERIES_WRITE, WRITE};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTEGRATION_NOT_SUPPORTED, Problem};
use signalbox::http::query::Query;
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use signalbox::http::wire::health::{ReplayBrandView, ReplayEventView, ReplayRequest, ReplayView};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::fetched::{self, Fetched};
use crate::Control;
use crate::body::{self, Fields};

pub(super) const FAILED: &str = "Failed to replay events";
const HOURS_DEFAULT: i64 = 24;
const HOURS_MAX: i64 = 168;
const HOUR_MS: i64 = 3_600_000;
/// The longest id of an event, in bytes.
const ID_BYTES_MAX: usize = 1_024;

/// Do again what failed of a tenant's links to warehouses.
///
/// `webhook`: dead letters of Trackstar's events are sent through again, the oldest first, at most 100 a call; send it again for
/// the rest. What has its effect twice has it once. `sync`: a run is started that pulls the brand's link to Trackstar, from where the last
/// one that went well began, or one of its catalogue where nothing is pulled of the link; without a brand, of all links that work and are
/// pulled, 100 at most. A brand that has a link without an access token alone is refused. Whoever reaches several tenants names one.
#[utoipa::path(
    post, path = "/api/sync/replay", tag = "health",
    params(TenantOfBrand),
    request_body(content = ReplayRequest),
    responses(
        (status = 200, description = "What was done, or would be", body = ReplayView),
        (status = 400, description = "invalid_request: a field is wrong, no tenant is named, or nothing can be fetched of the brand", body = SyncProblemView),
        (status = 401, description = "missing_token, invalid_token", body = SyncProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs deliveries:write, or catalog:sync:write for a sync", body = SyncProblemView),
        (status = 404, description = "not_found: there is no such brand", body = SyncProblemView),
        (status = 413, description = "payload_too_large", body = SyncProblemView),
        (status = 500, description = "internal_error", body = SyncProblemView),
        (status = 501, description = "integration_not_supported", body = SyncProblemView),
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn replay(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ReplayView>, SyncProblem> {
    let query = Query::of(&uri);
    let reach = |scope: &str| control.authority.reach((&headers, &query), Access::Write, scope, control.now());
    let (webhooks, runs) = (reach(DELIVERIES_WRITE), reach(WRITE));
    if let (Err(problem), Err(_)) = (&webhooks, &runs) {
        return Err(problem.clone().into());
    }
    let fields = body::read(body).await?.unwrap_or_default();
    let wanted = Wanted::read(&fields, control.now())?;
    let reach = if wanted.is_sync { runs? } else { webhooks? };
    let operator = operator(reach, trace)?;
    let view = if wanted.is_sync {
        sync(&control, &operator, &wanted).await?
    } else {
        webhooks_again(&control, &operator, &wanted).await?
    };
    Ok(Json(ReplayView { action: if wanted.is_dry { "dry_run" } else { "replay" }, kind: wanted.kind(), ..view }))
}

fn operator(reach: Reach, trace: CorrelationId) -> Result<Operator, SyncProblem> {
    let which = || SyncProblem::invalid("name the tenant: tenantId, or the header x-tenant-id");
    Ok(Operator { tenant: reach.tenant.ok_or_else(which)?, actor: reach.actor, correlation_id: trace.0 })
}

/// What is asked for.
struct Wanted {
    is_sync: bool,
    brand: Option<ConnectionName>,
    ids: Option<Vec<String>>,
    from_ms: i64,
    is_dry: bool,
}

impl Wanted {
    fn read(fields: &Fields, now: Timestamp) -> Result<Self, SyncProblem> {
        // Passed over, `dryrun` would replay, and `brandid` all brands.
        fields.check_spelling(&["type", "brandId", "eventIds", "maxAge", "dryRun"])?;
        fields.check_set(&["brandId", "eventIds"])?;
        let is_sync = match fields.filled_text("type")?.as_deref() {
            Some("webhook") => false,
            Some("sync") => true,
            _ => return Err(SyncProblem::invalid("type must be webhook or sync")),
        };
        let brand = fields.filled_text("brandId")?.map(|brand| ConnectionName::parse(&brand)).transpose();
        let hours = match fields.get("maxAge") {
            None => HOURS_DEFAULT,
            Some(value) => {
                let hours = value.as_i64().filter(|hours| (1..=HOURS_MAX).contains(hours));
                hours.ok_or_else(|| SyncProblem::invalid(format!("maxAge must be 1 to {HOURS_MAX} hours")))?
            }
        };
        Ok(Self {
            is_sync,
            brand: brand.map_err(|error| SyncProblem::invalid(format!("brandId: {error}")))?,
            ids: fields.get("eventIds").map(ids).transpose()?,
            from_ms: now.as_millisecond() - hours * HOUR_MS,
            is_dry: fields.switch("dryRun")?.unwrap_or(false),
        })
    }

    fn kind(&self) -> &'static str {
        if self.is_sync { "sync" } else { "webhook" }
    }

    /// For the record.
    fn target(&self, tenant: &TenantId) -> String {
        let brand = self.brand.as_ref().map(|brand| format!("/{brand}")).unwrap_or_default();
        let ids = self.ids.as_ref().map(|ids| format!(", {} named", ids.len())).unwrap_or_default();
        format!("{}: {tenant}/{}{brand}{ids}", self.kind(), ProviderId::TRACKSTAR)
    }
}

fn ids(value: &Value) -> Result<Vec<String>, SyncProblem> {
    let wrong =
        || SyncProblem::invalid(format!("eventIds must be at most {REPLAYED_MAX} texts of {ID_BYTES_MAX} bytes"));
    let items = value.as_array().filter(|items| items.len() <= REPLAYED_MAX).ok_or_else(wrong)?;
    let text = |item: &Value| item.as_str().filter(|text| text.len() <= ID_BYTES_MAX).map(String::from);
    items.iter().map(text).collect::<Option<_>>().ok_or_else(wrong)
}

async fn webhooks_again(control: &Control, operator: &Operator, wanted: &Wanted) -> Result<ReplayView, SyncProblem> {
    let fault = |fault| SyncProblem::failed(FAILED, &fault);
    let filter = ReplayFilter {
        provider: ProviderId::TRACKSTAR,
        brand: wanted.brand.clone(),
        ids: wanted.ids.clone(),
        from_ms: wanted.from_ms,
    };
    let journal = &control.operators.journal;
    let letters = failed(journal, control.now(), &operator.tenant, &filter).await.map_err(fault)?;
    let events_found = Some(letters.len());
    if wanted.is_dry {
        let events = letters.iter().map(|letter| event(&operator.tenant, letter)).collect();
        return Ok(ReplayView { events_found, events: Some(events), ..ReplayView::default() });
    }
    let target = wanted.target(&operator.tenant);
    control.operators.record(operator, Action::Replay, target, None).await.map_err(fault)?;
    let queued = replay_all(&control.replays.requeuer, operator, &letters).await.map_err(fault)?;
    Ok(ReplayView { events_found, events_queued: Some(queued), ..ReplayView::default() })
}

fn event(tenant: &TenantId, letter: &DeadLetter) -> ReplayEventView {
    let label = letter.label();
    ReplayEventView {
        event_id: letter.id.to_string(),
        event_type: label.and_then(|label| label.event_type.clone()),
        tenant_id: tenant.to_string(),
        brand_id: label.map(|label| label.connection.name.to_string()).unwrap_or_default(),
        created_at: label.map(|label| time::text(label.received_at())),
        error: letter.reason.clone(),
    }
}

/// Starts runs of what can be fetched: of a brand, or of all whose links to Trackstar are pulled.
async fn sync(control: &Control, operator: &Operator, wanted: &Wanted) -> Result<ReplayView, SyncProblem> {
    let fault = |fault| SyncProblem::failed(FAILED, &fault);
    let fetched = match &wanted.brand {
        Some(brand) => vec![fetched::of_brand(control, &operator.tenant, brand).await?],
        None => fetched::of_all(control, &operator.tenant).await?,
    };
    let (brands, starts): (Vec<_>, Vec<_>) =
        fetched.into_iter().map(|Fetched { brand, connection, work }| (brand, (connection, work))).unzip();
    if wanted.is_dry || brands.is_empty() {
        return Ok(found(wanted, brands, 0));
    }
    let target = wanted.target(&operator.tenant);
    control.operators.record(operator, Action::Replay, target, None).await.map_err(fault)?;
    let requests = starts.into_iter().map(|(connection, work)| StartRequest {
        connection,
        work,
        mode: Mode::Apply,
        actor: operator.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: operator.correlation_id.clone(),
    });
    // One that cannot be started does not keep the others from it.
    let started = start_many(&control.worker.runs, requests.collect()).await;
    let started: Vec<Option<Run>> = started.into_iter().collect::<Result<_, _>>().map_err(refused)?;
    let triggered = started.iter().flatten().filter(|run| run.status == RunStatus::Pending).count();
    Ok(found(wanted, brands, triggered))
}

fn found(wanted: &Wanted, brands: Vec<ReplayBrandView>, triggered: usize) -> ReplayView {
    let brands_found = Some(brands.len());
    if wanted.is_dry {
        return ReplayView { brands_found, brands: Some(brands), ..ReplayView::default() };
    }
    ReplayView { brands_found, sync_triggered: Some(triggered), ..ReplayView::default() }
}

pub(super) fn refused(refused: StartRefused) -> SyncProblem {
    match &refused {
        StartRefused::NotSupported(_) => Problem::new(INTEGRATION_NOT_SUPPORTED, refused.to_string()).into(),
        StartRefused::Busy(..) | StartRefused::Cools(_) | StartRefused::Fault(_) => {
            SyncProblem::failed(FAILED, &refused)
        }
    }
}
