//! Health probes, as the point-of-sale service had them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use signalbox::domain::time;
use signalbox::http::wire::service::{
    AliveView, LivenessView, MemoryView, ReadyView, StartupChecks, StartupView, UptimeView, VersionView,
};

use super::memory;
use crate::Reads;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// All that a probe tells of storage that cannot be used; the log says why.
const NO_STORAGE: &str = "storage does not answer; try again later";

/// Whether storage can be read in time, and takes a write.
async fn connected(reads: &Reads) -> bool {
    let answered = reads.deliveries.storage_answers(reads.readiness_timeout).await;
    let answers = answered.inspect_err(|fault| tracing::error!(cause = %fault, "storage does not answer")).is_ok();
    if !answers {
        return false;
    }
    let written = tokio::time::timeout(reads.readiness_timeout, reads.storage.takes_writes()).await;
    let written = written.unwrap_or_else(|_| Err("not within READINESS_TIMEOUT".into()));
    written.inspect_err(|cause| tracing::error!(cause, "storage takes no write")).is_ok()
}

fn uptime_seconds(reads: &Reads) -> f64 {
    (reads.now().as_millisecond() - reads.started.as_millisecond()) as f64 / 1000.0
}

/// Whether the service answers, with its version and this instance's uptime in seconds.
#[utoipa::path(get, path = "/healthz", tag = "service",
    responses((status = 200, description = "It answers", body = UptimeView)))]
pub(crate) async fn healthz(State(reads): State<Reads>) -> Json<UptimeView> {
    Json(UptimeView { status: "ok", version: VERSION, uptime: uptime_seconds(&reads), timestamp: None })
}

/// Whether the service is alive.
#[utoipa::path(get, path = "/livez", tag = "service",
    responses((status = 200, description = "It is alive", body = AliveView)))]
pub(crate) async fn livez() -> Json<AliveView> {
    Json(AliveView { status: "ok" })
}

/// Whether the service could start: storage can be read.
#[utoipa::path(get, path = "/startupz", tag = "service",
    responses(
        (status = 200, description = "Storage can be read", body = StartupView),
        (status = 503, description = "`{status: \"fail\", …}`: it cannot, or not within READINESS_TIMEOUT", body = StartupView),
    ))]
pub(crate) async fn startupz(State(reads): State<Reads>) -> Response {
    let connected = connected(&reads).await;
    let state = if connected { "connected" } else { "disconnected" };
    let body = StartupView {
        status: if connected { "ok" } else { "fail" },
        phase: "startup",
        checks: StartupChecks { db: state, supabase: state, database_url: "configured" },
        uptime: uptime_seconds(&reads),
    };
    (if connected { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response()
}

/// Whether the service is ready: storage can be read.
#[utoipa::path(get, path = "/health/ready", tag = "service",
    responses(
        (status = 200, description = "It is ready", body = ReadyView),
        (status = 503, description = "`{status: \"not ready\", …}`: it cannot, or not within READINESS_TIMEOUT", body = ReadyView),
    ))]
pub(crate) async fn ready(State(reads): State<Reads>) -> Response {
    let timestamp = time::text(reads.now());
    if connected(&reads).await {
        let body = ReadyView { status: "ready", database: "connected", timestamp, error: None };
        return Json(body).into_response();
    }
    let body = ReadyView { status: "not ready", database: "disconnected", timestamp, error: Some(NO_STORAGE) };
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// The same under its other name.
#[utoipa::path(get, path = "/api/health/ready", tag = "service",
    responses(
        (status = 200, description = "It is ready", body = ReadyView),
        (status = 503, description = "`{status: \"not ready\", …}`: it cannot, or not within READINESS_TIMEOUT", body = ReadyView),
    ))]
pub(crate) async fn api_ready(reads: State<Reads>) -> Response {
    ready(reads).await
}

/// Whether this instance is alive: it uses at most 90 % of the memory it has. Usage is 0 where that cannot be told.
#[utoipa::path(get, path = "/api/health/live", tag = "service",
    responses(
        (status = 200, description = "It is alive", body = LivenessView),
        (status = 503, description = "`{status: \"unhealthy\", …}`: more is in use", body = LivenessView),
    ))]
pub(crate) async fn api_live(State(reads): State<Reads>) -> Response {
    let (status, body) = liveness(memory::usage(&reads.environment), time::text(reads.now()));
    (status, Json(body)).into_response()
}

fn liveness(usage: u64, timestamp: String) -> (StatusCode, LivenessView) {
    if usage > memory::PERCENT_MAX {
        let error = format!("memory usage is {usage} %, more than {} %", memory::PERCENT_MAX);
        let body = LivenessView { status: "unhealthy", timestamp, memory: None, error: Some(error) };
        return (StatusCode::SERVICE_UNAVAILABLE, body);
    }
    let memory = Some(MemoryView { usage, unit: "percent" });
    (StatusCode::OK, LivenessView { status: "alive", timestamp, memory, error: None })
}

/// Whether the service answers, with the time.
#[utoipa::path(get, path = "/api/health", tag = "service",
    responses((status = 200, description = "It answers", body = UptimeView)))]
pub(crate) async fn api_health(State(reads): State<Reads>) -> Json<UptimeView> {
    let timestamp = Some(time::text(reads.now()));
    Json(UptimeView { status: "ok", version: VERSION, uptime: uptime_seconds(&reads), timestamp })
}

/// That this is the API, with its version. The text is the original's: its clients look for it.
#[utoipa::path(get, path = "/api", tag = "service",
    responses((status = 200, description = "It answers", body = VersionView)))]
pub(crate) async fn api() -> Json<VersionView> {
    Json(VersionView { status: "Codex API running", version: VERSION })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn more_than_nine_tenths_of_the_memory_is_unhealthy() {
        for (usage, expected) in [(0, 200), (90, 200), (91, 503), (120, 503)] {
            let (status, body) = liveness(usage, "2026-01-15T12:00:00.000Z".to_owned());
            let body = serde_json::to_value(body).unwrap();
            assert_eq!(status, expected, "{usage} %");
            assert_eq!(body["timestamp"], "2026-01-15T12:00:00.000Z");
            match expected {
                200 => assert_eq!(body["memory"], json!({"usage": usage, "unit": "percent"})),
                _ => assert_eq!((&body["status"], body["error"].is_string()), (&json!("unhealthy"), true)),
            }
        }
    }
}
