//! The admin token of older operators.

use serde_json::json;
use signalbox_tests::system::{Settings, System};

use super::kit::{LIST, catalogue, path, recorded};

const SHOP: &str = "acme/catalogue/shop";
const ADMIN: &str = "admin-token-admin-token-admin-tok";

async fn guarded(more: &[(&str, &str)]) -> System {
    let settings = [("STAGE", "production"), ("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret")];
    System::with(Settings::default().with(&settings).with(more)).await
}

#[tokio::test]
async fn the_admin_token_operates_connections_of_all_tenants_and_is_on_record_by_its_name() {
    let system = guarded(&[("ADMIN_SYNC_TOKEN", ADMIN)]).await;
    let put = system.request("PUT", &path(SHOP)).header("x-admin-token", ADMIN).body(catalogue().to_string());
    assert_eq!(put.answer().await.expect(201)["data"]["changed"]["by"], "admin-token");
    let listed = system.get(LIST).bearer(ADMIN).answer().await.expect(200);
    assert_eq!(listed["items"][0]["connection"], SHOP);
    assert_eq!(recorded(&system).await.len(), 1);
    for (ask, expected) in [
        (system.get(LIST), (401, "missing_token")),
        (system.get(LIST).header("x-admin-token", "another"), (401, "invalid_token")),
        (system.get(LIST).bearer("another"), (401, "invalid_token")),
        (system.post("/api/catalog/moscot/sync").header("x-admin-token", ADMIN), (403, "insufficient_scope")),
        (system.get("/api/catalog/vendor-sync/state").bearer(ADMIN), (403, "insufficient_scope")),
        (system.get("/api/sync/dead-letters").header("x-admin-token", ADMIN), (403, "insufficient_scope")),
    ] {
        assert_eq!(ask.answer().await.problem(), expected);
    }
}

#[tokio::test]
async fn where_no_admin_token_is_set_nobody_has_it() {
    let system = guarded(&[]).await;
    for token in ["", ADMIN] {
        let answer = system.get(LIST).header("x-admin-token", token).answer().await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert_eq!(system.get(LIST).bearer(token).answer().await.status, 401);
    }
    assert_eq!(system.request("DELETE", &path(SHOP)).answer().await.expect(401)["ok"], json!(false));
    assert_eq!(recorded(&system).await, Vec::<(String, String, Vec<String>)>::new());
}
