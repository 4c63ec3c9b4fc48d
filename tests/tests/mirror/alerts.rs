//! Who operates all tenants is told when their mirrors are not well.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::CONNECTIONS_READ;
use signalbox_simulators::Limits;
use signalbox_tests::system::System;

use super::mirrored::{Mirrored, google};

/// A round of looks: the state of the alert, by its rule.
async fn looked(tenant: &Mirrored<'_>) -> Vec<(String, String)> {
    let system = tenant.world.system;
    system.pass(Duration::from_secs(16 * 60));
    let tick = json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"});
    tenant.world.healthy().await.invoke("alerts", tick).await.unwrap();
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ]);
    let alerts = system.get("/api/admin/alerts").bearer(&token).answer().await.expect(200);
    let text = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
    let found = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["connection"] == "all-tenants");
    found.map(|alert| (text(alert, "rule"), text(alert, "state"))).collect()
}

#[tokio::test]
async fn mirrors_that_find_differences_again_and_again_are_told_of_and_over_a_day_later() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery", "florist"]).await;
    for number in 0..6 {
        tenant.given(0, &["bakery"]);
        system.pass(Duration::from_secs(61));
        tenant.start("platform_to_gbp", true).await;
        tenant.settle().await;
        if number == 4 {
            assert!(looked(&tenant).await.is_empty());
        }
    }
    let out_of_sync = |state: &str| vec![("mirrors_out_of_sync".to_owned(), state.to_owned())];
    assert_eq!(looked(&tenant).await, out_of_sync("open"));
    system.pass(Duration::from_secs(24 * 3_600));
    assert_eq!(looked(&tenant).await, out_of_sync("resolved"));
}
