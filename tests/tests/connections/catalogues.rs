//! Catalogues of the table: synced, shown and told apart as those of the configuration are.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use serde_json::json;
use signalbox::http::auth::{READ, WRITE};
use signalbox_tests::deliveries::hooks::Hooks;

use crate::connections::desk::Desk;

#[tokio::test]
async fn a_catalogue_of_the_table_is_synced_by_hand_and_stands_in_the_registry() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("shop.json"), r#"{"products":[{"id":7,"v":1},{"id":8,"v":1}]}"#).unwrap();
    let hooks = Hooks::with(&[("CATALOG_ROOT", root.path().to_str().unwrap())]).await;
    let desk = Desk::new(&hooks);
    desk.put("acme/catalogue/shop", json!({"source": "shop.json", "items": "products", "id": "id"}), None).await;
    let (own, other) = (hooks.token("acme", &[READ, WRITE]), hooks.token("globex", &[READ, WRITE]));
    let sync = "/api/catalog/vendor-sync/shop/sync";
    let registry = "/api/catalog/vendor-sync/registry";

    let answer = hooks.ask("POST", sync, Some(&own), Some(json!({"dryRun": false}))).await.expect(200);
    assert_eq!(answer["summary"]["created"], 2);
    let listed = hooks.ask("GET", registry, Some(&own), None).await.expect(200);
    assert_eq!((&listed["data"][0]["slug"], &listed["data"][0]["state"]["totalItems"]), (&json!("shop"), &json!(2)));
    let tested = hooks.ask("POST", &format!("{registry}/shop/test"), Some(&own), None).await.expect(200);
    assert_eq!((&tested["data"]["ok"], &tested["data"]["meta"]["totalItems"]), (&json!(true), &json!(2)));
    let totals = hooks.ask("GET", "/metrics", Some(&own), None).await.text;
    assert!(
        totals.contains("sync_operations_total{operation=\"sync\",source=\"shop\",status=\"success\"} 1"),
        "{totals}"
    );

    // Nobody else has a vendor of that name.
    assert_eq!(hooks.ask("POST", sync, Some(&other), None).await.problem(), (404, "vendor_not_configured"));
    assert_eq!(hooks.ask("GET", registry, Some(&other), None).await.expect(200)["data"], json!([]));
    assert_eq!(hooks.ask("GET", &format!("{registry}/shop"), Some(&other), None).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn a_connection_names_its_own_host_and_requests_name_no_other() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new()
        .route("/p.json", get(|| async { r#"[{"catalogId":"a"}]"# }))
        .route("/moved.json", get(|| async { Redirect::temporary("http://10.0.0.1/p.json") }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    let source = format!("http://{address}/p.json");
    desk.put("acme/catalogue/shop", json!({"source": source, "hosts": ["10.0.0.1"]}), None).await;
    let own = hooks.token("acme", &[READ, WRITE]);
    for (named, code) in [
        (None, None),
        (Some(source), None),
        (Some(format!("http://{address}/moved.json")), Some("source_not_public")),
        (Some("http://10.0.0.1/p.json".to_owned()), Some("source_not_public")),
        (Some("https://elsewhere.example/p.json".to_owned()), Some("source_not_allowed")),
    ] {
        let body = json!({"dryRun": true, "sourcePath": named});
        let answer = hooks.ask("POST", "/api/catalog/vendor-sync/shop/sync", Some(&own), Some(body)).await;
        assert_eq!(answer.body["code"].as_str(), code, "{named:?}: {}", answer.text);
    }
}
