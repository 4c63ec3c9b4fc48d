//! How links to warehouses do, what failed and is done again, and who sees it.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, READ, WRITE};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

use super::dead_letters::{LIST, given_up};

const HEALTH: &str = "/api/sync/health";
const REPLAY: &str = "/api/sync/replay";
const MINUTE: Duration = Duration::from_secs(60);

/// A system with a link of each of two tenants, and one that is paused.
async fn linked() -> Hooks {
    let hooks = Hooks::start().await;
    for (link, settings) in [
        ("acme/trackstar/north", json!({"connectionId": "conn-1"})),
        ("acme/trackstar/south", json!({"connectionId": "conn-2", "cadenceMinutes": 60})),
        ("globex/trackstar/north", json!({"connectionId": "conn-3"})),
        ("acme/trackstar/old", json!({"connectionId": "conn-off"})),
    ] {
        hooks.pass(Duration::from_secs(1));
        operate(&hooks, "PUT", link, json!({"settings": settings})).await;
    }
    operate(&hooks, "POST", "acme/trackstar/old/pause", json!({})).await;
    hooks
}

async fn operate(hooks: &Hooks, method: &str, path: &str, body: Value) {
    let token = hooks.token("default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let answer = hooks.ask(method, &format!("/api/admin/connections/{path}"), Some(&token), Some(body)).await;
    assert!(answer.status < 300, "{path}: {}", answer.text);
}

/// A stock level of a link.
fn level(link: &str, sku: &str) -> Delivery {
    let data = json!({"id": "p", "sku": sku, "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    Delivery::trackstar("/inventory", &json!({"connection_id": link, "event_type": "inventory.updated", "data": data}))
}

async fn sent(hooks: &Hooks, link: &str, sku: &str) {
    assert_eq!(hooks.send(&level(link, sku)).await.status, 200);
    hooks.work(Queue::Webhooks).await;
}

async fn ask(hooks: &Hooks, token: &str, path: &str) -> Value {
    hooks.ask("GET", path, Some(token), None).await.expect(200)
}

/// `tenant/brand` of each link.
fn names(health: &Value) -> Vec<String> {
    let links = health["integrations"].as_array().unwrap().iter();
    let mut names: Vec<String> = links.map(name).collect();
    names.sort();
    names
}

fn name(link: &Value) -> String {
    format!("{}/{}", link["tenantId"].as_str().unwrap(), link["brandId"].as_str().unwrap())
}

#[tokio::test]
async fn a_link_is_as_healthy_as_its_thresholds_say_and_says_which() {
    let hooks = linked().await;
    let token = hooks.user_token("THREEPL_USER", &["acme"], &[]);
    for link in ["conn-1", "conn-2"] {
        sent(&hooks, link, "A").await;
    }
    let now = async |passed: Duration, brand: &str| {
        hooks.pass(passed);
        let health = ask(&hooks, &token, HEALTH).await;
        let links = health["integrations"].as_array().unwrap();
        let link = links.iter().find(|link| link["brandId"] == brand).unwrap();
        let measures = link["reasons"].as_array().unwrap().iter().map(|reason| reason["measure"].as_str().unwrap());
        (link["status"].as_str().unwrap().to_owned(), measures.collect::<Vec<_>>().join(" "), link["idle"].as_bool())
    };
    let is = |status: &str, measures: &str, idle| (status.to_owned(), measures.to_owned(), Some(idle));
    assert_eq!(now(2 * MINUTE, "north").await, is("healthy", "", false));
    assert_eq!(now(MINUTE, "north").await, is("degraded", "webhookLag", false));
    assert_eq!(now(8 * MINUTE, "north").await, is("unhealthy", "webhookLag", false));
    // A cadence of its own is in the place of the thresholds.
    assert_eq!(now(49 * MINUTE, "south").await, is("healthy", "", false));
    assert_eq!(now(MINUTE, "south").await, is("degraded", "webhookLag", false));
    assert_eq!(now(24 * 60 * MINUTE, "north").await, is("healthy", "", true));

    let health = ask(&hooks, &token, HEALTH).await;
    assert_eq!(health["aggregate"]["totalIntegrations"], 2);
    assert_eq!(health["aggregate"]["circuitBreakerStats"]["trackstar-api"]["state"], "closed");
    let link = &health["integrations"][0];
    assert_eq!((&link["queueStats"]["webhookQueue"]["waiting"], &link["syncLagMs"]), (&json!(0), &Value::Null));
    assert_eq!(link["connectionId"], "conn-2", "the last changed is first");
    assert_eq!(link["config"]["thresholds"]["webhookLag"]["degraded"], 3_600_000.0);
}

#[tokio::test]
async fn one_of_two_that_fails_is_half_of_them() {
    let hooks = linked().await;
    sent(&hooks, "conn-1", "A").await;
    assert_eq!(hooks.send(&level("conn-1", "B")).await.status, 200);
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    let messages = hooks.receive(Queue::Webhooks).await;
    let failed = broken.handle(Queue::Webhooks, &messages).await.unwrap();
    hooks.finish(Queue::Webhooks, &messages, &failed).await;
    let token = hooks.user_token("BRAND_USER", &["acme"], &["north"]);
    let link = ask(&hooks, &token, HEALTH).await["integrations"][0].clone();
    assert_eq!(
        (&link["errorRate"], &link["recentFailures"], &link["recentSuccesses"]),
        (&json!(50.0), &json!(1), &json!(1))
    );
    assert_eq!((&link["status"], &link["reasons"][0]["measure"]), (&json!("unhealthy"), &json!("errorRate")));
    assert_eq!(link["processing"]["buckets"][0], json!({"upToMs": 100, "count": 1}));
    // It waits for another attempt, which goes well.
    hooks.pass_until_due(Queue::Webhooks);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert_eq!(ask(&hooks, &token, HEALTH).await["integrations"][0]["recentFailures"], 0);
}

#[tokio::test]
async fn who_sees_which_links() {
    let hooks = linked().await;
    let (acme, all) = (["acme/north", "acme/south"], ["acme/north", "acme/south", "globex/north"]);
    let user = |role: &str, tenants: &[&str], brands: &[&str]| hooks.user_token(role, tenants, brands);
    for (token, path, expected) in [
        (user("SUPER_ADMIN", &[], &[]), HEALTH, &all[..]),
        (user("SUPER_ADMIN", &[], &[]), "/api/sync/health?tenantId=globex", &all[2..]),
        (user("THREEPL_ADMIN", &["acme"], &[]), HEALTH, &acme),
        (user("THREEPL_USER", &["acme"], &[]), HEALTH, &acme),
        (user("BRAND_ADMIN", &["acme"], &["south"]), HEALTH, &acme[1..]),
        (hooks.token("default", &[READ]), HEALTH, &all),
        (hooks.token("globex", &[READ]), HEALTH, &all[2..]),
    ] {
        assert_eq!(names(&ask(&hooks, &token, path).await), expected, "{path}");
    }
    let page = ask(&hooks, &user("SUPER_ADMIN", &[], &[]), "/api/sync/health?limit=2").await;
    let next = format!("{HEALTH}?limit=2&cursor={}", page["nextCursor"].as_str().unwrap());
    let rest = ask(&hooks, &user("SUPER_ADMIN", &[], &[]), &next).await;
    assert_eq!((names(&page).len() + names(&rest).len(), &rest["hasMore"]), (3, &json!(false)));
    assert_eq!(names(&page), ["acme/south", "globex/north"], "the last changed of all");
    for page in [page, rest] {
        assert_eq!(page["aggregate"]["totalIntegrations"], 3, "all are counted on each page");
    }
    // The link at the cursor is gone meanwhile: the rest begins where it was.
    operate(&hooks, "POST", "acme/trackstar/south/pause", json!({})).await;
    assert_eq!(names(&ask(&hooks, &user("SUPER_ADMIN", &[], &[]), &next).await), ["acme/north"]);
    for (token, path, expected) in [
        (None, REPLAY, (401, "Access token required")),
        (Some("word".to_owned()), HEALTH, (401, "Invalid token")),
        (
            Some(user("THREEPL_ADMIN", &["acme"], &[])),
            "/api/sync/health?tenantId=globex",
            (403, "Insufficient permissions"),
        ),
        (Some(user("THREEPL_USER", &["acme"], &[])), REPLAY, (403, "Insufficient permissions")),
        (Some(hooks.token("default", &[WRITE])), HEALTH, (403, "Insufficient permissions")),
        (
            Some(hooks.token("globex", &[READ])),
            "/api/sync/health?cursor=acme/trackstar/north",
            (400, "Invalid request"),
        ),
        (Some(hooks.token("globex", &[READ])), "/api/sync/health?limit=201", (400, "Invalid request")),
        (Some(user("BRAND_USER", &["acme"], &["south"])), "/api/sync/lag/north", (403, "Access denied")),
        (Some(user("THREEPL_USER", &["acme"], &[])), "/api/sync/lag/west", (404, "Brand not found")),
        (Some(user("THREEPL_USER", &["acme"], &[])), "/api/sync/lag/north?tenantId=globex", (403, "Access denied")),
        (Some(hooks.token("globex", &[READ])), "/api/sync/lag/south?tenantId=acme", (403, "Access denied")),
        (Some(hooks.token("acme", &[WRITE])), "/api/sync/lag/north", (403, "Insufficient permissions")),
        (
            Some(hooks.token("default", &[READ])),
            "/api/sync/lag/moscot?tenantId=default",
            (404, "Trackstar integration not found"),
        ),
        (
            Some(hooks.token("default", &[READ])),
            "/api/sync/lag/north?tenantId=acme&tenant=globex",
            (400, "Invalid request"),
        ),
        (Some(user("SUPER_ADMIN", &[], &[])), "/api/sync/lag/north", (400, "Invalid request")),
    ] {
        let (method, body) = if path == REPLAY { ("POST", Some(json!({"type": "webhook"}))) } else { ("GET", None) };
        let answer = hooks.ask(method, path, token.as_deref(), body).await;
        assert_eq!((answer.status, answer.body["error"].as_str().unwrap()), expected, "{path}: {}", answer.text);
        assert!(answer.body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", answer.text);
    }
}

#[tokio::test]
async fn lag_is_exact_from_receipt_to_effect() {
    let hooks = linked().await;
    for (sku, seconds) in [("A", 5), ("B", 10)] {
        assert_eq!(hooks.send(&level("conn-1", sku)).await.status, 200);
        hooks.pass(Duration::from_secs(seconds));
        hooks.work(Queue::Webhooks).await;
    }
    sent(&hooks, "conn-2", "A").await;
    let token = hooks.user_token("SUPER_ADMIN", &[], &[]);
    let lag = ask(&hooks, &token, "/api/sync/lag/north?tenantId=acme").await;
    assert_eq!((&lag["brandId"], &lag["integrationStatus"]), (&json!("north"), &json!("active")));
    let lag = &lag["lag"];
    let expected = json!({"count": 2, "avgMs": 7500, "p50Ms": 5000, "p95Ms": 10_000, "p99Ms": 10_000, "maxMs": 10_000, "complete": true});
    assert_eq!(lag["processingLag"], expected);
    assert_eq!(lag["webhookLag"]["lagMs"], 10_000);
    assert_eq!(
        lag["recentActivity"]["last24h"],
        json!({"webhooksReceived": 2, "webhooksProcessed": 2, "webhooksFailed": 0})
    );
    hooks.pass(26 * 60 * MINUTE);
    let lag = ask(&hooks, &token, "/api/sync/lag/north?tenantId=acme").await;
    assert_eq!(lag["lag"]["processingLag"]["count"], 0);
    assert_eq!(lag["lag"]["processingLag"]["p95Ms"], Value::Null);
    assert_eq!(lag["lag"]["recentActivity"]["last24h"]["webhooksReceived"], 0);
}

#[tokio::test]
async fn what_failed_is_replayed_once_and_on_the_record() {
    let hooks = linked().await;
    given_up(&hooks, &[level("conn-1", "A"), level("conn-2", "B"), level("conn-3", "C")]).await;
    let admin = hooks.user_token("THREEPL_ADMIN", &["acme"], &[]);
    let replay = async |body: Value| hooks.ask("POST", REPLAY, Some(&admin), Some(body)).await;
    let dry = replay(json!({"type": "webhook", "dryRun": true})).await.expect(200);
    assert_eq!((&dry["action"], &dry["eventsFound"]), (&json!("dry_run"), &json!(2)));
    let event = &dry["events"][0];
    assert_eq!((&event["eventType"], &event["tenantId"]), (&json!("inventory.updated"), &json!("acme")));
    assert!(hooks.receive(Queue::Webhooks).await.is_empty());

    for (body, expected) in [
        (json!({"type": "webhook", "brandId": "west", "dryRun": true}), 0),
        (json!({"type": "webhook", "brandId": "south", "dryRun": true}), 1),
        (json!({"type": "webhook", "eventIds": [event["eventId"]], "dryRun": true}), 1),
        (json!({"type": "webhook", "eventIds": [], "dryRun": true}), 0),
    ] {
        assert_eq!(replay(body.clone()).await.expect(200)["eventsFound"], expected, "{body}");
    }
    for body in [
        json!({}),
        json!({"type": "all"}),
        json!({"type": "webhook", "maxAge": 0}),
        json!({"type": "webhook", "maxAge": 169}),
        json!({"type": "webhook", "dryrun": true}),
        json!({"type": "webhook", "eventIds": "x"}),
        json!({"type": "webhook", "eventIds": vec!["x"; 101]}),
        json!({"type": "webhook", "brandId": "a/b"}),
        json!({"type": "sync", "brandId": "north"}),
    ] {
        let answer = replay(body.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!("Invalid request")), "{body}");
    }
    assert_eq!(replay(json!({"type": "sync", "brandId": "west"})).await.status, 404);
    assert_eq!(replay(json!({"type": "sync", "dryRun": true})).await.expect(200)["brandsFound"], 0);

    let done = replay(json!({"type": "webhook"})).await.expect(200);
    assert_eq!(done, json!({"action": "replay", "type": "webhook", "eventsFound": 2, "eventsQueued": 2}));
    assert_eq!(hooks.work(Queue::Webhooks).await, 2);
    let again = replay(json!({"type": "webhook"})).await.expect(200);
    assert_eq!((&again["eventsFound"], &again["eventsQueued"]), (&json!(0), &json!(0)));
    let left = hooks.ask("GET", LIST, Some(&hooks.operator("globex")), None).await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1, "another tenant's stays");
    let record = ask(&hooks, &admin, "/api/admin/audit?action=sync,dead_letter&actor=maja").await;
    let actions: Vec<&str> =
        record["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "sync.replay").count(), 2);
    assert_eq!(actions.iter().filter(|action| **action == "dead_letter.requeue").count(), 2);
}

#[tokio::test]
async fn a_sync_is_replayed_by_a_run_of_the_brand_s_catalogue() {
    let hooks = linked().await;
    let admin = hooks.token("default", &[WRITE]);
    let replay = async |dry: bool| {
        let body = json!({"type": "sync", "brandId": "moscot", "dryRun": dry});
        hooks.ask("POST", "/api/sync/replay?tenantId=default", Some(&admin), Some(body)).await.expect(200)
    };
    assert_eq!(replay(true).await["brands"][0]["brandId"], "moscot");
    let done = replay(false).await;
    assert_eq!((&done["brandsFound"], &done["syncTriggered"]), (&json!(1), &json!(1)));
    // It is not over: nobody has worked on it.
    assert_eq!(replay(false).await["syncTriggered"], 0);
}

#[tokio::test]
async fn the_overview_shows_first_what_needs_attention() {
    let hooks = linked().await;
    sent(&hooks, "conn-1", "A").await;
    given_up(&hooks, &[level("conn-3", "C"), Delivery::pos("default", b"{}")]).await;
    let catalogue = json!({"settings": {"source": "missing.json"}, "schedule": {"every": 60}});
    operate(&hooks, "PUT", "default/catalogue/shop", catalogue).await;
    let token = hooks.token("default", &[READ, WRITE]);
    let sync = "/api/catalog/vendor-sync/shop/sync";
    assert_eq!(hooks.ask("POST", sync, Some(&token), Some(json!({"dryRun": false}))).await.status, 500);

    let page = ask(&hooks, &token, "/api/admin/overview").await;
    let items = page["items"].as_array().unwrap();
    let shown = |item: &Value| format!("{} {}", item["connection"].as_str().unwrap(), item["attention"][0]["kind"]);
    assert_eq!(items.len(), 5);
    let mut first: Vec<String> = items[..2].iter().map(shown).collect();
    first.sort();
    assert_eq!(first, ["default/catalogue/shop \"failed_run\"", "globex/trackstar/north \"dead_letters\""]);
    assert!(items[2..].iter().all(|item| item["attention"] == json!([])));
    let shop = items.iter().find(|item| item["name"] == "shop").unwrap();
    assert_eq!((&shop["status"], &shop["reasons"][0]["measure"]), (&json!("unhealthy"), &json!("lastRun")));
    assert!(shop["nextDueAt"].is_string() && shop["lastSuccessAt"].is_null());
    assert_eq!((&shop["hours"], &shop["attention"][0]["count"]), (&json!([]), &json!(1)));
    let link = shop["attention"][0]["link"].as_str().unwrap();
    assert_eq!(ask(&hooks, &token, link).await["data"]["items"][0]["status"], "error");

    // Of all connections, whichever the page is of, and what was refused beside them.
    assert_eq!(hooks.send(&level("conn-2", "D").header("x-trackstar-signature", &"0".repeat(64))).await.status, 401);
    let matters = async |token: &str, query: &str| {
        let page = ask(&hooks, token, &format!("/api/admin/overview?{query}")).await;
        let of = |one: &Value| format!("{} {} {}", one["kind"].as_str().unwrap(), one["connection"], one["count"]);
        page["attention"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let found = matters(&token, "limit=1&cursor=acme/trackstar/south").await;
    assert!(found[0].starts_with("rejected "), "the newest is first: {found:?}");
    // A point of sale needs no connection of its own.
    let others = [
        "failed_run \"default/catalogue/shop\" 1",
        "dead_letters \"default/pos/demo\" 1",
        "dead_letters \"globex/trackstar/north\" 1",
    ];
    assert_eq!(found[1..], others);
    assert_eq!(matters(&token, "tenant=globex").await, others[2..]);
    assert_eq!(matters(&hooks.user_token("THREEPL_USER", &["acme"], &[]), "").await, [""; 0]);
    assert_eq!(matters(&hooks.user_token("BRAND_USER", &["globex"], &["south"]), "").await, [""; 0]);

    // A dry run says nothing of it, and an apply that goes well ends it.
    let ends = async |source: &str, dry: bool| {
        operate(&hooks, "PUT", "default/catalogue/shop", json!({"settings": {"source": source}})).await;
        hooks.pass(Duration::from_secs(30));
        let answer = hooks.ask("POST", sync, Some(&token), Some(json!({"dryRun": dry}))).await;
        (answer.status, matters(&token, "").await.contains(&others[0].to_owned()))
    };
    assert_eq!(ends("moscot.catalog.json", true).await, (200, true));
    assert_eq!(ends("moscot.catalog.json", false).await, (200, false));
    assert_eq!(ends("missing.json", true).await, (500, false));
    assert_eq!(ends("missing.json", false).await, (500, true));
    operate(&hooks, "DELETE", "default/catalogue/shop", Value::Null).await;
    assert_eq!(matters(&token, "").await[1..], others[1..], "one that is gone is nobody's matter");
    hooks.pass(Duration::from_secs(1));
    operate(&hooks, "PUT", "default/catalogue/shop", json!({"settings": {"source": "missing.json"}})).await;
    assert_eq!(matters(&token, "").await[1..], others[1..], "nor is it that of one that is made again");
    operate(&hooks, "DELETE", "default/catalogue/shop", Value::Null).await;

    let own = ask(&hooks, &hooks.user_token("BRAND_USER", &["acme"], &["north"]), "/api/admin/overview").await;
    let items = own["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["connection"]), (1, &json!("acme/trackstar/north")));
    assert!(items[0]["lastSuccessAt"].is_string());
    let came: Vec<u64> =
        items[0]["hours"].as_array().unwrap().iter().map(|hour| hour["webhooks"].as_u64().unwrap()).collect();
    assert_eq!((came.len(), came.iter().sum::<u64>()), (24, 1));
    let first = ask(&hooks, &token, "/api/admin/overview?limit=3").await;
    let next = format!("/api/admin/overview?limit=3&cursor={}", first["nextCursor"].as_str().unwrap());
    assert_eq!(ask(&hooks, &token, &next).await["items"].as_array().unwrap().len(), 1);
}

/// All points of sale have one ring.
#[tokio::test]
async fn refusals_of_others_hide_none_and_are_told_apart() {
    let hooks = Hooks::start().await;
    let conflicts = async |tenant: &str, count: usize| {
        let named = |body: String| Delivery::pos(tenant, body).header("idempotency-key", "k");
        assert_eq!(hooks.send(&named("{}".to_owned())).await.status, 201);
        for number in 0..count {
            hooks.pass(MINUTE);
            assert_eq!(hooks.send(&named(format!("[{number}]"))).await.status, 409);
        }
    };
    conflicts("acme", 2).await;
    conflicts("bolt", 12).await;
    let matters = async |token: &str| {
        let page = ask(&hooks, token, "/api/admin/overview").await;
        let of = |one: &Value| format!("{} {} {}", one["connection"].as_str().unwrap(), one["count"], one["more"]);
        let shown: Vec<String> = page["attention"].as_array().unwrap().iter().map(of).collect();
        (shown, page["moreAttention"].as_bool().unwrap())
    };
    let is = |shown: &[&str], more| (shown.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), more);
    let user = |tenant: &str, brand: &str| hooks.user_token("BRAND_USER", &[tenant], &[brand]);
    let acme = is(&["acme/pos/demo 2 false"], false);
    assert_eq!(matters(&hooks.user_token("THREEPL_USER", &["acme"], &[])).await, acme);
    assert_eq!(matters(&user("acme", "demo")).await, acme);
    assert_eq!(matters(&user("acme", "other")).await, is(&[], false));
    assert_eq!(matters(&hooks.token("default", &[READ])).await, is(&["bolt/pos/demo 10 true"], true));
    conflicts("core", 1).await;
    let apart = is(&["core/pos/demo 1 true", "bolt/pos/demo 9 true"], true);
    assert_eq!(matters(&hooks.token("default", &[READ])).await, apart);
}
