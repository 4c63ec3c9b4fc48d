//! A flood of refusals: few are kept, the rest is counted, and what that costs goes by time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::logged::Logged;
use signalbox_tests::process::Process;
use signalbox_tests::wire::{Call, Calls, Fault, Verdict, Wire, any, at, every};

const COUNT: &str = "DynamoDB.UpdateItem";

fn forged() -> Delivery {
    Delivery::pos("t1", "{}").header("x-webhook-signature", &"0".repeat(64))
}

/// Forged at each door that anybody can reach, each of another origin.
fn forged_at_each_door() -> [Delivery; 4] {
    let event = json!({"event_type": "x", "connection_id": "conn-1", "data": {"id": "1"}});
    let github = Delivery::github("1", "{}").header("x-hub-signature-256", &"0".repeat(64));
    [
        forged(),
        Delivery::trackstar("", &event).header("svix-signature", "v1,AAAA"),
        Delivery { path: "/webhooks/github/nobody".into(), ..github.clone() },
        github,
    ]
}

async fn send(process: &Process, delivery: &Delivery, times: usize) {
    for _ in 0..times {
        let answer = process.send(delivery).await.unwrap();
        assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.text);
    }
}

/// The samples of `/metrics` whose names begin with this.
async fn samples(hooks: &Hooks, name: &str) -> BTreeMap<String, u64> {
    let page = hooks.ask("GET", "/metrics", None, None).await;
    let lines = page.text.lines().filter(|line| line.starts_with(name));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, count)| (name.into(), count.parse().unwrap()))
        .collect()
}

async fn all_refused(hooks: &Hooks) -> u64 {
    samples(hooks, "ingest_rejected_total").await.values().sum()
}

async fn kept(hooks: &Hooks) -> usize {
    let page = hooks.ask("GET", "/api/admin/deliveries?limit=200", None, None).await.expect(200);
    page["items"].as_array().unwrap().len()
}

/// The answer to one that is only counted is that to one that is kept.
#[tokio::test]
async fn of_a_flood_ten_are_kept_and_all_are_counted_once() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let mut answers = Vec::new();
    for _ in 0..30 {
        let answer = process.send(&forged()).await.unwrap();
        answers.push((answer.status, answer.text));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((answers[0].0, kept(&hooks).await), (403, 10));
    // What waits in the instance is written with the first request after a second.
    hooks.pass(Duration::from_secs(1));
    send(&process, &forged(), 1).await;
    let pos = |name: &str| format!("{name}{{source=\"pos\"");
    let expected = [
        (pos("ingest_rejected_total") + ",reason=\"bad_signature\"}", 31),
        (pos("ingest_rejected_unkept_total") + "}", 21),
    ];
    assert_eq!(samples(&hooks, "ingest_rejected").await, expected.into());

    hooks.pass(Duration::from_secs(60));
    send(&process, &forged(), 5).await;
    assert_eq!(kept(&hooks).await, 12, "one more every half minute");
    assert_eq!(all_refused(&hooks).await, 34, "the last two wait");
}

/// Whoever can sign is not held up by those that cannot, nor has its refusals kept without end.
#[tokio::test]
async fn what_was_proved_has_an_allowance_of_its_own() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    send(&process, &forged(), 20).await;
    send(&process, &Delivery::pos("t1", "no JSON"), 20).await;
    assert_eq!(kept(&hooks).await, 20);
    assert_eq!(
        hooks.items("DELIVERIES_TABLE", "rejected#pos:proved").await.len(),
        21,
        "ten, their bodies, the counter"
    );
}

/// Nobody sends them again.
#[tokio::test]
async fn what_is_acknowledged_is_kept_however_many_come() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let event = |number: usize| json!({"event_type": "x", "connection_id": "conn-9", "data": {"id": number}});
    for number in 0..30 {
        assert_eq!(process.send(&Delivery::trackstar("", &event(number))).await.unwrap().status, 200);
    }
    assert_eq!(kept(&hooks).await, 30);
    assert_eq!(samples(&hooks, "ingest_rejected_unkept").await, [].into());

    // Storage away: it is not acknowledged. How often it is tried is the SDK's to say, by what else failed in this process.
    let keeping = any().about("DeliveriesTable");
    let away = hooks.process(Wire::when(keeping, Verdict::Fail(Fault::Throttled))).await;
    assert_eq!(away.send(&Delivery::trackstar("", &event(30))).await.unwrap().status, 500);
    assert_eq!(away.said("rejected delivery not kept")[0]["acknowledged"], true, "which the alarm looks for");
}

/// One write a second at most beside what is kept, whichever origins are in flood; and none is forgotten.
#[tokio::test]
async fn origins_that_alternate_cost_no_more_writes_than_one() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let doors = forged_at_each_door();
    for door in &doors {
        send(&process, door, 10).await;
    }
    assert_eq!(kept(&hooks).await, 40);
    let before = process.wire().calls().len();
    for _ in 0..20 {
        hooks.pass(Duration::from_millis(250));
        for door in &doors {
            send(&process, door, 1).await;
        }
    }
    let mut made = process.wire().calls().split_off(before);
    // Who is behind a door is looked for every few seconds.
    made.retain(|call| call != "DynamoDB.GetItem");
    assert_eq!(made, [COUNT; 5], "in five seconds");
    // Each is written when its turn comes.
    for _ in 0..4 {
        hooks.pass(Duration::from_secs(1));
        send(&process, &doors[0], 1).await;
    }
    let expected = [("github/acme", 20), ("pos", 24), ("trackstar", 20), ("unknown", 20)];
    let expected =
        expected.map(|(origin, count)| (format!("ingest_rejected_unkept_total{{source=\"{origin}\"}}"), count));
    assert_eq!(samples(&hooks, "ingest_rejected_unkept_total").await, expected.into());
}

/// A name that a caller makes up is nowhere: neither in memory nor in a table.
#[tokio::test]
async fn senders_that_nobody_knows_are_one_origin() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    for number in 0..40 {
        let path = format!("/webhooks/made-up-{number}/name-{number}");
        send(&process, &Delivery { path, ..Delivery::github("1", "{}") }, 1).await;
    }
    assert_eq!(kept(&hooks).await, 10);
    let counters = hooks.items("DELIVERIES_TABLE", "metrics").await;
    let origins: Vec<&str> = counters.iter().map(|item| item["sk"].as_str().unwrap()).collect();
    assert_eq!(origins, ["unknown"]);
}

/// One attempt each, and after one that failed nothing else for a second. The answer is the same, and what could not be kept
/// is counted once storage is back.
#[tokio::test]
async fn storage_that_is_throttled_is_tried_once_and_what_it_did_not_take_is_counted() {
    let _logged = Logged::here();
    let hooks = Hooks::start().await;
    let mut throttled = true;
    let wire = Wire::planned(move |call: &Call| {
        // Whom to verify with must be known, or nobody is refused.
        let is_write = call.operation != "DynamoDB.GetItem";
        if is_write && std::mem::take(&mut throttled) { Verdict::Fail(Fault::Throttled) } else { Verdict::Pass }
    });
    let process = hooks.process(wire).await;
    send(&process, &forged(), 4).await;
    assert_eq!(process.wire().calls().len(), 2, "no attempt is repeated, and storage rests");
    let unkept = process.said("rejected delivery not kept");
    assert_eq!(
        (unkept.len(), &unkept[0]["acknowledged"]),
        (1, &json!(false)),
        "its sender was refused, and nobody is woken"
    );
    hooks.pass(Duration::from_secs(1));
    send(&process, &forged(), 1).await;
    let pos = "{source=\"pos\"";
    let expected = [
        (format!("ingest_rejected_total{pos},reason=\"bad_signature\"}}"), 5),
        (format!("ingest_rejected_unkept_total{pos}}}"), 4),
    ];
    assert_eq!(samples(&hooks, "ingest_rejected").await, expected.into());
    assert_eq!(process.measured("webhook.rejected"), [("provider=pos reason=bad_signature".into(), 5.0)].into());
    assert_eq!(process.measured("webhook.unkept"), [("provider=pos".into(), 4.0)].into());
}

/// One that has a number in its ring was counted by it, though it is not kept.
#[tokio::test]
async fn one_that_was_numbered_and_not_kept_is_counted_once() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::Throttled))).await;
    send(&process, &forged(), 1).await;
    hooks.pass(Duration::from_secs(1));
    send(&process, &forged(), 1).await;
    // The second failed as well, so nothing was written with it.
    let whole = hooks.process(Wire::whole()).await;
    send(&whole, &forged(), 1).await;
    assert_eq!((all_refused(&hooks).await, kept(&hooks).await), (3, 1));
}

/// Whichever call it is, the sender has its answer after 150 ms, and not before: what storage is slow at it may still keep.
#[tokio::test]
async fn a_table_that_hangs_keeps_no_refusal_from_its_answer() {
    let hooks = Hooks::start().await;
    let whole = hooks.process(Wire::whole()).await;
    send(&whole, &forged(), 1).await;
    let calls = whole.wire().calls().len();
    assert_eq!(calls, 5, "looked for, registered, numbered, body, entry");
    let hanging = async |calls: Calls, before: usize| {
        let process = hooks.process(Wire::when(calls, Verdict::Hold)).await;
        send(&process, &forged(), before).await;
        let forged = forged();
        let mut sending = std::pin::pin!(process.send(&forged));
        tokio::select! {
            answer = &mut sending => panic!("{answer:?} before anything hung"),
            () = process.wire().held() => hooks.pass(Duration::from_millis(149)),
        }
        tokio::select! {
            biased;
            answer = &mut sending => panic!("{answer:?} too soon"),
            () = tokio::task::yield_now() => hooks.pass(Duration::from_millis(1)),
        }
        let answer = tokio::time::timeout(Duration::from_secs(60), sending).await.expect("an answer");
        assert_eq!(answer.unwrap().status, 403);
    };
    for number in 1..calls {
        hanging(at(number), 0).await;
    }
    // The registration, ten numbers, and then the count.
    hanging(every(COUNT).nth(12), 10).await;
}

/// One line for each that is kept, and one for all that were counted together.
#[tokio::test]
async fn a_flood_fills_no_log() {
    let _logged = Logged::here();
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    for _ in 0..100 {
        send(&process, &forged(), 1).await;
        hooks.pass(Duration::from_millis(50));
    }
    assert_eq!(process.said("delivery rejected").len(), 10);
    let counted = process.said("refusals counted");
    assert_eq!(counted.len(), 5, "in five seconds");
    let failures = process.metric("webhook.signature_failures").len();
    assert_eq!(failures, 15, "the metric is on the same lines");
    let of_line: u64 = counted.iter().map(|line| line["webhook.signature_failures"].as_f64().unwrap() as u64).sum();
    assert!((80..=90).contains(&of_line), "{of_line}");
    assert_eq!(
        (&counted[0]["origin"], &counted[0]["unkept"], &counted[0]["level"]),
        (&json!("pos"), &json!(1), &json!("WARN"))
    );
}
