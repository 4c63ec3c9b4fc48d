//! `GET /api/admin/sync/status`: how a connection's syncs do.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::pull::pace::pace;
use signalbox::domain::runs::lease::WaitReason;
use signalbox::domain::runs::pull::{EntityPull, PullWork};
use signalbox::domain::runs::run::{Run, RunStatus};
use signalbox::domain::time;
use signalbox::engine::health::pulled::{EntityLooked, PulledLooked};
use signalbox::http::admin_problem::AdminProblem;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::wire::breaker::OneBreakerView;
use signalbox::http::wire::held::HeldView;
use signalbox::http::wire::parameters::ConnectionMeant;
use signalbox::http::wire::pull_schedule::locked;
use signalbox::http::wire::sync_status::{
    CurrentRunView, EntityStatusView, IntegrationHealthView, LastRunView, LockView, ProgressView, QuotaView,
    SchedulerView, ScorePartsView, StepView, SyncStatusView, WaitingView,
};

use super::{PullProblems, asked_for};
use crate::Reads;

/// How the syncs of a connection do: its schedule, the run that is open with how far it is, its lock, what it waits for, each entity's
/// last success and failure, what is left of its quota, its breaker and its health score.
#[utoipa::path(
    get, path = "/api/admin/sync/status", tag = "pulls",
    params(ConnectionMeant),
    responses((status = 200, description = "How they do", body = SyncStatusView), PullProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn status(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<SyncStatusView>, AdminProblem> {
    let stored = asked_for(&reads, (&uri, &headers), None).await?;
    let now = reads.now();
    let looked = tokio::try_join!(reads.pulled.look(&stored, now), reads.pulled.set_aside(&stored, now));
    let (looked, set_aside) = looked.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(view(&stored, &looked, set_aside, now)))
}

fn view(
    stored: &StoredConnection,
    looked: &PulledLooked,
    (dlq_count, dlq_more): (usize, bool),
    now: Timestamp,
) -> SyncStatusView {
    let connection = &stored.connection;
    let entities: Vec<String> =
        looked.settings.iter().flat_map(|settings| &settings.entities).map(ToString::to_string).collect();
    let page_rows = looked.settings.as_ref().map_or(1, |settings| settings.page_rows);
    let of_entity = |entity: &EntityLooked| (entity.entity.to_string(), entity_status(entity));
    SyncStatusView {
        ok: true,
        connection: connection.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        is_running: looked.open.is_some(),
        scheduler: scheduler(stored, looked, entities.clone()),
        entities,
        current_run: looked.open.as_ref().and_then(|run| Some(current_run(run, run.work.pull()?, page_rows, now))),
        lock: lock(looked, now),
        waiting: waiting(looked, now),
        last_run: last_run(&looked.runs),
        dlq_count,
        dlq_more,
        per_entity: looked.entities.iter().map(of_entity).collect(),
        integrations: [(connection.provider.to_string(), integration(stored, looked, now))].into(),
    }
}

fn scheduler(stored: &StoredConnection, looked: &PulledLooked, entities: Vec<String>) -> SchedulerView {
    let times = looked.times;
    let (env_locked, locked_by) = locked(stored);
    let started = looked.runs.iter().find(|run| run.status != RunStatus::Skipped).map(|run| time::text(run.started_at));
    SchedulerView {
        enabled: times.enabled,
        interval_minutes: times.every,
        entities,
        full_sync_hour_utc: times.full_at_hour_utc,
        nightly_full_hour_utc: times.full_at_hour_utc,
        next_run: times.next(looked.due.as_ref().map(|due| due.at)).map(time::text),
        next_full_sync: times.next_full.map(time::text),
        last_run: started,
        paused: !stored.is_active(),
        env_locked,
        locked_by,
    }
}

fn current_run(run: &Run, work: &PullWork, page_rows: u64, now: Timestamp) -> CurrentRunView {
    let current = work.current().and_then(|index| work.entities.get(index));
    CurrentRunView {
        id: run.id.to_string(),
        entities: work.entities.iter().map(|entity| entity.entity.to_string()).collect(),
        mode: work.mode.as_str(),
        since: work.since.map(time::text),
        dry_run: run.mode.is_dry(),
        started_at: run.started_at.as_millisecond(),
        actor: run.actor.clone(),
        progress: current.map(|entity| progress(entity, page_rows, now)),
        steps: work.entities.iter().map(|entity| StepView::of(entity, page_rows, now)).collect(),
        held: HeldView::of(run),
    }
}

fn progress(entity: &EntityPull, page_rows: u64, now: Timestamp) -> ProgressView {
    let pace = pace(entity, page_rows, now);
    ProgressView {
        entity: entity.entity.to_string(),
        page: pace.page,
        rows: pace.rows,
        total_pages: pace.pages,
        started_at: entity.began_at.map(Timestamp::as_millisecond),
        eta: pace.left_ms,
        rps: pace.requests_per_second,
        rows_per_second: pace.rows_per_second,
    }
}

fn lock(looked: &PulledLooked, now: Timestamp) -> Option<LockView> {
    let lease = looked.lease.as_ref()?;
    let run = lease.run_id.as_ref()?;
    let work = looked.open.as_ref().and_then(|run| run.work.pull());
    let entity = work.and_then(|work| work.entities.get(work.current()?)).map(|entity| entity.entity.to_string());
    let expires_at = Timestamp::from_millisecond(lease.until_ms).ok().filter(|_| lease.is_held(now));
    Some(LockView {
        run_id: run.to_string(),
        started_at: run.started_at().map(Timestamp::as_millisecond),
        entity,
        held: lease.is_held(now),
        expires_at: expires_at.map(time::text),
        stopped_by: lease.stop_by.clone(),
    })
}

fn waiting(looked: &PulledLooked, now: Timestamp) -> Option<WaitingView> {
    let lease = looked.lease.as_ref()?;
    let (until, reason) = (lease.waits_until(now)?, lease.waits_for?);
    let name = match reason {
        WaitReason::Backoff => "backoff",
        WaitReason::RetryAfter => "retryAfter",
        WaitReason::Approval => "approval",
        WaitReason::Quota => "quota",
        WaitReason::Breaker => "breaker",
    };
    Some(WaitingView { reason: name, text: reason.text(), until: time::text(until) })
}

fn last_run(runs: &[Run]) -> LastRunView {
    let last = runs.iter().find(|run| run.status.is_over() && run.status != RunStatus::Skipped);
    LastRunView {
        run_id: last.map(|run| run.id.to_string()),
        timestamp: last.and_then(|run| run.completed_at).map(Timestamp::as_millisecond),
        success: last.map(|run| run.status == RunStatus::Success),
        error: last.and_then(|run| run.error.as_ref()).map(|error| error.detail.clone()),
    }
}

fn entity_status(entity: &EntityLooked) -> EntityStatusView {
    let EntityLooked { pulled, failed, .. } = entity;
    EntityStatusView {
        last_success_at: pulled.as_ref().map(|pulled| time::text(pulled.ended_at)),
        last_failure_at: failed.as_ref().map(|(at, ..)| time::text(*at)),
        last_error: failed.as_ref().map(|(.., detail)| detail.clone()),
        last_error_code: failed.as_ref().map(|(_, code, _)| code.clone()),
        records: pulled.as_ref().map_or(0, |pulled| pulled.records),
    }
}

fn integration(stored: &StoredConnection, looked: &PulledLooked, now: Timestamp) -> IntegrationHealthView {
    let score = looked.score;
    let quota = looked.settings.as_ref().zip(looked.left);
    IntegrationHealthView {
        health_score: score.map(|score| score.score),
        health: score.map(|score| score.band().as_str()),
        health_score_parts: score.map(|score| ScorePartsView {
            freshness: score.freshness,
            success_rate: score.success_rate,
            error_rate: score.error_rate,
        }),
        rate_limit: quota.map(|(settings, left)| QuotaView {
            limit: settings.rates.0,
            limit_per_hour: settings.rates.1,
            remaining: left.requests,
            reset: left.next_at.map(time::text),
        }),
        circuit_breaker: OneBreakerView::new(&stored.connection, &looked.breaker, now).data,
    }
}
