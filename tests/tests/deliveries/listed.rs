//! What became of deliveries: a tenant's, newest first, over hours and shards, a page at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::outside::Outside;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

const LIST: &str = "/api/admin/deliveries";
/// The hour in which a test starts.
pub(super) const SINCE: &str = "from=2100-01-01T12:00:00Z";

pub(super) fn sale(tenant: &str, key: &str) -> Delivery {
    let body = json!({"of": key}).to_string();
    Delivery::pos(tenant, body).header("idempotency-key", key).header("x-request-id", &format!("trace-{key}"))
}

pub(super) async fn page(hooks: &Hooks, tenant: &str, query: &str) -> Value {
    hooks.ask("GET", &format!("{LIST}?{query}"), Some(&hooks.operator(tenant)), None).await.expect(200)
}

pub(super) fn each<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

/// All pages of a list, and how many they were.
pub(super) async fn walk(hooks: &Hooks, tenant: &str, query: &str) -> (Vec<Value>, usize) {
    let (mut items, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let mut page = page(hooks, tenant, &format!("{query}{cursor}")).await;
        pages += 1;
        assert!(pages < 200, "the list does not end");
        items.append(page["items"].as_array_mut().unwrap());
        let Some(next) = page["nextCursor"].as_str() else {
            assert_eq!(page["hasMore"], false);
            return (items, pages);
        };
        cursor = format!("&cursor={}", next.replace('/', "%2F"));
    }
}

fn keys(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["key"].as_str().unwrap()).collect()
}

/// Dead letters of these.
async fn give_up(hooks: &Hooks, deliveries: &[Delivery]) {
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    for delivery in deliveries {
        assert!(hooks.send(delivery).await.status < 300);
    }
    hooks.exhaust(Queue::Webhooks, &broken).await;
    assert_eq!(hooks.work(Queue::DeadLetters).await, deliveries.len());
}

#[tokio::test]
async fn pages_of_any_size_are_all_of_a_tenant_s_once_and_in_order_and_nobody_else_s() {
    let hooks = Hooks::start().await;
    let mut sent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    // Several in one millisecond, hours beside one another, and hours in which there is nothing.
    for (round, hours) in [(0, 0), (1, 0), (2, 1), (3, 7)] {
        hooks.pass(Duration::from_secs(hours * 3600) + Duration::from_millis(round));
        for (tenant, count) in [("t1", 5), ("t2", 1)] {
            for number in 0..count {
                let key = format!("{round}-{number}");
                assert_eq!(hooks.send(&sale(tenant, &key)).await.status, 201);
                sent.entry(tenant).or_default().insert(format!("key:{key}"));
            }
        }
        hooks.work(Queue::Webhooks).await;
        if round % 2 == 1 {
            give_up(&hooks, &[sale("t1", &format!("dead-{round}"))]).await;
        }
    }
    let of = |items: &[Value], status: &str| -> BTreeSet<String> {
        let items = items.iter().filter(|item| item["status"] == status);
        items.map(|item| item["key"].as_str().unwrap().to_owned()).collect()
    };
    let dead: BTreeSet<String> = [1, 3].map(|round| format!("key:dead-{round}")).into();
    let none = BTreeSet::new();
    for (tenant, limit, dead) in [("t1", 2, &dead), ("t1", 200, &dead), ("t2", 200, &none), ("t3", 200, &none)] {
        let processed = sent.get(tenant).unwrap_or(&none);
        let here = format!("{tenant}, {limit} a page");
        let (all, pages) = walk(&hooks, tenant, &format!("status=all&{SINCE}&limit={limit}")).await;
        assert_eq!((&of(&all, "processed"), &of(&all, "dead")), (processed, dead), "{here}");
        assert_eq!(all.len(), processed.len() + dead.len(), "{here}: each once");
        assert_eq!(pages, all.len().div_ceil(limit).max(1), "{here}");
        assert!(all.iter().all(|item| item["tenant"] == tenant), "{here}");
        // A dead letter stands where its message was sent: here when it was received.
        assert!(all.is_sorted_by(|a, b| a["receivedAt"].as_str() >= b["receivedAt"].as_str()), "{here}");
        for status in ["processed", "dead"] {
            let (found, _) = walk(&hooks, tenant, &format!("status={status}&{SINCE}&limit={limit}")).await;
            assert!(found.iter().eq(all.iter().filter(|item| item["status"] == status)), "{here}: {status}");
        }
    }
}

#[tokio::test]
async fn one_item_says_what_became_of_a_delivery() {
    let hooks = Hooks::start().await;
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let event = |name: &str| json!({"connection_id": "conn-1", "event_type": name, "data": data});
    for (route, name) in [("/inventory", "inventory.updated"), ("", "order.created")] {
        let delivery = Delivery::trackstar(route, &event(name)).header("x-request-id", name);
        assert_eq!(hooks.send(&delivery).await.status, 200);
        hooks.pass(Duration::from_secs(2));
    }
    hooks.work(Queue::Webhooks).await;
    give_up(&hooks, &[Delivery::github("g-1", "{}").header("x-github-event", "ping")]).await;
    // Refused, and of another list.
    assert_eq!(hooks.send(&Delivery::github("g-2", "{}").without("x-hub-signature-256")).await.status, 401);

    let all = page(&hooks, "acme", &format!("status=all&{SINCE}")).await;
    let [dead, order, stock] = all["items"].as_array().unwrap().as_slice() else { panic!("{all}") };
    for (item, expected) in [
        (
            stock,
            json!({"status": "processed", "source": "trackstar", "provider": "trackstar", "connection": "north",
                "tenant": "acme", "eventType": "inventory.updated", "correlationId": "inventory.updated",
                "outcome": "done", "hasBody": false, "receivedAt": "2100-01-01T12:00:00.000Z",
                "processedAt": "2100-01-01T12:00:04.000Z", "reason": null, "detail": null, "attempts": null}),
        ),
        (order, json!({"status": "processed", "outcome": "unhandled", "hasBody": true, "eventType": "order.created"})),
        (
            dead,
            json!({"status": "dead", "source": "github/acme", "provider": "github", "connection": "acme",
                "tenant": "acme", "eventType": "ping", "key": "id:g-1", "processedAt": null, "outcome": null,
                "detail": "storage failed; the log of this delivery says how", "hasBody": true}),
        ),
    ] {
        for (field, expected) in expected.as_object().unwrap() {
            assert_eq!(item[field], *expected, "{field} of {item}");
        }
        assert_eq!(item["bodyHash"].as_str().unwrap().len(), 64);
        assert!(item.get("payload").is_none() && item.get("body").is_none(), "{item}");
    }
    assert_eq!(stock["bodyBytes"], event("inventory.updated").to_string().len());
    // By the id that is listed it is requeued.
    let path = format!("/api/sync/dead-letters/{}/requeue", dead["id"].as_str().unwrap());
    hooks.ask("POST", &path, Some(&hooks.operator("acme")), None).await.expect(200);
    hooks.work(Queue::Webhooks).await;
    assert_eq!(each(&page(&hooks, "acme", &format!("status=all&{SINCE}")).await, "status"), ["processed"; 3]);
}

#[tokio::test]
async fn filters_and_the_tenant_s_rules() {
    let hooks = Hooks::start().await;
    let start = hooks.clock.now().to_string();
    let elsewhere = Delivery { path: "/pos/other/ingest".into(), ..sale("acme", "b") };
    let deliveries = [sale("acme", "a"), elsewhere, Delivery::github("c", "{}").header("x-request-id", "trace-c")];
    for delivery in deliveries {
        assert!(hooks.send(&delivery).await.status < 300);
        hooks.work(Queue::Webhooks).await;
        hooks.pass(Duration::from_secs(3600));
    }
    let middle = hooks.clock.now().checked_sub(jiff::SignedDuration::from_mins(90)).unwrap().to_string();
    give_up(&hooks, &[sale("acme", "d")]).await;
    let end = hooks.clock.now().to_string();
    let (a, b, c, d) = ("key:a", "key:b", "id:c", "key:d");
    for (tenant, query, expected) in [
        ("acme", "status=all", &[d, c, b, a][..]),
        ("acme", "status=All&source=pos", &[d, b, a]),
        ("acme", "status=all&source=pos%2Fdemo", &[d, a]),
        ("acme", "status=processed&source=POS", &[b, a]),
        ("acme", "status=processed&source=github", &[c]),
        ("acme", "status=dead&source=github/acme", &[]),
        ("acme", &format!("status=all&to={start}"), &[a]),
        ("acme", &format!("status=all&from={end}"), &[]),
        ("acme", &format!("status=all&from={start}&to={middle}"), &[b, a]),
        ("acme", "status=all&from=2100-01-02", &[]),
        ("acme", "status=all&correlationId=trace-b", &[b]),
        ("acme", "status=dead&correlationId=trace-d", &[d]),
        ("acme", "status=all&text=TRACE-", &[d, c, b, a]),
        ("acme", "status=all&text=key:&limit=1", &[d, b, a]),
        ("acme", "status=dead&text=storage%20failed", &[d]),
        ("acme", "status=all&text=key:&source=pos/other", &[b]),
        ("acme", "status=all&text=nothing", &[]),
        // One's own tenant may be named; another's is seen by operators of all of them alone, where they name it.
        ("acme", "status=all&tenant=ACME&source=github", &[c]),
        ("globex", "status=all", &[]),
        ("globex", "status=all&tenant=acme", &[]),
        ("globex", "status=all&tenant=default", &[]),
        ("default", "status=all", &[]),
        ("default", "status=all&tenant=acme", &[d, c, b, a]),
        ("default", "status=dead&tenant=acme&source=pos", &[d]),
    ] {
        let since = if query.contains("from=") { "" } else { SINCE };
        let found = walk(&hooks, tenant, &format!("{query}&{since}")).await.0;
        assert_eq!(keys(&found), expected, "{tenant}: {query}");
    }
    for (query, field) in [
        ("status=processed,dead", "status"),
        ("status=all&status=rejected", "status"),
        ("status=rejected,processed", "status"),
        ("status=done", "status"),
        ("status=all&source=a/b/c", "source"),
        ("status=all&source=pos:proved", "source"),
        ("status=all&tenant=a/b", "tenant"),
        ("status=all&from=soon", "from"),
        ("status=all&limit=201", "limit"),
        ("status=all&cursor=pos%231", "cursor"),
        ("status=all&correlationId=a%20b", "correlationId"),
        ("status=all&key=a", "source"),
        ("status=all&key=a&source=github", "source"),
        (&format!("status=all&source=pos&key={}", "k".repeat(1025)), "key"),
        ("key=a&source=pos", "key"),
        ("correlationId=a%20b", "correlationId"),
        (&format!("status=all&text={}", "k".repeat(201)), "text"),
        (&format!("status=rejected&text={}", "k".repeat(201)), "text"),
    ] {
        let reply = hooks.ask("GET", &format!("{LIST}?{query}"), Some(&hooks.operator("default")), None).await;
        assert_eq!((reply.status, &reply.body["error"]), (400, &json!("invalid_request")), "{query}: {}", reply.text);
        assert!(reply.body["detail"]["fieldErrors"][field].is_array(), "{query}: {}", reply.text);
    }
}

/// What is refused is found by its trace as well, in its own list.
#[tokio::test]
async fn the_list_of_refused_ones_is_found_by_trace_and_holds_no_other() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sale("t1", "a")).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let forged = |key: &str| sale("t1", key).header("x-webhook-signature", &"0".repeat(64));
    for key in ["b", "c"] {
        assert_eq!(hooks.send(&forged(key)).await.status, 403);
    }
    let all = page(&hooks, "default", "").await;
    assert_eq!((each(&all, "status"), each(&all, "source")), (vec!["rejected"; 2], vec!["pos"; 2]));
    assert_eq!(each(&page(&hooks, "default", "correlationId=trace-b").await, "id"), ["pos#1"]);
}

#[tokio::test]
async fn whoever_is_bound_to_brands_sees_those_alone() {
    let hooks = Hooks::start().await;
    let from = |source: &str, key: &str| Delivery { path: format!("/pos/{source}/ingest"), ..sale("acme", key) };
    for delivery in [from("north", "a"), from("south", "b")] {
        assert_eq!(hooks.send(&delivery).await.status, 201);
    }
    hooks.work(Queue::Webhooks).await;
    give_up(&hooks, &[from("north", "c"), from("south", "d")]).await;
    let bound = hooks.user_token("BRAND_USER", &["acme"], &["north"]);
    let get = async |path: String| hooks.ask("GET", &path, Some(&bound), None).await;
    for (query, expected) in [
        ("status=all", &["key:c", "key:a"][..]),
        ("status=processed&text=key", &["key:a"]),
        ("status=dead", &["key:c"]),
        ("status=all&source=pos&key=a", &["key:a"]),
        ("status=all&source=pos&key=b", &[]),
        ("status=all&source=pos&key=d", &[]),
    ] {
        let page = get(format!("{LIST}?{query}")).await.expect(200);
        assert_eq!(each(&page, "key"), expected, "{query}");
    }
    // A page of nothing of theirs says when the rest lies, and not what.
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(format!("{LIST}?status=processed&limit=1{cursor}")).await.expect(200);
        found.extend(each(&page, "key").into_iter().map(String::from));
        let Some(next) = page["nextCursor"].as_str() else { break };
        assert!(!next.contains("south"), "{next}");
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, ["key:a"]);
    let letters = get("/api/sync/dead-letters".into()).await.expect(200);
    assert_eq!(each(&letters, "connection"), ["north"]);
    let (all, _) = walk(&hooks, "acme", "status=all").await;
    for item in all {
        let expected = if item["connection"] == "north" { 200 } else { 404 };
        let path = format!("{LIST}/{}", item["id"].as_str().unwrap().replace('/', "%2F"));
        assert_eq!(get(path).await.status, expected, "{item}");
    }
}

/// The answer to a query, and how many queries it took.
pub(super) async fn queries(process: &Process, token: &str, query: &str) -> (Value, usize) {
    let before = process.wire().calls().len();
    let answer = process.ask("read-api", "GET", &format!("{LIST}?{query}"), token, None).await.unwrap().expect(200);
    let calls = process.wire().calls().split_off(before);
    (answer, calls.iter().filter(|call| *call == "DynamoDB.Query").count())
}

#[tokio::test]
async fn a_key_is_found_through_its_claim_whenever_it_was() {
    let hooks = Hooks::start().await;
    let named = |id: &str, body: &str| Delivery::github(id, body);
    let unnamed = named("any", "{\"n\":2}").without("x-github-delivery");
    let content = Delivery::pos("acme", "{\"n\":3}");
    // The last is a repetition, under another id, of the body that came as k.
    for delivery in [sale("acme", "k"), named("k", "{}"), unnamed, content, named("again", "{}")] {
        assert!(hooks.send(&delivery).await.status < 300);
    }
    hooks.work(Queue::Webhooks).await;
    let listed = page(&hooks, "acme", &format!("status=processed&{SINCE}")).await;
    hooks.pass(Duration::from_secs(20 * 86_400));
    assert_eq!(hooks.send(&sale("acme", "under-way")).await.status, 201);
    let process = hooks.process(Wire::whole()).await;
    let token = hooks.operator("acme");
    let find = async |query: &str| {
        let (page, queries) = queries(&process, &token, query).await;
        assert_eq!((queries <= 1, &page["hasMore"]), (true, &json!(false)), "{query}");
        page["items"].as_array().unwrap().clone()
    };
    for (source, key, expected) in [
        // As the sender knows it, and as it is listed.
        ("pos", "k", &["key:k"][..]),
        ("pos/demo", "key:k", &["key:k"]),
        // Points of sale give a key for the whole tenant.
        ("pos/other", "k", &["key:k"]),
        ("github/acme", "k", &["id:k"]),
        ("github/acme", "id:k", &["id:k"]),
        ("github/acme", "again", &["id:k"]),
        ("github/other", "k", &[]),
        ("pos", "nobody's", &[]),
    ] {
        let found = find(&format!("status=processed&source={source}&key={key}")).await;
        assert_eq!(keys(&found), expected, "{source} {key}");
    }
    // Whatever key a list shows is found by it, and a body's under the id that it came with.
    for item in listed["items"].as_array().unwrap() {
        let source = format!("{}/{}", item["provider"].as_str().unwrap(), item["connection"].as_str().unwrap());
        let found = find(&format!("status=all&source={source}&key={}", item["key"].as_str().unwrap())).await;
        assert_eq!(found, std::slice::from_ref(item));
        if item["key"] == "id:k" {
            let hash = item["bodyHash"].as_str().unwrap();
            assert_eq!(find(&format!("status=all&source={source}&key=body:{hash}")).await, std::slice::from_ref(item));
        }
    }
    // It has had no effect yet.
    assert_eq!(find("status=processed&source=pos&key=under-way").await.len(), 0);
    let under_way = &find("status=all&source=pos&key=under-way").await[0];
    assert_eq!((&under_way["status"], &under_way["connection"]), (&json!("received"), &json!("demo")));
    assert_eq!((&under_way["attempts"], &under_way["processedAt"]), (&json!(0), &Value::Null));
    // Nobody else's.
    let other = hooks.operator("globex");
    assert_eq!(queries(&process, &other, "status=all&source=pos&key=k").await.0["items"], json!([]));
    hooks.work(Queue::Webhooks).await;
}

#[tokio::test]
async fn what_a_key_names_among_dead_letters_is_found_with_why() {
    let hooks = Hooks::start().await;
    give_up(&hooks, &[sale("t1", "a"), sale("t1", "b")]).await;
    let found = page(&hooks, "t1", "status=all&source=pos&key=b").await;
    assert_eq!(each(&found, "key"), ["key:b"; 2]);
    let mut statuses = each(&found, "status");
    statuses.sort_unstable();
    assert_eq!(statuses, ["dead", "received"], "its claim, and where it is");
    let reason = "storage failed; the log of this delivery says how";
    assert_eq!(each(&found, "detail"), [reason; 2]);
}

#[tokio::test]
async fn a_trace_of_ours_is_looked_for_when_it_was_made_and_another_within_a_range() {
    let hooks = Hooks::start().await;
    let traced = async |delivery: Delivery| {
        let reply = hooks.send(&delivery).await;
        hooks.work(Queue::Webhooks).await;
        hooks.pass(Duration::from_secs(5 * 86_400));
        reply.headers["x-correlation-id"].clone()
    };
    let ours = traced(sale("t1", "ours").without("x-request-id")).await;
    let theirs = traced(sale("t1", "theirs")).await;
    // Made by somebody else, some time before it was used.
    let alike = "018ff1b6-3000-77a5-a459-0549421d97c4";
    traced(sale("t1", "alike").without("x-request-id").header("x-request-id", alike)).await;
    let process = hooks.process(Wire::whole()).await;
    let find = async |query: &str| queries(&process, &hooks.operator("t1"), query).await;
    let (page, queries) = find(&format!("status=processed&correlationId={ours}")).await;
    assert_eq!((each(&page, "key"), &page["hasMore"]), (vec!["key:ours"], &json!(false)));
    assert!(queries <= 16, "{queries} queries for the shards of two hours");
    // Theirs says nothing of when.
    let range = "from=2100-01-06T00:00:00Z&to=2100-01-07T00:00:00Z";
    let (page, _) = find(&format!("status=processed&correlationId={theirs}&{range}")).await;
    assert_eq!(each(&page, "key"), ["key:theirs"]);
    let (found, _) = walk(&hooks, "t1", &format!("status=processed&correlationId={alike}")).await;
    assert_eq!(keys(&found), ["key:alike"]);
    // Whoever names a range means it.
    let (page, _) = find(&format!("status=processed&correlationId={ours}&{range}")).await;
    assert_eq!(each(&page, "key"), [""; 0]);
}

#[tokio::test]
async fn the_moment_of_the_first_effect_stands_however_often_its_message_comes() {
    let hooks = Hooks::start().await;
    let worker = hooks.process(Wire::whole()).await;
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z"});
    let stock = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "data": data});
    assert_eq!(hooks.send(&sale("acme", "k")).await.status, 201);
    assert_eq!(hooks.send(&Delivery::trackstar("/inventory", &stock)).await.status, 200);
    let messages = hooks.receive(Queue::Webhooks).await;
    for _ in 0..3 {
        hooks.pass(Duration::from_secs(1));
        assert_eq!(worker.handle(Queue::Webhooks, &messages).await.unwrap(), [""; 0]);
    }
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    let found = page(&hooks, "acme", &format!("status=processed&{SINCE}")).await;
    assert_eq!(each(&found, "processedAt"), ["2100-01-01T12:00:01.000Z"; 2]);
}

/// An attempt of before a deployment that changes the number of shards, and others of after it.
#[tokio::test]
async fn another_number_of_shards_gives_no_event_a_second_place() {
    let hooks = Hooks::start().await;
    for (tenant, before, after) in [("t1", "1", "8"), ("t2", "8", "1"), ("t3", "4", "3")] {
        let with = async |shards: &str, wire: Wire| hooks.process_with(wire, &[("DELIVERY_SHARDS", shards)]).await;
        let broken = with(before, Wire::when(every("SQS.SendMessage"), Verdict::Fail(Fault::ServerError))).await;
        let (first, second) = (with(before, Wire::whole()).await, with(after, Wire::whole()).await);
        for number in 0..6 {
            let delivery = sale(tenant, &number.to_string());
            // The first ends behind its claim, and the third comes while the message of the second is in the queue.
            for (process, status) in [(&broken, 500), (&second, 204), (&first, 204)] {
                assert_eq!(process.send(&delivery).await.unwrap().status, status);
            }
        }
        assert_eq!(hooks.work(Queue::Webhooks).await, 12, "each is in the queue twice");
        assert_eq!(hooks.entries(&format!("{tenant}/pos/demo")).await.len(), 6, "from {before} shards to {after}");
        let listed = page(&hooks, tenant, &format!("status=processed&{SINCE}")).await;
        assert_eq!(each(&listed, "key").len(), 6, "from {before} shards to {after}");
    }
}

/// What it is set to is one of those that readers ask for.
#[tokio::test]
async fn a_number_of_shards_that_readers_do_not_ask_for_is_a_refusal_to_start() {
    let hooks = Hooks::start().await;
    for (shards, allowed) in [("1", true), ("8", true), ("0", false), ("9", false), ("four", false)] {
        let mut environment = hooks.environment("webhooks");
        environment.extend([("DELIVERY_SHARDS".to_owned(), shards.to_owned())]);
        let built = signalbox_webhooks::build(&environment, &Outside::default()).await;
        assert_eq!(built.is_ok(), allowed, "{shards}");
    }
}
