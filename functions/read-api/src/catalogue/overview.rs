//! `GET /api/catalog/vendor-sync/overview`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde_json::{Value, json};
use signalbox::domain::runs::run::Run;
use signalbox::domain::time;
use signalbox::engine;
use signalbox::http::problem::{FAILED_TO_LOAD_OVERVIEW, Problem, ProblemView};

use crate::Reads;

/// The last 24 hours over all vendors.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/overview", tag = "vendor sync",
    responses(
        (status = 200, description = "`{ok, metrics: {last24h: {total, success, failed, avgDurationMs}, inProgress: []}}`", body = Object),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_load_overview", body = ProblemView),
    ),
    security((), ("service" = []), ("session" = [])),
)]
pub(crate) async fn overview(State(reads): State<Reads>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let caller = reads.reader(&headers)?;
    let overview = engine::runs::history::overview(&reads.aws, &reads.vendors, reads.now(), &caller.tenant)
        .await
        .map_err(|fault| Problem::internal(FAILED_TO_LOAD_OVERVIEW, &fault))?;
    let tally = overview.tally;
    let average = tally.duration_ms.checked_div(tally.success + tally.error);
    let in_progress: Vec<Value> = overview.in_progress.iter().map(view).collect();
    Ok(Json(json!({
        "ok": true,
        "metrics": {
            "last24h": {
                "total": tally.of(&[]),
                "success": tally.success,
                "failed": tally.error,
                "avgDurationMs": average,
            },
            "inProgress": in_progress,
        },
    })))
}

fn view(run: &Run) -> Value {
    json!({
        "vendor": run.vendor,
        "runId": run.id,
        "mode": run.mode,
        "actor": run.actor,
        "startedAt": time::text(run.started_at),
    })
}
