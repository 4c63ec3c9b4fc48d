//! The control centre's routes: who may ask, whether a vendor answers, what a page of it looks like, and how its syncs do.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, READ};
use signalbox_simulators::{Fault, FaultKind, Running, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, change, fault, vendor};

const ADMIN: &str = "admin-token-admin-token-admin-tok";
const STATUS: &str = "/api/admin/sync/status";
const RUNS: &str = "/api/admin/sync/runs";
const DOORLOOP: &str = "/api/admin/integrations/doorloop";

fn token(system: &System, tenant: &str) -> String {
    system.service_token("operator", tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE])
}

async fn get(pulled: &Pulled<'_>, path: &str) -> Answer {
    let system = pulled.world.system;
    system.get(path).bearer(&token(system, &pulled.world.tenant)).answer().await
}

async fn doorloop(pulled: &Pulled<'_>, path: &str) -> Answer {
    get(pulled, &format!("{DOORLOOP}/{path}")).await
}

/// Another connection of the same tenant.
async fn put(pulled: &Pulled<'_>, name: &str, vendor: &Running, settings: Value, key: &str) {
    let mut all = json!({"baseUrl": vendor.base_url()});
    settings.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
    let system = pulled.world.system;
    let path = format!("/api/admin/connections/{}/doorloop/{name}", pulled.world.tenant);
    let put = system.request("PUT", &path).bearer(&token(system, "default"));
    put.body(json!({"settings": all, "secrets": {"current": key}}).to_string()).answer().await.expect(201);
}

#[tokio::test]
async fn administrators_are_let_in_others_refused_and_two_routes_are_open() {
    let settings = [("STAGE", "production"), ("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret")];
    let system = System::with(Settings::default().with(&settings).with(&[("ADMIN_SYNC_TOKEN", ADMIN)])).await;
    let reader = system.service_token("ada", "default", &[READ]);
    let user = system.user_token("THREEPL_USER", &["acme"], &[]);
    let administrator = system.user_token("THREEPL_ADMIN", &["acme"], &[]);
    for (method, path, found) in [
        ("GET", "/api/admin/integrations/doorloop/ping", 404),
        ("GET", "/api/admin/integrations/doorloop/check", 404),
        ("GET", "/api/admin/integrations/doorloop/preview", 404),
        ("POST", "/api/admin/integrations/doorloop/circuit-breaker/reset", 404),
        ("GET", "/api/admin/integrations/doorloop/config", 200),
        ("GET", "/api/admin/integrations/config", 200),
        ("GET", "/api/admin/integrations/sync/runs", 404),
        ("GET", "/api/admin/integrations/doorloop/sync/runs", 404),
        ("GET", RUNS, 404),
        ("GET", STATUS, 404),
    ] {
        let ask = || system.request(method, path);
        for unknown in [ask(), ask().header("x-admin-token", "another"), ask().bearer("another")] {
            assert_eq!(unknown.answer().await.problem(), (401, "unauthorized"), "{method} {path}");
        }
        for refused in [ask().bearer(&reader), ask().bearer(&user)] {
            assert_eq!(refused.answer().await.problem(), (403, "forbidden"), "{method} {path}");
        }
        for known in [ask().header("x-admin-token", ADMIN), ask().bearer(ADMIN), ask().bearer(&administrator)] {
            let answer = known.answer().await;
            assert_eq!(answer.status, found, "{method} {path}: {}", answer.text);
            assert!(
                found == 200 || answer.body["hint"].as_str().unwrap().contains("/doorloop/main"),
                "{}",
                answer.text
            );
        }
        let path = path.replace("doorloop", "catalogue");
        let ask = system.request(method, &path).bearer(ADMIN).answer().await;
        assert!(!path.contains("catalogue") || ask.status == 404, "{path}: {}", ask.text);
    }
    let config = system.get("/api/admin/integrations/doorloop/config").bearer(ADMIN).answer().await.expect(200);
    assert_eq!((&config["hasAdminToken"], &config["integration"]), (&json!(true), &Value::Null));
    let open = system.get("/api/config/integrations").answer().await.expect(200);
    assert_eq!(open, json!({"integrations": {"doorloop": false, "trackstar": false, "teams": false}}));
    let health = system.get("/api/health/sync").answer().await.expect(200);
    assert_eq!((&health["enabled"], &health["status"]["status"]), (&json!(false), &json!("never_run")));
}

#[tokio::test]
async fn a_ping_says_whether_a_vendor_answers_and_why_not() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({})).await;
    let ping = async |query: &str| doorloop(&pulled, &format!("ping{query}")).await.expect(200);
    let well = ping("").await;
    assert_eq!((&well["ok"], &well["status"], &well["authenticated"]), (&json!(true), &json!("ok"), &json!(true)));
    assert_eq!((&well["sampleCount"], &well["baseUrl"]), (&json!(1), &json!(vendor.base_url())));
    assert_eq!(well["circuitBreaker"]["isOpen"], false);

    for (fault_set, status, code, hint) in [
        (fault(FaultKind::Html, "owners", 1, 1), "failing", "page_invalid", "https://app.doorloop.com/api"),
        (fault(FaultKind::Status, "owners", 1, 1), "failing", "source_unreadable", "look whether"),
        (fault(FaultKind::RateLimited, "owners", 1, 1), "degraded", "source_unreadable", "look whether"),
    ] {
        vendor.clear_faults();
        vendor.set_fault(fault_set).unwrap();
        let failing = ping("").await;
        assert_eq!((&failing["ok"], &failing["status"]), (&json!(false), &json!(status)), "{failing}");
        assert_eq!((&failing["code"], &failing["reason"]), (&json!(code), &failing["error"]), "{failing}");
        assert!(failing["hint"].as_str().is_some_and(|told| told.contains(hint)), "{failing}");
    }
    // It asked to be left alone, which is no fault of the vendor's.
    let rests = ping("").await;
    assert_eq!((&rests["status"], &rests["code"]), (&json!("degraded"), &json!("vendor_rests")), "{rests}");
    assert!(rests["retryAt"].is_string() && rests["upstreamStatus"].is_null(), "{rests}");
    system.pass(Duration::from_secs(2));

    put(&pulled, "wrong", &vendor, json!({}), "another-key").await;
    let wrong = ping("?connection=wrong").await;
    assert_eq!((&wrong["authenticated"], &wrong["code"]), (&json!(false), &json!("vendor_refused_credentials")));
    assert_eq!(wrong["upstreamStatus"], 401);
    put(&pulled, "page", &vendor, json!({"baseUrl": vendor.url()}), &vendor.key()).await;
    let page = ping("?connection=page").await;
    assert!(page["error"].as_str().unwrap().contains("web page"), "{page}");
    put(&pulled, "nobody", &vendor, json!({"baseUrl": "http://127.0.0.1:1/api"}), &vendor.key()).await;
    let unreached = doorloop(&pulled, "ping?connection=nobody").await;
    assert_eq!((unreached.status, &unreached.body["ok"]), (502, &json!(false)), "{}", unreached.text);
    assert_eq!(doorloop(&pulled, "ping?connection=none").await.problem().0, 404);

    // It draws on the quota, which is used up.
    put(&pulled, "small", &vendor, json!({"requestsPerMinute": 1}), &vendor.key()).await;
    assert_eq!(ping("?connection=small").await["ok"], true);
    let asked = vendor.requests().0;
    let waits = ping("?connection=small").await;
    assert!(waits["error"].as_str().unwrap().contains("quota"), "{waits}");
    assert_eq!(vendor.requests().0, asked, "nobody was asked");
}

#[tokio::test]
async fn a_breaker_that_opened_keeps_pings_away_until_it_is_reset() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({})).await;
    vendor.set_fault(fault(FaultKind::Status, "owners", 1, 9)).unwrap();
    for _failure in 0..5 {
        assert_eq!(doorloop(&pulled, "ping").await.expect(200)["ok"], false);
    }
    vendor.clear_faults();
    let asked = vendor.requests().0;
    let open = doorloop(&pulled, "ping").await.expect(200);
    assert_eq!((&open["circuitBreaker"]["isOpen"], &open["code"]), (&json!(true), &json!("vendor_rests")), "{open}");
    let check = doorloop(&pulled, "check").await;
    assert_eq!((check.status, &check.body["code"]), (503, &json!("vendor_rests")), "{}", check.text);
    assert!(check.headers["retry-after"].parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(vendor.requests().0, asked, "nobody was asked");
    let path = format!("{DOORLOOP}/circuit-breaker/reset");
    let reset = system.post(&path).bearer(&token(&system, &pulled.world.tenant)).answer().await.expect(200);
    assert_eq!((&reset["ok"], &reset["circuitBreaker"]["state"]), (&json!(true), &json!("closed")));
    assert_eq!(doorloop(&pulled, "ping").await.expect(200)["ok"], true);
    let recorded = system.items("JOURNAL_TABLE", &format!("{}#audit", pulled.world.tenant)).await;
    let mut changed: Vec<&Value> = recorded.iter().map(|entry| &entry["changed"][0]).collect();
    changed.sort_by_key(|name| name.as_str());
    assert_eq!(changed, ["breaker.auto", "breaker.closed"], "{recorded:?}");
}

#[tokio::test]
async fn a_check_names_a_known_list_and_any_provider_that_is_pulled_answers() {
    let system = System::start().await;
    let vendor_of = vendor(&system, Vendor::Doorloop, |options| options.without = vec!["leases".into()]).await;
    let pulled = Pulled::of(&system, &vendor_of, "doorloop", json!({})).await;
    let check = doorloop(&pulled, "check?endpoint=units&page_size=3").await.expect(200);
    assert_eq!((&check["endpoint"], &check["count"], &check["status"]), (&json!("units"), &json!(3), &json!(200)));
    assert!(check["sampleKeys"].as_array().unwrap().contains(&json!("id")), "{check}");
    assert_eq!(doorloop(&pulled, "check").await.expect(200)["endpoint"], "owners");
    for wrong in ["endpoint=accounts", "endpoint=../users", "page_size=11", "page_size=0", "page_size=x"] {
        let answer = doorloop(&pulled, &format!("check?{wrong}")).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid_request")), "{wrong}: {}", answer.text);
    }
    let refused = doorloop(&pulled, "check?endpoint=leases").await;
    assert_eq!((refused.status, &refused.body["code"]), (502, &json!("vendor_not_permitted")), "{}", refused.text);
    assert_eq!((&refused.body["endpoint"], &refused.body["status"]), (&json!("leases"), &json!(405)));

    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let other = Pulled::of(&system, &trackstar, "trackstar", json!({"connectionId": "c-1"})).await;
    let ping = get(&other, "/api/admin/integrations/trackstar/ping").await.expect(200);
    assert_eq!((&ping["ok"], &ping["sampleCount"]), (&json!(true), &json!(1)), "{ping}");
    assert!(ping["rateLimit"]["limit"].is_u64() || ping.get("rateLimit").is_none(), "{ping}");
    let token = token(&system, "default");
    for connection in [&pulled.connection, &other.connection] {
        let test = system.post(&format!("/api/admin/connections/{connection}/test")).bearer(&token);
        let test = test.answer().await.expect(200);
        assert_eq!(
            (&test["data"]["ok"], test["data"]["totalItems"].is_u64()),
            (&json!(true), connection.provider.as_str() == "doorloop"),
            "{test}"
        );
    }
    put(&pulled, "wrong", &vendor_of, json!({}), "another-key").await;
    let test = format!("/api/admin/connections/{}/doorloop/wrong/test", pulled.world.tenant);
    let test = system.post(&test).bearer(&token).answer().await.expect(200);
    assert_eq!(test["data"]["ok"], false);
    assert!(test["data"]["error"].as_str().unwrap().contains("401"), "{test}");
}

#[tokio::test]
async fn of_several_connections_one_must_be_named() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({})).await;
    put(&pulled, "oslo", &vendor, json!({}), &vendor.key()).await;
    assert_eq!(get(&pulled, STATUS).await.expect(200)["connection"], pulled.connection.to_string().as_str());
    let gone = format!("/api/admin/connections/{}", pulled.connection);
    system.request("DELETE", &gone).bearer(&token(&system, "default")).answer().await.expect(200);
    let only = get(&pulled, STATUS).await.expect(200);
    assert!(only["connection"].as_str().unwrap().ends_with("/doorloop/oslo"), "{only}");
    put(&pulled, "bergen", &vendor, json!({}), &vendor.key()).await;
    let several = get(&pulled, STATUS).await;
    assert_eq!((several.status, &several.body["code"]), (409, &json!("connection_not_named")), "{}", several.text);
    assert!(several.body["hint"].as_str().unwrap().contains("bergen, oslo"));
    assert_eq!(get(&pulled, &format!("{STATUS}?connection=bergen")).await.status, 200);
    let operator = format!("{STATUS}?connection=bergen&tenant={}", pulled.world.tenant);
    assert_eq!(system.get(&operator).bearer(&token(&system, "default")).answer().await.status, 200);
}

#[tokio::test]
async fn a_preview_shows_rows_beside_what_is_stored_and_writes_nothing() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({"entities": ["units"]})).await;
    let first = doorloop(&pulled, "preview?entity=units&limit=3").await.expect(200);
    assert_eq!((&first["delta"]["created"], &first["delta"]["lastSuccessAt"]), (&json!(3), &Value::Null), "{first}");
    assert!(pulled.records("units").await.is_empty() && pulled.runs().await.is_empty());
    pulled.run(&backfill()).await;
    let id = first["sample"][1]["id"].as_str().unwrap();
    change(&vendor, json!({"entity": "units", "change": [id], "set": {"apiToken": "a-token-of-a-tenant"}}));
    let records = pulled.records("units").await;
    let second = doorloop(&pulled, "preview?entity=units&limit=3").await.expect(200);
    let stands: Vec<&Value> = second["sample"].as_array().unwrap().iter().map(|row| &row["stands"]).collect();
    assert_eq!(stands, ["same", "changed", "same"], "{second}");
    assert_eq!((&second["delta"]["updated"], &second["delta"]["unchanged"]), (&json!(1), &json!(2)));
    assert!(second["delta"]["since"].is_string() && second["delta"]["records"].as_u64().unwrap() > 3, "{second}");
    assert_eq!((&second["sample"][1]["masked"], &second["sample"][1]["row"]["id"]), (&json!(true), &json!(id)));
    assert!(!second.to_string().contains("a-token-of-a-tenant"));
    assert_eq!(pulled.records("units").await, records);
    assert_eq!(doorloop(&pulled, "preview?limit=21").await.problem().0, 400);
}

#[tokio::test]
async fn status_and_runs_say_what_became_of_each_entity() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({"entities": ["owners", "units"]})).await;
    let never = get(&pulled, STATUS).await.expect(200);
    assert_eq!(
        (&never["isRunning"], &never["currentRun"], &never["lock"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert_eq!(never["integrations"]["doorloop"]["healthScore"], Value::Null);
    assert_eq!(never["entities"], json!(["owners", "units"]));

    let run = pulled.run(&backfill()).await;
    let well = get(&pulled, STATUS).await.expect(200);
    let health = &well["integrations"]["doorloop"];
    assert_eq!((&health["healthScore"], &health["health"]), (&json!(100), &json!("healthy")), "{well}");
    assert_eq!(health["healthScoreParts"], json!({"freshness": 100, "successRate": 100, "errorRate": 100}));
    assert_eq!((&health["circuitBreaker"]["isOpen"], &health["rateLimit"]["limit"]), (&json!(false), &json!(60_000)));
    assert_eq!((&well["lastRun"]["success"], &well["lastRun"]["runId"]), (&json!(true), &run["sk"]));
    let owners = &well["perEntity"]["owners"];
    assert!(owners["lastSuccessAt"].is_string() && owners["lastFailureAt"].is_null(), "{well}");
    assert_eq!(owners["records"].as_u64(), vendor.rows("owners"));
    assert!(well["perEntity"]["leases"]["lastSuccessAt"].is_null());

    vendor.set_fault(fault(FaultKind::Html, "units", 1, 1)).unwrap();
    let failed = pulled.run(&backfill()).await;
    let status = get(&pulled, STATUS).await.expect(200);
    let units = &status["perEntity"]["units"];
    assert_eq!(units["lastErrorCode"], "page_invalid", "{status}");
    assert!(units["lastFailureAt"].is_string() && units["lastSuccessAt"].is_string());
    assert!(status["perEntity"]["owners"]["lastFailureAt"].is_null(), "{status}");
    assert_eq!(status["integrations"]["doorloop"]["healthScore"], 80, "one of two failed: {status}");

    let runs = get(&pulled, &format!("{RUNS}?limit=3")).await.expect(200);
    let rows = runs["runs"].as_array().unwrap();
    let told = |row: &Value| (row["runId"].clone(), row["entity"].clone(), row["result"].clone());
    assert_eq!(rows.len(), 3);
    assert_eq!(told(&rows[0]), (failed["sk"].clone(), json!("owners"), json!("success")), "{runs}");
    assert_eq!(told(&rows[1]), (failed["sk"].clone(), json!("units"), json!("error")), "{runs}");
    assert_eq!(told(&rows[2]), (run["sk"].clone(), json!("owners"), json!("success")), "{runs}");
    assert!(rows[1]["fullDetails"]["answer"].as_str().is_some_and(|answer| answer.contains("<html")), "{runs}");
    assert_eq!((&rows[2]["mode"], &rows[2]["dryRun"]), (&json!("backfill"), &json!(false)));
    for other in ["/api/admin/integrations/sync/runs", "/api/admin/integrations/doorloop/sync/runs"] {
        assert_eq!(get(&pulled, &format!("{other}?limit=3")).await.expect(200), runs, "{other}");
    }
    assert_eq!(get(&pulled, &format!("{RUNS}?limit=none")).await.problem().0, 400);
    assert_eq!(get(&pulled, &format!("{RUNS}?limit=500")).await.status, 200);
}

#[tokio::test]
async fn status_says_how_far_a_run_is_and_what_it_waits_for() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &vendor, "doorloop", json!({"entities": ["tenants"], "pageSize": 10})).await;
    let busy = Fault { seconds: Some(600), ..fault(FaultKind::RateLimited, "tenants", 3, 1) };
    vendor.set_fault(busy).unwrap();
    pulled.start(&backfill(), Mode::Apply).await;
    system.pass(Duration::from_secs(4));
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    system.pass(Duration::from_secs(4));
    let status = get(&pulled, STATUS).await.expect(200);
    let current = &status["currentRun"];
    assert_eq!(
        (&status["isRunning"], &current["id"], &current["mode"]),
        (&json!(true), &run["sk"], &json!("backfill"))
    );
    let pages = vendor.rows("tenants").unwrap().div_ceil(10);
    let progress = &current["progress"];
    assert_eq!((&progress["entity"], &progress["page"], &progress["rows"]), (&json!("tenants"), &json!(2), &json!(20)));
    assert_eq!((&progress["totalPages"], &progress["rps"]), (&json!(pages), &json!(0.5)), "{status}");
    assert_eq!(progress["eta"].as_u64(), Some((pages - 2) * 2_000), "{status}");
    assert_eq!((&status["lock"]["runId"], &status["lock"]["entity"]), (&run["sk"], &json!("tenants")));
    assert_eq!((&status["waiting"]["reason"], &status["lock"]["held"]), (&json!("retryAfter"), &json!(false)));
    pulled.settle().await;
    let over = get(&pulled, STATUS).await.expect(200);
    assert_eq!((&over["isRunning"], &over["lock"], &over["waiting"]), (&json!(false), &Value::Null, &Value::Null));
    assert_eq!((&over["dlqCount"], &over["dlqMore"]), (&json!(0), &json!(false)));
}

/// What is stored is where each entity was left. It does not go on.
#[tokio::test]
async fn a_run_that_was_stopped_reads_as_stopped_and_one_that_failed_as_failed() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    for (is_stopped, expected) in [(true, ["stopped", "stopped"]), (false, ["failed", "notStarted"])] {
        let settings = json!({"entities": ["tenants", "units"], "pageSize": 10});
        let pulled = Pulled::of(&system, &vendor, "doorloop", settings).await;
        // Longer than a run may take.
        let seconds = if is_stopped { 600 } else { 86_400 };
        vendor.set_fault(Fault { seconds: Some(seconds), ..fault(FaultKind::RateLimited, "tenants", 3, 1) }).unwrap();
        pulled.start(&backfill(), Mode::Apply).await;
        pulled.work_until(Wire::whole()).await.unwrap();
        if is_stopped {
            pulled.ask("POST", "stop", Value::Null).await.expect(200);
        }
        let runs = get(&pulled, RUNS).await.expect(200);
        let states: Vec<&Value> =
            runs["runs"].as_array().unwrap().iter().map(|row| &row["fullDetails"]["state"]).collect();
        assert_eq!(states, expected, "{runs}");
    }
}

#[tokio::test]
async fn the_drift_that_is_stored_is_shown() {
    let system = System::start().await;
    let vendor = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled =
        Pulled::of(&system, &vendor, "doorloop", json!({"entities": ["units"], "drift": {"units": "accept"}})).await;
    let path = format!("/api/admin/connections/{}/drift", pulled.connection);
    assert_eq!(get(&pulled, &path).await.expect(200)["data"]["entities"], json!([]));
    pulled.run(&backfill()).await;
    change(&vendor, json!({"entity": "units", "change": 3}));
    vendor.set_fault(Fault { field: Some("surprise".into()), ..fault(FaultKind::NewField, "units", 1, 9) }).unwrap();
    let run = pulled.run(&backfill()).await;
    let shown = get(&pulled, &path).await.expect(200)["data"]["entities"][0].clone();
    assert_eq!(
        (&shown["entity"], &shown["policy"], &shown["isWhole"]),
        (&json!("units"), &json!("accept"), &json!(true))
    );
    assert_eq!((&shown["changes"][0]["path"], &shown["changedBy"]), (&json!("surprise"), &run["sk"]), "{shown}");
    assert!(shown.get("known").is_none());
    let one = get(&pulled, &format!("{path}?entity=units")).await.expect(200);
    assert!(one["data"]["entities"][0]["known"]["id"]["always"].is_boolean(), "{one}");
    assert_eq!(get(&pulled, &format!("{path}?entity=dogs")).await.problem(), (404, "not_found"));
    let stranger = system.get(&path).bearer(&token(&system, "bolt")).answer().await;
    assert_eq!(stranger.problem(), (404, "not_found"));
}
