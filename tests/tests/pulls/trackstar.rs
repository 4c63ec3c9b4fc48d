//! Trackstar: lists by token, and stock levels that its webhooks write as well.

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::datasets::records::{Provenance, Record, RecordStore};
use signalbox::domain::connections::pull_api::Met;
use signalbox::domain::datasets::manifest::Fingerprint;
use signalbox::domain::deliveries::version::Version;
use signalbox::domain::ids::{Dataset, RunId};
use signalbox::engine::runs::kinds::pull::PullRequest;
use signalbox_simulators::{FaultKind, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, change, delta, fault, vendor};

#[tokio::test]
async fn lists_by_token_are_pulled_and_what_is_gone_is_removed_at_once() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = Pulled::of(&system, &trackstar, "trackstar", json!({"connectionId": "conn-1"})).await;
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["status"], "Success", "{run:?}");
    for entity in ["products", "inventory", "orders", "inbound-shipments"] {
        let stored = pulled.stored(entity).await;
        stored.check();
        assert_eq!(stored.records.len() as u64, trackstar.rows(entity).unwrap(), "{entity}");
    }
    let (_, stock) = pulled.records("inventory").await.pop_first().unwrap();
    assert!(
        stock["onHand"].is_string() && stock["versionMs"].is_string() && stock["source"] == "trackstar",
        "{stock:?}"
    );

    system.pass(std::time::Duration::from_secs(3_600));
    change(&trackstar, json!({"entity": "inventory", "change": 2}));
    let asked = trackstar.requests().0;
    let run = pulled.run(&delta()).await;
    assert_eq!(run["work"]["entities"][1]["progress"]["counts"]["updated"], "2", "{run:?}");
    assert_eq!(run["work"]["entities"][1]["filters"], true);
    // Two to try the filter of each entity, and one page.
    assert_eq!(trackstar.requests().0 - asked, 12);

    change(&trackstar, json!({"entity": "orders", "remove": 2}));
    change(&trackstar, json!({"entity": "inventory", "remove": 1}));
    let run = pulled.run(&backfill()).await;
    let removed = |index: usize| run["work"]["entities"][index]["progress"]["counts"]["removed"].clone();
    assert_eq!((&run["status"], removed(1), removed(2)), (&json!("Success"), json!("1"), json!("2")), "{run:?}");
    for entity in ["inventory", "orders"] {
        pulled.stored(entity).await.check();
    }
}

#[tokio::test]
async fn what_a_delta_was_not_asked_for_is_asked_for_by_the_next_one() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let settings = json!({"connectionId": "conn-1", "entities": ["orders"]});
    let pulled = Pulled::of(&system, &trackstar, "trackstar", settings).await;
    assert_eq!(pulled.run(&backfill()).await["status"], "Success");
    let hour = std::time::Duration::from_secs(3_600);
    system.pass(hour);
    change(&trackstar, json!({"entity": "orders", "change": 2}));
    system.pass(hour);
    let updated =
        |run: &signalbox_tests::items::Item| run["work"]["entities"][0]["progress"]["counts"]["updated"].clone();
    // Somebody asks for what has changed since an hour later.
    let late = PullRequest { since: Some(system.clock.now()), ..delta() };
    assert_eq!(updated(&pulled.run(&late).await), "0");
    system.pass(hour);
    assert_eq!(updated(&pulled.run(&delta()).await), "2");
    pulled.stored("orders").await.check();
}

#[tokio::test]
async fn what_the_warehouse_does_not_have_is_no_failure_and_lists_that_are_cut_are() {
    let system = System::start().await;
    let without = |options: &mut signalbox_simulators::Options| options.without = vec!["orders".to_owned()];
    let trackstar = vendor(&system, Vendor::Trackstar, without).await;
    let settings = json!({"connectionId": "conn-1", "entities": ["orders", "products"], "pageSize": 10});
    let pulled = Pulled::of(&system, &trackstar, "trackstar", settings).await;
    let run = pulled.run(&backfill()).await;
    let states = |run: &signalbox_tests::items::Item| {
        run["work"]["entities"].as_array().unwrap().iter().map(|entity| entity["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((&run["status"], states(&run)), (&json!("Success"), vec![json!("notSupported"), json!("done")]));
    trackstar.set_fault(fault(FaultKind::Repeated, "products", 2, 1)).unwrap();
    let run = pulled.run(&backfill()).await;
    let error = &run["work"]["entities"][1]["error"]["code"];
    assert_eq!((states(&run)[1].clone(), error), (json!("failed"), &json!("pages_inconsistent")), "{run:?}");
    assert_eq!(pulled.records("products").await.len() as u64, trackstar.rows("products").unwrap());
}

/// As the table in `domain/pull/merge.rs` has it, whichever comes second.
#[tokio::test]
async fn a_row_and_an_event_about_one_thing_meet_in_its_newer_version() {
    let system = System::start().await;
    let (environment, outside) = (system.environment("sync-worker"), system.outside(&Wire::whole()));
    let clients = Clients::connect(&environment, &outside).unwrap();
    let records = RecordStore::connect(&clients, &environment).unwrap();
    let dataset: Dataset = "acme/trackstar/north/inventory".parse().unwrap();
    let now = system.clock.now();
    let at = |seconds: i64| now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    let from = Provenance { source: "trackstar".into(), fetched_at: "now".into(), run_id: RunId::new(now, [1; 16]) };
    // The row's version and when its pull began; the same of the event and when it was received; whether the row stays.
    for (index, (row, began, event, received, row_stays)) in
        [(2, 1, 1, 9, true), (1, 9, 2, 1, false), (1, 9, 1, 5, true), (1, 5, 1, 9, false), (1, 5, 1, 5, false)]
            .into_iter()
            .enumerate()
    {
        for row_first in [true, false] {
            let id = format!("sku-{index}-{row_first}");
            let put_row = async || {
                let record = Record {
                    fingerprint: Fingerprint::of(id.as_bytes()),
                    catalog_id: id.clone(),
                    payload: String::new(),
                    hash: "row".into(),
                };
                let fields = json!({"sku": id}).as_object().unwrap().clone();
                let met = Met { fields, version: Version::at(at(row)) };
                records.put_newer(&dataset, &from, &record, &met, at(began), now).await.unwrap()
            };
            let put_event = async || event_of(&system, &id, at(event), at(received)).await;
            if row_first {
                put_row().await;
                put_event().await;
            } else {
                put_event().await;
                assert_eq!(put_row().await, row_stays);
            }
            let items = system.items("RECORDS_TABLE", &format!("{dataset}#")).await;
            let item = items.into_iter().find(|item| item["sku"] == id.as_str()).unwrap();
            assert_eq!(item.contains_key("hash"), row_stays, "case {index}, row first: {row_first}: {item:?}");
        }
    }
}

/// Applies an inventory event as the worker of deliveries does.
async fn event_of(system: &System, sku: &str, updated: jiff::Timestamp, received: jiff::Timestamp) {
    use signalbox::aws::deliveries::effects::{EffectStore, VersionPlace};
    use signalbox::domain::deliveries::delivery::{Channel, Label};
    let (environment, outside) = (system.environment("webhook-worker"), system.outside(&Wire::whole()));
    let clients = Clients::connect(&environment, &outside).unwrap();
    let effects = EffectStore::connect(&clients, &environment).unwrap();
    let dataset: Dataset = "acme/trackstar/north/inventory".parse().unwrap();
    let label = json!({"connection": "acme/trackstar/north", "channel": Channel::TrackstarInventory, "key": sku,
        "bodyHash": "5f", "receivedMs": received.as_millisecond(), "shard": 0, "correlationId": "t", "base64": false});
    let label: Label = serde_json::from_value(label).unwrap();
    let place = VersionPlace { dataset: &dataset, id: sku, version: Version::at(updated), ahead: false };
    let fields: Value = json!({"sku": sku, "brand": "north"});
    effects.store_version(&label, b"{}", place, &fields, system.clock.now()).await.unwrap();
}
