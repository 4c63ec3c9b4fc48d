//! Health probes and metrics.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signalbox_tests::deliveries::Delivery;
use signalbox_tests::hooks::{Hooks, Queue};
use signalbox_tests::wire::{Call, Fault, Verdict, Wire};

/// The names of the original and their types.
const NAMES: [(&str, &str); 12] = [
    ("ingest_latency_seconds", "histogram"),
    ("ingest_dedup_total", "counter"),
    ("http_request_duration_seconds", "histogram"),
    ("http_requests_total", "counter"),
    ("build_info", "gauge"),
    ("retry_attempts_total", "counter"),
    ("sync_operations_total", "counter"),
    ("database_query_duration_seconds", "histogram"),
    ("active_connections", "gauge"),
    ("background_jobs_total", "counter"),
    ("db_connection_status", "gauge"),
    ("api_request_latency_seconds", "histogram"),
];

async fn get(hooks: &Hooks, path: &str) -> Value {
    hooks.ask("GET", path, None, None).await.expect(200)
}

#[tokio::test]
async fn each_probe_says_what_its_clients_look_for() {
    let hooks = Hooks::start().await;
    let version = env!("CARGO_PKG_VERSION");
    let now = "2100-01-01T12:00:00.000Z";
    let first = get(&hooks, "/healthz").await;
    assert_eq!((&first["status"], &first["version"]), (&json!("ok"), &json!(version)));
    assert!(first["uptime"].is_number());
    assert_eq!(get(&hooks, "/livez").await, json!({"status": "ok"}));
    let started = get(&hooks, "/startupz").await;
    let checks = json!({"db": "connected", "supabase": "connected", "database_url": "configured"});
    assert_eq!((&started["status"], &started["phase"], &started["checks"]), (&json!("ok"), &json!("startup"), &checks));
    let ready = json!({"status": "ready", "database": "connected", "timestamp": now});
    assert_eq!(get(&hooks, "/health/ready").await, ready);
    assert_eq!(get(&hooks, "/api/health/ready").await, ready);
    let live = get(&hooks, "/api/health/live").await;
    assert_eq!(
        (&live["status"], &live["timestamp"], &live["memory"]["unit"]),
        (&json!("alive"), &json!(now), &json!("percent"))
    );
    assert!(live["memory"]["usage"].is_u64());
    let health = get(&hooks, "/api/health").await;
    assert_eq!(
        (&health["status"], &health["timestamp"], &health["version"]),
        (&json!("ok"), &json!(now), &json!(version))
    );
    assert!(health["uptime"].is_number());
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let hooks = Hooks::start().await;
    let replies = [
        hooks.ask("GET", "/healthz", None, None).await,
        hooks.ask("DELETE", "/api/sync/dead-letters/1", None, None).await,
        hooks.send(&Delivery::pos("t1", "{}")).await,
        hooks.send(&Delivery::unsigned("/pos/demo/ingest", "{}")).await,
    ];
    for reply in replies {
        let header = |name: &str| reply.headers[name].as_str();
        let found = ["x-frame-options", "x-content-type-options", "x-xss-protection"].map(header);
        assert_eq!(found, ["DENY", "nosniff", "1; mode=block"]);
    }
}

#[tokio::test]
async fn without_storage_it_is_not_ready_but_alive() {
    let hooks = Hooks::start().await;
    let cut = |_: &Call| Verdict::Fail(Fault::Unreachable);
    let process = hooks.instance(Wire::planned(cut)).await;
    let ask = async |path: &str| process.ask("read-api", "GET", path, "", None).await.unwrap();
    for path in ["/health/ready", "/api/health/ready"] {
        let answer = ask(path).await.expect(503);
        assert_eq!((&answer["status"], &answer["database"]), (&json!("not ready"), &json!("disconnected")));
        assert!(answer["error"].is_string() && answer["timestamp"].is_string());
    }
    let answer = ask("/startupz").await.expect(503);
    assert_eq!((&answer["status"], &answer["checks"]["db"]), (&json!("fail"), &json!("disconnected")));
    for path in ["/healthz", "/livez", "/api/health", "/api/health/live"] {
        assert_eq!(ask(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_metric_has_its_help_once_and_its_samples_no_tenant() {
    let hooks = Hooks::start().await;
    // Two instances: what one has counted says nothing about the other.
    for round in 0..2 {
        let process = hooks.instance(Wire::whole()).await;
        let sale = Delivery::pos("t1", format!("{{\"n\":{round}}}"));
        process.send(&sale).await.unwrap();
        process.send(&sale).await.unwrap();
        hooks.pass(std::time::Duration::from_secs(11));
        process.send(&sale.clone().header("x-webhook-signature", &"0".repeat(64))).await.unwrap();
    }
    hooks.work(Queue::Webhooks).await;
    let reply = hooks.ask("GET", "/metrics", None, None).await;
    assert_eq!(reply.status, 200);
    assert!(reply.headers["content-type"].starts_with("text/plain"));
    let lines: Vec<&str> = reply.text.lines().collect();
    for (name, kind) in NAMES {
        let helps = lines.iter().filter(|line| line.starts_with(&format!("# HELP {name} "))).count();
        let types = lines.iter().filter(|line| **line == format!("# TYPE {name} {kind}")).count();
        assert_eq!((helps, types), (1, 1), "{name}");
    }
    let described: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(described.len(), described.iter().collect::<BTreeSet<_>>().len(), "described twice");
    let samples: Vec<&&str> = lines.iter().filter(|line| !line.starts_with('#')).collect();
    for sample in &samples {
        let name = sample.split(['{', ' ']).next().unwrap();
        assert!(described.contains(&name), "{sample} has no type");
        assert!(!sample.contains("tenant") && !sample.contains("t1"), "{sample}");
        assert!(sample.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok(), "{sample}");
    }
    for expected in [
        "ingest_dedup_total{source=\"pos\"} 2",
        "ingest_rejected_total{source=\"pos\",reason=\"bad_signature\"} 2",
        "db_connection_status 1",
    ] {
        assert!(samples.iter().any(|sample| **sample == expected), "{expected}: {samples:?}");
    }
}

#[tokio::test]
async fn a_deployed_metrics_page_asks_for_a_token() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    assert_eq!(hooks.ask("GET", "/metrics", None, None).await.status, 401);
    assert_eq!(hooks.ask("GET", "/metrics", Some(&hooks.operator("default")), None).await.status, 200);
    assert_eq!(hooks.ask("GET", "/healthz", None, None).await.status, 200);
}
