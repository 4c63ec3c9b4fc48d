//! A brand's link to Trackstar: made, pulled and taken away; the vendor first, our record after, with a crash anywhere between.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Fault, FaultKind, Options, Running, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at, every};
use tokio::sync::OnceCell;

use super::kit::{fault, vendor};

/// Longer than anybody may still be at it.
const STALE: Duration = Duration::from_secs(61);
const LINK: &str = "";
/// Rounds of workers and watchdog until runs must be over.
const ROUNDS_MAX: usize = 20;

/// A tenant with a brand, `moscot`, that has a catalogue.
struct Brand<'a> {
    world: World<'a>,
    trackstar: &'a Running,
    /// Answers what nothing is to happen to.
    healthy: OnceCell<Process>,
}

impl<'a> Brand<'a> {
    fn of(system: &'a System, trackstar: &'a Running) -> Self {
        let mut world = system.world();
        world.set("TRACKSTAR_API_KEY", trackstar.key());
        world.set("TRACKSTAR_BASE_URL", trackstar.base_url());
        Self { world, trackstar, healthy: OnceCell::new() }
    }

    /// Asks a process as an administrator of the tenant.
    async fn over(&self, process: &Process, method: &str, route: &str, body: Option<Value>) -> Result<Answer, Crashed> {
        let system = self.world.system;
        let token = system.user_token("THREEPL_ADMIN", &[&self.world.tenant], &[]);
        let function = if method == "GET" { "read-api" } else { "sync-control" };
        let path = format!("/api/brands/moscot/integrations/trackstar{route}");
        process.ask(function, method, &path, &token, body).await
    }

    async fn ask(&self, method: &str, route: &str, body: Option<Value>) -> Answer {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let healthy = self.healthy.get_or_init(|| self.world.system.process_with(Wire::whole(), &variables)).await;
        self.over(healthy, method, route, body).await.unwrap()
    }

    /// What a process of the tenant's is told.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let told = self.world.environment("sync-control");
        let value = |name: &'static str| (name, told.get(name).unwrap_or_default().to_owned());
        ["VENDORS", "TRACKSTAR_API_KEY", "TRACKSTAR_BASE_URL", "ALLOW_MANUAL_BACKFILL"].map(value).into()
    }

    /// The code that Trackstar's pages give once the brand's owner has agreed.
    async fn code(&self) -> String {
        let answer = self.ask("POST", "/link-token", Some(json!({}))).await.expect(200);
        self.trackstar.agree(answer["linkToken"].as_str().unwrap()).unwrap()
    }

    async fn connect(&self) -> Answer {
        let code = self.code().await;
        self.ask("POST", "/exchange", Some(json!({"authCode": code}))).await
    }

    async fn health(&self) -> Value {
        self.ask("GET", "/health", None).await.expect(200)["health"].clone()
    }

    /// Has workers do what there is to do, until no run is open: the runs of the link, oldest first.
    async fn worked(&self) -> Vec<Item> {
        for _ in 0..ROUNDS_MAX {
            self.world.healthy().await.drain_with_time().await.unwrap();
            let pk = format!("{}/trackstar/moscot", self.world.tenant);
            let runs = self.world.system.items("RUNS_TABLE", &pk).await;
            let runs: Vec<Item> = runs.into_iter().filter(|run| run["pk"] == pk.as_str()).collect();
            if runs.iter().all(|run| !run.contains_key("open")) {
                return runs;
            }
            self.world.expire_leases();
            self.world.healthy().await.watchdog().await.unwrap().unwrap();
        }
        panic!("a run is still open");
    }
}

async fn small(system: &System) -> Running {
    vendor(system, Vendor::Trackstar, |options: &mut Options| options.rows = 12).await
}

/// How many links the vendor has, with the one that is there from the start.
fn linked(trackstar: &Running) -> usize {
    trackstar.connections()
}

#[tokio::test]
async fn a_brand_is_linked_pulled_linked_again_and_taken_away() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let brand = Brand::of(&system, &trackstar);
    assert_eq!(brand.ask("GET", LINK, None).await.body["error"], "Trackstar integration not found");

    let made = brand.connect().await;
    assert_eq!((made.status, &made.body["success"]), (200, &json!(true)), "{}", made.text);
    let connection_id = made.body["connectionId"].clone();
    let runs = brand.worked().await;
    assert_eq!(
        (&runs[0]["sk"], &runs[0]["status"], &runs[0]["work"]["mode"]),
        (&made.body["runId"], &json!("Success"), &json!("backfill"))
    );

    let link = brand.ask("GET", LINK, None).await;
    let shown = &link.body["integration"];
    assert_eq!(
        (&shown["connectionId"], &shown["isPulled"], &shown["linking"]),
        (&connection_id, &json!(true), &Value::Null)
    );
    assert_eq!(
        (&shown["schedule"], &shown["lastSyncedAt"]),
        (&json!({"every": 5, "fullAtHourUtc": 7}), &runs[0]["completedAt"])
    );
    assert_eq!(shown["checkpoints"].as_array().unwrap().len(), 4);
    let health = brand.ask("GET", "/health", None).await;
    let (integration, queues) = (&health.body["health"]["integration"], &health.body["health"]["queues"]);
    assert_eq!((&integration["status"], &queues["sync"]["waiting"]), (&json!("healthy"), &json!(0)));
    assert_eq!(health.body["health"]["recentWebhooks"], json!([]));
    for answer in [&made, &link, &health] {
        assert!(
            !answer.text.contains(&trackstar.access_token_of(connection_id.as_str().unwrap()).unwrap()),
            "{}",
            answer.text
        );
    }

    system.pass(Duration::from_secs(60));
    let some = json!({"functionsToSync": ["get_products", "shipments"]});
    let started = brand.ask("POST", "/sync", Some(some.clone())).await.expect(200);
    assert_eq!(brand.ask("POST", "/sync", Some(some)).await.status, 409);
    let runs = brand.worked().await;
    assert_eq!((runs.len(), &runs[1]["sk"], &runs[1]["status"]), (2, &started["runId"], &json!("Success")));
    let entities: Vec<&Value> =
        runs[1]["work"]["entities"].as_array().unwrap().iter().map(|entity| &entity["entity"]).collect();
    assert_eq!(entities, [&json!("products"), &json!("inbound-shipments")]);

    // Once more: another token of the same link, and no second link.
    system.pass(Duration::from_secs(60));
    let again = brand.connect().await.expect(200);
    assert_eq!((&again["connectionId"], linked(&trackstar)), (&connection_id, 2));
    assert_eq!(brand.worked().await[2]["status"], "Success");

    let subscribed = brand.ask("POST", "/webhooks/subscribe", None).await.expect(200);
    assert!(subscribed["success"] == false && subscribed["message"].as_str().unwrap().contains("dashboard"));

    let gone = brand.ask("DELETE", LINK, None).await.expect(200);
    assert_eq!((&gone["success"], linked(&trackstar)), (&json!(true), 1));
    for (method, route) in [("GET", LINK), ("GET", "/health"), ("DELETE", LINK)] {
        let answer = brand.ask(method, route, None).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (404, &json!("Trackstar integration not found")),
            "{method} {route}"
        );
    }
    let admin = system.user_token("THREEPL_ADMIN", &[&brand.world.tenant], &[]);
    let record = system.get("/api/admin/audit?action=connection").bearer(&admin).answer().await.expect(200);
    let mut actions: Vec<&str> =
        record["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    let [connect, put] = ["connection.connect", "connection.put"];
    assert_eq!(actions, [connect, connect, "connection.delete", "connection.disconnect", put, put]);
}

/// What somebody starts by hand is switched off; what a new link starts with is not.
#[tokio::test]
async fn the_first_pull_of_a_link_is_no_backfill_by_hand_and_is_on_record_as_what_it_is() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let mut brand = Brand::of(&system, &trackstar);
    brand.world.set("ALLOW_MANUAL_BACKFILL", "false");
    let made = brand.connect().await.expect(200);
    brand.worked().await;
    let admin = system.user_token("THREEPL_ADMIN", &[&brand.world.tenant], &[]);
    let path = format!("/api/admin/sync/run?provider=trackstar&connection=moscot&tenant={}", brand.world.tenant);
    let process = brand.healthy.get().unwrap();
    let body = Some(json!({"mode": "backfill", "entities": ["orders"]}));
    assert_eq!(process.ask("sync-control", "POST", &path, &admin, body).await.unwrap().status, 403);
    let some = json!({"functionsToSync": ["orders", "products"]});
    let second = brand.ask("POST", "/sync", Some(some)).await.expect(200);
    let record = system.items("JOURNAL_TABLE", &format!("{}#audit", brand.world.tenant)).await;
    let of = |action: &str| record.iter().filter(|entry| entry["action"] == action).collect::<Vec<_>>();
    let told = |entry: &Item| {
        ["actor", "target", "result"].map(|name| entry[name].as_str().unwrap_or_default().to_owned()).join(" | ")
    };
    let link = format!("{}/trackstar/moscot", brand.world.tenant);
    let backfills = of("SYNC_BACKFILL");
    assert_eq!(backfills.len(), 2, "{record:?}");
    let first = told(backfills[0]);
    assert!(
        first.contains(&format!("{link}: backfill of ")) && first.contains("(the first pull of a link)"),
        "{first}"
    );
    assert!(first.ends_with(&format!(" | started {}", made["runId"].as_str().unwrap())), "{first}");
    assert!(told(backfills[1]).ends_with("backfill of orders | refused: ALLOW_MANUAL_BACKFILL is off"));
    let [start] = of("SYNC_START")[..] else { panic!("{record:?}") };
    let expected = format!("{link}: delta of orders, products | started {}", second["runId"].as_str().unwrap());
    assert!(told(start).ends_with(&expected), "{}", told(start));
}

#[tokio::test]
async fn what_a_brand_is_is_the_same_on_every_route() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let brand = Brand::of(&system, &trackstar);
    let tenant = &brand.world.tenant;
    let operator = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    for (provider, body) in [
        ("pos", json!({"settings": {}})),
        ("doorloop", json!({"settings": {}, "secrets": {"current": "key"}})),
        ("catalogue", json!({"settings": {}})),
    ] {
        let put = system.request("PUT", &format!("/api/admin/connections/{tenant}/{provider}/of-{provider}"));
        put.bearer(&operator).body(body.to_string()).answer().await.expect(201);
    }
    let process = system.process_with(Wire::whole(), &[]).await;
    let admin = system.user_token("THREEPL_ADMIN", &[tenant], &[]);
    let routes =
        [("read-api", "GET", "", Value::Null), ("read-api", "GET", "/health", Value::Null)].into_iter().chain([
            ("sync-control", "POST", "/sync", json!({"functionsToSync": ["orders"]})),
            ("sync-control", "DELETE", "", Value::Null),
        ]);
    let links = routes.map(|(function, method, route, body)| {
        (function, method, format!("/api/brands/BRAND/integrations/trackstar{route}"), body)
    });
    let lag = ("read-api", "GET", "/api/sync/lag/BRAND".to_owned(), Value::Null);
    for (function, method, path, body) in links.chain([lag]) {
        let body = (!body.is_null()).then_some(body);
        for (name, error) in [
            ("of-pos", "Trackstar integration not found"),
            ("of-doorloop", "Trackstar integration not found"),
            ("of-catalogue", "Trackstar integration not found"),
            ("nobody", "Brand not found"),
        ] {
            let path = path.replace("BRAND", name);
            let answer = process.ask(function, method, &path, &admin, body.clone()).await.unwrap();
            assert_eq!((answer.status, &answer.body["error"]), (404, &json!(error)), "{method} {path}");
        }
    }
}

/// An exchange that was cut short is shown unless our record has its token, and connecting again mends it.
#[tokio::test]
async fn a_crash_anywhere_while_a_brand_is_linked_is_seen_and_mended() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let brand = Brand::of(&system, &trackstar);
    let code = brand.code().await;
    let process = brand.world.healthy().await;
    let token = system.user_token("THREEPL_ADMIN", &[&brand.world.tenant], &[]);
    let path = "/api/brands/moscot/integrations/trackstar/exchange";
    process.ask("sync-control", "POST", path, &token, Some(json!({"authCode": code}))).await.unwrap().expect(200);
    let calls = process.wire().calls();
    brand.worked().await;
    println!("killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
    let mut seen = 0;
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let here = format!("{verdict:?} of call {number} ({call})");
            let before = linked(&trackstar);
            let brand = Brand::of(&system, &trackstar);
            let body = Some(json!({"authCode": brand.code().await}));
            let wire = Wire::when(at(number), verdict);
            let crashing = brand.world.process(wire).await;
            assert_eq!(brand.over(&crashing, "POST", "/exchange", body).await.map(drop), Err(Crashed), "{here}");
            system.pass(STALE);
            let was_made = linked(&trackstar) > before;
            let health = brand.ask("GET", "/health", None).await;
            let known = &health.body["health"];
            let is_stored = known["connection"]["isPulled"] == true;
            let linking = &known["linking"];
            if was_made && !is_stored {
                assert_eq!((&linking["step"], &linking["underWay"]), (&json!("connecting"), &json!(false)), "{here}");
                assert!(linking["advice"].as_str().unwrap().contains("connect again"), "{here}: {linking}");
                seen += 1;
            } else {
                assert!(is_stored || !was_made, "{here}: {}", health.text);
            }
            if is_stored {
                assert_eq!(*linking, Value::Null, "{here}");
            }
            brand.connect().await.expect(200);
            let known = brand.health().await;
            assert_eq!((&known["connection"]["isPulled"], &known["linking"]), (&json!(true), &Value::Null), "{here}");
            brand.ask("DELETE", LINK, None).await.expect(200);
        }
    }
    assert!(seen > 0, "no crash left an exchange without its token");
}

/// Taking a link away is done in two tries at most, whatever the first one came to.
#[tokio::test]
async fn a_crash_anywhere_while_a_link_is_taken_away_is_seen_and_mended() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let token = |brand: &Brand<'_>| system.user_token("THREEPL_ADMIN", &[&brand.world.tenant], &[]);
    let brand = Brand::of(&system, &trackstar);
    brand.connect().await.expect(200);
    brand.worked().await;
    let process = brand.world.healthy().await;
    let path = "/api/brands/moscot/integrations/trackstar";
    process.ask("sync-control", "DELETE", path, &token(&brand), None).await.unwrap().expect(200);
    let calls = process.wire().calls();
    println!("killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
    let mut seen = 0;
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let here = format!("{verdict:?} of call {number} ({call})");
            let before = linked(&trackstar);
            let brand = Brand::of(&system, &trackstar);
            brand.connect().await.expect(200);
            let wire = Wire::when(at(number), verdict);
            let crashing = brand.world.process(wire).await;
            assert_eq!(brand.over(&crashing, "DELETE", LINK, None).await.map(drop), Err(Crashed), "{here}");
            system.pass(STALE);
            let (is_known, health) = (linked(&trackstar) > before, brand.ask("GET", "/health", None).await);
            if health.status == 200 {
                let linking = &health.body["health"]["linking"];
                assert!(is_known || linking["step"] == "disconnecting", "{here}: {linking}");
                seen += usize::from(!is_known);
                brand.ask("DELETE", LINK, None).await.expect(200);
            }
            assert_eq!((brand.ask("GET", "/health", None).await.status, linked(&trackstar)), (404, before), "{here}");
        }
    }
    assert!(seen > 0, "no crash left a record of a link that the vendor had forgotten");
}

#[tokio::test]
async fn what_cannot_be_linked_says_why_and_leaves_nothing_to_wonder_about() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let brand = Brand::of(&system, &trackstar);
    let refused = async |method: &str, route: &str, body: Value| {
        let answer = brand.ask(method, route, Some(body)).await;
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    for (route, body, expected) in [
        ("/exchange", json!({}), is(400, "invalid_request")),
        ("/exchange", json!({"authcode": "a"}), is(400, "invalid_request")),
        ("/exchange", json!({"authCode": "nobody's"}), is(400, "invalid_request")),
        ("/sync", json!({"functionsToSync": ["orders"]}), is(404, "not_found")),
        ("/sync", json!({"functionsToSync": []}), is(400, "invalid_request")),
        ("/sync", json!({"functionsToSync": ["returns"]}), is(400, "invalid_request")),
    ] {
        assert_eq!(refused("POST", route, body.clone()).await, expected, "{route} {body}");
    }
    assert_eq!(brand.ask("GET", "/health", None).await.status, 404, "nothing is left of a code that was refused");

    // Nobody knows whether a code was used that nothing was answered to.
    let code = brand.code().await;
    trackstar.set_fault(fault(FaultKind::Dropped, "link", 1, 1)).unwrap();
    assert_eq!(refused("POST", "/exchange", json!({"authCode": code})).await, is(502, "vendor_failed"));
    // That try has ended: nobody waits for it.
    let linking = brand.health().await["linking"].clone();
    assert_eq!(linking["underWay"], false, "{linking}");
    assert!(linking["advice"].as_str().unwrap().contains("connect again"));
    // One that died may be at it still, for as long as a function lives.
    let dies = Wire::when(every("DynamoDB.PutItem").about("ConnectionsTable").nth(1), Verdict::KillAfter);
    let dying = brand.world.process(dies).await;
    assert_eq!(brand.over(&dying, "POST", "/exchange", Some(json!({"authCode": code}))).await.map(drop), Err(Crashed));
    assert_eq!(brand.health().await["linking"]["underWay"], true);
    assert_eq!(refused("POST", "/exchange", json!({"authCode": code})).await, is(409, "link_in_progress"));
    system.pass(STALE);
    assert!(brand.health().await["linking"]["advice"].as_str().unwrap().contains("connect again"));

    // A vendor that fails is left alone.
    let down = Fault { status: Some(503), ..fault(FaultKind::Status, "link", 1, 4) };
    trackstar.set_fault(down).unwrap();
    for _ in 0..4 {
        assert_eq!(refused("POST", "/link-token", json!({})).await, is(502, "vendor_failed"));
    }
    let answer = brand.ask("POST", "/link-token", Some(json!({}))).await;
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("vendor_rests")), "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    let integrations = brand.health().await["integration"].clone();
    assert_eq!(integrations, Value::Null);
    system.pass(Duration::from_secs(70));
    brand.connect().await.expect(200);

    // Without a key nobody is asked.
    let mut unset = Brand::of(&system, &trackstar);
    unset.world.set("TRACKSTAR_API_KEY", "");
    let answer = unset.ask("POST", "/link-token", None).await;
    assert_eq!((answer.status, &answer.body["code"]), (500, &json!("not_configured")), "{}", answer.text);

    // A link that only sends webhooks has no token to take it away with.
    let connection = format!("/api/admin/connections/{}/trackstar/moscot", unset.world.tenant);
    let operator = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let put = system.request("PUT", &connection).bearer(&operator);
    put.body(json!({"settings": {"connectionId": "c-9"}}).to_string()).answer().await.expect(201);
    let answer = unset.ask("DELETE", LINK, None).await;
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("unprocessable")), "{}", answer.text);
}

#[tokio::test]
async fn links_are_for_administrators_of_the_brand_s_tenant() {
    let system = System::start().await;
    let trackstar = small(&system).await;
    let (brand, other) = (Brand::of(&system, &trackstar), Brand::of(&system, &trackstar));
    brand.connect().await.expect(200);
    let (own, others) = (brand.world.tenant.as_str(), other.world.tenant.as_str());
    let process = brand.world.healthy().await;
    let user = |role: &str, tenants: &[&str], brands: &[&str]| system.user_token(role, tenants, brands);
    for (token, query, expected) in [
        (user("THREEPL_ADMIN", &[own], &[]), "", 200),
        (user("SUPER_ADMIN", &[], &[]), &format!("?tenantId={own}"), 200),
        (user("SUPER_ADMIN", &[], &[]), "", 400),
        (user("THREEPL_USER", &[own], &[]), "", 403),
        (user("BRAND_ADMIN", &[own], &["moscot"]), "", 403),
        (user("THREEPL_ADMIN", &[others], &[]), &format!("?tenantId={own}"), 403),
        ("word".to_owned(), "", 401),
    ] {
        let routes = [("GET", ""), ("GET", "/health"), ("POST", "/link-token"), ("POST", "/webhooks/subscribe")];
        for (method, route) in routes {
            let function = if method == "GET" { "read-api" } else { "sync-control" };
            let path = format!("/api/brands/moscot/integrations/trackstar{route}{query}");
            let answer = process.ask(function, method, &path, &token, None).await.unwrap();
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
            assert!(expected == 200 || answer.body["error"].is_string(), "{}", answer.text);
        }
    }
    // Of another tenant, nothing of that name is there.
    let admin = user("THREEPL_ADMIN", &[others], &[]);
    for (method, function) in [("GET", "read-api"), ("DELETE", "sync-control")] {
        let path = "/api/brands/moscot/integrations/trackstar";
        let answer = process.ask(function, method, path, &admin, None).await.unwrap();
        assert_eq!((answer.status, &answer.body["error"]), (404, &json!("Brand not found")), "{method}");
    }
}
