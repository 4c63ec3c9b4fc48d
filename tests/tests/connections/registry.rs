//! Connections to catalogues as the vendor sync's registry shows, changes and tests them.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_WRITE, READ, WRITE};
use signalbox::outside::Clock;
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_tests::answer::Answer;
use signalbox_tests::system::{Settings, System};

use super::kit::{LIST, OPERATOR, ask, catalogue, put, recorded, shown, version};

const REGISTRY: &str = "/api/catalog/vendor-sync/registry";
const SHOP: &str = "default/catalogue/shop";
const KEY: &str = "a-key-of-the-shop-0001";

async fn set(system: &System, tenant: &str, slug: &str, credentials: Value) -> Answer {
    let token = system.service_token("operator", tenant, &[CONNECTIONS_WRITE]);
    let request = system.post(&format!("{REGISTRY}/{slug}/credentials")).bearer(&token);
    request.body(json!({"credentials": credentials}).to_string()).answer().await
}

#[tokio::test]
async fn credentials_are_a_connection_s_source_and_secret() {
    let system = System::start().await;
    let wanted =
        json!({"displayName": "The shop", "settings": {"source": "shop.json", "id": "sku"}, "schedule": {"every": 60}});
    let made = version(&put(&system, SHOP, wanted).await);
    let url = "https://shop.example/p.json?key=hunter2";
    let changed = set(&system, OPERATOR, "Shop", json!({"scraperPath": url, "apiKey": KEY})).await.expect(200);
    let shown_url = "https://shop.example/p.json?(configured)";
    let expected =
        json!({"slug": "shop", "type": "SCRAPER", "scraperPath": shown_url, "apiBaseUrl": null, "apiKey": "••••0001"});
    assert_eq!(changed, json!({"ok": true, "data": expected}));
    // Sent back as it is shown, and the key as a page has it that was never told one.
    set(&system, OPERATOR, "shop", json!({"scraperPath": shown_url, "apiKey": null})).await.expect(200);
    let stored = shown(&system, SHOP).await;
    assert_eq!(
        stored["settings"],
        json!({"source": "https://shop.example/p.json?***", "type": "SCRAPER", "id": "sku"})
    );
    assert_eq!((&stored["displayName"], &stored["schedule"]), (&json!("The shop"), &json!({"every": 60})));
    assert_eq!((&stored["secrets"]["masked"], &stored["version"]), (&json!("••••0001"), &json!(made + 2)));
    let names: Vec<_> = recorded(&system).await.into_iter().flat_map(|(_, _, names)| names).collect();
    assert!(
        names.contains(&"secrets.current".to_owned()) && names.contains(&"settings.source".to_owned()),
        "{names:?}"
    );

    let api =
        set(&system, OPERATOR, "shop", json!({"apiBaseUrl": "https://api.shop.example/v1", "scraperPath": null})).await;
    assert_eq!(api.expect(200)["data"]["apiBaseUrl"], "https://api.shop.example/v1");
    let token = system.service_token("reader", OPERATOR, &[READ]);
    let entry = system.get(&format!("{REGISTRY}/shop")).bearer(&token).answer().await.expect(200)["data"].clone();
    let integration = &entry["integration"];
    assert_eq!(
        (&integration["apiBaseUrl"], &integration["type"]),
        (&json!("https://api.shop.example/v1"), &json!("API"))
    );
    assert_eq!((&integration["scraperPath"], &integration["apiKey"]), (&Value::Null, &Value::Null));
    set(&system, OPERATOR, "shop", json!({"scraperPath": null})).await.expect(200);
    assert_eq!(shown(&system, SHOP).await["settings"].get("source"), None);
}

#[tokio::test]
async fn credentials_that_cannot_be_are_refused_with_a_text() {
    let system = System::start().await;
    let made = version(&put(&system, SHOP, catalogue()).await);
    for (credentials, part) in [
        (json!({}), "the body must be"),
        (json!("key"), "the body must be"),
        (json!({"apiKey": 7}), "apiKey must be a text"),
        (json!({"apiKey": "key\n"}), "apiKey must not begin or end with white space"),
        (json!({"scraperPath": ["a"]}), "scraperPath must be a text or null"),
        (json!({"scraperPath": "a.json", "apiBaseUrl": "https://a.example"}), "apiBaseUrl cannot be given beside"),
        (json!({"scraperPath": "x".repeat(3000)}), "scraperPath must be a text that is not blank"),
        (json!({"apiBaseUrl": "https://a.example?***"}), "apiBaseUrl is masked"),
    ] {
        let answer = set(&system, OPERATOR, "shop", credentials.clone()).await;
        assert_eq!(answer.problem(), (422, "invalid_payload"), "{credentials}");
        assert!(answer.body["detail"].as_str().unwrap().contains(part), "{credentials}: {}", answer.text);
    }
    assert_eq!(shown(&system, SHOP).await["version"], made);
    let path = json!({"scraperPath": "a.json"});
    // One of the configuration, one that nobody has, and none.
    for (slug, expected) in [
        ("moscot", (409, "kept_by_configuration")),
        ("nobody", (404, "not_found")),
        ("no%2Fbody", (400, "invalid_vendor")),
    ] {
        assert_eq!(set(&system, OPERATOR, slug, path.clone()).await.problem(), expected, "{slug}");
    }
    // Another tenant's are its own, and it names no files.
    assert_eq!(set(&system, "globex", "shop", json!({"apiKey": KEY})).await.problem(), (404, "not_found"));
    put(&system, "globex/catalogue/shop", json!({"settings": {}})).await.expect(201);
    assert_eq!(set(&system, "globex", "shop", path).await.problem(), (403, "forbidden"));
    set(&system, "globex", "shop", json!({"scraperPath": "https://globex.example/p.json"})).await.expect(200);
}

#[tokio::test]
async fn a_session_changes_credentials_and_nobody_in_particular_does_not() {
    let system = System::start().await;
    put(&system, SHOP, catalogue()).await.expect(201);
    let minted = system.get("/api/auth/dev-mint").answer().await;
    let session = minted.headers["set-cookie"].split(['=', ';']).nth(1).unwrap().to_owned();
    let change = || {
        system.post(&format!("{REGISTRY}/shop/credentials")).body(json!({"credentials": {"apiKey": KEY}}).to_string())
    };
    assert_eq!(change().answer().await.problem(), (401, "missing_token"));
    let other = system.service_token("operator", OPERATOR, &[READ, WRITE]);
    assert_eq!(change().bearer(&other).answer().await.problem(), (403, "insufficient_scope"));
    assert_eq!(change().cookie(&session).answer().await.problem(), (403, "cross_site_request"));
    let of_ours = change().cookie(&session).header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin");
    of_ours.answer().await.expect(200);
    let list = ask(&system, "GET", LIST, Value::Null).await.expect(200);
    assert_eq!(list["items"][0]["changed"]["by"], "dev");
}

#[tokio::test]
async fn all_vendors_are_tested_and_those_that_cannot_be_read_are_named() {
    let root = tempfile::tempdir().unwrap();
    let clock = Clock::fixed("2024-06-07T08:00:00Z".parse().unwrap());
    let reading = clock.clone();
    // A read takes ten seconds.
    let stores = StoreFactory::wrapped(move |store| {
        reading.advance(Duration::from_secs(10));
        store
    });
    let settings = Settings { clock, stores, ..Settings::default() };
    let system = System::with(settings.with(&[("CATALOG_ROOT", root.path().to_str().unwrap())])).await;
    for name in ["a", "b"] {
        std::fs::write(root.path().join(format!("{name}.json")), r#"[{"catalogId":"1"}]"#).unwrap();
        put(&system, &format!("acme/catalogue/{name}"), json!({"settings": {"source": format!("{name}.json")}}))
            .await
            .expect(201);
    }
    put(&system, "acme/catalogue/api", json!({"settings": {"type": "API"}})).await.expect(201);
    put(&system, "globex/catalogue/other", catalogue()).await.expect(201);
    let test = async |tenant: &str| {
        let token = system.service_token("tester", tenant, &[WRITE]);
        system.post(&format!("{REGISTRY}/test-all")).bearer(&token).answer().await.expect(200)
    };
    let api = json!({"slug": "api", "error": "a vendor that is reached over an API cannot be tested yet"});
    assert_eq!(
        test("acme").await,
        json!({"ok": true, "tested": 3, "passed": 2, "failed": 1, "notTested": 0, "failures": [api]})
    );
    let other = test("globex").await;
    assert_eq!((&other["failed"], &other["failures"][0]["slug"]), (&json!(1), &json!("other")));
    for name in ["c", "d", "e", "f"] {
        put(&system, &format!("acme/catalogue/{name}"), json!({"settings": {"source": "a.json"}})).await.expect(201);
    }
    let some = test("acme").await;
    let (tested, left) = (some["tested"].as_u64().unwrap(), some["notTested"].as_u64().unwrap());
    assert!(left > 0 && tested + left == 7, "{some}");
}
