//! A dry run writes no record, snapshot, manifest or vendor state (I5).

use std::collections::BTreeSet;

use serde_json::json;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::stored::dump;
use signalbox_tests::system::System;

#[tokio::test]
async fn a_dry_run_stores_itself_and_its_count_and_nothing_else() {
    let system = System::start().await;
    let world = system.world();
    let before = Catalogue::small(60);
    world.apply(&before).await;
    for source in [before.clone().with_three_changes(), before.clone(), Catalogue::small(10), Catalogue(Vec::new())] {
        world.publish(&source);
        let old = dump(&world).await;
        let answer = world.healthy().await.sync(json!({"dryRun": true, "allowRemovals": true})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let new = dump(&world).await;
        let run = format!("RUNS_TABLE {} {}", world.connection(), answer.body["runId"].as_str().unwrap());
        let lease = format!("CONTROL_TABLE {} lease", world.connection());
        let counters = format!("RUNS_TABLE {}#statistics ", world.connection());
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys.into_iter().filter(|key| **key != run && **key != lease && !key.starts_with(&counters)) {
            assert_eq!(old.get(key), new.get(key), "{key}");
        }
    }
    world.stored().await.check_consistent();
}

#[tokio::test]
async fn a_dry_run_counts_what_an_apply_then_does() {
    let system = System::start().await;
    let world = system.world();
    world.apply(&Catalogue::real()).await;
    world.publish(&Catalogue::real().with_three_changes());
    let process = world.healthy().await;
    let dry = process.sync(json!({"dryRun": true})).await.body["metrics"].clone();
    let applied = process.sync(json!({})).await.body["metrics"].clone();
    assert_eq!((&dry["dryRun"], &applied["dryRun"]), (&json!(1), &json!(0)));
    for count in ["total", "created", "updated", "removed", "unchanged"] {
        assert_eq!(dry[count], applied[count], "{count}");
    }
    assert_eq!(applied["created"], 1);
}

#[tokio::test]
async fn a_dry_run_that_fails_leaves_the_vendors_state_alone() {
    let system = System::start().await;
    let world = system.world();
    world.apply(&Catalogue::small(30)).await;
    let before = world.stored().await;
    world.write("moscot.catalog.json", "[{");
    assert_eq!(world.healthy().await.sync(json!({"dryRun": true})).await.status, 500);
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success", "Failed"]);
    assert_eq!(stored.state, before.state);
}
