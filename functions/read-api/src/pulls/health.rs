//! `GET /api/health/sync`: how the default tenant's syncs do, for anybody who watches.

use axum::Json;
use axum::extract::State;
use http::Uri;
use jiff::Timestamp;
use signalbox::domain::connections::meant::NotMeant;
use signalbox::domain::ids::TenantId;
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::pull::PullWork;
use signalbox::domain::runs::run::{RunStatus, Work};
use signalbox::domain::time;
use signalbox::engine::connections::pulled::pulled;
use signalbox::engine::health::pulled::PulledLooked;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::sync_status::{HealthLockView, HealthStatusView, SyncHealthView};

use super::DEFAULT_PROVIDER;
use crate::Reads;

/// How the syncs of the default tenant's connection do. Open to anybody who watches: of reasons it tells the code alone.
#[utoipa::path(
    get, path = "/api/health/sync", tag = "pulls",
    params(
        ("provider" = Option<String>, Query, description = "Of which; doorloop where none is named"),
    ),
    responses(
        (status = 200, description = "How they do", body = SyncHealthView),
        (status = 404, description = "not_found", body = AdminProblemView),
        (status = 500, description = "internal_error", body = AdminProblemView),
    ),
)]
pub(crate) async fn health(State(reads): State<Reads>, uri: Uri) -> Result<Json<SyncHealthView>, AdminProblem> {
    let query = Query::of(&uri);
    let provider = query.first(&["provider"]).unwrap_or(DEFAULT_PROVIDER);
    let failed = |fault| Problem::internal(INTERNAL_ERROR, &fault);
    let of = (&TenantId::DEFAULT, provider);
    let found = pulled(&reads.connections, &reads.providers, of, None).await;
    let now = reads.now();
    match found.map_err(failed)? {
        Ok(stored) => {
            let looked = reads.pulled.look(&stored, now).await.map_err(failed)?;
            Ok(Json(view(Some(&looked), now)))
        }
        // Nobody is known here: neither the names of connections are told, nor whether there are any.
        Err(NotMeant::None(..) | NotMeant::Several(..)) => Ok(Json(view(None, now))),
        Err(not_meant) => Err(not_meant.into()),
    }
}

fn view(looked: Option<&PulledLooked>, now: Timestamp) -> SyncHealthView {
    let times = looked.map(|looked| looked.times).unwrap_or_default();
    let settings = looked.and_then(|looked| looked.settings.as_ref());
    let entities = settings.iter().flat_map(|settings| &settings.entities).map(ToString::to_string);
    let patience = Work::Pull(PullWork::default()).patience();
    SyncHealthView {
        enabled: times.enabled,
        interval_minutes: times.every,
        lock_ttl_minutes: LEASE_MS / 60_000,
        hard_deadline_minutes: patience.without_progress.as_mins(),
        entities: entities.collect(),
        nightly_full_hour_utc: times.full_at_hour_utc.map(|hour| hour.to_string()),
        lock: looked.map(|looked| lock(looked, now)).unwrap_or_default(),
        status: status(looked),
    }
}

fn lock(looked: &PulledLooked, now: Timestamp) -> HealthLockView {
    let lease = looked.lease.as_ref();
    let holder = lease.and_then(|lease| lease.run_id.as_ref());
    let held = lease.filter(|lease| lease.is_held(now));
    let over = looked.runs.iter().filter(|run| run.status != RunStatus::Skipped).find_map(|run| run.completed_at);
    HealthLockView {
        locked: holder.is_some(),
        holder: holder.map(ToString::to_string),
        expires_at: held.and_then(|lease| Timestamp::from_millisecond(lease.until_ms).ok()).map(time::text),
        acquired_at: holder.and_then(|run| run.started_at()).map(time::text),
        released_at: over.map(time::text),
    }
}

fn status(looked: Option<&PulledLooked>) -> HealthStatusView {
    let newest = looked.and_then(|looked| looked.runs.first());
    let success = looked.and_then(|looked| {
        let of_runs = looked.runs.iter().find(|run| run.status == RunStatus::Success && !run.mode.is_dry());
        let of_entities =
            || looked.entities.iter().filter_map(|entity| entity.pulled.as_ref()).map(|pulled| pulled.ended_at);
        of_runs.and_then(|run| run.completed_at).or_else(|| of_entities().max())
    });
    let next = looked.and_then(|looked| looked.times.next(looked.due.as_ref().map(|due| due.at)));
    HealthStatusView {
        last_run_at: newest.map(|run| time::text(run.started_at)),
        last_success_at: success.map(time::text),
        next_run_at: next.map(time::text),
        mode: newest.and_then(|run| run.work.pull()).map(|work| work.mode.as_str()),
        status: newest.map_or("never_run", |run| match run.status {
            RunStatus::Pending => "running",
            RunStatus::Success => "completed",
            RunStatus::Failed => "failed",
            RunStatus::Skipped => "skipped",
            RunStatus::Cancelled => "cancelled",
        }),
        error: newest.and_then(|run| run.error.as_ref()).map(|error| error.code().to_owned()),
    }
}
