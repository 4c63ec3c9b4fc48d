//! Replays: many dead letters sent through again by a job that can be foreseen, watched and stopped.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::ids::TenantId;
use signalbox::engine::deliveries::replay::Replays;
use signalbox::engine::deliveries::replay::start::{Started, start};
use signalbox::engine::operators::Operator;
use signalbox::http::auth::{AUDIT_READ, READ};
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

use super::dead_letters::{LIST, ask, given_up, ids, named, recorded_as, recorded_of};

pub(super) const REPLAYS: &str = "/api/admin/replays";

pub(super) async fn replay(hooks: &Hooks, tenant: &str, body: Value) -> Answer {
    ask(hooks, tenant, "POST", REPLAYS, Some(body)).await
}

pub(super) async fn show(hooks: &Hooks, tenant: &str, id: &str) -> Value {
    ask(hooks, tenant, "GET", &format!("{REPLAYS}/{id}"), None).await.expect(200)
}

/// What dead letters came to, of those that any came to.
pub(super) fn counts(replay: &Value) -> Value {
    let mut counts = replay["counts"].clone();
    counts.as_object_mut().unwrap().retain(|_, count| *count != 0);
    counts
}

pub(super) fn operator(tenant: &str) -> Operator {
    Operator { tenant: TenantId::parse(tenant).unwrap(), actor: "operator".into(), correlation_id: "trace".into() }
}

/// Begins the replay of these in chunks of two, as if there were many: its id.
pub(super) async fn begun_by_twos(hooks: &Hooks, tenant: &str, ids: &[String]) -> String {
    let (environment, outside) = (hooks.environment("sync-control"), hooks.outside(&Wire::whole()));
    let clients = Clients::connect(&environment, &outside).unwrap();
    let replays = Replays { chunk_items: 2, ..Replays::connect(&clients, &environment, &outside).unwrap() };
    let mut set: Vec<DeadLetterId> = ids.iter().map(|id| id.parse().unwrap()).collect();
    set.sort();
    match start(&replays, &operator(tenant), &set, "all").await.unwrap() {
        Started::Ours(replay) => replay.id.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn left(hooks: &Hooks, tenant: &str) -> Vec<String> {
    ids(&ask(hooks, tenant, "GET", LIST, None).await.expect(200))
}

/// Passed over, the name of a tenant would decide on another one's.
#[tokio::test]
async fn an_operator_of_all_tenants_decides_on_those_of_the_tenant_that_the_call_names() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &["a", "b", "c", "d"].map(|key| named("t1", key))).await;
    given_up(&hooks, &[named("default", "of-default")]).await;
    let of_t1 = left(&hooks, "t1").await;
    let all = async |method: &str, path: &str, body: Option<Value>| {
        ask(&hooks, "default", method, &format!("{path}?tenant=t1"), body).await
    };
    let foreseen = all("POST", REPLAYS, Some(json!({"dryRun": true}))).await.expect(200);
    let begun_with: std::collections::BTreeSet<String> = ids(&foreseen).into_iter().collect();
    assert_eq!(begun_with, of_t1.iter().cloned().collect());
    assert_eq!(ids(&all("GET", &format!("{LIST}/preview"), None).await.expect(200)), of_t1);

    all("DELETE", &format!("{LIST}/{}", of_t1[0]), None).await.expect(200);
    all("POST", &format!("{LIST}/{}/requeue", of_t1[1]), None).await.expect(200);
    let one = all("POST", &format!("{LIST}/requeue"), Some(json!({"ids": [of_t1[2]]}))).await.expect(200);
    assert_eq!(one["requeued"], 1);
    let id = all("POST", REPLAYS, Some(json!({}))).await.expect(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&all("GET", REPLAYS, None).await.expect(200)), std::slice::from_ref(&id));
    let one = format!("{REPLAYS}/{id}");
    assert_eq!(all("GET", &one, None).await.expect(200)["items"][0]["id"], json!(of_t1[3]));
    all("POST", &format!("{one}/stop"), Some(json!({}))).await.expect(200);
    assert_eq!(ask(&hooks, "default", "GET", &one, None).await.status, 404, "it is another's");
    assert_eq!(left(&hooks, "default").await.len(), 1, "its own stay");
    for (method, path) in [("POST", REPLAYS), ("GET", REPLAYS), ("POST", "/api/sync/dead-letters/requeue")] {
        let answer = ask(&hooks, "t2", method, &format!("{path}?tenant=t1"), Some(json!({}))).await;
        assert_eq!(answer.problem(), (403, "forbidden"), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_meant_is_frozen_sent_through_once_and_on_the_record() {
    let hooks = Hooks::start().await;
    recorded_of(&hooks, "t1", &["old", "new", "old", "new", "old"]).await;
    let all = left(&hooks, "t1").await;
    let old = json!({"source": "pos/old"});
    let dry = replay(&hooks, "t1", json!({"source": "pos/old", "dryRun": true})).await.expect(200);
    let would: Vec<&str> =
        dry["items"].as_array().unwrap().iter().map(|item| item["would"].as_str().unwrap()).collect();
    assert_eq!((&dry["total"], &dry["dryRun"], would), (&json!(3), &json!(true), vec!["new"; 3]));
    assert!(hooks.receive(Queue::Sync).await.is_empty());
    let by_key = replay(&hooks, "t1", json!({"text": "KEY:3", "dryRun": true})).await.expect(200);
    assert_eq!((&by_key["total"], &by_key["items"][0]["eventKey"]), (&json!(1), &json!("key:3")));

    let started = replay(&hooks, "t1", old.clone()).await.expect(202);
    let id = started["id"].as_str().unwrap();
    assert_eq!((&started["total"], &started["replay"]["state"]), (&json!(3), &json!("running")));
    // The same again is the same, and another one waits for it.
    assert_eq!(replay(&hooks, "t1", old.clone()).await.expect(202)["id"], id);
    let busy = replay(&hooks, "t1", json!({})).await;
    assert_eq!((busy.problem(), &busy.body["replayId"]), ((409, "replay_in_progress"), &json!(id)));
    // What is given up meanwhile does not join it.
    given_up(&hooks, &[named("t1", "later")]).await;

    let worker = hooks.process(Wire::whole()).await;
    hooks.exhaust(Queue::Sync, &worker).await;
    let done = show(&hooks, "t1", id).await;
    assert_eq!((&done["replay"]["state"], counts(&done["replay"])), (&json!("done"), json!({"requeued": 3})));
    let results: Vec<&str> =
        done["items"].as_array().unwrap().iter().map(|item| item["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["requeued"; 3]);
    assert_eq!(hooks.work(Queue::Webhooks).await, 3);
    assert_eq!(hooks.events("t1/pos/old").await.len(), 3);
    assert_eq!(left(&hooks, "t1").await.len(), 3, "two of the other connection, and the one that came later");

    // Named, they are the same set: it is done, and nothing is done again.
    let of_set = json!({"ids": [all[0], all[2], all[4], all[4]]});
    let again = replay(&hooks, "t1", of_set).await.expect(202);
    assert_eq!((&again["id"], &again["replay"]["state"]), (&json!(id), &json!("done")));
    assert!(hooks.receive(Queue::Sync).await.is_empty());
    // By the filter nothing is left of it.
    let empty = replay(&hooks, "t1", old).await.expect(200);
    assert_eq!((&empty["total"], &empty["dryRun"]), (&json!(0), &json!(false)));
    // Named by the replay, it is the same set still.
    let same = replay(&hooks, "t1", json!({"replayId": id})).await.expect(202);
    assert_eq!((&same["id"], &same["replay"]["state"]), (&json!(id), &json!("done")));
    assert_eq!(replay(&hooks, "t2", json!({"replayId": id})).await.status, 404, "another tenant's");

    let token = hooks.token("t1", &[AUDIT_READ]);
    let record = hooks.ask("GET", "/api/admin/audit?action=replay", Some(&token), None).await.expect(200);
    let targets: Vec<&str> =
        record["items"].as_array().unwrap().iter().map(|entry| entry["target"].as_str().unwrap()).collect();
    assert_eq!(targets, [format!("{id}: 3 dead letters (source=pos/old)")]);
    for path in [format!("{REPLAYS}/{id}"), format!("{REPLAYS}/{id}/stop")] {
        let method = if path.ends_with("stop") { "POST" } else { "GET" };
        assert_eq!(ask(&hooks, "t2", method, &path, None).await.status, 404, "another tenant's");
    }
}

#[tokio::test]
async fn a_replay_is_staggered_stopped_and_goes_on_where_it_was() {
    let hooks = Hooks::start().await;
    recorded_of(&hooks, "t1", &["old"; 5]).await;
    let all = left(&hooks, "t1").await;
    let id = begun_by_twos(&hooks, "t1", &all).await;
    let worker = hooks.process(Wire::whole()).await;
    let step = async || {
        let messages = hooks.receive(Queue::Sync).await;
        let failed = worker.handle(Queue::Sync, &messages).await.unwrap();
        hooks.finish(Queue::Sync, &messages, &failed).await;
        messages.len()
    };
    assert_eq!(step().await, 1);
    assert_eq!(hooks.due_in(Queue::Sync), Some(Duration::from_secs(1)));
    let stopped = ask(&hooks, "t1", "POST", &format!("{REPLAYS}/{id}/stop"), None).await.expect(200);
    let stopped = &stopped["replay"];
    assert_eq!(
        (&stopped["state"], &stopped["tried"], &stopped["stoppedBy"]),
        (&json!("stopped"), &json!(2), &json!("operator"))
    );
    assert!(hooks.pass_until_due(Queue::Sync));
    assert_eq!(step().await, 1);
    assert_eq!(hooks.due_in(Queue::Sync), None);
    assert_eq!(left(&hooks, "t1").await.len(), 3);

    // Its filter would now mean the three that are left.
    assert_eq!(replay(&hooks, "t1", json!({"replayId": id})).await.expect(202)["id"], id);
    hooks.exhaust(Queue::Sync, &worker).await;
    let done = show(&hooks, "t1", &id).await;
    assert_eq!((&done["replay"]["state"], counts(&done["replay"])), (&json!("done"), json!({"requeued": 5})));
    assert_eq!((done["items"].as_array().unwrap().len(), &done["nextCursor"]), (2, &json!("1")));
    let last = ask(&hooks, "t1", "GET", &format!("{REPLAYS}/{id}?cursor=2"), None).await.expect(200);
    assert_eq!((last["items"].as_array().unwrap().len(), &last["hasMore"]), (1, &json!(false)));
    // One that is over stays as it is.
    let stopped = ask(&hooks, "t1", "POST", &format!("{REPLAYS}/{id}/stop"), None).await.expect(200);
    assert_eq!(stopped["replay"]["state"], "done");
}

#[tokio::test]
async fn its_results_say_of_each_what_it_came_to_and_what_stays_is_tried_again() {
    let hooks = Hooks::start().await;
    let label = |key: &str| {
        json!({"connection": "acme/trackstar/north", "channel": "trackstar-inventory", "key": format!("id:{key}"),
            "bodyHash": "", "receivedMs": 0, "correlationId": "trace"})
    };
    let level = |sku: &str, day: u32| {
        let data = json!({"id": "p", "sku": sku, "updated_date": format!("2026-01-{day}T12:00:00Z"), "onhand": 5});
        json!({"connection_id": "conn-1", "event_type": "inventory.updated", "event_id": sku, "data": data})
    };
    assert_eq!(hooks.send(&Delivery::trackstar("/inventory", &level("A", 15))).await.status, 200);
    hooks.work(Queue::Webhooks).await;
    let bare = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "data": {"onhand": 5}});
    let letters = [level("A", 14), bare, level("B", 14)].map(|body| body.to_string());
    let labels = ["older", "bare", "new"].map(label);
    recorded_as(&hooks, &labels.into_iter().zip(letters).collect::<Vec<_>>()).await;
    let mut named: Vec<String> = left(&hooks, "acme").await;
    named.push("1731705121000-x".into());
    let told = |page: &Value, field: &str| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    let dry = replay(&hooks, "acme", json!({"ids": named, "dryRun": true})).await.expect(200);
    assert_eq!(told(&dry, "would"), ["gone", "stale", "fail", "new"]);
    assert_eq!(
        told(&ask(&hooks, "acme", "GET", &format!("{LIST}/preview"), None).await.expect(200), "would"),
        ["new", "fail", "stale"]
    );

    let worker = hooks.process(Wire::whole()).await;
    let run = async |body: Value| {
        hooks.pass(Duration::from_secs(1));
        let id = replay(&hooks, "acme", body).await.expect(202)["id"].as_str().unwrap().to_owned();
        hooks.exhaust(Queue::Sync, &worker).await;
        hooks.work(Queue::Webhooks).await;
        (show(&hooks, "acme", &id).await, id)
    };
    let (done, first) = run(json!({"ids": named})).await;
    assert_eq!(told(&done, "result"), ["gone", "stale", "fail", "requeued"]);
    assert!(done["items"][2]["detail"].as_str().unwrap().contains("missing field"), "{done}");
    assert_eq!(hooks.entries("acme/trackstar/north").await.len(), 3);
    // What stays is tried again, and nothing of what is through.
    let (again, id) = run(json!({"ids": named})).await;
    assert_eq!((&id, counts(&again["replay"])), (&first, counts(&done["replay"])));
    assert_eq!(hooks.entries("acme/trackstar/north").await.len(), 3);
    let (rest, other) = run(json!({"brand": "north", "newerThan": 1})).await;
    assert_eq!((told(&rest, "result"), other == first), (vec!["fail".to_owned()], false));

    let list = ask(&hooks, "acme", "GET", &format!("{REPLAYS}?limit=1"), None).await.expect(200);
    assert_eq!(told(&list, "id"), [other]);
    let next = format!("{REPLAYS}?cursor={}", list["nextCursor"].as_str().unwrap());
    assert_eq!(told(&ask(&hooks, "acme", "GET", &next, None).await.expect(200), "id"), [first]);
}

#[tokio::test]
async fn of_an_event_that_had_its_effect_since_the_letter_is_forgotten_and_a_conflict_stays() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "came-again"), named("t1", "other-body")]).await;
    hooks.pass(Duration::from_secs(31 * 86_400));
    let other = Delivery::pos("t1", "{}").header("idempotency-key", "other-body");
    for delivery in [named("t1", "came-again"), other] {
        assert_eq!(hooks.send(&delivery).await.status, 201);
    }
    hooks.work(Queue::Webhooks).await;
    let id = replay(&hooks, "t1", json!({})).await.expect(202)["id"].as_str().unwrap().to_owned();
    hooks.exhaust(Queue::Sync, &hooks.process(Wire::whole()).await).await;
    let done = show(&hooks, "t1", &id).await;
    assert_eq!(counts(&done["replay"]), json!({"duplicate": 1, "conflict": 1}));
    assert!(hooks.receive(Queue::Webhooks).await.is_empty());
    assert_eq!(left(&hooks, "t1").await, [done["items"][1]["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let hooks = Hooks::start().await;
    recorded_of(&hooks, "t1", &["old"]).await;
    for wrong in [
        json!({"Reason": "x"}),
        json!({"reason": " "}),
        json!({"text": "x".repeat(201)}),
        json!({"replayId": "0".repeat(32), "text": "x"}),
        json!({"replayId": "0".repeat(32), "ids": ["1731705121000-x"]}),
        json!({"ids": []}),
        // A variable that was not set.
        json!({"ids": null}),
        json!({"brand": null}),
        json!({"ids": ["x"]}),
        json!({"ids": ["1731705121000-x"], "provider": "pos"}),
        json!({"ids": vec!["1731705121000-x"; 10_001]}),
        json!({"source": "pos/old", "provider": "github"}),
        json!({"connection": "old", "brand": "new"}),
        json!({"olderThan": 0}),
        json!({"newerThan": "1h"}),
        json!({"olderThan": 1, "to": "2026-01-15"}),
        json!({"from": "x"}),
        json!({"cursor": "1731705121000-x"}),
        json!({"cursor": "x", "dryRun": true}),
        json!({"dryRun": "yes"}),
    ] {
        let refused = replay(&hooks, "t1", wrong.clone()).await;
        assert_eq!(refused.problem(), (400, "invalid_request"), "{}", wrong.to_string().get(..80).unwrap_or("short"));
    }
    assert_eq!(ask(&hooks, "t1", "POST", REPLAYS, None).await.status, 400, "nothing said is not all");
    let twice = hooks.request("POST", REPLAYS).bearer(&hooks.operator("t1"));
    let twice = twice.body(r#"{"dryRun": true, "dryRun": false}"#.to_owned()).answer().await;
    assert_eq!(twice.problem(), (400, "invalid_request"), "the last one would win");
    let reader = hooks.token("t1", &[READ]);
    for path in [REPLAYS.to_owned(), format!("{REPLAYS}/{}/stop", "0".repeat(32))] {
        assert_eq!(hooks.ask("POST", &path, Some(&reader), Some(json!({}))).await.status, 403, "{path}");
    }
    for path in ["/x", &format!("/{}", "0".repeat(32))] {
        assert_eq!(ask(&hooks, "t1", "GET", &format!("{REPLAYS}{path}"), None).await.status, 404, "{path}");
    }
    for query in ["?limit=0", "?limit=51", "?cursor=x"] {
        assert_eq!(ask(&hooks, "t1", "GET", &format!("{REPLAYS}{query}"), None).await.status, 400, "{query}");
    }
    assert_eq!(ask(&hooks, "t1", "GET", REPLAYS, None).await.expect(200)["items"], json!([]));
}
