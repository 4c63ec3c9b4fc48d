//! Who is let in, and how everybody else is turned away: every route, every reason.

use serde_json::json;
use signalbox::domain::correlation;
use signalbox::http::auth::{Claims, DELIVERIES_WRITE, GENERAL, MOSCOT, OneOrMany, READ, WRITE};
use signalbox_tests::client::Ask;
use signalbox_tests::tokens::{SERVICE_SECRET, SESSION_SECRET, sign};

use crate::routes::kit::{PREVIOUS_SECRET, World};

const RUN: &str = "/api/catalog/moscot/sync/runs/018ff1e2-0000-7000-8000-000000000000";
const READS: [&str; 7] = [
    "/api/catalog/vendor-sync/state",
    "/api/catalog/vendor-sync/runs",
    "/api/catalog/vendor-sync/observability",
    "/api/catalog/vendor-sync/overview",
    "/api/catalog/vendor-sync/registry",
    "/api/catalog/vendor-sync/registry/moscot",
    RUN,
];
const SYNC_MOSCOT: &str = "/api/catalog/moscot/sync?dryRun=1";
const SYNC_VENDOR: &str = "/api/catalog/vendor-sync/moscot/sync";
const TEST_VENDOR: &str = "/api/catalog/vendor-sync/registry/moscot/test";
const TEST_VENDORS: &str = "/api/catalog/vendor-sync/registry/test-all";
const CREDENTIALS: &str = "/api/catalog/vendor-sync/registry/moscot/credentials";

/// Tokens that are none, whatever the route: how they are sent, and the answer.
fn unusable(world: &World, ask: impl Fn() -> Ask) -> Vec<(&'static str, Ask, (u16, &'static str))> {
    let claims = || world.claims(&[READ, WRITE, MOSCOT]);
    let expired = Claims { exp: world.clock.now().as_second() - 6, ..claims() };
    let elsewhere = Claims { aud: Some(OneOrMany::One("other-services".into())), ..claims() };
    let anywhere = Claims { aud: None, ..claims() };
    let forged = sign(&claims(), "another-secret-another-secret-00");
    let good = sign(&claims(), SERVICE_SECRET);
    let cut = &good[..good.len() - 4];
    vec![
        ("no token", ask(), (401, "missing_token")),
        ("an empty token", ask().header("authorization", "Bearer "), (401, "missing_token")),
        ("another scheme", ask().header("authorization", "Basic dGVzdA=="), (401, "missing_token")),
        ("a word", ask().bearer("word"), (401, "invalid_token")),
        ("a word in the other header", ask().header("x-service-token", "word"), (401, "invalid_token")),
        ("a cut token", ask().bearer(cut), (401, "invalid_token")),
        ("an expired token", ask().bearer(&sign(&expired, SERVICE_SECRET)), (401, "invalid_token")),
        ("a forged token", ask().bearer(&forged), (401, "invalid_token")),
        ("a token for others", ask().bearer(&sign(&elsewhere, SERVICE_SECRET)), (403, "forbidden")),
        ("a token for nobody", ask().bearer(&sign(&anywhere, SERVICE_SECRET)), (403, "forbidden")),
    ]
}

#[tokio::test]
async fn every_protected_route_turns_away_who_has_no_usable_token() {
    let world = World::production().await;
    let posts = [SYNC_MOSCOT, SYNC_VENDOR, TEST_VENDOR, TEST_VENDORS, CREDENTIALS].map(|path| ("POST", path));
    for (method, path) in READS.map(|path| ("GET", path)).into_iter().chain(posts) {
        for (what, ask, expected) in unusable(&world, || world.request(method, path)) {
            let answer = ask.answer().await;
            assert_eq!(answer.problem(), expected, "{method} {path}: {what}");
            assert!(answer.body["detail"].is_string(), "{method} {path}: {what}: {}", answer.body);
            assert_eq!(answer.headers.contains_key("www-authenticate"), expected.0 == 401, "{method} {path}: {what}");
        }
    }
}

#[tokio::test]
async fn reading_takes_the_right_to_read() {
    let world = World::production().await;
    for path in READS {
        let (allowed, refused) =
            if path == RUN { (404, (403, "forbidden")) } else { (200, (403, "insufficient_scope")) };
        for scopes in [&[WRITE][..], &[MOSCOT], &[GENERAL], &[WRITE, MOSCOT], &[]] {
            let answer = world.get(path).bearer(&world.token(scopes)).answer().await;
            assert_eq!(answer.problem(), refused, "{path} with {scopes:?}");
        }
        let token = world.token(&[READ]);
        for ask in [
            world.get(path).bearer(&token),
            world.get(path).header("authorization", &format!("bearer {token}")),
            world.get(path).header("x-service-token", &token),
            world.get(path).bearer(&sign(&world.claims(&[READ]), PREVIOUS_SECRET)),
            world.get(path).cookie(&world.session()),
        ] {
            let answer = ask.answer().await;
            assert_eq!(answer.status, allowed, "{path}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_run_can_also_be_read_with_the_older_pair_of_scopes() {
    let world = World::production().await;
    let run = world.apply().await;
    let path = format!("/api/catalog/moscot/sync/runs/{run}");
    let both = world.token(&[GENERAL, MOSCOT]);
    assert_eq!(world.get(&path).bearer(&both).answer().await.expect(200)["data"]["id"], *run);
}

#[tokio::test]
async fn the_run_route_names_the_code_twice() {
    let world = World::production().await;
    for ask in [world.get(RUN), world.get(RUN).bearer("word"), world.get(RUN).bearer(&world.token(&[WRITE]))] {
        let answer = ask.answer().await;
        assert_eq!(answer.body["code"], answer.body["error"], "{}", answer.body);
        assert!(answer.body["detail"].is_string(), "{}", answer.body);
    }
}

#[tokio::test]
async fn starting_a_sync_takes_the_right_to_write() {
    let world = World::production().await;
    let refused = Some("insufficient_scope");
    for (path, scopes, expected) in [
        (SYNC_MOSCOT, &[WRITE][..], None),
        (SYNC_MOSCOT, &[MOSCOT], None),
        (SYNC_MOSCOT, &[READ], refused),
        (SYNC_MOSCOT, &[GENERAL], refused),
        (SYNC_MOSCOT, &[], refused),
        (SYNC_VENDOR, &[WRITE], None),
        (SYNC_VENDOR, &[MOSCOT], refused),
        (SYNC_VENDOR, &[READ], refused),
        (SYNC_VENDOR, &[GENERAL], refused),
        (TEST_VENDOR, &[WRITE], None),
        (TEST_VENDOR, &[READ], refused),
    ] {
        let answer = world.post(path).bearer(&world.token(scopes)).answer().await;
        match expected {
            None => assert_eq!(answer.status, 200, "{path} with {scopes:?}: {}", answer.body),
            Some(code) => assert_eq!(answer.problem(), (403, code), "{path} with {scopes:?}"),
        }
    }
}

#[tokio::test]
async fn the_authorization_header_goes_before_the_other() {
    let world = World::production().await;
    let good = world.token(&[READ]);
    for (authorization, other, status) in
        [(format!("Bearer {good}"), "word", 200), ("Bearer word".to_owned(), good.as_str(), 401)]
    {
        let ask = world.get(READS[0]).header("authorization", &authorization).header("x-service-token", other);
        assert_eq!(ask.answer().await.status, status, "{authorization}");
    }
}

#[tokio::test]
async fn scopes_may_be_one_text_with_spaces() {
    let world = World::production().await;
    let claims = Claims { scopes: Some(OneOrMany::One(format!("other {WRITE}"))), ..world.claims(&[]) };
    let answer = world.post(SYNC_VENDOR).bearer(&sign(&claims, SERVICE_SECRET)).answer().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_session_that_may_read_starts_nothing() {
    let world = World::production().await;
    let session = world.session();
    for path in [TEST_VENDOR, SYNC_MOSCOT, SYNC_VENDOR] {
        let asked = || world.post(path).cookie(&session);
        assert_eq!(asked().answer().await.problem(), (403, "cross_site_request"), "{path}");
        let of_ours = asked().header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin");
        assert_eq!(of_ours.answer().await.problem(), (403, "insufficient_scope"), "{path}");
    }
    for (what, cookie, code) in [
        ("a word", "word".to_owned(), (401, "invalid_token")),
        ("a service token", world.token(&[READ]), (401, "invalid_token")),
        ("a service token of the session's secret", sign(&world.claims(&[READ]), SESSION_SECRET), (403, "forbidden")),
    ] {
        assert_eq!(world.get(READS[0]).cookie(&cookie).answer().await.problem(), code, "{what}");
    }
    let as_token = world.get(READS[0]).bearer(&session).answer().await;
    assert_eq!(as_token.problem(), (401, "invalid_token"), "a session is no service token");
}

#[tokio::test]
async fn in_local_mode_reads_are_open_and_starting_a_sync_is_not() {
    let world = World::local().await;
    for path in READS {
        let answer = world.get(path).answer().await;
        assert_eq!(answer.status, if path == RUN { 404 } else { 200 }, "{path}: {}", answer.body);
        let wrong = world.get(path).bearer("word").answer().await;
        assert_eq!(wrong.problem(), (401, "invalid_token"), "{path}: a token that is sent is verified");
        let stale = world.get(path).cookie("word").answer().await;
        assert_eq!(stale.status, answer.status, "{path}: a cookie of another day locks nobody out");
    }
    assert_eq!(world.post(TEST_VENDOR).answer().await.status, 200);
    for path in [SYNC_MOSCOT, SYNC_VENDOR] {
        assert_eq!(world.post(path).answer().await.problem(), (401, "missing_token"), "{path}");
    }
}

#[tokio::test]
async fn a_session_is_minted_in_local_mode_alone() {
    let local = World::local().await;
    for method in ["GET", "POST"] {
        let answer = local.request(method, "/api/auth/dev-mint").answer().await;
        let cookie = answer.headers["set-cookie"].clone();
        assert_eq!(answer.expect(200), json!({"ok": true, "expiresAt": "2024-06-07T20:00:00.000Z"}));
        let (session, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
        let session = session.strip_prefix("STORE_SESS=").unwrap();
        let read = local.get(READS[0]).cookie(session).answer().await;
        assert_eq!(read.status, 200, "{}", read.body);
    }
    for stage in ["production", "staging"] {
        let deployed = World::with(&[("STAGE", stage)]).await;
        for method in ["GET", "POST"] {
            let answer = deployed.request(method, "/api/auth/dev-mint").answer().await;
            assert_eq!(answer.problem(), (404, "not_found"), "{stage}");
            assert!(!answer.headers.contains_key("set-cookie"), "{stage}");
        }
    }
}

#[tokio::test]
async fn what_needs_no_token_is_open_everywhere() {
    let world = World::production().await;
    for path in ["/health", "/openapi.json"] {
        assert_eq!(world.get(path).answer().await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::local().await;
    let token = world.token(&[WRITE, DELIVERIES_WRITE]);
    let body = json!({"dryRun": true, "sourcePath": "x".repeat(1024 * 1024)}).to_string();
    let operators = ["/api/sync/dead-letters/requeue", "/api/admin/deliveries/verify"];
    for path in [SYNC_MOSCOT, SYNC_VENDOR, TEST_VENDOR].into_iter().chain(operators) {
        let answer = world.post(path).bearer(&token).body(body.clone()).answer().await;
        assert_eq!(answer.problem(), (413, "payload_too_large"), "{path}");
    }
}

#[tokio::test]
async fn a_route_is_found_as_the_gateway_finds_it() {
    let world = World::local().await;
    let token = world.token(&[WRITE, READ]);
    for (method, path, status) in [
        ("GET", "/healthz/", 200),
        ("GET", "/healt%68z", 200),
        ("GET", "/api/catalog/vendor%2Dsync/runs/", 200),
        ("GET", "/api/catalog/vendor-sync/registry/mosc%6ft/", 200),
        ("POST", "/api/catalog/vendor-sync/moscot/sync/", 200),
        ("HEAD", "/healthz", 200),
        ("HEAD", "/livez", 200),
        ("HEAD", "/health/ready", 200),
        ("HEAD", "/api/catalog/vendor-sync/runs", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/api/catalog/vendor-sync/runs?status=bogus", 400),
    ] {
        let answer = world.request(method, path).bearer(&token).answer().await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.text.is_empty(), method == "HEAD", "{method} {path}: {}", answer.text);
    }
    for (method, path, expected) in [
        ("PUT", "/healthz", (405, "method_not_allowed")),
        ("DELETE", "/api/catalog/vendor-sync/runs", (405, "method_not_allowed")),
        ("POST", "/api/admin/deliveries", (405, "method_not_allowed")),
    ] {
        let answer = world.request(method, path).answer().await;
        assert_eq!(answer.problem(), expected, "{method} {path}");
        assert!(answer.headers["allow"].contains("GET"), "{method} {path}");
        assert!(answer.headers.contains_key("x-correlation-id"), "{method} {path}");
    }
    let nowhere = world.get("/nowhere/at/all/").answer().await;
    assert!(nowhere.status == 404 && nowhere.text.contains("Not Found"), "{}", nowhere.text);
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_in_the_envelope() {
    let world = World::local().await;
    let token = world.token(&[WRITE, READ, DELIVERIES_WRITE]);
    for (method, path, expected) in [
        ("POST", "/api/sync/dead-letters/%FF/requeue", (404, "not_found")),
        ("DELETE", "/api/sync/dead-letters/%FF", (404, "not_found")),
        ("GET", "/api/catalog/vendor-sync/registry/%FF", (400, "invalid_vendor")),
        ("POST", "/api/catalog/vendor-sync/registry/%FF/test", (400, "invalid_vendor")),
        ("POST", "/api/catalog/vendor-sync/%FF/sync", (404, "vendor_not_configured")),
        ("GET", "/api/catalog/moscot/sync/runs/%FF", (404, "not_found")),
    ] {
        let answer = world.request(method, path).bearer(&token).answer().await;
        assert_eq!(answer.problem(), expected, "{method} {path}");
        if path.contains("dead-letters") {
            let unknown = world.request(method, path).answer().await;
            assert_eq!(unknown.problem(), (401, "missing_token"), "{method} {path}: nothing is said to strangers");
        }
    }
}

#[tokio::test]
async fn each_route_has_its_own_code_for_storage_that_fails() {
    let world = World::local().await;
    let dynamodb = world.host.dynamodb();
    for table in dynamodb.list_tables().send().await.unwrap().table_names.unwrap() {
        dynamodb.delete_table().table_name(table).send().await.unwrap();
    }
    let token = world.token(&[READ, WRITE]);
    for (method, path, code) in [
        ("GET", READS[0], "failed_to_fetch_state"),
        ("GET", READS[1], "failed_to_fetch_runs"),
        ("GET", READS[2], "failed_to_load_observability"),
        ("GET", READS[3], "failed_to_load_overview"),
        ("GET", READS[4], "failed_to_list_vendors"),
        ("GET", READS[5], "failed_to_load_vendor"),
        ("GET", RUN, "internal_error"),
        ("POST", SYNC_MOSCOT, "error"),
        ("POST", SYNC_VENDOR, "error"),
        ("POST", TEST_VENDOR, "test_failed"),
    ] {
        let answer = world.request(method, path).bearer(&token).answer().await;
        assert_eq!(answer.problem(), (500, code), "{method} {path}");
        assert!(answer.body["detail"].is_string(), "{method} {path}: {}", answer.body);
    }
    assert_eq!(world.get("/health").answer().await.status, 200, "the service itself answers");
}

#[tokio::test]
async fn an_answer_carries_the_trace_of_its_request() {
    let world = World::production().await;
    for path in ["/health", READS[0]] {
        let answer = world.get(path).header("x-correlation-id", "trace-7").answer().await;
        assert_eq!(answer.headers["x-correlation-id"], "trace-7", "{path}");
        let answer = world.get(path).header("x-request-id", "request-7").answer().await;
        assert_eq!(answer.headers["x-correlation-id"], "request-7", "{path}");
        let answer = world.get(path).header("x-correlation-id", "not one that can be logged").answer().await;
        let made = &answer.headers["x-correlation-id"];
        assert!(correlation::moment(made).is_some(), "{path}: {made}");
    }
}
