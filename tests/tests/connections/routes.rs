//! The life of a connection over the API, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, READ, WRITE};
use signalbox_tests::system::{Settings, System};
use tempfile::TempDir;

use super::kit::{
    LIST, OPERATOR, ask, ask_with, catalogue, due, github, nightly, path, put, recorded, shown, tag, version,
};

const SHOP: &str = "acme/catalogue/shop";
const HOOK: &str = "acme/github/main";
const SECRET: &str = "it-is-a-secret-of-github-0001";

#[tokio::test]
async fn a_connection_is_made_changed_and_removed() {
    let system = System::start().await;
    let now = signalbox::domain::time::text(system.clock.now());
    let made = put(&system, SHOP, nightly("shop.json")).await;
    let first = system.clock.now().as_millisecond().cast_unsigned();
    assert_eq!((made.status, version(&made)), (201, first));
    let change = json!({"at": now, "by": "operator"});
    assert_eq!(
        made.body["data"],
        json!({
            "connection": SHOP, "tenant": "acme", "provider": "catalogue", "name": "shop", "displayName": "shop",
            "settings": {"source": "shop.json"}, "schedule": {"cron": "0 2 * * *", "zone": "UTC"}, "state": "active",
            "paused": null, "secrets": null, "keptBy": "operators", "keptIn": null, "created": change,
            "changed": change, "version": first,
        })
    );
    system.pass(Duration::from_secs(60));
    let body = json!({"displayName": "Shop", "settings": {"source": "shop.json", "id": "sku"}, "state": "paused"});
    let changed = put(&system, SHOP, body).await;
    assert_eq!((changed.status, version(&changed)), (200, first + 1));
    let data = &changed.body["data"];
    assert_eq!((&data["created"], &data["displayName"], &data["schedule"]), (&change, &json!("Shop"), &json!("off")));
    assert_eq!((data["state"].as_str(), data["paused"]["by"].as_str()), (Some("paused"), Some("operator")));
    let read = ask(&system, "GET", &path(SHOP), Value::Null).await;
    assert_eq!((version(&read), &read.body["data"]), (first + 1, data));

    let removed = ask(&system, "DELETE", &path(SHOP), Value::Null).await.expect(200);
    assert_eq!(removed, json!({"ok": true, "connection": SHOP}));
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&system, method, &path(SHOP), Value::Null).await.problem(), (404, "not_found"), "{method}");
    }
}

#[tokio::test]
async fn a_pause_ends_the_schedule_and_a_resumption_begins_it_again() {
    let system = System::start().await;
    let made = version(&put(&system, SHOP, nightly("shop.json")).await);
    let first = due(&system, SHOP).await;
    assert!(first.is_some());
    for _ in 0..2 {
        let pause = ask(&system, "POST", &path(&format!("{SHOP}/pause")), json!({"why": " the shop moves "})).await;
        assert_eq!(version(&pause), made + 1, "the second pause changes nothing");
        assert_eq!(pause.expect(200)["data"]["paused"]["why"], "the shop moves");
        assert_eq!(due(&system, SHOP).await, None);
    }
    // What is written while it is paused leaves it so.
    put(&system, SHOP, nightly("shop.json")).await.expect(200);
    assert_eq!((shown(&system, SHOP).await["state"].as_str(), due(&system, SHOP).await), (Some("paused"), None));
    for _ in 0..2 {
        let resumed = ask(&system, "POST", &path(&format!("{SHOP}/resume")), Value::Null).await;
        assert_eq!((version(&resumed), &resumed.body["data"]["state"]), (made + 3, &json!("active")));
        assert_eq!(due(&system, SHOP).await, first);
    }
    put(&system, SHOP, catalogue()).await.expect(200);
    assert_eq!(due(&system, SHOP).await, None);
}

#[tokio::test]
async fn a_masked_url_that_is_sent_back_as_it_was_shown_keeps_what_is_stored() {
    let system = System::start().await;
    let with = |source: &str, id: &str| json!({"settings": {"source": source, "id": id}});
    put(&system, SHOP, with("https://shop.example/p.json?key=hunter2", "id")).await.expect(201);
    let masked = shown(&system, SHOP).await["settings"]["source"].as_str().unwrap().to_owned();
    assert_eq!(masked, "https://shop.example/p.json?***");
    put(&system, SHOP, with(&masked, "sku")).await.expect(200);
    let (_, _, names) = recorded(&system).await.pop().unwrap();
    let stored = super::kit::stored(&system).await;
    assert!(json!(stored).to_string().contains("p.json?key=hunter2"), "{stored:?}");
    let all: Vec<String> = recorded(&system).await.into_iter().flat_map(|(.., names)| names).collect();
    assert_eq!(all.iter().filter(|name| *name == "settings.source").count(), 1, "{names:?}");
    for other in ["https://other.example/p.json?***", "https://shop.example/other.json?***"] {
        let answer = put(&system, SHOP, with(other, "sku")).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{other}");
    }
}

#[tokio::test]
async fn a_time_that_has_come_is_not_moved_by_a_change() {
    let system = System::start().await;
    put(&system, SHOP, nightly("shop.json")).await.expect(201);
    let first = due(&system, SHOP).await;
    system.pass(Duration::from_secs(24 * 3600));
    put(&system, SHOP, nightly("other.json")).await.expect(200);
    assert_eq!(due(&system, SHOP).await, first, "nobody has started it yet");
}

#[tokio::test]
async fn a_secret_is_rotated_with_two_live_and_told_by_its_end() {
    let system = System::start().await;
    put(&system, HOOK, github(SECRET)).await.expect(201);
    let first = shown(&system, HOOK).await["secrets"].clone();
    assert_eq!((first["masked"].as_str(), first["hasPrevious"].as_bool()), (Some("••••0001"), Some(false)));
    let rotate = async |body: Value| ask(&system, "POST", &path(&format!("{HOOK}/rotate")), body).await;
    system.pass(Duration::from_secs(60));
    let next = json!({"secret": "it-is-a-secret-of-github-0002"});
    let rotated = rotate(next.clone()).await.expect(200)["data"].clone();
    let secrets = &rotated["secrets"];
    assert_eq!((secrets["masked"].as_str(), secrets["hasPrevious"].as_bool()), (Some("••••0002"), Some(true)));
    assert!(secrets["fingerprint"] != first["fingerprint"] && secrets["rotatedAt"] != first["rotatedAt"]);
    assert_eq!(rotate(next).await.expect(200)["data"], rotated, "it is the current one already");
    // What is written without secrets keeps them.
    put(&system, HOOK, json!({"settings": {"unsignedIdIsKey": true}})).await.expect(200);
    assert_eq!(shown(&system, HOOK).await["secrets"], *secrets);
    let rewrapped = rotate(json!({"rewrap": true})).await.expect(200);
    assert_eq!(rewrapped["data"]["secrets"], *secrets, "they are what they were");
    let dropped = rotate(json!({"dropPrevious": true})).await.expect(200);
    assert_eq!(dropped["data"]["secrets"]["hasPrevious"], false);
    // Back to the first one, which is told by the same fingerprint.
    let both = json!({"current": SECRET, "previous": "it-is-a-secret-of-github-0002"});
    let back = rotate(both).await.expect(200)["data"]["secrets"].clone();
    assert_eq!((&back["fingerprint"], &back["hasPrevious"]), (&first["fingerprint"], &json!(true)));
}

#[tokio::test]
async fn what_was_changed_is_on_record_by_name() {
    let system = System::start().await;
    put(&system, HOOK, github(SECRET)).await.expect(201);
    put(&system, HOOK, json!({"settings": {"unsignedIdIsKey": true}, "displayName": "Main"})).await.expect(200);
    for (action, body) in [("pause", json!({"why": "noise"})), ("resume", Value::Null), ("test", Value::Null)] {
        ask(&system, "POST", &path(&format!("{HOOK}/{action}")), body).await.expect(200);
    }
    let secret = json!({"secret": "it-is-a-secret-of-github-0002"});
    ask(&system, "POST", &path(&format!("{HOOK}/rotate")), secret).await.expect(200);
    ask(&system, "DELETE", &path(HOOK), Value::Null).await.expect(200);
    let mut found = recorded(&system).await;
    found.sort();
    let expected: Vec<(String, String, Vec<String>)> = [
        ("connection.delete", &[][..]),
        ("connection.pause", &["state"]),
        ("connection.put", &["displayName", "schedule", "state", "keptBy", "secrets.current"]),
        ("connection.put", &["displayName", "settings.unsignedIdIsKey"]),
        ("connection.resume", &["state"]),
        ("connection.rotate", &["secrets.current", "secrets.previous"]),
        ("connection.test", &[]),
    ]
    .map(|(action, names)| (action.to_owned(), HOOK.to_owned(), names.iter().map(|name| (*name).to_owned()).collect()))
    .into();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_a_connection_cannot_be_is_named_by_field() {
    let system = System::start().await;
    let with = |provider: &str, body: Value| (format!("acme/{provider}/x"), body);
    for ((connection, body), fields) in [
        (with("catalogue", json!({})), &["settings"][..]),
        (with("catalogue", json!({"settings": 7})), &["settings"]),
        (
            with("catalogue", json!({"settings": {"sauce": 1, "badRows": "skip"}})),
            &["settings.badRows", "settings.sauce"],
        ),
        (with("catalogue", json!({"settings": {"source": "https://a.example?***"}})), &["settings.source"]),
        (with("catalogue", json!({"settings": {"source": "ftp://a.example/p.json"}})), &["settings.source"]),
        (with("catalogue", json!({"settings": {"source": "https://10.0.0.1/p.json"}})), &["settings.source"]),
        (with("imports", json!({"settings": {"scheme": "github"}, "secrets": {"current": "s"}})), &["settings"]),
        (with("a%20b", json!({"settings": {}})), &["provider"]),
        (("a%20b/catalogue/x".into(), json!({"settings": {}})), &["tenant"]),
        (("acme/catalogue/a%2Fb".into(), json!({"settings": {}})), &["name"]),
        (with("catalogue", json!({"settings": {}, "schedul": "off"})), &["schedul"]),
        (with("catalogue", json!({"settings": {}, "schedule": {"every": 0}})), &["schedule"]),
        (with("catalogue", json!({"settings": {}, "schedule": {"cron": "0 2 * *"}})), &["schedule"]),
        (with("catalogue", json!({"settings": {}, "schedule": {"cron": "0 2 * * *", "zone": "Mars"}})), &["schedule"]),
        (with("catalogue", json!({"settings": {}, "state": "gone"})), &["state"]),
        (with("catalogue", json!({"settings": {}, "displayName": "x".repeat(101)})), &["displayName"]),
        (with("catalogue", json!({"settings": {}, "displayName": "a\u{7}b"})), &["displayName"]),
        (with("trackstar", json!({"settings": {}})), &["settings.connectionId"]),
        (with("github", json!({"settings": {}})), &["secrets"]),
        (with("github", json!({"settings": {}, "schedule": {"every": 5}, "secrets": {"current": "s"}})), &["schedule"]),
        (with("github", json!({"settings": {}, "secrets": "s"})), &["secrets"]),
        (with("github", json!({"settings": {}, "secrets": {}})), &["secrets.current"]),
        (with("github", json!({"settings": {}, "secrets": {"current": "s\n"}})), &["secrets.current"]),
        (with("github", json!({"settings": {}, "secrets": {"current": "s", "previous": 7}})), &["secrets.previous"]),
        (with("github", json!({"settings": {}, "secrets": {"current": "x".repeat(4097)}})), &["secrets.current"]),
        (with("nobody", json!({"settings": {}, "secrets": {"current": "s"}})), &["settings.scheme"]),
        (with("square", json!({"settings": {}, "secrets": {"current": "s"}})), &["settings.url"]),
    ] {
        let answer = put(&system, &connection, body.clone()).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{connection} {body}");
        let found = answer.body["detail"]["fieldErrors"].as_object().unwrap();
        assert!(found.keys().eq(fields.iter()), "{connection} {body}: {}", answer.text);
    }
    put(&system, HOOK, github(SECRET)).await.expect(201);
    for (action, body, field) in [
        ("pause", json!({"why": 7}), "why"),
        ("pause", json!({"why": "x".repeat(301)}), "why"),
        ("pause", json!({"why": "a\u{1b}[2Jb"}), "why"),
        ("pause", json!({"because": "x"}), "because"),
        ("rotate", json!({}), "secret"),
        ("rotate", json!({"secret": ""}), "secret"),
        ("rotate", json!({"secret": "a", "current": "b"}), "secret"),
        ("rotate", json!({"previous": "b"}), "secret"),
        ("rotate", json!({"rewrap": "yes"}), "rewrap"),
        ("rotate", json!({"secrets": "a"}), "secrets"),
    ] {
        let answer = ask(&system, "POST", &path(&format!("{HOOK}/{action}")), body.clone()).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{action} {body}");
        assert!(answer.body["detail"]["fieldErrors"].get(field).is_some(), "{action} {body}: {}", answer.text);
    }
    let unread = system.request("PUT", &path(SHOP)).bearer(&super::kit::token(&system, OPERATOR)).body("{").answer();
    assert_eq!(unread.await.problem(), (400, "invalid_request"));
    for wrong in ["cursor=x", "cursor=a/b/c/d", "limit=0", "limit=201", "tenant=a%23b", "provider=%2F"] {
        let list = ask(&system, "GET", &format!("{LIST}?{wrong}"), Value::Null).await;
        assert_eq!(list.problem(), (400, "invalid_request"), "{wrong}");
    }
}

#[tokio::test]
async fn a_caller_needs_the_scope_of_the_route() {
    let settings = [("STAGE", "production"), ("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret")];
    let system = System::with(Settings::default().with(&settings)).await;
    let every = [
        ("GET", String::from(LIST), CONNECTIONS_READ),
        ("GET", format!("{LIST}/providers"), CONNECTIONS_READ),
        ("GET", path(HOOK), CONNECTIONS_READ),
        ("PUT", path(HOOK), CONNECTIONS_WRITE),
        ("DELETE", path(HOOK), CONNECTIONS_WRITE),
        ("POST", path(&format!("{HOOK}/test")), CONNECTIONS_WRITE),
        ("POST", path(&format!("{HOOK}/pause")), CONNECTIONS_WRITE),
        ("POST", path(&format!("{HOOK}/resume")), CONNECTIONS_WRITE),
        ("POST", path(&format!("{HOOK}/rotate")), CONNECTIONS_WRITE),
        ("GET", path(&format!("{HOOK}/breaker")), CONNECTIONS_READ),
        ("POST", path(&format!("{HOOK}/breaker")), CONNECTIONS_WRITE),
    ];
    for (method, path, scope) in every {
        let asked = async |scopes: &[&str]| {
            let token = system.service_token("operator", OPERATOR, scopes);
            system.request(method, &path).bearer(&token).answer().await
        };
        assert_eq!(system.request(method, &path).answer().await.problem(), (401, "missing_token"), "{method} {path}");
        let others: Vec<&str> =
            [READ, WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE].into_iter().filter(|other| *other != scope).collect();
        assert_eq!(asked(&others).await.problem(), (403, "insufficient_scope"), "{method} {path}");
        assert_ne!(asked(&[scope]).await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn an_address_leads_to_one_connection_and_is_free_again() {
    let system = System::start().await;
    let link = |id: &str| json!({"settings": {"connectionId": id}});
    put(&system, "acme/trackstar/north", link("conn-1")).await.expect(201);
    let taken = put(&system, "globex/trackstar/north", link("conn-1")).await;
    assert_eq!(taken.problem(), (409, "address_taken"));
    assert!(!taken.text.contains("acme"), "whose it is, is not told: {}", taken.text);
    // Two tenants' senders would have one path.
    put(&system, HOOK, github(SECRET)).await.expect(201);
    assert_eq!(put(&system, "globex/github/main", github(SECRET)).await.problem(), (409, "address_taken"));
    // Moved away from, and removed.
    put(&system, "acme/trackstar/north", link("conn-2")).await.expect(200);
    put(&system, "globex/trackstar/north", link("conn-1")).await.expect(201);
    ask(&system, "DELETE", &path(HOOK), Value::Null).await.expect(200);
    put(&system, "globex/github/main", github(SECRET)).await.expect(201);
}

#[tokio::test]
async fn a_connection_is_tested_as_its_provider_is() {
    let root = TempDir::new().unwrap();
    std::fs::write(root.path().join("shop.json"), r#"[{"catalogId":"a"},{"catalogId":"b"}]"#).unwrap();
    let settings = Settings::default().with(&[("CATALOG_ROOT", root.path().to_str().unwrap())]);
    let system = System::with(settings).await;
    let secret = json!({"settings": {}, "secrets": {"current": SECRET}});
    for (connection, body, total, error) in [
        (SHOP, catalogue(), Some(2), None),
        ("acme/catalogue/none", json!({"settings": {"source": "none.json"}}), None, Some("none.json")),
        ("acme/catalogue/api", json!({"settings": {"type": "API"}}), None, Some("cannot be tested")),
        (HOOK, github(SECRET), None, None),
        ("acme/svix/main", secret.clone(), None, Some("current secret is not usable")),
        (
            "acme/svix/old",
            json!({"settings": {}, "secrets": {"current": "whsec_c2VjcmV0", "previous": SECRET}}),
            None,
            Some("previous secret is not usable"),
        ),
        ("acme/trackstar/north", json!({"settings": {"connectionId": "conn-1"}}), None, None),
        ("acme/pos/till", secret, None, None),
    ] {
        put(&system, connection, body).await.expect(201);
        let tested = ask(&system, "POST", &path(&format!("{connection}/test")), Value::Null).await.expect(200);
        let data = &tested["data"];
        let as_expected = match (error, data["error"].as_str()) {
            (None, None) => data["ok"] == true,
            (Some(expected), Some(found)) => data["ok"] == false && found.contains(expected),
            _ => false,
        };
        assert!(as_expected && data["totalItems"].as_u64() == total, "{connection}: {tested}");
        assert!(!tested.to_string().contains(SECRET));
    }
    let none = ask(&system, "POST", &path("acme/catalogue/nobody/test"), Value::Null).await;
    assert_eq!(none.problem(), (404, "not_found"));
}

#[tokio::test]
async fn headers_say_which_version_is_to_be_changed() {
    let system = System::start().await;
    let put =
        async |headers: &[(&str, &str)]| ask_with(&system, OPERATOR, ("PUT", &path(SHOP)), headers, catalogue()).await;
    let only_new = &[("if-none-match", "*")][..];
    let failed = (412, "precondition_failed");
    assert_eq!(put(&[("if-match", "\"1\"")]).await.problem(), failed, "there is none");
    assert_eq!(put(&[("if-match", "*")]).await.problem(), failed);
    let made = put(only_new).await;
    let first = version(&made);
    let refused = put(only_new).await;
    assert_eq!((refused.problem(), &refused.body["version"]), (failed, &json!(first)));
    assert_eq!(version(&put(&[("if-match", tag(&made))]).await), first + 1);
    let refused = put(&[("if-match", tag(&made))]).await;
    assert_eq!((refused.problem(), &refused.body["version"]), (failed, &json!(first + 1)));
    let last = put(&[("if-match", "*")]).await;
    assert_eq!(put(&[("if-match", "7")]).await.problem(), (400, "invalid_request"));
    for (method, action) in [("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")] {
        let path = path(&format!("{SHOP}{action}"));
        let refused = ask_with(&system, OPERATOR, (method, &path), &[("if-match", tag(&made))], Value::Null).await;
        assert_eq!(refused.problem(), failed, "{method} {action}");
    }
    let path = path(SHOP);
    assert_eq!(
        ask_with(&system, OPERATOR, ("DELETE", &path), &[("if-match", tag(&last))], Value::Null).await.status,
        200
    );
}

#[tokio::test]
async fn a_version_of_one_that_was_removed_is_none_of_the_one_that_takes_its_place() {
    let system = System::start().await;
    let before = put(&system, SHOP, catalogue()).await;
    ask(&system, "DELETE", &path(SHOP), Value::Null).await.expect(200);
    system.pass(Duration::from_millis(1));
    put(&system, SHOP, catalogue()).await.expect(201);
    let stale = ask_with(&system, OPERATOR, ("PUT", &path(SHOP)), &[("if-match", tag(&before))], catalogue()).await;
    assert_eq!(stale.problem(), (412, "precondition_failed"));
}
