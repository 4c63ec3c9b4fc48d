//! A tenant that is erased is gone from every table, and nothing else is.

use std::collections::BTreeSet;

use serde_json::json;
use signalbox::aws::inventory::kinds::{Erasure, KINDS, TableName};
use signalbox_local::data::erase::{Erased, look};
use signalbox_local::data::{Counts, Failed};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, any, every};

use super::kit::{ONE, OTHER, erased, erased_in_part, everything, filled, inventory, put, tenant};
use super::samples::{connection, open_run};

/// That nothing names it but the record of its erasure, and that the other has what it had.
async fn check(system: &System, before: &std::collections::BTreeMap<String, signalbox::aws::inventory::Stored>) {
    let after = everything(system).await;
    let named: Vec<&String> = after
        .iter()
        .filter(|(_, stored)| stored.kind().unwrap().0.name != "record of an erasure")
        .filter(|(key, stored)| key.contains(ONE) || stored.json().to_string().contains(ONE))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(named, Vec::<&String>::new());
    for (key, stored) in before.iter().filter(|(_, stored)| stored.kind().unwrap().1 == Some(tenant(OTHER))) {
        assert_eq!(after.get(key), Some(stored), "{key}");
    }
    for (key, name) in [("connections \"@imports\"", "connections"), ("control \"@flags\"", "flags")] {
        let (_, stored) = after.iter().find(|(found, _)| found.replace("{\"S\":", "").starts_with(key)).unwrap();
        let left = stored.json()[name].to_string();
        assert!(left.contains(OTHER) && stored.json()["version"] != json!({"N": "1"}), "{key}: {left}");
    }
    // Counted still by the counters beside it, and nobody's.
    let rows: Vec<_> = after.values().filter(|stored| stored.kind().unwrap().0.name == "mirror among all").collect();
    assert!(rows.iter().any(|row| row.json()["tenantId"] == json!({"S": "erased"})), "{rows:?}");
    assert_eq!(rows.len(), 2);
}

/// What erasing it would come to.
async fn looked(system: &System) -> Erased {
    let mut found = Erased::default();
    look(&inventory(system, &Wire::whole()), &tenant(ONE), &mut found, &mut |_, _| {}).await.unwrap();
    found
}

#[tokio::test]
async fn nothing_of_every_kind_there_is_names_the_tenant_and_the_other_has_all_it_had() {
    let system = filled().await;
    let before = everything(&system).await;
    let of = |stored: &signalbox::aws::inventory::Stored| stored.kind().map(|(kind, _)| (kind.table, kind.name));
    let kinds: BTreeSet<(TableName, &str)> = before.values().filter_map(of).collect();
    // Nobody erases a tenant with an open run, and there is no record yet.
    let late = ["open run", "record of an erasure"];
    let expected: BTreeSet<(TableName, &str)> =
        KINDS.iter().filter(|kind| !late.contains(&kind.name)).map(|kind| (kind.table, kind.name)).collect();
    assert_eq!(kinds, expected, "an item of each kind");

    let found = looked(&system).await;
    assert_eq!(everything(&system).await, before, "to look changes nothing");
    let done = erased(&system, &Wire::whole(), ONE).await.unwrap();
    assert_eq!((&done.deleted, &done.taken_out), (&found.deleted, &found.taken_out));
    let of_erasure = |erasure: Erasure| -> BTreeSet<(TableName, &str)> {
        let meant = KINDS.iter().filter(|kind| kind.erasure == erasure && !late.contains(&kind.name));
        meant.filter(|kind| kind.name != "open fan-out").map(|kind| (kind.table, kind.name)).collect()
    };
    assert_eq!(done.deleted.keys().copied().collect::<BTreeSet<_>>(), of_erasure(Erasure::Deleted));
    assert_eq!(done.taken_out.keys().copied().collect::<BTreeSet<_>>(), of_erasure(Erasure::TakenOut));
    check(&system, &before).await;

    // Who did it, when, and how many went; and again, of what is left.
    let again = erased(&system, &Wire::whole(), ONE).await.unwrap();
    assert!(again.deleted.is_empty() && again.taken_out.is_empty(), "{again:?}");
    let records = system.items("JOURNAL_TABLE", &format!("{ONE}#audit")).await;
    let told: Vec<_> = records.iter().map(|record| (&record["action"], &record["actor"], &record["target"])).collect();
    assert_eq!(told, vec![(&json!("tenant.erase"), &json!("jo"), &json!(ONE)); 2]);
    let results: BTreeSet<&str> = records.iter().map(|record| record["result"].as_str().unwrap()).collect();
    assert!(results.contains("nothing was left"), "{results:?}");
    assert!(results.iter().any(|result| result.starts_with("items: connections 10, control ")), "{results:?}");
    check(&system, &before).await;
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_doing_it_again() {
    for number in [3, 10, 12, 15, 18, 22, 26] {
        let system = filled().await;
        let before = everything(&system).await;
        let wire = Wire::when(any().from(number), Verdict::Fail(Fault::Unavailable));
        let cut = erased(&system, &wire, ONE).await;
        assert!(cut.is_err(), "call {number}: {:?}", wire.calls());
        // What comes in first goes first.
        let left = everything(&system).await;
        let is_there = |table| left.values().any(|stored| stored.table() == table && stored.names(&tenant(ONE)));
        assert!(!is_there(TableName::Connections) || is_there(TableName::Records), "call {number}");
        erased(&system, &Wire::whole(), ONE).await.unwrap();
        check(&system, &before).await;
    }
}

#[tokio::test]
async fn what_went_is_told_and_on_record_where_the_rest_could_not_be_deleted() {
    let system = filled().await;
    let found = looked(&system).await;
    let wire = Wire::when(every("DynamoDB.BatchWriteItem").about("RunsTable"), Verdict::Fail(Fault::Unavailable));
    let mut went = Erased::default();
    assert!(erased_in_part(&system, &wire, ONE, &mut went).await.is_err());
    wire.check();
    let until_then = |table: TableName| table < TableName::Runs;
    let expected: Counts = found.deleted.clone().into_iter().filter(|((table, _), _)| until_then(*table)).collect();
    assert_eq!(went.deleted, expected, "all that went, and nothing that did not");
    let records = system.items("JOURNAL_TABLE", &format!("{ONE}#audit")).await;
    let results: Vec<&str> = records.iter().filter_map(|record| record["result"].as_str()).collect();
    assert!(
        matches!(results.as_slice(), [told] if told.starts_with("not to its end; items: connections 10, control "))
    );

    let rest = erased(&system, &Wire::whole(), ONE).await.unwrap();
    let mut both = went.deleted;
    rest.deleted.into_iter().for_each(|(kind, count)| *both.entry(kind).or_default() += count);
    assert_eq!(both, found.deleted, "together they are all of it");
}

#[tokio::test]
async fn a_tenant_is_not_erased_while_anything_of_it_works() {
    let told = |done: Result<_, Failed>| match done {
        Err(Failed::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    for (items, expected) in [
        (vec![connection(ONE, "active", "operators")], "1 connections of gone-one work: pause or delete them first"),
        (vec![connection(ONE, "paused", "configuration")], "1 connections of gone-one are kept by the deployment's"),
        (vec![open_run(ONE)], "1 runs of gone-one are open, or their end was not told of yet"),
    ] {
        let system = filled().await;
        put(&system, &items).await;
        let before = everything(&system).await;
        let why = told(erased(&system, &Wire::whole(), ONE).await);
        assert!(why.starts_with(expected) && why.contains("gone-one/trackstar/main"), "{why}");
        assert_eq!(everything(&system).await, before, "nothing was done");
        // It is nothing to the other.
        erased(&system, &Wire::whole(), OTHER).await.unwrap();
    }
    let system = System::start().await;
    assert!(told(erased(&system, &Wire::whole(), "default").await).contains("the deployment's own"));
}

#[tokio::test]
async fn an_item_of_a_kind_that_is_not_known_is_said_before_anything_goes() {
    let system = filled().await;
    let strange = (TableName::Control, json!({"pk": {"S": "gone-one#news"}, "sk": {"S": "1"}}));
    put(&system, &[strange]).await;
    let before = everything(&system).await;
    match erased(&system, &Wire::whole(), ONE).await {
        Err(Failed::Unknown { count, table, example, sort }) => {
            let place = (example.as_str(), sort.as_str());
            assert_eq!((count, table, place), (1, TableName::Control, ("gone-one#news", r#"{"S":"1"}"#)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(everything(&system).await, before, "nothing was done");
}
