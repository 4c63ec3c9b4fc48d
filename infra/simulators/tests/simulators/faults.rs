//! Each fault once, and which requests it hits.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::{Fault, FaultKind};

use super::{Got, Sim};

const TENANTS: &str = "/api/tenants?page_size=10&page_number=";

fn fault(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

async fn faulty(text: &str) -> Sim {
    Sim::doorloop(|options| options.faults = vec![fault(text)]).await
}

#[tokio::test]
async fn a_fault_puts_another_answer_in_place_of_the_vendors() {
    let kind = |answer: &Got| answer.header("content-type").unwrap().split(';').next().unwrap().to_owned();
    for (text, status, content, starts) in [
        ("rate-limited", 429, "application/json", "{\"message\":\"RATE_LIMIT_EXCEEDED\"}"),
        ("status", 500, "application/json", "{\"message\":\"INTERNAL_SERVER_ERROR\"}"),
        ("status,status=403", 403, "application/json", "{\"message\":\"FORBIDDEN\"}"),
        ("html", 200, "text/html", "<!DOCTYPE html>"),
        ("not-json", 200, "application/json", "{\"total\": 3,"),
    ] {
        let answer = faulty(text).await.get("/api/owners").await;
        assert_eq!((answer.status, kind(&answer).as_str()), (status, content), "{text}");
        assert!(answer.text.starts_with(starts), "{text}: {}", answer.text);
        if text == "not-json" {
            assert!(serde_json::from_str::<Value>(&answer.text).is_err());
        }
    }
}

#[tokio::test]
async fn a_wait_is_said_in_any_spelling() {
    for (spelling, name, value) in [
        ("documented", "retry-after", Some("90")),
        ("date", "retry-after", Some("Thu, 15 Jan 2026 12:01:30 GMT")),
        ("old", "x-rate-limit-retry-after", Some("90")),
        ("reset", "x-ratelimit-reset", Some("1768478490")),
        ("none", "retry-after", None),
    ] {
        let sim = faulty(&format!("rate-limited,seconds=90,spelling={spelling}")).await;
        let answer = sim.get("/api/owners").await;
        assert_eq!((answer.status, answer.header(name)), (429, value), "{spelling}");
    }
}

#[tokio::test]
async fn connections_end_before_and_in_an_answer() {
    let sim = faulty("dropped").await;
    assert!(sim.try_get("/api/owners").await.is_err_and(|error| error.is_request()));
    let sim = faulty("cut-off").await;
    assert!(sim.try_get("/api/owners").await.is_err_and(|error| error.is_body() || error.is_decode()));
}

#[tokio::test]
async fn a_slow_answer_comes_when_its_time_has_passed() {
    let sim = faulty("slow,seconds=30").await;
    let slow = sim.get("/api/owners");
    tokio::pin!(slow);
    let mut passed = 0;
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut slow => break answer,
            () = tokio::task::yield_now() => {
                if sim.running.requests().0 == 1 {
                    sim.clock.advance(Duration::from_secs(1));
                    passed += 1;
                }
            }
        }
    };
    assert_eq!(answer.status, 200);
    assert!(passed >= 30, "after {passed} s");
}

#[tokio::test]
async fn pages_are_repeated_cut_short_and_moved() {
    let sim = faulty("repeated,from=2").await;
    let (first, second) = (sim.get(&format!("{TENANTS}1")).await, sim.get(&format!("{TENANTS}2")).await);
    assert_eq!(first.ids(), second.ids());

    let sim = faulty("truncated,rows=3").await;
    let page = sim.get(&format!("{TENANTS}1")).await;
    assert_eq!((page.ids().len(), &page.json()["total"]), (7, &300.into()));

    let sim = faulty("shrinking-total,from=2,rows=40").await;
    let totals = [sim.get(TENANTS).await.json()["total"].clone(), sim.get(TENANTS).await.json()["total"].clone()];
    assert_eq!(totals, [300, 260]);

    let sim = faulty("moving-rows,rows=2,for=1").await;
    let before = sim.get("/api/tenants?page_size=12").await.ids();
    let after = sim.get(&format!("{TENANTS}1")).await;
    assert_eq!((&after.ids()[..], &after.json()["total"]), (&before[2..], &300.into()));
}

#[tokio::test]
async fn a_list_by_token_is_repeated_and_cut_short() {
    let sim = Sim::trackstar(|options| options.faults = vec![fault("repeated,entity=orders,from=2,for=1")]).await;
    let token = |page: &Got| page.json()["next_token"].as_str().unwrap().to_owned();
    let first = token(&sim.get("/wms/orders?limit=10").await);
    let second = sim.get(&format!("/wms/orders?limit=10&page_token={first}")).await;
    assert_eq!(token(&second), first, "it leads to this page again");

    let sim = Sim::trackstar(|options| options.faults = vec![fault("truncated")]).await;
    let page = sim.get("/wms/orders?limit=10").await;
    assert_eq!((page.ids().len(), &page.json()["next_token"]), (5, &Value::Null));
}

#[tokio::test]
async fn fields_go_come_and_change_their_type() {
    for (text, pointer, expected) in [
        ("missing-field,field=name", "/name", None),
        ("missing-field,field=portalInfo.status", "/portalInfo/status", None),
        ("retyped-field,field=name", "/name", Some("number")),
        ("retyped-field,field=emails", "/emails", Some("string")),
        ("new-field,field=nickname", "/nickname", Some("string")),
    ] {
        let sim = faulty(&format!("{text},rows=1")).await;
        let page = sim.get("/api/tenants?page_size=2").await.json();
        let kind = |row: &Value| {
            row.pointer(pointer).map(|value| match value {
                Value::Number(_) => "number",
                Value::String(_) => "string",
                _ => "other",
            })
        };
        assert_eq!(kind(&page["data"][0]), expected, "{text}");
        assert_ne!(kind(&page["data"][1]), expected, "only the first row: {text}");
    }
}

#[tokio::test]
async fn a_fault_hits_the_requests_it_says() {
    let sim = Sim::doorloop(|_| {}).await;
    sim.running.set_fault(Fault::new(FaultKind::Status).of("units").hits(2, 2)).unwrap();
    let mut statuses = Vec::new();
    for entity in ["units", "owners", "units", "owners", "units", "units"] {
        statuses.push(sim.get(&format!("/api/{entity}?page_size=1")).await.status);
    }
    assert_eq!(statuses, [200, 200, 500, 200, 500, 200]);
    let hit = &sim.get("/_simulator/faults").await.json()["faults"][0];
    assert_eq!(*hit, json!({"fault": "status", "entity": "units", "from": 2, "for": 2, "seen": 4, "hit": 2}));
}
