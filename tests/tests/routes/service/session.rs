//! A browser's session, from its token to its end.

use std::time::Duration;

use serde_json::json;
use signalbox::http::auth::{READ, WRITE};

use crate::routes::kit::World;

const SESSION: &str = "/api/auth/session";
const SYNC: &str = "/api/catalog/vendor-sync/moscot/sync";

#[tokio::test]
async fn a_token_is_exchanged_for_a_session_that_is_what_it_was() {
    let world = World::production().await;
    let token = world.service_token("maja", "default", &[READ, WRITE]);
    let sign_in = |body: String| {
        let request = world.post(SESSION).header("x-signalbox-request", "1");
        request.header("sec-fetch-site", "same-origin").body(body)
    };
    let answer = sign_in(json!({"token": token}).to_string()).answer().await;
    let cookie = answer.headers["set-cookie"].clone();
    let who = answer.expect(200);
    assert_eq!((&who["actor"], &who["tenant"], &who["local"]), (&json!("maja"), &json!("default"), &json!(false)));
    assert_eq!((&who["scopes"], &who["anyTenant"]), (&json!([READ, WRITE]), &json!(true)));
    let (session, attributes) = cookie.strip_prefix("STORE_SESS=").unwrap().split_once("; ").unwrap();
    assert!(attributes.starts_with("Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age="), "{attributes}");
    assert_eq!(world.get(SESSION).cookie(session).answer().await.expect(200), who);

    let start = |site: &str| {
        let request = world.post(SYNC).cookie(session).body(json!({"mode": "apply"}).to_string());
        request.header("x-signalbox-request", "1").header("sec-fetch-site", site)
    };
    assert_eq!(start("cross-site").answer().await.problem(), (403, "cross_site_request"));
    assert_eq!(start("same-origin").answer().await.status, 200);

    // It ends when its token does.
    world.pass(Duration::from_secs(365 * 24 * 3600));
    assert_eq!(start("same-origin").answer().await.problem(), (401, "invalid_token"));
    assert_eq!(world.get(SESSION).cookie(session).answer().await.problem(), (401, "invalid_token"));
}

#[tokio::test]
async fn nobody_is_signed_in_by_another_site_or_without_a_token() {
    let world = World::production().await;
    let token = json!({"token": world.token(&[READ])}).to_string();
    let sign_in = |body: &str| world.post(SESSION).body(body.to_owned());
    let ours = |body: &str| sign_in(body).header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin");
    assert_eq!(sign_in(&token).answer().await.problem(), (403, "cross_site_request"));
    let other = ours(&token).header("sec-fetch-site", "cross-site").answer().await;
    assert_eq!(other.problem(), (403, "cross_site_request"));
    for (body, problem) in [
        ("{\"token\": \"word\"}", (401, "invalid_token")),
        ("{}", (400, "invalid_request")),
        ("word", (400, "invalid_request")),
    ] {
        let answer = ours(body).answer().await;
        assert!(!answer.headers.contains_key("set-cookie"), "{body}");
        assert_eq!(answer.problem(), problem, "{body}");
    }
    assert_eq!(world.get(SESSION).answer().await.problem(), (401, "missing_token"));
}

#[tokio::test]
async fn who_signs_out_has_no_cookie_any_more() {
    let world = World::production().await;
    let sign_out = || world.request("DELETE", SESSION);
    assert_eq!(sign_out().answer().await.problem(), (403, "cross_site_request"));
    let ours = sign_out().header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin").answer().await;
    assert_eq!(ours.headers["set-cookie"], "STORE_SESS=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0");
    assert_eq!(ours.expect(200), json!({"ok": true}));
}
