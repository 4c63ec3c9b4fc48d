//! What operators did, as it is read.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{AUDIT_READ, READ};
use signalbox_tests::system::System;

use super::kit::{ask, github, path, put};

async fn state(system: &System, action: &str) {
    ask(system, "POST", &format!("{}/{action}", path("acme/github/a")), json!({})).await.expect(200);
}

async fn read(system: &System, token: &str, path: &str) -> Value {
    system.get(path).bearer(token).answer().await.expect(200)
}

#[tokio::test]
async fn the_record_is_read_by_who_when_and_what_and_by_whom_it_concerns() {
    let system = System::start().await;
    for name in ["a", "b", "c", "d"] {
        put(&system, &format!("acme/github/{name}"), github("secret-of-github")).await.expect(201);
    }
    state(&system, "pause").await;
    let audit = "/api/admin/audit";
    let operator = system.service_token("operator", "default", &[AUDIT_READ]);
    let all = read(&system, &operator, audit).await;
    assert_eq!((&all["tenant"], all["items"].as_array().unwrap().len()), (&json!("default"), 5));
    let actions = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    };
    system.pass(Duration::from_secs(60));
    state(&system, "resume").await;
    let newest = read(&system, &operator, &format!("{audit}?limit=1")).await;
    assert_eq!((actions(&newest), &newest["hasMore"]), (vec!["connection.resume".to_owned()], &json!(true)));
    // A walk by one meets each once.
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = read(&system, &operator, &format!("{audit}?limit=1{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.len() == 6 && seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let to = all["items"][0]["at"].as_str().unwrap();
    for (query, count) in [
        ("?action=connection.put".to_owned(), 4),
        ("?action=connection".to_owned(), 6),
        ("?action=connection.put&actor=ada".to_owned(), 0),
        (format!("?to={to}"), 5),
        (format!("?to={to}&action=connection.pause&limit=1"), 1),
        ("?tenant=acme".to_owned(), 0),
    ] {
        assert_eq!(actions(&read(&system, &operator, &format!("{audit}{query}")).await).len(), count, "{query}");
    }
    for (token, query, expected) in [
        (system.service_token("operator", "acme", &[AUDIT_READ]), "?tenant=globex", (403, "forbidden")),
        (system.service_token("operator", "default", &[READ]), "", (403, "insufficient_scope")),
        (system.user_token("THREEPL_USER", &["acme"], &[]), "", (403, "insufficient_scope")),
        (operator.clone(), "?action=delete", (400, "invalid_request")),
        (operator.clone(), "?cursor=1", (400, "invalid_request")),
        (operator.clone(), "?from=soon", (400, "invalid_request")),
    ] {
        let answer = system.get(&format!("{audit}{query}")).bearer(&token).answer().await;
        assert_eq!(answer.problem(), expected, "{query}");
    }
}
