//! Every AWS call of a replay, after which its process dies, while its messages come twice: each dead letter has its effect once,
//! is counted once, and none is left. To die before a call is to die after the one in front of it.

use serde_json::{Value, json};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Crashed;
use signalbox_tests::queues::Queue;
use signalbox_tests::walk::{Dice, seed};
use signalbox_tests::wire::{Verdict, Wire, at};
use tokio::time::Instant;

use super::dead_letters::{LIST, ask, ids, recorded_of};
use super::driver::Driver;
use super::replays::{REPLAYS, begun_by_twos, counts, show};

/// Asks until there is an answer.
async fn started(driver: &mut Driver<'_>, tenant: &str) -> Value {
    let token = driver.hooks.operator(tenant);
    loop {
        match driver.process.ask("sync-control", "POST", REPLAYS, &token, Some(json!({}))).await {
            Ok(answer) => return answer.expect(202),
            Err(Crashed) => driver.restart().await,
        }
    }
}

/// All of a tenant's replay went through, whatever went wrong.
async fn check(hooks: &Hooks, tenant: &str, id: &str, count: usize, here: &str) {
    let replay = show(hooks, tenant, id).await["replay"].clone();
    assert_eq!((&replay["state"], counts(&replay)), (&json!("done"), json!({"requeued": count})), "{here}");
    assert_eq!(hooks.entries(&format!("{tenant}/pos/old")).await.len(), count, "{here}");
    let left = ask(hooks, tenant, "GET", LIST, None).await.expect(200);
    assert_eq!(ids(&left), [""; 0], "{here}");
}

/// The keys of all dead letters of a tenant.
async fn left(hooks: &Hooks, tenant: &str) -> Vec<String> {
    let (mut keys, mut query) = (Vec::new(), String::new());
    loop {
        let page = ask(hooks, tenant, "GET", &format!("{LIST}{query}"), None).await.expect(200);
        keys.extend(page["items"].as_array().unwrap().iter().map(|item| item["eventKey"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else { return keys };
        query = format!("?cursor={cursor}");
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_start_leaves_one_replay() {
    let hooks = Hooks::start().await;
    let whole = hooks.process(Wire::whole()).await;
    recorded_of(&hooks, "u00", &["old"; 2]).await;
    let answer = whole.ask("sync-control", "POST", REPLAYS, &hooks.operator("u00"), Some(json!({}))).await;
    answer.unwrap().expect(202);
    let calls = whole.wire().calls();
    for (number, call) in calls.iter().enumerate() {
        let (tenant, here) = (format!("a{number:02}"), format!("after call {number} ({call})"));
        recorded_of(&hooks, &tenant, &["old"; 2]).await;
        let mut driver = Driver::start(&hooks, Wire::when(at(number), Verdict::KillAfter), Wire::whole).await;
        let id = started(&mut driver, &tenant).await["id"].as_str().unwrap().to_owned();
        assert_eq!(driver.crashes, 1, "{here}");
        driver.work(Queue::Sync).await;
        driver.work(Queue::Webhooks).await;
        check(&hooks, &tenant, &id, 2, &here).await;
        let list = ask(&hooks, &tenant, "GET", REPLAYS, None).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{here}");
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_replay_loses_and_doubles_none() {
    let hooks = Hooks::start().await;
    let begun = async |tenant: &str| {
        recorded_of(&hooks, tenant, &["old"; 3]).await;
        let letters = ids(&ask(&hooks, tenant, "GET", LIST, None).await.expect(200));
        begun_by_twos(&hooks, tenant, &letters).await
    };
    let id = begun("u00").await;
    let mut driver = Driver::start(&hooks, Wire::whole(), Wire::whole).await;
    driver.work(Queue::Sync).await;
    let calls = driver.process.wire().calls();
    driver.work(Queue::Webhooks).await;
    check(&hooks, "u00", &id, 3, "undisturbed").await;
    println!("{} calls, killed after each: {}", calls.len(), calls.join(" "));
    for (number, call) in calls.iter().enumerate() {
        let (tenant, here) = (format!("a{number:02}"), format!("after call {number} ({call})"));
        let id = begun(&tenant).await;
        let mut driver = Driver::start(&hooks, Wire::when(at(number), Verdict::KillAfter), Wire::whole).await;
        driver.work(Queue::Sync).await;
        assert_eq!(driver.crashes, 1, "{here}");
        driver.work(Queue::Webhooks).await;
        check(&hooks, &tenant, &id, 3, &here).await;
    }
}

/// As many as a replay takes. It runs for minutes: `tests/run --long replay`.
#[tokio::test]
#[ignore = "takes minutes: tests/run --long replay runs it"]
async fn ten_thousand_are_replayed_whatever_goes_wrong() {
    const COUNT: usize = 10_000;
    let (dice, hooks) = (Dice::new(seed(20_260_116)), Hooks::start().await);
    recorded_of(&hooks, "t1", &["old"; COUNT]).await;
    // Of a hundred calls one fails, and of a thousand one ends the process.
    let weather = || dice.wire(1, 1);
    let mut driver = Driver::start(&hooks, weather(), weather).await;
    let began = Instant::now();
    let whole = hooks.process(Wire::whole()).await;
    let token = hooks.operator("t1");
    // What was given up after five attempts stands still until somebody starts the same set again.
    let (mut starts, mut messages, mut twice) = (0, 0, 0);
    let all = async |cursor: String| {
        ask(&hooks, "t1", "GET", &format!("{REPLAYS}/{cursor}"), None).await.expect(200)["replay"].clone()
    };
    let first = whole.ask("sync-control", "POST", REPLAYS, &token, Some(json!({}))).await.unwrap().expect(202);
    let id = first["id"].as_str().unwrap().to_owned();
    assert_eq!(first["total"], COUNT);
    loop {
        loop {
            let mut is_idle = true;
            for queue in [Queue::Sync, Queue::Webhooks] {
                for message in hooks.receive(queue).await {
                    is_idle = false;
                    messages += 1;
                    let message = std::slice::from_ref(&message);
                    // Some come twice.
                    let times = if dice.below(50) == 0 { 2 } else { 1 };
                    twice += times - 1;
                    for _ in 0..times {
                        let failed = match driver.process.handle(queue, message).await {
                            Ok(failed) => failed,
                            Err(Crashed) => {
                                driver.restart().await;
                                vec![message[0].message_id().unwrap().to_owned()]
                            }
                        };
                        hooks.finish(queue, message, &failed).await;
                    }
                }
            }
            if is_idle && !hooks.pass_until_due(Queue::Webhooks) && !hooks.pass_until_due(Queue::Sync) {
                break;
            }
        }
        let replay = all(id.clone()).await;
        if replay["state"] == "done" {
            break;
        }
        hooks.pass(std::time::Duration::from_secs(3600));
        // Its set has shrunk: another one meets it, and sends it on.
        starts += 1;
        assert!(starts < 50, "{replay}");
        let answer = whole.ask("sync-control", "POST", REPLAYS, &token, Some(json!({}))).await.unwrap();
        assert!([202, 409].contains(&answer.status), "{}", answer.text);
    }
    let seconds = began.elapsed().as_secs_f64();
    let replay = all(id.clone()).await;
    // One that failed on its way behind the queue is a dead letter of its own again.
    let again = hooks.work(Queue::DeadLetters).await;
    let effects = hooks.entries("t1/pos/old").await;
    let mut keys: Vec<String> = effects.iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect();
    keys.extend(left(&hooks, "t1").await);
    keys.sort();
    let mut expected: Vec<String> = (0..COUNT).map(|number| format!("key:{number}")).collect();
    expected.sort();
    let effects = effects.len();
    println!(
        "{COUNT} dead letters in {seconds:.0} s, {:.0} a second: {}, {effects} effects, {again} given up again; \
         {} crashes, {messages} messages, {twice} of them twice, {starts} times sent on",
        COUNT as f64 / seconds,
        counts(&replay),
        driver.crashes
    );
    assert_eq!(counts(&replay), json!({"requeued": COUNT}));
    assert!(keys == expected, "each has its effect, or is a dead letter again, and none is both");
}
