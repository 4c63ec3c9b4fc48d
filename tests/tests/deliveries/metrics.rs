//! `/metrics`: what was counted of the fleet, whichever instance counted it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::{Delivery, POS_SECRET_PREVIOUS};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Call, Fault, Verdict, Wire, any, every, first};

/// Names and types: the original's, then ours.
const NAMES: [(&str, &str); 17] = [
    ("ingest_latency_seconds", "histogram"),
    ("ingest_dedup_total", "counter"),
    ("http_request_duration_seconds", "histogram"),
    ("http_requests_total", "counter"),
    ("build_info", "gauge"),
    ("retry_attempts_total", "counter"),
    ("sync_operations_total", "counter"),
    ("database_query_duration_seconds", "histogram"),
    ("active_connections", "gauge"),
    ("background_jobs_total", "counter"),
    ("db_connection_status", "gauge"),
    ("api_request_latency_seconds", "histogram"),
    ("ingest_rejected_total", "counter"),
    ("ingest_rejected_unkept_total", "counter"),
    ("signature_secret_matched_total", "counter"),
    ("deliveries_applied_total", "counter"),
    ("deliveries_dead_total", "counter"),
];

/// The page's samples: name with labels → value, after the format was checked.
async fn samples(hooks: &Hooks) -> BTreeMap<String, String> {
    checked(&hooks.ask("GET", "/metrics", None, None).await)
}

fn checked(reply: &Answer) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 200);
    assert!(reply.headers["content-type"].starts_with("text/plain"));
    let mut described: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut samples = BTreeMap::new();
    let mut current = "";
    for line in reply.text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(helped.insert(name) && !text.is_empty(), "{name} is helped twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(described.insert(name, kind).is_none(), "{name} is described twice");
            current = name;
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let plain = name.split('{').next().unwrap();
            let suffixes: &[&str] =
                if described[current] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(
                suffixes.iter().any(|suffix| plain == format!("{current}{suffix}")),
                "{line} stands below {current}"
            );
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(!line.contains("tenant"), "{line}");
            assert!(samples.insert(name.to_owned(), value.to_owned()).is_none(), "{line} is listed twice");
        }
    }
    assert_eq!(described, NAMES.into_iter().collect());
    assert_eq!(helped, described.into_keys().collect());
    whole_histograms(&samples);
    samples
}

/// Buckets grow, and the last one is the count.
fn whole_histograms(samples: &BTreeMap<String, String>) {
    let bounds = ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "2", "5", "+Inf"];
    for (name, count) in samples.iter().filter(|(name, _)| name.contains("_count{")) {
        let bucket = name.replace("_count{", "_bucket{");
        let bucket =
            |le: &str| samples[&format!("{},le=\"{le}\"}}", bucket.trim_end_matches('}'))].parse::<u64>().unwrap();
        let buckets = bounds.map(bucket);
        assert!(buckets.is_sorted(), "{name}: {buckets:?}");
        assert_eq!((buckets[8].to_string(), &name), (count.clone(), &name));
        assert!(samples.contains_key(&name.replace("_count{", "_sum{")), "{name}");
    }
}

/// The samples of these names, without the latency's buckets.
fn of<'a>(samples: &'a BTreeMap<String, String>, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    let wanted = samples.iter().filter(|(name, _)| names.iter().any(|wanted| name.starts_with(wanted)));
    wanted.filter(|(name, _)| !name.contains("_bucket")).map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const COUNTED: &[&str] = &["ingest", "signature", "deliveries"];

fn sale(tenant: &str, number: usize) -> Delivery {
    Delivery::pos(tenant, format!("{{\"n\":{number}}}"))
}

fn stock(minute: usize, at: &str) -> Delivery {
    let data = json!({"id": format!("i{minute}"), "sku": "S-1", "onhand": minute, "updated_date": at});
    let body = json!({"event_type": "inventory.updated", "connection_id": "conn-1", "data": data});
    Delivery::trackstar("/inventory", &body)
}

#[tokio::test]
async fn what_became_of_each_delivery_is_counted_by_its_source() {
    let hooks = Hooks::start().await;
    assert_eq!(of(&samples(&hooks).await, COUNTED), [], "names without samples");
    let process = hooks.process(Wire::whole()).await;
    let send = async |delivery: &Delivery, status: u16| {
        assert_eq!(process.send(delivery).await.unwrap().status, status);
        // Longer than an instance keeps its counts to itself.
        hooks.pass(Duration::from_secs(1));
    };
    let previous = Delivery::signed(
        "/pos/demo/ingest",
        &schemes::POS,
        POS_SECRET_PREVIOUS,
        None,
        Timestamp::UNIX_EPOCH,
        "{\"old\":1}",
    );
    let other = json!({"event_type": "order.created", "connection_id": "conn-1", "data": {"id": "o1"}});
    for delivery in [sale("t1", 1), sale("t2", 1), sale("t1", 2), previous] {
        send(&delivery, 201).await;
    }
    send(&stock(2, "2026-01-15T12:02:00Z"), 200).await;
    hooks.work(Queue::Webhooks).await;
    for delivery in [stock(1, "2026-01-15T12:01:00Z"), Delivery::trackstar("", &other)] {
        send(&delivery, 200).await;
    }
    send(&Delivery::github("1", "{}"), 200).await;
    hooks.work(Queue::Webhooks).await;

    send(&sale("t1", 1), 204).await;
    send(&Delivery::github("1", "{}"), 200).await;
    send(&sale("t1", 3).header("x-webhook-signature", &"0".repeat(64)), 403).await;
    send(&Delivery::pos("t1", "no JSON"), 400).await;
    send(&Delivery { path: "/webhooks/github/nobody".into(), ..Delivery::github("1", "{}") }, 404).await;

    let samples = samples(&hooks).await;
    let expected = [
        ("deliveries_applied_total{source=\"github/acme\",outcome=\"done\"}", "1"),
        ("deliveries_applied_total{source=\"pos\",outcome=\"done\"}", "4"),
        ("deliveries_applied_total{source=\"trackstar\",outcome=\"done\"}", "1"),
        ("deliveries_applied_total{source=\"trackstar\",outcome=\"older\"}", "1"),
        ("deliveries_applied_total{source=\"trackstar\",outcome=\"unhandled\"}", "1"),
        ("ingest_dedup_total{source=\"github/acme\"}", "1"),
        ("ingest_dedup_total{source=\"pos\"}", "1"),
        ("ingest_latency_seconds_count{source=\"github/acme\"}", "2"),
        ("ingest_latency_seconds_count{source=\"pos\"}", "5"),
        ("ingest_latency_seconds_count{source=\"trackstar\"}", "3"),
        ("ingest_latency_seconds_sum{source=\"github/acme\"}", "0.000"),
        ("ingest_latency_seconds_sum{source=\"pos\"}", "0.000"),
        ("ingest_latency_seconds_sum{source=\"trackstar\"}", "0.000"),
        ("ingest_rejected_total{source=\"pos\",reason=\"bad_body\"}", "1"),
        ("ingest_rejected_total{source=\"pos\",reason=\"bad_signature\"}", "1"),
        ("ingest_rejected_total{source=\"unknown\",reason=\"unknown_sender\"}", "1"),
        ("signature_secret_matched_total{source=\"github/acme\",secret=\"current\"}", "2"),
        // With the duplicate, and the one that was no JSON.
        ("signature_secret_matched_total{source=\"pos\",secret=\"current\"}", "5"),
        ("signature_secret_matched_total{source=\"pos\",secret=\"previous\"}", "1"),
        ("signature_secret_matched_total{source=\"trackstar\",secret=\"current\"}", "3"),
    ];
    assert_eq!(of(&samples, COUNTED), expected);
}

#[tokio::test]
async fn a_latency_is_the_time_until_the_message_is_sent() {
    let hooks = Hooks::start().await;
    let clock = hooks.clock.clone();
    let mut slow = [7, 30, 240, 6000].into_iter();
    let plan = move |call: &Call| {
        if call.operation == "DynamoDB.PutItem" {
            clock.advance(Duration::from_millis(slow.next().unwrap_or(0)));
        }
        if call.operation == "SQS.SendMessage" {
            // Not a part of it.
            clock.advance(Duration::from_secs(60));
        }
        Verdict::Pass
    };
    let process = hooks.process(Wire::planned(plan)).await;
    for number in 0..3 {
        assert_eq!(process.send(&sale("t1", number)).await.unwrap().status, 201);
    }
    hooks.work(Queue::Webhooks).await;
    // A duplicate's is the door's to count, and its message no part of it either.
    assert_eq!(process.send(&sale("t1", 0)).await.unwrap().status, 204);
    let samples = samples(&hooks).await;
    let bucket = |le: &str| samples[&format!("ingest_latency_seconds_bucket{{source=\"pos\",le=\"{le}\"}}")].as_str();
    let found = ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "2", "5", "+Inf"].map(bucket);
    assert_eq!(found, ["1", "2", "2", "3", "3", "3", "3", "3", "4"]);
    assert_eq!(samples["ingest_latency_seconds_sum{source=\"pos\"}"], "6.277");
}

/// Two instances: what one has counted says nothing about the other.
#[tokio::test]
async fn what_instances_count_adds_up() {
    let hooks = Hooks::start().await;
    for round in 0..2 {
        let process = hooks.process(Wire::whole()).await;
        process.send(&sale("t1", round)).await.unwrap();
        process.send(&sale("t1", round)).await.unwrap();
        process.send(&sale("t1", round).header("x-webhook-signature", &"0".repeat(64))).await.unwrap();
    }
    let samples = samples(&hooks).await;
    assert_eq!(samples["ingest_dedup_total{source=\"pos\"}"], "2");
    assert_eq!(samples["ingest_rejected_total{source=\"pos\",reason=\"bad_signature\"}"], "2");
}

/// No time passes, and no later request brings what is missing.
#[tokio::test]
async fn a_burst_is_counted_but_for_less_than_a_batch() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let send = async |delivery: Delivery, status: u16| {
        assert_eq!(process.send(&delivery).await.unwrap().status, status);
    };
    send(sale("t1", 1), 201).await;
    hooks.work(Queue::Webhooks).await;
    for _ in 0..200 {
        send(sale("t1", 1), 204).await;
    }
    let duplicates = async || samples(&hooks).await["ingest_dedup_total{source=\"pos\"}"].clone();
    // The first at once, then 25 at a time.
    assert_eq!(duplicates().await, "176");
    hooks.pass(Duration::from_secs(1));
    send(sale("t1", 1), 204).await;
    assert_eq!(duplicates().await, "201");
}

/// Those that are kept; of the others, the first is written at once, and what comes within a second after it waits.
#[tokio::test]
async fn refusals_that_are_kept_are_all_counted_and_of_the_others_those_of_a_second_wait() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let refused =
        async || samples(&hooks).await["ingest_rejected_total{source=\"pos\",reason=\"bad_signature\"}"].clone();
    for (sent, counted) in [(10, "10"), (20, "11")] {
        for number in 0..sent {
            let forged = sale("t1", number).header("x-webhook-signature", &"0".repeat(64));
            assert_eq!(process.send(&forged).await.unwrap().status, 403);
        }
        assert_eq!(refused().await, counted);
    }
}

#[tokio::test]
async fn the_rings_of_an_origin_are_counted_as_one() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&Delivery::pos("t1", "no JSON")).await.status, 400);
    let table = hooks.environment("sync-control").require("DELIVERIES_TABLE").unwrap().to_owned();
    let put = || hooks.host.dynamodb().put_item().table_name(&table);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let ring = put().item("pk", text("rejected#pos")).item("sk", text("next")).item("next", number("5"));
    ring.item("bad_body", number("2")).item("unheard_of", number("3")).send().await.unwrap();
    let rings = AttributeValue::Ss(vec!["pos".into(), "pos:proved".into()]);
    put().item("pk", text("rejected")).item("sk", text("origins")).item("origins", rings).send().await.unwrap();
    let expected = [("ingest_rejected_total{source=\"pos\",reason=\"bad_body\"}", "3")];
    assert_eq!(of(&samples(&hooks).await, &["ingest_rejected"]), expected);
}

#[tokio::test]
async fn the_page_says_when_storage_cannot_be_read() {
    let hooks = Hooks::start().await;
    assert_eq!(of(&samples(&hooks).await, &["db_"]), [("db_connection_status", "1")]);
    let broken = hooks.process(Wire::when(any(), Verdict::Fail(Fault::ServerError))).await;
    let page = broken.ask("read-api", "GET", "/metrics", &hooks.operator("default"), None).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(of(&checked(&page), &["db_"]), [("db_connection_status", "0")]);
}

#[tokio::test]
async fn a_message_that_comes_twice_is_counted_once() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sale("t1", 1)).await.status, 201);
    // The door cannot know that the first is in the queue already.
    assert_eq!(hooks.send(&sale("t1", 1)).await.status, 204);
    let process = hooks.process(Wire::whole()).await;
    let messages = hooks.receive(Queue::Webhooks).await;
    assert_eq!(messages.len(), 2);
    for _ in 0..3 {
        assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    }
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    let samples = samples(&hooks).await;
    assert_eq!(samples["deliveries_applied_total{source=\"pos\",outcome=\"done\"}"], "1");
}

/// The newest version, written twice: by the SDK, which lost the reply to the first write, and by the worker that came after
/// one that died before the entry.
#[tokio::test]
async fn an_effect_that_is_repeated_is_done_and_not_older() {
    for (verdict, dies) in [(Verdict::Fail(Fault::LostReply), false), (Verdict::KillAfter, true)] {
        let hooks = Hooks::start().await;
        assert_eq!(hooks.send(&stock(2, "2026-01-15T12:02:00Z")).await.status, 200);
        let messages = hooks.receive(Queue::Webhooks).await;
        let first = hooks.process(Wire::when(first("DynamoDB.PutItem"), verdict)).await;
        assert_eq!(first.handle(Queue::Webhooks, &messages).await.is_err(), dies);
        assert_eq!(first.wire().calls()[0], "DynamoDB.PutItem");
        let second = hooks.process(Wire::whole()).await;
        assert!(second.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
        let samples = samples(&hooks).await;
        let expected = [("deliveries_applied_total{source=\"trackstar\",outcome=\"done\"}", "1")];
        assert_eq!(of(&samples, &["deliveries_applied"]), expected, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_count_that_fails_fails_no_delivery() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sale("t1", 1)).await.status, 201);
    let messages = hooks.receive(Queue::Webhooks).await;
    // After the use of its secret each attempt to count.
    let counts = every("DynamoDB.UpdateItem").from(2);
    let process = hooks.process(Wire::when(counts, Verdict::Fail(Fault::ServerError))).await;
    assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    assert!(process.wire().calls().len() > 2, "nothing was counted");
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
    assert_eq!(of(&samples(&hooks).await, &["deliveries_applied_total"]), []);
}

#[tokio::test]
async fn a_dead_letter_is_counted_once_and_what_is_requeued_when_it_is_applied() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sale("t1", 1)).await.status, 201);
    let url = hooks.environment("webhooks").require("WEBHOOK_QUEUE_URL").unwrap().to_owned();
    hooks.host.sqs().send_message().queue_url(url).message_body("who am I").send().await.unwrap();
    let broken = Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError));
    hooks.exhaust(Queue::Webhooks, &hooks.process(broken).await).await;
    let process = hooks.process(Wire::whole()).await;
    let messages = hooks.receive(Queue::DeadLetters).await;
    for _ in 0..2 {
        assert!(process.handle(Queue::DeadLetters, &messages).await.unwrap().is_empty());
    }
    hooks.finish(Queue::DeadLetters, &messages, &[]).await;
    let dead = [("deliveries_dead_total{source=\"pos\"}", "1"), ("deliveries_dead_total{source=\"unknown\"}", "1")];
    assert_eq!(of(&samples(&hooks).await, COUNTED), dead);

    let requeue = "/api/sync/dead-letters/requeue";
    let token = hooks.operator("t1");
    assert_eq!(hooks.ask("POST", requeue, Some(&token), Some(json!({}))).await.expect(200)["requeued"], 1);
    hooks.work(Queue::Webhooks).await;
    let samples = samples(&hooks).await;
    assert_eq!(samples["deliveries_applied_total{source=\"pos\",outcome=\"done\"}"], "1");
    assert_eq!(samples["ingest_latency_seconds_count{source=\"pos\"}"], "1");
}

/// Another function's instance sees what `sync-control` let in, at once.
#[tokio::test]
async fn what_an_operator_lets_in_is_counted_at_once() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.process_with(Wire::whole(), &wrong).await;
    assert_eq!(before.send(&sale("t1", 1)).await.unwrap().status, 403);
    hooks.pass(Duration::from_secs(3600));
    let token = hooks.operator("default");
    let verify = async || {
        let body: Value = json!({"id": "pos#1"});
        hooks.ask("POST", "/api/admin/deliveries/verify", Some(&token), Some(body)).await.expect(200)["status"].clone()
    };
    assert_eq!([verify().await, verify().await, verify().await], ["accepted", "duplicate", "duplicate"]);
    hooks.work(Queue::Webhooks).await;
    let samples = samples(&hooks).await;
    assert_eq!(samples["ingest_dedup_total{source=\"pos\"}"], "2");
    // From when it was looked at again, not from when it was received.
    assert_eq!(samples["ingest_latency_seconds_sum{source=\"pos\"}"], "0.000");
    assert_eq!(samples["ingest_latency_seconds_count{source=\"pos\"}"], "3");
}

#[tokio::test]
async fn names_that_are_not_known_are_passed_over() {
    let hooks = Hooks::start().await;
    let table = hooks.environment("sync-control").require("DELIVERIES_TABLE").unwrap().to_owned();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = hooks.host.dynamodb().put_item().table_name(table).item("pk", text("metrics")).item("sk", text("ingest"));
    let put = put.item("duplicate|pos", AttributeValue::N("3".into())).item("note", text("by hand"));
    put.item("rejected|pos|bad_body", AttributeValue::N("3".into())).send().await.unwrap();
    assert_eq!(of(&samples(&hooks).await, COUNTED), []);
}

#[tokio::test]
async fn a_deployed_metrics_page_asks_for_a_token() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    assert_eq!(hooks.ask("GET", "/metrics", None, None).await.status, 401);
    assert_eq!(hooks.ask("GET", "/metrics", Some(&hooks.operator("default")), None).await.status, 200);
    assert_eq!(hooks.ask("GET", "/healthz", None, None).await.status, 200);
}

#[tokio::test]
async fn another_tenant_sees_nothing_of_the_fleet() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    for number in [1, 2] {
        assert_eq!(process.send(&sale("other", number)).await.unwrap().status, 201);
        // Longer than an instance keeps its counts to itself.
        hooks.pass(Duration::from_secs(1));
    }
    hooks.work(Queue::Webhooks).await;
    let of_operators = checked(&hooks.ask("GET", "/metrics", Some(&hooks.operator("default")), None).await);
    assert!(of_operators.keys().any(|name| name.contains("source=\"pos\"")), "{of_operators:?}");
    let of_others = checked(&hooks.ask("GET", "/metrics", Some(&hooks.operator("other")), None).await);
    let sources: Vec<&String> = of_others.keys().filter(|name| name.contains("source=")).collect();
    assert_eq!(sources, [""; 0], "neither of deliveries nor of a vendor that is another's");
}
