//! What a fault of storage comes to outside and inside: clients read a sentence, and the log has the cause.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signalbox::http::auth::{AUDIT_READ, CONNECTIONS_READ, CONNECTIONS_WRITE, DELIVERIES_WRITE, READ, WRITE};
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::logged::Logged;
use signalbox_tests::process::Process;
use signalbox_tests::wire::{Fault, Verdict, Wire};

/// Routes that answer without storage, and the metrics, which say that there is none in a sample.
const WITHOUT_STORAGE: [&str; 14] = [
    "delete /api/auth/session",
    "get /api",
    "get /api/admin/connections/providers",
    "get /api/auth/dev-mint",
    "get /api/auth/session",
    "get /api/health",
    "get /api/health/live",
    "get /healthz",
    "get /livez",
    "get /metrics",
    "get /openapi.json",
    "post /api/auth/dev-mint",
    "post /api/auth/session",
    // Its link is looked at first, and is none of ours.
    "post /api/digests/unsubscribe",
];

/// `get /path` of every route that is described.
fn routes(openapi: impl serde::Serialize) -> Vec<String> {
    let openapi = serde_json::to_value(openapi).unwrap();
    let paths = openapi["paths"].as_object().unwrap();
    let of = |(path, methods): (&String, &Value)| {
        methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// A process whose every call is refused by AWS.
async fn without_storage(hooks: &Hooks) -> Process {
    hooks.process(Wire::planned(|_| Verdict::Fail(Fault::Throttled))).await
}

/// The log says which call failed and how, under the answer's trace, and the answer says neither.
#[track_caller]
fn check(route: &str, reply: &Answer, logged: &Logged) {
    assert!(reply.status >= 500, "{route}: {} {}", reply.status, reply.text);
    let lines = logged.text();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let trace = &reply.headers["x-correlation-id"];
    let of_this = lines.iter().filter(|line| line["span"]["correlation_id"] == *trace);
    let mut causes = of_this.filter_map(|line| line["cause"].as_str().or(line["fault"].as_str()));
    let cause = causes.next().unwrap_or_else(|| panic!("{route}: no cause of {trace} in {lines:#?}"));
    let (operation, code) = cause.split_once(" failed: ").unwrap_or_else(|| panic!("{route}: {cause}"));
    assert!(code.ends_with("Exception"), "{route}: {cause}");
    for inside in [operation, code, "Exception"] {
        assert!(!reply.text.contains(inside), "{route}: {inside:?} in {}", reply.text);
    }
    logged.clear();
}

#[tokio::test]
async fn a_fault_of_storage_is_told_to_the_log_and_not_to_clients() {
    let logged = Logged::here();
    let hooks = Hooks::start().await;
    let process = without_storage(&hooks).await;
    let scopes = [READ, WRITE, DELIVERIES_WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE, AUDIT_READ];
    let token = hooks.token("default", &scopes);
    let reads = routes(signalbox_read_api::openapi()).into_iter().map(|route| ("read-api", route));
    let writes = routes(signalbox_sync_control::openapi()).into_iter().map(|route| ("sync-control", route));
    let mut answered = BTreeSet::new();
    for (function, route) in reads.chain(writes) {
        let (method, path) = route.split_once(' ').unwrap();
        // One of the configuration is refused without a look at the table.
        let path = path.replace("{slug}/credentials", "shop/credentials");
        let path = path.replace("{slug}", "moscot").replace("{runId}", "018ff1e2-0000-7000-8000-000000000000");
        let path = path.replace("replays/{id}", "replays/0123456789abcdef0123456789abcdef");
        let path = match path.strip_prefix("/api/brands/{id}") {
            Some(rest) => format!("/api/brands/moscot{rest}?tenantId=default"),
            None => path,
        };
        let path = path.replace("runs/{id}", "runs/018ff1e2-0000-7000-8000-000000000000");
        let path = path.replace("digests/{id}", "digests/018ff1e2-0000-7000-8000-000000000000");
        let path = path.replace("{id}", "4102488000000-5fea7756");
        let path = path.replace("{flag}", "FF_CATEGORY_MIRRORING");
        let path = path.replace("{tenant}/{provider}/{name}", "default/github/main");
        let path = path.replace("{tenant}", "default").replace("{provider}", "doorloop");
        // Whoever reaches all tenants names one.
        let path = path
            .replace("{brandId}", "north?tenantId=default")
            .replace("/sync/replay", "/sync/replay?tenantId=default");
        let body = match path.as_str() {
            "/api/admin/deliveries/verify" => json!({"id": "pos#1"}),
            "/api/sync/replay?tenantId=default" => json!({"type": "webhook"}),
            "/api/admin/replays" | "/api/sync/dead-letters/requeue" | "/api/catalog/moscot/sync" => json!({}),
            "/api/admin/connections/default/github/main" => json!({"settings": {}, "secrets": {"current": "a secret"}}),
            "/api/admin/connections/default/github/main/rotate" => json!({"secret": "another secret"}),
            "/api/catalog/vendor-sync/registry/shop/credentials" => json!({"credentials": {"apiKey": "a key"}}),
            "/api/admin/connections/default/github/main/breaker" => json!({"state": "open"}),
            "/api/admin/sync/run" => json!({"mode": "delta"}),
            "/api/admin/sync/dlq/requeue" => json!({"id": "4102488000000-5fea7756"}),
            "/api/admin/sync/scheduler" => json!({"enabled": false}),
            "/api/admin/flags/FF_CATEGORY_MIRRORING" => json!({"rollout": {"percentage": 25}}),
            path if path.starts_with("/api/admin/flags/") => json!({"value": true}),
            path if path.ends_with("/align") => json!({"googleCategoryId": "gcid:bakery"}),
            path if path.starts_with("/api/v1/tenants/") => json!({"name": "Food", "slug": "food"}),
            "/api/categories/mirror" => json!({"strategy": "platform_to_gbp"}),
            path if path.ends_with("/approve") => json!({"removalsMax": 1}),
            path if path.starts_with("/api/admin/sync/") => json!({}),
            path if path.ends_with("/teams/test") => json!({}),
            path if path.starts_with("/api/admin/connections/") => json!({}),
            path if path.starts_with("/api/brands/") => json!({"authCode": "code", "functionsToSync": ["orders"]}),
            _ => json!({"mode": "apply"}),
        };
        logged.clear();
        let reply = process.ask(function, &method.to_uppercase(), &path, &token, Some(body)).await.unwrap();
        if reply.status < 500 {
            assert!(!reply.text.contains("Exception"), "{route}: {}", reply.text);
            answered.insert(route);
        } else {
            check(&route, &reply, &logged);
        }
    }
    assert_eq!(answered.iter().map(String::as_str).collect::<Vec<_>>(), WITHOUT_STORAGE);
}

#[tokio::test]
async fn a_fault_of_storage_is_not_told_to_senders() {
    let logged = Logged::here();
    let hooks = Hooks::start().await;
    let process = without_storage(&hooks).await;
    let event = json!({"event_type": "x", "connection_id": "conn-1", "data": {"id": "1", "sku": "s", "updated_date": "2026-01-15"}});
    let mut deliveries = vec![Delivery::pos("t1", "{}"), Delivery::github("1", "{}")];
    let trackstar = ["", "/inventory", "/inbound-shipments", "/inbound-shipment-receipts"];
    deliveries.extend(trackstar.map(|route| Delivery::trackstar(route, &event)));
    assert_eq!(deliveries.len(), routes(signalbox_webhooks::openapi()).len());
    for delivery in deliveries {
        logged.clear();
        let reply = process.send(&delivery).await.unwrap();
        check(&delivery.path, &reply, &logged);
    }
}
