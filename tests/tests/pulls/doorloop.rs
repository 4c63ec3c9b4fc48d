//! DoorLoop from a first backfill on: what a pull finds, writes and removes, and what it asks for.

use serde_json::json;
use signalbox::domain::ids::Entity;
use signalbox::domain::runs::run::Mode;
use signalbox::engine::runs::kinds::pull::PullRequest;
use signalbox_simulators::{Filters, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, change, delta, vendor};

const ENTITIES: [&str; 5] = ["owners", "properties", "units", "leases", "tenants"];

#[tokio::test]
async fn a_first_backfill_stores_every_row_and_asks_for_each_page_once() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["status"], "Success", "{run:?}");
    let (mut rows, mut pages) = (0, 0);
    for entity in ENTITIES {
        let stored = pulled.stored(entity).await;
        stored.check();
        let there = doorloop.rows(entity).unwrap();
        assert_eq!(stored.records.len() as u64, there, "{entity}");
        (rows, pages) = (rows + there, pages + there.div_ceil(25));
    }
    assert_eq!((rows, doorloop.requests().0), (300, pages));
    let owner = pulled.records("owners").await.into_values().next().unwrap();
    assert_eq!((&owner["source"], &owner["runId"]), (&json!("doorloop"), &run["sk"]));
}

#[tokio::test]
async fn a_delta_writes_what_changed_and_never_removes() {
    let system = System::start().await;
    for filters in [Filters::Honoured, Filters::Ignored, Filters::Refused] {
        let doorloop = vendor(&system, Vendor::Doorloop, |options| options.filters = filters).await;
        let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
        pulled.run(&backfill()).await;
        system.pass(std::time::Duration::from_secs(3_600));
        change(&doorloop, json!({"entity": "units", "change": 2, "remove": 1, "add": 1}));
        let asked = doorloop.requests().0;
        pulled.start(&delta(), Mode::Apply).await;
        let process = pulled.world.healthy().await;
        process.drain().await.unwrap();
        let puts = process.wire().calls().iter().filter(|call| *call == "DynamoDB.BatchWriteItem").count();
        let run = pulled.newest().await;
        let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 1, 2, 0]]});
        assert_eq!(Pulled::outcome(&run), outcome, "{filters:?}: {run:?}");
        assert!((1..=3).contains(&puts), "{puts} batches for three rows");
        let stored = pulled.stored("units").await;
        stored.check();
        let there = doorloop.rows("units").unwrap();
        assert_eq!(stored.records.len() as u64, there + 1);
        // Two to try the filter; then one page where it is heeded, and all of them where it is not.
        let asked = doorloop.requests().0 - asked;
        let expected = match filters {
            Filters::Honoured => 3,
            Filters::Ignored => 1 + there.div_ceil(25),
            Filters::Refused => 1 + there.div_ceil(25),
        };
        assert_eq!((asked, &run["work"]["entities"][0]["filters"]), (expected, &json!(filters == Filters::Honoured)));
    }
}

#[tokio::test]
async fn a_backfill_removes_what_is_gone_once_a_second_look_lacks_it_too() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    change(&doorloop, json!({"entity": "units", "change": 3, "remove": 2, "add": 1}));
    let run = pulled.run(&backfill()).await;
    let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 1, 3, 2]]});
    assert_eq!(Pulled::outcome(&run), outcome, "{run:?}");
    let stored = pulled.stored("units").await;
    stored.check();
    assert_eq!(stored.records.len() as u64, doorloop.rows("units").unwrap());
}

#[tokio::test]
async fn many_removals_are_refused_unless_they_are_meant() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "owners"]})).await;
    pulled.run(&backfill()).await;
    let before = pulled.records("units").await.len();
    change(&doorloop, json!({"entity": "units", "remove": before / 2}));
    let run = pulled.run(&backfill()).await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("entities_failed")));
    let units = &run["work"]["entities"][0];
    assert_eq!((&units["state"], &units["error"]["code"]), (&json!("failed"), &json!("removals_refused")));
    assert_eq!(run["work"]["entities"][1]["state"], "done");
    assert_eq!(pulled.records("units").await.len(), before);
    let meant = PullRequest { allow_removals: true, ..backfill() };
    assert_eq!(pulled.run(&meant).await["status"], "Success");
    let stored = pulled.stored("units").await;
    stored.check();
    assert_eq!(stored.records.len() as u64, doorloop.rows("units").unwrap());
}

#[tokio::test]
async fn a_dry_run_counts_and_names_some_and_writes_nothing() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let before = pulled.stored("units").await;
    change(&doorloop, json!({"entity": "units", "change": 3, "remove": 2, "add": 1}));
    pulled.start(&backfill(), Mode::DryRun).await;
    let process = pulled.world.process(Wire::whole()).await;
    process.drain_with_time().await.unwrap();
    let run = pulled.newest().await;
    let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 1, 3, 2]]});
    assert_eq!(Pulled::outcome(&run), outcome, "{run:?}");
    let sample = &run["work"]["entities"][0]["sample"];
    assert_eq!([&sample["created"], &sample["updated"]].map(|keys| keys.as_array().unwrap().len()), [1, 3]);
    assert_eq!(pulled.stored("units").await, before);
    assert!(!process.wire().calls().iter().any(|call| call == "DynamoDB.BatchWriteItem"));
}

#[tokio::test]
async fn what_one_entity_cannot_do_keeps_no_other_from_it() {
    let system = System::start().await;
    let without = |options: &mut signalbox_simulators::Options| options.without = vec!["owners".to_owned()];
    let doorloop = vendor(&system, Vendor::Doorloop, without).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let entities = ["owners", "units"].map(|name| Entity::parse(name).unwrap()).to_vec();
    let run = pulled.run(&PullRequest { entities, ..backfill() }).await;
    let [owners, units] = [0, 1].map(|index| run["work"]["entities"][index].clone());
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("entities_failed")));
    assert_eq!((&owners["state"], &owners["error"]["code"]), (&json!("failed"), &json!("vendor_not_permitted")));
    assert_eq!(units["state"], "done");
    pulled.stored("units").await.check();
}

#[tokio::test]
async fn a_key_that_is_refused_ends_the_run_with_what_to_do() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.key = "another".into()).await;
    let other = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &other, "doorloop", json!({"baseUrl": doorloop.base_url()})).await;
    let run = pulled.run(&delta()).await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("vendor_refused_credentials")));
    assert_eq!(doorloop.requests().0, 1);
}
