//! Two who change one connection at once.

use serde_json::{Value, json};
use signalbox_tests::answer::Answer;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every, first};

use super::kit::{OPERATOR, ask, ask_process, ask_with, catalogue, due, path, put, recorded, shown, tag, version};

const SHOP: &str = "acme/catalogue/shop";
const COMMIT: &str = "DynamoDB.TransactWriteItems";

/// An instance that is held before its first commit.
async fn slow(system: &System) -> Process {
    system.process(Wire::when(first(COMMIT), Verdict::Hold)).await
}

/// Lets a change meet another one that came after it and was faster.
async fn overtaken(
    process: &Process,
    change: impl Future<Output = Result<Answer, Crashed>>,
    other: impl AsyncFnOnce(),
) -> Answer {
    let other = async {
        process.wire().held().await;
        other().await;
        process.wire().release();
    };
    futures::join!(change, other).0.unwrap()
}

#[tokio::test]
async fn of_two_writers_of_one_version_one_wins() {
    let system = System::start().await;
    let made = put(&system, SHOP, catalogue()).await;
    let named = |name: &str| json!({"settings": {}, "displayName": name});
    let write = async |name: &str| {
        ask_with(&system, OPERATOR, ("PUT", &path(SHOP)), &[("if-match", tag(&made))], named(name)).await
    };
    let (one, two) = futures::join!(write("one"), write("two"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let winner = if one.status == 200 { "one" } else { "two" };
    let shown = shown(&system, SHOP).await;
    assert_eq!((shown["displayName"].as_str(), shown["version"].as_u64()), (Some(winner), Some(version(&made) + 1)));
}

#[tokio::test]
async fn who_knows_of_no_version_writes_over_what_came_meanwhile() {
    let system = System::start().await;
    let made = version(&put(&system, SHOP, catalogue()).await);
    let process = slow(&system).await;
    let (target, body) = (path(SHOP), json!({"settings": {}, "displayName": "slow"}));
    let change = ask_process(&system, &process, "PUT", &target, &body);
    let fast = async || drop(put(&system, SHOP, json!({"settings": {}, "displayName": "fast"})).await.expect(200));
    let answer = overtaken(&process, change, fast).await;
    assert_eq!((answer.status, version(&answer)), (200, made + 2));
    assert_eq!(shown(&system, SHOP).await["displayName"], "slow");
    // Each try is on record, as each may be what happens.
    let of_puts = recorded(&system).await.into_iter().filter(|(action, ..)| action == "connection.put");
    assert_eq!(of_puts.count(), 4);
}

#[tokio::test]
async fn who_know_of_no_version_all_get_through() {
    let system = System::start().await;
    let made = version(&put(&system, SHOP, catalogue()).await);
    let writes = (0..16).map(|number| put(&system, SHOP, json!({"settings": {}, "displayName": number.to_string()})));
    let answers = futures::future::join_all(writes).await;
    let mut versions: Vec<u64> = answers.iter().map(version).collect();
    versions.sort_unstable();
    assert!(versions.into_iter().eq(made + 1..=made + 16), "each made a version of its own");
}

#[tokio::test]
async fn who_is_overtaken_each_time_is_told_to_come_again() {
    let system = System::start().await;
    put(&system, SHOP, catalogue()).await.expect(201);
    for (method, body) in [("PUT", catalogue()), ("DELETE", Value::Null)] {
        let process = system.process(Wire::when(every(COMMIT), Verdict::Hold)).await;
        let target = path(SHOP);
        let change = ask_process(&system, &process, method, &target, &body);
        let others = async {
            loop {
                process.wire().held().await;
                put(&system, SHOP, json!({"settings": {}, "displayName": "another"})).await.expect(200);
                process.wire().release();
            }
        };
        let answer = tokio::select! {
            answer = change => answer.unwrap(),
            () = others => unreachable!("they go on for ever"),
        };
        let later = answer.headers.get("retry-after").map(String::as_str);
        assert_eq!((answer.problem(), later), ((409, "contended"), Some("5")), "{method}");
        assert_eq!(shown(&system, SHOP).await["displayName"], "another");
    }
}

#[tokio::test]
async fn a_pause_is_not_lost_to_a_write_that_began_before_it() {
    let system = System::start().await;
    put(&system, SHOP, catalogue()).await.expect(201);
    let process = slow(&system).await;
    let (target, body) = (path(SHOP), catalogue());
    let change = ask_process(&system, &process, "PUT", &target, &body);
    let pause = async || drop(ask(&system, "POST", &path(&format!("{SHOP}/pause")), Value::Null).await.expect(200));
    assert_eq!(overtaken(&process, change, pause).await.status, 200);
    assert_eq!(shown(&system, SHOP).await["state"], "paused");
}

#[tokio::test]
async fn a_schedule_is_not_lost_to_one_of_before_that_is_told_after_it() {
    let every = |minutes: u32| json!({"settings": {"source": "shop.json"}, "schedule": {"every": minutes}});
    let system = System::start().await;
    put(&system, SHOP, every(60)).await.expect(201);
    let told = first("DynamoDB.PutItem").about("ConnectionsTable");
    let process = system.process(Wire::when(told, Verdict::Hold)).await;
    let (target, body) = (path(SHOP), every(1_440));
    let change = ask_process(&system, &process, "PUT", &target, &body);
    let fast = async || drop(put(&system, SHOP, every(30)).await.expect(200));
    assert_eq!(overtaken(&process, change, fast).await.status, 200);
    let found = due(&system, SHOP).await;
    put(&system, SHOP, every(30)).await.expect(200);
    assert_eq!((found.is_some(), found), (true, due(&system, SHOP).await), "when that of the last one says");
}

#[tokio::test]
async fn what_was_removed_meanwhile_is_not_there_for_a_pause() {
    let system = System::start().await;
    put(&system, SHOP, catalogue()).await.expect(201);
    let process = slow(&system).await;
    let target = path(&format!("{SHOP}/pause"));
    let change = ask_process(&system, &process, "POST", &target, &Value::Null);
    let remove = async || drop(ask(&system, "DELETE", &path(SHOP), Value::Null).await.expect(200));
    assert_eq!(overtaken(&process, change, remove).await.problem(), (404, "not_found"));
}
