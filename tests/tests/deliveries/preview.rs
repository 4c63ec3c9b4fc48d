//! Many dead letters at once: what requeuing would come to, and what it came to, for each.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;

use super::dead_letters::{LIST, ask, given_up, ids, named};

async fn preview(hooks: &Hooks, tenant: &str, query: &str) -> Value {
    ask(hooks, tenant, "GET", &format!("{LIST}/preview{query}"), None).await.expect(200)
}

/// `key would` of each.
fn told(page: &Value) -> Vec<String> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or("-").to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", text(item, "eventKey"), text(item, "would"))).collect()
}

#[tokio::test]
async fn a_preview_says_of_each_what_requeuing_then_does_and_changes_nothing() {
    let hooks = Hooks::start().await;
    let other = |key: &str| {
        Delivery { body: Delivery::pos("t1", "{}").body, ..Delivery::pos("t1", "{}") }.header("idempotency-key", key)
    };
    given_up(&hooks, &[named("t1", "new"), named("t1", "came-again"), named("t1", "other-body")]).await;
    // Its sender's next attempt had its effect.
    hooks.send(&named("t1", "came-again")).await;
    hooks.work(Queue::Webhooks).await;
    let expected = ["key:other-body new", "key:came-again duplicate", "key:new new"];
    assert_eq!(told(&preview(&hooks, "t1", "").await), expected);

    // Its key is forgotten, and came with another body.
    hooks.pass(Duration::from_secs(31 * 86_400));
    assert_eq!(hooks.send(&other("other-body")).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let before = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200));
    let page = preview(&hooks, "t1", "").await;
    assert_eq!(told(&page)[0], "key:other-body conflict");
    assert_eq!(ids(&page), before, "all are there still, and in their order");
    assert_eq!(told(&preview(&hooks, "t2", "").await), [""; 0]);

    let done = ask(&hooks, "t1", "POST", &format!("{LIST}/requeue"), Some(json!({}))).await.expect(200);
    let results: Vec<&str> =
        done["results"].as_array().unwrap().iter().map(|one| one["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["conflict", "requeued", "requeued"]);
    assert_eq!(ids(&json!({"items": done["results"]})), before, "each is linked to what it is of");
}

/// The door lets none in that its worker could not apply; but one of another version may have.
#[tokio::test]
async fn a_preview_says_what_would_fail_again_and_why() {
    let hooks = Hooks::start().await;
    let label = json!({"connection": "acme/trackstar/north", "channel": "trackstar-inventory", "key": "id:1", "bodyHash": "",
        "receivedMs": 0, "correlationId": "trace"});
    let body = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "data": {"onhand": 5}});
    let record = json!({"messageId": "m", "body": body.to_string(), "eventSource": "aws:sqs",
        "attributes": {"SentTimestamp": "4102488000000", "ApproximateReceiveCount": "16"},
        "messageAttributes": {"signalbox": {"stringValue": label.to_string(), "dataType": "String",
            "stringListValues": [], "binaryListValues": []}}});
    hooks.host.invoke("dead-letters", json!({"Records": [record]})).await.unwrap();
    let page = preview(&hooks, "acme", "").await;
    let one = &page["items"][0];
    assert_eq!(one["would"], "fail", "{page}");
    assert!(one["detail"].as_str().is_some_and(|why| why.contains("missing field")), "{page}");
}

#[tokio::test]
async fn they_are_chosen_by_age_or_by_id() {
    let hooks = Hooks::start().await;
    let start = hooks.clock.now();
    given_up(&hooks, &[named("t1", "a")]).await;
    hooks.pass(Duration::from_secs(86_400));
    let second = hooks.clock.now();
    given_up(&hooks, &[named("t1", "b"), named("t1", "c")]).await;
    for (query, expected) in [
        (format!("?to={start}"), &["key:a new"][..]),
        (format!("?from={second}&limit=1"), &["key:c new"]),
        (format!("?from={second}"), &["key:c new", "key:b new"]),
        (format!("?from={start}&to={start}&connection=other"), &[]),
    ] {
        assert_eq!(told(&preview(&hooks, "t1", &query).await), expected, "{query}");
        let listed = ask(&hooks, "t1", "GET", &format!("{LIST}{query}"), None).await.expect(200);
        assert_eq!(ids(&listed).len(), expected.len(), "{query}");
    }
    let all = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200));
    let [c, b, a] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(told(&preview(&hooks, "t1", &format!("?id={a},{c},1731705121000-x")).await), ["key:a new", "key:c new"]);

    let requeue = format!("{LIST}/requeue");
    for wrong in [
        json!({"ids": []}),
        json!({"ids": [a], "provider": "pos"}),
        json!({"ids": ["x"]}),
        json!({"from": "x"}),
        json!({"ids": vec![a; 101]}),
    ] {
        assert_eq!(ask(&hooks, "t1", "POST", &requeue, Some(wrong.clone())).await.status, 400, "{wrong}");
    }
    // Named twice, it is there once.
    let done = ask(&hooks, "t1", "POST", &requeue, Some(json!({"ids": [c, c]}))).await.expect(200);
    let result = |id: &String, result: &str| json!({"id": id, "result": result});
    assert_eq!(done["results"], json!([result(c, "requeued"), result(c, "not_found")]));
    let done = ask(&hooks, "t1", "POST", &requeue, Some(json!({"to": start.to_string()}))).await.expect(200);
    assert_eq!((&done["results"], &done["more"]), (&json!([result(a, "requeued")]), &json!(false)));
    assert_eq!(ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)), std::slice::from_ref(b));
    assert_eq!(ask(&hooks, "t1", "GET", &format!("{LIST}/preview?id=x"), None).await.status, 400);
}
