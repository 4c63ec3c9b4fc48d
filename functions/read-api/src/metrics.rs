//! `GET /metrics`: the fleet's counters as Prometheus text (exposition format 0.0.4).
//!
//! One instance's memory says nothing about the fleet, so every sample comes from durable counters. A name without such a
//! counter still has its HELP and TYPE, for the gates that look for them. No label names a tenant: there may be thousands.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};

use crate::Reads;

/// Name, type, help.
const METRICS: [(&str, &str, &str); 13] = [
    ("build_info", "gauge", "Always 1, with the version"),
    ("ingest_dedup_total", "counter", "Deliveries seen before, by source"),
    ("ingest_latency_seconds", "histogram", "Time to take a delivery in"),
    ("ingest_rejected_total", "counter", "Deliveries not let in, by source and reason"),
    ("http_request_duration_seconds", "histogram", "Time to answer; see the access log and CloudWatch"),
    ("http_requests_total", "counter", "Requests answered; see the access log and CloudWatch"),
    ("retry_attempts_total", "counter", "Calls tried again"),
    ("sync_operations_total", "counter", "Runs over, by status; see CloudWatch"),
    ("database_query_duration_seconds", "histogram", "Time of a storage call; see CloudWatch"),
    ("active_connections", "gauge", "Open connections; the gateway's, see CloudWatch"),
    ("background_jobs_total", "counter", "Background jobs, by type and status; see CloudWatch"),
    ("db_connection_status", "gauge", "1 when storage can be read"),
    ("api_request_latency_seconds", "histogram", "Time to answer, by route; see CloudWatch"),
];

/// The fleet's counters as Prometheus text. Outside local mode it needs a token that may read.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses(
        (status = 200, description = "Prometheus text, 0.0.4", body = String, content_type = "text/plain"),
        (status = 401, description = "missing_token, invalid_token"),
        (status = 500, description = "internal_error"),
    ),
    security((), ("service" = []), ("session" = [])),
)]
pub(crate) async fn metrics(State(reads): State<Reads>, headers: HeaderMap) -> Result<Response, Problem> {
    reads.reader(&headers)?;
    let counts =
        reads.engine.aws.fleet_counts().await.map_err(|fault| Problem::new(INTERNAL_ERROR, fault.to_string()))?;
    let mut samples: BTreeMap<&str, Vec<(String, u64)>> = BTreeMap::new();
    samples.insert("build_info", vec![(format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1)]);
    samples.insert("db_connection_status", vec![(String::new(), 1)]);
    for (_, name, count) in counts {
        let parts: Vec<&str> = name.split('|').collect();
        let (metric, labels) = match parts.as_slice() {
            ["duplicate", source] => ("ingest_dedup_total", format!("{{source=\"{}\"}}", plain(source))),
            ["rejected", source, reason] => {
                let labels = format!("{{source=\"{}\",reason=\"{}\"}}", plain(source), plain(reason));
                ("ingest_rejected_total", labels)
            }
            _ => continue,
        };
        samples.entry(metric).or_default().push((labels, count));
    }
    let mut text = String::new();
    for (name, kind, help) in METRICS {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, count) in samples.get(name).into_iter().flatten() {
            let _infallible = writeln!(text, "{name}{labels} {count}");
        }
    }
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Label values are our own names; whatever else got in must not break the format.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, '"' | '\\' | '\n')).collect()
}
