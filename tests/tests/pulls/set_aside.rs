//! Rows that cannot be taken: kept as dead letters, counted, and never a reason to remove.

use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::Entity;
use signalbox::domain::runs::failure::Failure;
use signalbox::engine::runs::context::RunWorker;
use signalbox::engine::runs::kinds::pull::look::{NotLooked, look};
use signalbox::engine::runs::kinds::pull::requeue::{RecordRequeued, requeue_record};
use signalbox_simulators::{Fault, FaultKind, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, change, fault, vendor};

#[tokio::test]
async fn rows_without_an_id_are_dead_letters_and_nothing_is_removed() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let before = pulled.records("units").await;
    change(&doorloop, json!({"entity": "units", "remove": 2}));
    let no_id = Fault { rows: Some(3), field: Some("id".into()), ..fault(FaultKind::MissingField, "units", 2, 1) };
    doorloop.set_fault(no_id).unwrap();
    let run = pulled.run(&backfill()).await;
    let progress = &run["work"]["entities"][0]["progress"];
    assert_eq!((&run["status"], &progress["setAside"]), (&json!("Success"), &json!("3")), "{run:?}");
    assert_eq!(progress["counts"]["removed"], "0");
    assert_eq!(pulled.records("units").await.len(), before.len());
    let letters = system.items("JOURNAL_TABLE", &format!("{}#dead-letters", pulled.world.tenant)).await;
    let letters: Vec<_> = letters.into_iter().filter(|item| item.contains_key("subject")).collect();
    assert_eq!(letters.len(), 3);
    for letter in &letters {
        assert_eq!((&letter["subject"]["kind"], &letter["reason"]), (&json!("record"), &json!("it has no id")));
        assert_eq!(letter["subject"]["runId"], run["sk"]);
    }
    // They are back, and what is gone is removed.
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["work"]["entities"][0]["progress"]["counts"]["removed"], "2", "{run:?}");
    pulled.stored("units").await.check();
}

fn worker(pulled: &Pulled<'_>) -> RunWorker {
    let (environment, outside) =
        (pulled.world.environment("sync-control"), pulled.world.system.outside(&Wire::whole()));
    RunWorker::connect(&Clients::connect(&environment, &outside).unwrap(), &environment, &outside).unwrap()
}

#[tokio::test]
async fn a_row_that_was_set_aside_is_applied_as_the_vendor_has_it_now() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let id = pulled.records("units").await.into_keys().next().unwrap();
    change(&doorloop, json!({"entity": "units", "change": [id], "set": {"updatedAt": "soon"}}));
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["work"]["entities"][0]["progress"]["setAside"], "1", "{run:?}");
    let letters = system.items("JOURNAL_TABLE", &format!("{}#dead-letters", pulled.world.tenant)).await;
    let letter = letters.iter().find(|item| item.contains_key("subject")).unwrap();
    assert_eq!(letter["subject"]["key"], id.as_str());
    let row = json!({"id": id, "updatedAt": "soon"}).to_string();
    let (worker, dataset) = (worker(&pulled), format!("{}/units", pulled.connection).parse().unwrap());
    let requeue = async || requeue_record(&worker, &dataset, (&id, row.as_bytes()), "ann", "trace").await.unwrap();
    assert_eq!(requeue().await, RecordRequeued::Refused("the time of its change is none".into()));
    change(
        &doorloop,
        json!({"entity": "units", "change": [id], "set": {"updatedAt": "2100-01-02T00:00:00Z", "beds": 9}}),
    );
    let requeued = requeue().await;
    assert!(matches!(requeued, RecordRequeued::Applied { changed_since: true, .. }), "{requeued:?}");
    let stored = pulled.stored("units").await;
    stored.check();
    assert!(stored.records[&id]["payload"].as_str().unwrap().contains("\"beds\":9"));
    assert_eq!(pulled.newest().await["status"], "Success");
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["work"]["entities"][0]["progress"]["counts"]["updated"], "0", "{run:?}");
}

#[tokio::test]
async fn one_page_is_looked_at_and_nothing_written() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let looked = look(&worker(&pulled), &pulled.connection, &Entity::OWNERS, 3).await.unwrap();
    assert_eq!((looked.status, looked.rows, looked.taken.len(), looked.unmapped.len()), (200, 3, 3, 0));
    assert!(looked.fields.contains(&"updatedAt".to_owned()) && looked.total == doorloop.rows("owners"));
    assert!(pulled.records("owners").await.is_empty() && pulled.runs().await.is_empty());
    doorloop.set_fault(fault(FaultKind::Html, "owners", 1, 1)).unwrap();
    let refused = look(&worker(&pulled), &pulled.connection, &Entity::OWNERS, 3).await.unwrap_err();
    assert!(matches!(refused, NotLooked::Refused(Failure::PageInvalid, _)), "{refused}");
}
