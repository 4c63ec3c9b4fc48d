//! Nothing is removed on the strength of an incomplete scan (I4), and not much without being told.

use serde_json::{Value, json};
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::system::System;

/// Syncs a document over a snapshot of 60 products. The code is that of the failed run, or none for a success.
#[track_caller]
fn check(document: String, body: Value, code: Option<&str>, left: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let system = System::start().await;
        let world = system.world();
        world.apply(&Catalogue::small(60)).await;
        let before = world.stored().await;
        world.write("moscot.catalog.json", &document);
        let answer = world.healthy().await.sync(body).await;
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored.products().len(), left);
        match code {
            None => assert_eq!((answer.status, stored.state.get("lastError")), (200, None), "{}", answer.body),
            Some(code) => {
                assert_eq!((answer.status, &answer.body["code"]), (500, &json!(code)), "{}", answer.body);
                assert_eq!(stored.statuses(), ["Success", "Failed"]);
                assert_eq!(stored.runs[1]["error"]["code"], code);
                assert_eq!(stored.state["lastError"], answer.body["detail"]);
                assert_eq!(stored.state["lastHash"], before.state["lastHash"]);
                assert_eq!((stored.records, stored.manifest), (before.records, before.manifest));
                // The next success clears the error.
                world.apply(&Catalogue::small(60)).await;
                assert_eq!(world.stored().await.state.get("lastError"), None);
            }
        }
    });
}

#[test]
fn an_empty_catalogue_removes_nothing() {
    check("[]".into(), json!({}), Some("removals_refused"), 60);
}

#[test]
fn an_empty_catalogue_that_is_meant_removes_all() {
    check("[]".into(), json!({"allowRemovals": true}), None, 0);
}

#[test]
fn an_empty_file_removes_nothing_even_if_removals_are_meant() {
    check(String::new(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}

#[test]
fn a_much_smaller_catalogue_removes_nothing() {
    check(Catalogue::small(40).json(), json!({}), Some("removals_refused"), 60);
}

#[test]
fn a_much_smaller_catalogue_that_is_meant_removes_the_rest() {
    check(Catalogue::small(40).json(), json!({"allowRemovals": true}), None, 40);
}

#[test]
fn a_slightly_smaller_catalogue_removes_the_rest() {
    check(Catalogue::small(50).json(), json!({}), None, 50);
}

#[test]
fn an_array_that_is_cut_off_removes_nothing() {
    let whole = Catalogue::small(60).json();
    check(whole[..whole.len() - 1].into(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}

#[test]
fn a_product_that_is_cut_off_removes_nothing() {
    let whole = Catalogue::small(60).ndjson();
    check(whole[..whole.len() / 2].into(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}
