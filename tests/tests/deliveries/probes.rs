//! Health probes.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::outside::Outside;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::wire::{Fault, Verdict, Wire, any};

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
    assert_eq!(get(&hooks, "/api").await, json!({"status": "Codex API running", "version": version}));
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
    let process = hooks.process(Wire::when(any(), Verdict::Fail(Fault::Unreachable))).await;
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

/// Whoever asks gives up long before the SDK does.
#[tokio::test]
async fn storage_that_keeps_it_waiting_is_not_connected() {
    let hooks = Hooks::start().await;
    let process = hooks.process_with(Wire::when(any(), Verdict::Hold), &[("READINESS_TIMEOUT", "100")]).await;
    let ask = async |path: &str| {
        let asked = process.ask("read-api", "GET", path, "", None);
        // The SDK's own timeouts never strike here: what waits for them waits for ever.
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("an answer").unwrap().expect(503)
    };
    for path in ["/health/ready", "/api/health/ready"] {
        let answer = ask(path).await;
        assert_eq!((&answer["status"], &answer["database"]), (&json!("not ready"), &json!("disconnected")));
        assert_eq!(answer["error"], "storage does not answer; try again later");
    }
    assert_eq!(ask("/startupz").await["checks"]["db"], "disconnected");
}

#[tokio::test]
async fn a_readiness_timeout_that_makes_no_sense_is_refused_at_the_start() {
    let hooks = Hooks::start().await;
    for (timeout, usable) in
        [("", true), ("100", true), ("15000", true), ("0", false), ("99", false), ("15001", false), ("5s", false)]
    {
        let mut environment = hooks.environment("read-api");
        environment.extend([("READINESS_TIMEOUT".to_owned(), timeout.to_owned())]);
        let built = signalbox_read_api::build(&environment, &Outside::default()).await;
        match built.err().map(|error| error.to_string()) {
            None => assert!(usable, "{timeout}"),
            Some(error) => {
                assert!(!usable && error.starts_with("READINESS_TIMEOUT is not usable"), "{timeout}: {error}")
            }
        }
    }
}

/// What an instance was doing before it was first asked is its time too.
#[tokio::test]
async fn the_uptime_counts_from_the_start() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    hooks.pass(Duration::from_secs(90));
    for path in ["/healthz", "/startupz", "/api/health"] {
        let answer = process.ask("read-api", "GET", path, "", None).await.unwrap().expect(200);
        assert_eq!(answer["uptime"], json!(90.0), "{path}");
    }
}
