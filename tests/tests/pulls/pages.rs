//! Lists that are not whole: whatever is wrong with their pages, nothing is removed (I4).

use serde_json::json;
use signalbox::engine::runs::kinds::pull::PullRequest;
use signalbox_simulators::{Fault, FaultKind, Filters, Vendor};
use signalbox_tests::items::Item;
use signalbox_tests::system::System;

use super::kit::{Pulled, backfill, change, delta, fault, vendor};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

#[tokio::test]
async fn a_list_that_is_not_whole_removes_nothing() {
    let system = System::start().await;
    for (kind, code) in [
        (FaultKind::Html, "page_invalid"),
        (FaultKind::NotJson, "page_invalid"),
        (FaultKind::Repeated, "pages_inconsistent"),
        (FaultKind::Truncated, "pages_inconsistent"),
        (FaultKind::ShrinkingTotal, "pages_inconsistent"),
    ] {
        let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
        let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
        pulled.run(&backfill()).await;
        let before = pulled.stored("units").await;
        change(&doorloop, json!({"entity": "units", "remove": 2}));
        doorloop.set_fault(fault(kind, "units", 2, 1)).unwrap();
        let run = pulled.run(&backfill()).await;
        let units = &run["work"]["entities"][0];
        assert_eq!((&run["status"], &units["error"]["code"]), (&json!("Failed"), &json!(code)), "{kind:?}: {run:?}");
        assert_eq!(pulled.records("units").await.len(), before.records.len(), "{kind:?}");
        // The next one puts right what this one left.
        doorloop.clear_faults();
        let run = pulled.run(&backfill()).await;
        let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 0, 0, 2]]});
        assert_eq!(Pulled::outcome(&run), outcome, "{kind:?}");
        pulled.stored("units").await.check();
    }
}

/// Another row is gone and another one came, so the total is the same, and a row that is there is on no page.
#[tokio::test]
async fn rows_that_move_from_page_to_page_are_not_taken_for_gone() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    doorloop.set_fault(fault(FaultKind::MovingRows, "units", 1, 1)).unwrap();
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["status"], "Success", "{run:?}");
    let there = doorloop.rows("units").unwrap();
    let stored = pulled.stored("units").await;
    stored.check();
    // The one that went was on a page that was read before: the next pull sees that it is gone.
    assert_eq!(stored.records.len() as u64, there + 1);
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["work"]["entities"][0]["progress"]["counts"]["removed"], "1");
    assert_eq!(pulled.records("units").await.len() as u64, there);
}

/// A row went and another one came while the list was read the first time: one that is there was on no page, and nothing tells.
#[tokio::test]
async fn what_a_first_backfill_may_have_passed_over_is_read_by_the_next_delta() {
    let system = System::start().await;
    for moves in [false, true] {
        let heeds = |options: &mut signalbox_simulators::Options| options.filters = Filters::Honoured;
        let doorloop = vendor(&system, Vendor::Doorloop, heeds).await;
        let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
        if moves {
            doorloop.set_fault(fault(FaultKind::MovingRows, "units", 1, 1)).unwrap();
        }
        assert_eq!(pulled.run(&backfill()).await["status"], "Success");
        let there = doorloop.rows("units").unwrap();
        assert_eq!(pulled.records("units").await.len() as u64, there, "one that went is stored, for one that is there");
        system.pass(HOUR);
        let asks_for_all = |run: &Item| run["work"]["entities"][0].get("since").is_none();
        assert_eq!(asks_for_all(&pulled.run(&delta()).await), moves);
        assert_eq!(pulled.records("units").await.len() as u64, there + u64::from(moves));
        // Once it was read by a list that stood still, deltas ask for changes alone.
        system.pass(HOUR);
        assert!(!asks_for_all(&pulled.run(&delta()).await), "{moves}");
        pulled.run(&backfill()).await;
        let stored = pulled.stored("units").await;
        stored.check();
        assert_eq!(stored.records.len() as u64, there);
    }
}

#[tokio::test]
async fn a_total_that_does_not_fit_the_rows_ends_the_entity() {
    let system = System::start().await;
    let few = |options: &mut signalbox_simulators::Options| {
        options.rows_of.insert("units".to_owned(), 5);
    };
    let doorloop = vendor(&system, Vendor::Doorloop, few).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    let failed = async |told: &str| {
        let run = pulled.run(&backfill()).await;
        let units = &run["work"]["entities"][0];
        let why = units["error"]["detail"].as_str().unwrap_or_default();
        assert!(units["error"]["code"] == "pages_inconsistent" && why.contains(told), "{run:?}");
        assert_eq!(units["progress"]["counts"]["removed"], "0");
    };
    let one = Fault { rows: Some(4), ..Fault::new(FaultKind::ShrinkingTotal) };
    doorloop.set_fault(one.clone()).unwrap();
    failed("a total of 1, and 5 rows came").await;
    doorloop.clear_faults();
    assert_eq!(pulled.run(&backfill()).await["status"], "Success");
    doorloop.set_fault(one).unwrap();
    change(&doorloop, json!({"entity": "units", "remove": 1}));
    failed("a total of 0, and 4 rows came").await;
    assert_eq!(pulled.records("units").await.len(), 5, "nothing was removed");
    doorloop.clear_faults();
    change(&doorloop, json!({"entity": "units", "change": 4, "set": {"id": "the-same"}}));
    failed("after 1 different rows of 4").await;
}

#[tokio::test]
async fn faults_that_pass_are_passed() {
    let system = System::start().await;
    for kind in [FaultKind::Status, FaultKind::Dropped, FaultKind::CutOff] {
        let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
        let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
        doorloop.set_fault(fault(kind, "units", 2, 2)).unwrap();
        let run = pulled.run(&backfill()).await;
        assert_eq!(run["status"], "Success", "{kind:?}: {run:?}");
        pulled.stored("units").await.check();
    }
}

/// Rows that go and come shift the others, in the same places each time that the list is read.
#[tokio::test]
async fn a_list_that_moves_while_it_is_read_twice_loses_no_row_that_is_there() {
    let system = System::start().await;
    let many = |options: &mut signalbox_simulators::Options| {
        options.rows = 1_000;
        options.rows_of.insert("units".to_owned(), 220);
    };
    let doorloop = vendor(&system, Vendor::Doorloop, many).await;
    let settings = json!({"entities": ["units"], "pageSize": 20});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    assert_eq!(pulled.run(&backfill()).await["status"], "Success");
    let before = pulled.records("units").await.len();
    let moving = json!({"fault": FaultKind::MovingRows, "entity": "units", "rows": 2});
    doorloop.set_fault(serde_json::from_value(moving).unwrap()).unwrap();
    let run = pulled.run(&backfill()).await;
    let counts = &run["work"]["entities"][0]["progress"]["counts"];
    assert_eq!((&run["status"], &counts["removed"]), (&json!("Success"), &json!("0")), "{run:?}");
    assert!(pulled.records("units").await.len() > before, "what came is stored");
    // Once it stands still, what went is removed, and what is there is all that is stored.
    doorloop.clear_faults();
    let allowed = PullRequest { allow_removals: true, ..backfill() };
    assert_eq!(pulled.run(&allowed).await["status"], "Success");
    assert_eq!(pulled.records("units").await.len() as u64, doorloop.rows("units").unwrap());
}
