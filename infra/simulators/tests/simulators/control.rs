//! What a vendor is told beside its API.

use reqwest::Method;
use serde_json::json;
use signalbox::outside::Clock;
use signalbox_simulators::{DemoOptions, Fault, Options, ROWS_MAX, Simulator, Vendor, start_demo_vendors};

use super::Sim;

#[tokio::test]
async fn rows_are_changed_removed_and_added() {
    let sim = Sim::doorloop(|_| {}).await;
    let before = sim.get("/api/owners").await.json();
    let id = before["data"][5]["id"].as_str().unwrap();
    let order = json!({"entity": "owners", "change": [id], "set": {"name": "Someone else"}, "remove": 2, "add": 3});
    let (status, done) = sim.post("/_simulator/rows", &order).await;
    assert_eq!((status, &done["changed"], &done["total"]), (200, &json!({"count": 1, "ids": [id]}), &json!(41)));

    let after = sim.get("/api/owners").await;
    let ids = after.ids();
    assert_eq!(ids.len(), 41);
    assert!(done["removed"]["ids"].as_array().unwrap().iter().all(|gone| !ids.iter().any(|id| gone == id)));
    assert_eq!(json!(ids[38..]), done["added"]["ids"]);
    let changed = sim.get(&format!("/api/owners/{id}")).await.json();
    assert_eq!((&changed["name"], &changed["updatedAt"]), (&json!("Someone else"), &json!("2026-01-15T12:00:00.000Z")));
    assert_ne!(changed["phones"], before["data"][5]["phones"]);

    assert_eq!(sim.post("/_simulator/reset", &json!({})).await.0, 200);
    assert_eq!(sim.get("/api/owners").await.json(), before);
}

#[tokio::test]
async fn faults_are_set_and_ended_and_requests_counted() {
    let sim = Sim::doorloop(|_| {}).await;
    assert_eq!(
        sim.post("/_simulator/faults", &json!([{"fault": "html"}, {"fault": "slow", "seconds": 0}])).await.0,
        200
    );
    assert!(sim.get("/api/owners?page_size=1").await.text.starts_with("<!DOCTYPE"));
    assert_eq!(sim.send(Method::DELETE, "/_simulator/faults", &json!({})).await.0, 200);
    assert_eq!(sim.get("/api/owners?page_size=1").await.ids().len(), 1);
    let seen = sim.get("/_simulator/requests?limit=1").await.json();
    let at = sim.clock.now().as_millisecond();
    let last = json!({"atMs": at, "method": "GET", "path": "/api/owners", "query": "page_size=1", "status": 200});
    assert_eq!(seen, json!({"count": 2, "requests": [last]}));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let sim = Sim::trackstar(|_| {}).await;
    for (path, order) in [
        ("faults", json!({"fault": "flood"})),
        ("faults", json!({"fault": "html", "rows": 3})),
        ("faults", json!({"fault": "html", "entity": "tenants"})),
        ("faults", json!({"fault": "shrinking-total"})),
        ("faults", json!({"fault": "missing-field"})),
        ("faults", json!({"fault": "status", "status": 200})),
        ("rows", json!({"entity": "tenants", "add": 1})),
        ("rows", json!({"entity": "orders", "add": ROWS_MAX + 1})),
        ("rows", json!({"entity": "orders", "remove": ["1"]})),
        ("rows", json!({"entity": "orders", "remove": 451})),
    ] {
        let (status, answer) = sim.post(&format!("/_simulator/{path}"), &order).await;
        assert!(status == 400 && answer["error"].is_string(), "{order}: {answer}");
    }
    for text in ["html,from", "html,from=x", "cut", "slow,seconds=-1"] {
        assert!(text.parse::<Fault>().is_err(), "{text}");
    }
    let many = Options { rows: ROWS_MAX + 1, ..Options::new(Vendor::Doorloop) };
    assert!(Simulator::start(many).await.is_err());
}

#[tokio::test]
async fn the_vendors_of_the_demo_start_beside_a_port_that_is_taken_and_stop() {
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options =
        DemoOptions { doorloop: port, trackstar: 0, gbp: 0, teams: 0, key: "a-key".into(), clock: Clock::default() };
    let demo = start_demo_vendors(&options).await.unwrap();
    assert!(demo.doorloop.base_url().ends_with("/api"));
    assert_ne!(demo.doorloop.address().port(), port);
    assert_eq!((demo.doorloop.key(), demo.trackstar.key()), ("a-key".into(), "a-key".into()));
    assert_eq!((demo.doorloop.rows("tenants"), demo.trackstar.rows("orders")), (Some(150), Some(225)));
    let addresses = [demo.doorloop.address(), demo.trackstar.address()];
    demo.stop().await;
    for address in addresses {
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
