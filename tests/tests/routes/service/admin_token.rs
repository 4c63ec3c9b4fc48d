//! The admin token: let in where the description says so, and nowhere else.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use serde_json::Value;
use signalbox_tests::system::{Settings, System};

const ADMIN: &str = "admin-token-admin-token-admin-tok";

/// What is described of each operation: method, path with something for each parameter, and in which ways somebody may show who they are.
fn operations() -> Vec<(String, String, Vec<String>)> {
    let merged = signalbox_read_api::openapi().merge_from(signalbox_sync_control::openapi());
    let openapi = serde_json::to_value(merged).unwrap();
    let mut found = Vec::new();
    for (path, item) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let ways = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
            let ways = ways.flat_map(|way| way.keys().cloned()).collect();
            let parts = path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part });
            found.push((method.to_uppercase(), parts.collect::<Vec<_>>().join("/"), ways));
        }
    }
    found
}

#[tokio::test]
async fn the_admin_token_is_let_in_where_that_is_described_and_nowhere_else() {
    let settings = [("STAGE", "production"), ("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret")];
    let system = System::with(Settings::default().with(&settings).with(&[("ADMIN_SYNC_TOKEN", ADMIN)])).await;
    let (mut described, mut wrong) = (0, Vec::new());
    // A session's own routes say who anybody is.
    let asks = |path: &str, ways: &[String]| !path.starts_with("/api/auth/") && ways.iter().any(|way| way == "service");
    for (method, path, ways) in operations().into_iter().filter(|(_, path, ways)| asks(path, ways)) {
        let is_described = ways.iter().any(|way| way == "admin");
        described += usize::from(is_described);
        let ask = || system.request(&method, &path).header("x-tenant-id", "acme");
        for ask in [ask().header("x-admin-token", ADMIN), ask().bearer(ADMIN)] {
            let answer = ask.answer().await;
            let is_refused = matches!(answer.status, 401 | 403);
            if is_refused == is_described {
                wrong.push(format!("{method} {path}: {} {}", answer.status, answer.text));
            }
        }
    }
    assert!(wrong.is_empty() && described > 20, "{described} {wrong:#?}");
}
