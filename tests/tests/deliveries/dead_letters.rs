//! What the queue gives up on: alone, with its reason, until somebody decides.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::deliveries::delivery::body_hash;
use signalbox::domain::ids::TenantId;
use signalbox::engine::deliveries::dead_letters::{DeadLetterFilter, Limits, requeue_matching};
use signalbox::engine::deliveries::requeue::Requeuer;
use signalbox::engine::operators::Operator;
use signalbox::outside::Outside;
use signalbox_local::host::poller::sqs_event;
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Call, Fault, Verdict, Wire, every};

pub(super) const LIST: &str = "/api/sync/dead-letters";
const REQUEUE: &str = "/api/sync/dead-letters/requeue";
/// Of `template.yaml`.
const RECEIVES_MAX: usize = 16;

pub(super) fn named(tenant: &str, key: &str) -> Delivery {
    let body = json!({"of": key}).to_string();
    Delivery::pos(tenant, body).header("idempotency-key", key).header("x-request-id", &format!("trace-{key}"))
}

pub(super) async fn ask(hooks: &Hooks, tenant: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
    hooks.ask(method, path, Some(&hooks.operator(tenant)), body).await
}

pub(super) fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// An answer without what became of each.
fn counts(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("results");
    answer
}

/// A worker that cannot write records.
async fn broken(hooks: &Hooks) -> Process {
    hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await
}

#[tokio::test]
async fn what_has_expired_is_gone_though_nobody_swept_it() {
    let hooks = Hooks::start().await;
    let day = std::time::Duration::from_secs(86_400);
    given_up(&hooks, &[named("t1", "old")]).await;
    let recorded = hooks.clock.now();
    hooks.pass(day);
    given_up(&hooks, &[named("t1", "new")]).await;
    let since = std::time::Duration::try_from(recorded.duration_until(hooks.clock.now())).unwrap();
    hooks.pass(day * 90 - std::time::Duration::from_secs(60) - since);
    let both = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200));
    assert_eq!(both.len(), 2);
    hooks.pass(std::time::Duration::from_secs(60));
    assert_eq!(ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)), both[..1]);
    for (method, path) in [("POST", format!("{LIST}/{}/requeue", both[1])), ("DELETE", format!("{LIST}/{}", both[1]))] {
        assert_eq!(ask(&hooks, "t1", method, &path, None).await.status, 404, "{method}");
    }
    let requeued = ask(&hooks, "t1", "POST", REQUEUE, Some(json!({}))).await.expect(200);
    let results = json!([{"id": both[0], "result": "requeued"}]);
    let expected = json!({"ok": true, "requeued": 1, "skipped": 0, "more": false, "cursor": null, "results": results});
    assert_eq!(requeued, expected);
}

/// Dead letters of these events.
pub(super) async fn given_up(hooks: &Hooks, deliveries: &[Delivery]) {
    let worker = broken(hooks).await;
    for delivery in deliveries {
        assert!(hooks.send(delivery).await.status < 300);
        // One after the other, so that they are told apart by their time.
        hooks.exhaust(Queue::Webhooks, &worker).await;
        assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
        hooks.pass(std::time::Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_poison_message_fails_alone_until_it_is_given_up_with_its_reason() {
    let hooks = Hooks::start().await;
    for number in 0..9 {
        assert_eq!(hooks.send(&named("t1", &format!("k{number}"))).await.status, 201);
    }
    let messages = hooks.receive(Queue::Webhooks).await;
    assert_eq!(messages.len(), 9);
    let poison = messages[3].clone();
    let mut event = sqs_event("webhook-worker", &messages);
    event["Records"][3]["messageAttributes"] = json!({});
    let worker = hooks.process(Wire::whole()).await;
    let answer = worker.invoke("webhook-worker", event).await.unwrap();
    let failed = signalbox_tests::process::failed(&answer);
    assert_eq!(failed, [poison.message_id().unwrap()], "it fails alone");
    hooks.finish(Queue::Webhooks, &messages, &failed).await;
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 8);

    // From here on its effect fails.
    assert_eq!(hooks.exhaust(Queue::Webhooks, &broken(&hooks).await).await, RECEIVES_MAX - 1);
    assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    let page = ask(&hooks, "t1", "GET", LIST, None).await.expect(200);
    let letter = &page["items"][0];
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let key = letter["eventKey"].as_str().unwrap().trim_start_matches("key:").to_owned();
    for (field, expected) in [
        ("tenant", json!("t1")),
        ("provider", json!("pos")),
        ("connection", json!("demo")),
        ("correlationId", json!(format!("trace-{key}"))),
        ("payloadHash", json!(body_hash(json!({"of": key}).to_string().as_bytes()))),
        ("receivedAt", json!("2100-01-01T12:00:00.000Z")),
    ] {
        assert_eq!(letter[field], expected, "{field}");
    }
    // The first failed before it could be told whose it was.
    assert_eq!(letter["attempts"], json!(RECEIVES_MAX - 1), "{letter}");
    assert_eq!(letter["reason"], "storage failed; the log of this delivery says how");
    assert!(letter.get("body").is_none() && letter.get("payload").is_none());

    let id = letter["id"].as_str().unwrap();
    let requeued = ask(&hooks, "t1", "POST", &format!("{LIST}/{id}/requeue"), None).await.expect(200);
    assert_eq!(requeued, json!({"ok": true, "id": id}));
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    let events = hooks.events("t1/pos/demo").await;
    assert_eq!((events.len(), &events[&format!("key:{key}")]), (9, &json!({"of": key}).to_string().into_bytes()));
    assert_eq!(ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)), [""; 0]);
    assert_eq!(ask(&hooks, "t1", "POST", &format!("{LIST}/{id}/requeue"), None).await.status, 404);
    assert_eq!(hooks.send(&named("t1", &key)).await.status, 204);
    assert_eq!(hooks.work(Queue::Webhooks).await, 0, "its claim is completed");
}

#[tokio::test]
async fn a_large_body_survives_its_dead_letter() {
    let hooks = Hooks::start().await;
    let body = format!("{{\"pad\":\"{}\"}}", "x".repeat(800 * 1024));
    given_up(&hooks, &[Delivery::pos("t1", body.clone())]).await;
    // A message recorded twice is one entry.
    let id = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200))[0].clone();
    assert_eq!(ask(&hooks, "t1", "POST", &format!("{LIST}/{id}/requeue"), None).await.status, 200);
    hooks.work(Queue::Webhooks).await;
    assert!(hooks.events("t1/pos/demo").await.into_values().eq([body.into_bytes()]));
    let left = hooks.items("JOURNAL_TABLE", "t1#dead-letters").await;
    assert!(left.is_empty(), "{} parts are left", left.len());
}

#[tokio::test]
async fn they_are_listed_by_page_and_filter_and_decided_on_by_their_tenant_alone() {
    let hooks = Hooks::start().await;
    let shop = |key: &str| Delivery { path: "/pos/shop/ingest".into(), ..named("t1", key) };
    given_up(&hooks, &[named("t1", "a"), shop("b"), named("t1", "c"), named("t2", "d"), named("t1", "e")]).await;
    let keys = async |tenant: &str, query: &str| {
        let page = ask(&hooks, tenant, "GET", &format!("{LIST}{query}"), None).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        let keys: Vec<String> = items.iter().map(|item| item["eventKey"].as_str().unwrap()[4..].to_owned()).collect();
        (keys.join(""), page["nextCursor"].as_str().map(String::from))
    };
    for (tenant, query, expected) in [
        ("t1", "", "ecba"),
        ("t2", "", "d"),
        ("t3", "", ""),
        ("default", "", ""),
        ("t1", "?connection=shop", "b"),
        ("t1", "?connection=demo", "eca"),
        ("t1", "?provider=trackstar", ""),
        ("t1", "?provider=pos&reason=STORAGE%20failed", "ecba"),
        ("t1", "?reason=nothing", ""),
    ] {
        assert_eq!(keys(tenant, query).await, (expected.to_owned(), None), "{tenant} {query}");
    }
    for filter in ["", "&connection=demo"] {
        let (mut cursor, mut seen) = (String::new(), String::new());
        loop {
            let (page, next) = keys("t1", &format!("?limit=1{filter}{cursor}")).await;
            seen += &page;
            let Some(next) = next else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, if filter.is_empty() { "ecba" } else { "eca" });
    }
    // More than a key can be, too: DynamoDB would refuse it, and the answer would be 500.
    let long = format!("?cursor=1731705121000-{}", "x".repeat(1100));
    for query in ["?limit=0", "?limit=x", "?cursor=body", "?cursor=1", &long] {
        assert_eq!(ask(&hooks, "t1", "GET", &format!("{LIST}{query}"), None).await.status, 400, "{query}");
    }

    let all = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200));
    // Another's is seen by operators of all tenants, who name it, and by nobody else.
    for path in [LIST.to_owned(), format!("{LIST}/preview")] {
        let page = ask(&hooks, "default", "GET", &format!("{path}?tenant=t1"), None).await.expect(200);
        assert_eq!(ids(&page), all, "{path}");
        assert_eq!(ids(&ask(&hooks, "default", "GET", &path, None).await.expect(200)), [""; 0], "{path}");
        let other = ask(&hooks, "t2", "GET", &format!("{path}?tenant=t1"), None).await;
        assert_eq!(other.problem(), (403, "forbidden"), "{path}");
    }
    for id in &all {
        let path = format!("{LIST}/{id}");
        for tenant in ["t2", "default"] {
            assert_eq!(ask(&hooks, tenant, "POST", &format!("{path}/requeue"), None).await.status, 404);
            assert_eq!(ask(&hooks, tenant, "DELETE", &path, None).await.status, 404);
        }
        let reader = hooks.token("t1", &[signalbox::http::auth::READ]);
        assert_eq!(hooks.ask("DELETE", &path, Some(&reader), None).await.status, 403);
        assert_eq!(hooks.ask("DELETE", &path, None, None).await.status, 401);
    }
    // Parts of bodies have ids too, and are not dead letters.
    let part = format!("{LIST}/body%23{}%230", all[0]);
    assert_eq!(ask(&hooks, "t1", "DELETE", &part, None).await.status, 404);

    let dropped = ask(&hooks, "t1", "DELETE", &format!("{LIST}/{}", all[0]), None).await.expect(200);
    assert_eq!(dropped["id"], json!(all[0]));
    let many = |body: Value| ask(&hooks, "t1", "POST", REQUEUE, Some(body));
    assert_eq!(many(json!([])).await.status, 400);
    assert_eq!(ask(&hooks, "t1", "POST", REQUEUE, None).await.status, 400, "nothing is not all");
    // A typo, or a variable that was not set, must not requeue everything.
    for (field, value) in
        [("resaon", json!("store")), ("Provider", json!("pos")), ("limit", json!(1)), ("reason", json!(" "))]
    {
        let refused = many(json!({"connection": "shop", field: value})).await.expect(400);
        assert_eq!(refused["error"], "invalid_request");
        assert!(refused["detail"]["fieldErrors"][field].is_array(), "{refused}");
    }
    for filter in [json!({"reason": "nothing"}), json!({"provider": "trackstar"})] {
        let answer = many(filter).await.expect(200);
        assert_eq!(counts(answer), json!({"ok": true, "requeued": 0, "skipped": 3, "more": false, "cursor": null}));
    }
    let answer = many(json!({"provider": "pos", "connection": "shop", "reason": "STORAGE failed"})).await.expect(200);
    assert_eq!(counts(answer), json!({"ok": true, "requeued": 1, "skipped": 2, "more": false, "cursor": null}));
    let answer = many(json!({})).await.expect(200);
    assert_eq!((&answer["requeued"], &answer["more"]), (&json!(2), &json!(false)));
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/pos/demo").await.into_keys().collect::<Vec<_>>(), ["key:a", "key:c"]);
    assert_eq!(hooks.events("t1/pos/shop").await.len(), 1);
    assert_eq!(keys("t2", "").await.0, "d");

    let audit = hooks.items("JOURNAL_TABLE", "t1#audit").await;
    let deeds: Vec<(&str, &str)> =
        audit.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["target"].as_str().unwrap())).collect();
    let expected: BTreeSet<(&str, &str)> = [("dead_letter.drop", all[0].as_str())]
        .into_iter()
        .chain(all[1..].iter().map(|id| ("dead_letter.requeue", id.as_str())))
        .collect();
    assert_eq!((deeds.len(), deeds.into_iter().collect::<BTreeSet<_>>()), (4, expected));
    assert!(audit.iter().all(|entry| entry["actor"] == "operator" && entry["correlationId"].is_string()));
    // The body's hash, under its older name.
    assert!(audit.iter().all(|entry| entry["bodyHash"].as_str().is_some_and(|hash| hash.len() == 64)));
}

/// Dead letters of tenant t1 with these connections, the oldest first.
async fn recorded(hooks: &Hooks, connections: &[&str]) {
    recorded_of(hooks, "t1", connections).await;
}

/// Those of a tenant.
pub(super) async fn recorded_of(hooks: &Hooks, tenant: &str, connections: &[&str]) {
    let label = |(number, connection): (usize, &&str)| {
        json!({"connection": format!("{tenant}/pos/{connection}"), "channel": "event",
            "key": format!("key:{number}"), "bodyHash": "", "receivedMs": 0, "correlationId": "trace"})
    };
    let messages = connections.iter().enumerate().map(|of| (label(of), "{}".to_owned()));
    recorded_as(hooks, &messages.collect::<Vec<_>>()).await;
}

/// Dead letters with these labels and bodies, the oldest first.
pub(super) async fn recorded_as(hooks: &Hooks, messages: &[(Value, String)]) {
    let record = |(number, (label, body)): (usize, &(Value, String))| {
        json!({"messageId": format!("m{number}"), "body": body, "eventSource": "aws:sqs",
            "attributes": {"SentTimestamp": format!("{}", 4_102_488_000_000_usize + number), "ApproximateReceiveCount": "7"},
            "messageAttributes": {"signalbox": {"stringValue": label.to_string(), "dataType": "String",
                "stringListValues": [], "binaryListValues": []}}})
    };
    let records: Vec<Value> = messages.iter().enumerate().map(record).collect();
    for batch in records.chunks(10) {
        let answer = hooks.host.invoke("dead-letters", json!({"Records": batch})).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]));
    }
}

/// More than one call takes, behind more than one page of others.
#[tokio::test]
async fn many_are_requeued_though_others_are_in_front() {
    let hooks = Hooks::start().await;
    recorded(&hooks, &[&["old"; 130][..], &["new"; 120]].concat()).await;
    let mut cursor = Value::Null;
    for (requeued, skipped, more) in [(100, 120, true), (30, 0, false)] {
        let filter = json!({"connection": "OLD", "cursor": cursor});
        let answer = ask(&hooks, "t1", "POST", REQUEUE, Some(filter)).await.expect(200);
        cursor = answer["cursor"].clone();
        assert_eq!(cursor.is_string(), more, "{answer}");
        let expected = json!({"ok": true, "requeued": requeued, "skipped": skipped, "more": more, "cursor": cursor});
        assert_eq!(counts(answer), expected);
    }
    for cursor in ["1", "body", "m1"] {
        let body = json!({"connection": "old", "cursor": cursor});
        let refused = ask(&hooks, "t1", "POST", REQUEUE, Some(body)).await.expect(400);
        assert_eq!(refused["detail"]["fieldErrors"]["cursor"], json!(["is unknown"]));
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 130);
    assert_eq!(hooks.events("t1/pos/old").await.len(), 130);
}

/// However many others are in front of those that are meant, and however little one call looks at.
#[tokio::test]
async fn requeuing_comes_to_its_end_behind_more_than_one_call_looks_at() {
    let hooks = Hooks::start().await;
    recorded(&hooks, &[&["old"; 3][..], &["new"; 20]].concat()).await;
    let outside = Outside { clock: hooks.clock.clone(), ..Outside::default() };
    let environment = hooks.environment("sync-control");
    let clients = Clients::connect(&environment, &outside).unwrap();
    let requeuer = Requeuer::connect(&clients, &environment, &outside).unwrap();
    let operator =
        Operator { tenant: TenantId::parse("t1").unwrap(), actor: "operator".into(), correlation_id: "trace".into() };
    let old = DeadLetterFilter::read(|name| Ok::<_, ()>((name == "connection").then(|| "old".into()))).unwrap();
    let (mut from, mut requeued, mut skipped, mut calls) = (None, 0, 0, 0);
    loop {
        let limits = Limits { found_max: 2, read_max: 4 };
        let done = requeue_matching(&requeuer, &operator, &old, from, limits).await.unwrap();
        (from, requeued, skipped, calls) = (done.next, requeued + done.requeued, skipped + done.skipped, calls + 1);
        if from.is_none() {
            break;
        }
        assert!(calls < 10, "{requeued} requeued");
    }
    assert_eq!((requeued, skipped, calls), (3, 20, 7));
    let left = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200));
    assert_eq!(left.len(), 20);
}

/// What nobody can read is kept too, for operators of the default tenant, and can only be dropped.
#[tokio::test]
async fn a_message_without_a_label_can_only_be_dropped() {
    let hooks = Hooks::start().await;
    let url = hooks.environment("webhooks").require("WEBHOOK_QUEUE_URL").unwrap().to_owned();
    hooks.host.sqs().send_message().queue_url(url).message_body("who am I").send().await.unwrap();
    let (began, worker) = (hooks.clock.now(), hooks.process(Wire::whole()).await);
    assert_eq!(hooks.exhaust(Queue::Webhooks, &worker).await, RECEIVES_MAX);
    // It is not tried for two hours.
    assert!(hooks.clock.now() <= began + std::time::Duration::from_secs(600));
    assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    let page = ask(&hooks, "default", "GET", LIST, None).await.expect(200);
    let id = ids(&page)[0].clone();
    assert!(page["items"][0]["reason"].as_str().unwrap().contains("no label"));
    let requeued = ask(&hooks, "default", "POST", &format!("{LIST}/{id}/requeue"), None).await;
    assert_eq!((requeued.status, &requeued.body["error"]), (422, &json!("unprocessable")));
    assert_eq!(ask(&hooks, "default", "DELETE", &format!("{LIST}/{id}"), None).await.status, 200);
    assert!(hooks.items("JOURNAL_TABLE", "default#dead-letters").await.is_empty());
}

/// A dead letter is kept for longer than its claim.
#[tokio::test]
async fn one_that_is_requeued_after_its_claim_has_expired_fails_with_its_reason_or_has_its_effect_once() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    hooks.pass(std::time::Duration::from_secs(31 * 86_400));
    // As DynamoDB sweeps it.
    let table = hooks.environment("sync-control").require("DELIVERIES_TABLE").unwrap().to_owned();
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let call = hooks.host.dynamodb().delete_item().table_name(table);
    call.key("pk", key("t1/pos#key:k")).key("sk", key("claim")).send().await.unwrap();
    let requeue = async || {
        let [id] = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).try_into().unwrap();
        ask(&hooks, "t1", "POST", &format!("{LIST}/{id}/requeue"), None).await.status
    };
    assert_eq!(requeue().await, 200);
    assert_eq!(hooks.exhaust(Queue::Webhooks, &broken(&hooks).await).await, RECEIVES_MAX);
    assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    let letter = &ask(&hooks, "t1", "GET", LIST, None).await.expect(200)["items"][0];
    assert_eq!(letter["reason"], "storage failed; the log of this delivery says how");

    assert_eq!(requeue().await, 200);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert_eq!(hooks.send(&named("t1", "k")).await.status, 204, "its sender's retry");
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
}

/// Where ids are not signed, its body may have come again under another one, or under none.
#[tokio::test]
async fn one_whose_body_came_again_since_has_its_effect_once() {
    let named = |id: &str| match id {
        "" => Delivery::github("any", "{}").without("x-github-delivery"),
        id => Delivery::github(id, "{}"),
    };
    for (first, second) in [("one", "two"), ("one", ""), ("", "two")] {
        let hooks = Hooks::start().await;
        given_up(&hooks, &[named(first)]).await;
        hooks.pass(std::time::Duration::from_secs(31 * 86_400));
        assert_eq!(hooks.send(&named(second)).await.expect(200)["status"], "accepted");
        hooks.work(Queue::Webhooks).await;
        let [id] = ids(&ask(&hooks, "acme", "GET", LIST, None).await.expect(200)).try_into().unwrap();
        assert_eq!(ask(&hooks, "acme", "POST", &format!("{LIST}/{id}/requeue"), None).await.status, 200);
        hooks.work(Queue::Webhooks).await;
        assert_eq!(hooks.events("acme/github/acme").await.len(), 1, "{first:?}, then {second:?}");
    }
}

/// Under one key is one event: the older one must not take the place of one that was acknowledged since.
#[tokio::test]
async fn one_whose_key_came_with_another_body_since_is_not_requeued() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    hooks.pass(std::time::Duration::from_secs(31 * 86_400));
    let newer = Delivery::pos("t1", "{\"newer\":true}").header("idempotency-key", "k");
    assert_eq!(hooks.send(&newer).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let [id] = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).try_into().unwrap();
    let refused = ask(&hooks, "t1", "POST", &format!("{LIST}/{id}/requeue"), None).await.expect(409);
    assert_eq!(refused["error"], "conflict");
    let many = ask(&hooks, "t1", "POST", REQUEUE, Some(json!({}))).await.expect(200);
    assert_eq!((&many["requeued"], &many["skipped"], &many["more"]), (&json!(0), &json!(1), &json!(false)));
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    assert_eq!(hooks.events("t1/pos/demo").await["key:k"], newer.body);
    assert_eq!(ask(&hooks, "t1", "DELETE", &format!("{LIST}/{id}"), None).await.status, 200);
}

/// Under a key that a point of sale gives is one event of the tenant, whichever source it comes to.
#[tokio::test]
async fn one_that_came_to_another_source_since_has_its_effect_there_alone() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    hooks.pass(std::time::Duration::from_secs(31 * 86_400));
    let elsewhere = Delivery { path: "/pos/shop/ingest".into(), ..named("t1", "k") };
    assert_eq!(hooks.send(&elsewhere).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let answer = ask(&hooks, "t1", "POST", REQUEUE, Some(json!({}))).await.expect(200);
    assert_eq!(answer["requeued"], 1);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 0);
    assert_eq!(hooks.events("t1/pos/shop").await.len(), 1);
}

/// An operator who gets no answer asks again, unless the dead letter is gone.
#[tokio::test]
async fn a_crash_anywhere_in_recording_or_requeuing_leaves_one_effect() {
    let hooks = Hooks::start().await;
    let kills = |calls: usize| {
        (0..calls).flat_map(|number| [Verdict::KillBefore, Verdict::KillAfter].map(|kill| (number, kill)))
    };
    let healthy = hooks.process(Wire::whole()).await;
    let mut cases = 0;
    let mut recording = kills(usize::MAX);
    // First all calls of recording, then all of requeuing; each ends with a case in which the call is not made.
    for phase in ["dead-letters", "sync-control"] {
        loop {
            let (number, kill) = recording.next().unwrap();
            let tenant = format!("{}{number}{}", &phase[..1], format!("{kill:?}").to_lowercase());
            let delivery = named(&tenant, "k");
            assert_eq!(hooks.send(&delivery).await.status, 201);
            hooks.exhaust(Queue::Webhooks, &broken(&hooks).await).await;
            let plan = move |call: &Call| if call.number == number { kill } else { Verdict::Pass };
            let dying = hooks.process(Wire::planned(plan)).await;
            let recorder = if phase == "dead-letters" { &dying } else { &healthy };
            let messages = hooks.receive(Queue::DeadLetters).await;
            let recorded = recorder.handle(Queue::DeadLetters, &messages).await;
            let mut died = recorded.is_err();
            let again: Vec<String> = messages.iter().map(|message| message.message_id().unwrap().to_owned()).collect();
            hooks.finish(Queue::DeadLetters, &messages, &recorded.unwrap_or(again)).await;
            hooks.work(Queue::DeadLetters).await;

            let page = ask(&hooks, &tenant, "GET", LIST, None).await.expect(200);
            let [id] = ids(&page).try_into().unwrap();
            let path = format!("{LIST}/{id}/requeue");
            let operator = if phase == "dead-letters" { &healthy } else { &dying };
            let token = hooks.operator(&tenant);
            if operator.ask("sync-control", "POST", &path, &token, None).await.is_err() {
                died = true;
                let status = ask(&hooks, &tenant, "POST", &path, None).await.status;
                assert!(matches!(status, 200 | 404), "{phase}: {kill:?} of call {number}: {status}");
            }
            assert!(ids(&ask(&hooks, &tenant, "GET", LIST, None).await.expect(200)).is_empty());
            hooks.work(Queue::Webhooks).await;
            let events = hooks.events(&format!("{tenant}/pos/demo")).await;
            assert_eq!(events.into_keys().collect::<Vec<_>>(), ["key:k"], "{phase}: {kill:?} of call {number}");
            if !died {
                break;
            }
            cases += 1;
        }
        recording = kills(usize::MAX);
    }
    println!("{cases} crashes in recording and requeuing");
}
