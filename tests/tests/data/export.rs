//! What is taken out is put in elsewhere as it was, but for secrets; and nothing is put in from a file that is not whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signalbox::aws::inventory::kinds::Part;
use signalbox_local::data::Failed;
use signalbox_local::data::import::Imported;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::system::System;

use super::kit::{everything, exported, imported, put};
use super::samples::{connection, of_all, of_tenant, open_run};

const ONE: &str = "gone-one";
const OTHER: &str = "other-one";

async fn filled() -> System {
    let system = System::start().await;
    put(&system, &of_tenant(ONE, "a")).await;
    put(&system, &of_tenant(OTHER, "b")).await;
    put(&system, &of_all(ONE, OTHER)).await;
    put(&system, &[open_run(ONE)]).await;
    system
}

fn lines(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines of items, but for connections, of which each copy has a state of its own.
fn items(file: &str) -> BTreeSet<String> {
    let is_item = |line: &&str| line.starts_with("{\"table\"") && !line.contains("\"kind\":\"connection\"");
    file.lines().filter(is_item).map(String::from).collect()
}

#[tokio::test]
async fn an_export_has_a_tenants_items_alone_and_no_secret() {
    let system = filled().await;
    let (file, done) = exported(&system, Some(ONE), &Part::ALL).await;
    assert!(!file.contains(OTHER) && !file.contains("sealed") && !file.contains("access-token"), "{file}");
    let lines = lines(&file);
    let (header, end) = (&lines[0], &lines.last().unwrap()["end"]);
    assert_eq!(
        (&header["signalbox"], &header["version"], &header["tenant"]),
        (&json!("export"), &json!(1), &json!(ONE))
    );
    assert_eq!(end["items"], lines.len() - 2);
    assert_eq!(end["secrets"], json!([{"connection": "gone-one/erp/main", "names": ["current"]}]));
    assert_eq!((&end["leftOut"]["runs: open run"], &end["leftOut"]["control: lease"]), (&json!(1), &json!(1)));
    assert_eq!(done.counts.values().sum::<u64>(), lines.len() as u64 - 2);
    // Its part alone.
    let (file, _) = exported(&system, Some(ONE), &[Part::Connections]).await;
    let tables: BTreeSet<String> = file
        .lines()
        .filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["table"].as_str()?.to_owned()))
        .collect();
    assert_eq!(tables, ["connections", "control"].map(String::from).into());
}

#[tokio::test]
async fn what_is_put_in_elsewhere_is_taken_out_of_there_as_it_was() {
    let (from, to) = (filled().await, System::start().await);
    let (file, _) = exported(&from, None, &Part::ALL).await;
    let all = lines(&file).last().unwrap()["end"]["items"].as_u64().unwrap();
    let looked = imported(&to, &file, true, false).await.unwrap();
    assert_eq!((looked.new, everything(&to).await.len()), (all, 0), "to look writes nothing");
    let done = imported(&to, &file, false, false).await.unwrap();
    assert_eq!((done.new, done.same, done.kept), (all, 0, 0));
    let (again, _) = exported(&to, None, &Part::ALL).await;
    assert_eq!(items(&again), items(&file));
    // Connections wait for their secrets, and are in the list of all.
    let stored = everything(&to).await;
    let connections: Vec<_> = stored.values().filter(|stored| stored.connection().is_some()).collect();
    assert_eq!(connections.len(), 2);
    for connection in connections {
        assert_eq!((connection.stands(), connection.secrets().len()), ((false, false), 0));
    }
    assert!(stored.keys().any(|key| key.contains("@providers")));
    let done = imported(&to, &file, false, false).await.unwrap();
    assert_eq!((done.new, done.same, done.kept), (0, all, 0), "to do it again finds all of it");
}

#[tokio::test]
async fn what_is_there_stays_unless_it_is_to_be_written_over_and_a_connection_stays_whatever() {
    let system = filled().await;
    let (file, _) = exported(&system, Some(ONE), &Part::ALL).await;
    let state = || json!({"pk": {"S": "gone-one/erp/main"}, "sk": {"S": "state"}, "said": {"S": "later"}});
    let mut changed = connection(ONE, "active", "operators");
    changed.1["displayName"] = json!({"S": "Another"});
    put(&system, &[(signalbox::aws::inventory::kinds::TableName::Snapshots, state()), changed]).await;
    let there = everything(&system).await;
    let done = imported(&system, &file, false, false).await.unwrap();
    assert_eq!((done.new, done.kept, done.overwritten), (0, 2, 0));
    assert_eq!(everything(&system).await, there);
    let Imported { new, kept, overwritten, .. } = imported(&system, &file, false, true).await.unwrap();
    assert_eq!((new, kept, overwritten), (0, 1, 1));
    let after = everything(&system).await;
    let differs: Vec<&String> =
        there.iter().filter(|(key, stored)| after.get(*key) != Some(stored)).map(|(key, _)| key).collect();
    assert!(matches!(differs.as_slice(), [key] if key.starts_with("snapshots")), "{differs:?}");
}

#[tokio::test]
async fn a_file_that_is_not_whole_or_not_of_itself_is_refused_before_anything_is_written() {
    let (from, to) = (filled().await, System::start().await);
    let (file, _) = exported(&from, Some(ONE), &Part::ALL).await;
    let count = file.lines().count();
    let without = |line: usize| -> String {
        file.lines().enumerate().filter(|(number, _)| *number != line).map(|(_, line)| format!("{line}\n")).collect()
    };
    let (other, _) = exported(&from, Some(OTHER), &Part::ALL).await;
    let swapped = |with: &str| file.replacen(file.lines().nth(1).unwrap(), with, 1);
    let lease = r#"{"table":"control","kind":"lease","item":{"pk":{"S":"gone-one/erp/main"},"sk":{"S":"lease"}}}"#;
    let strange = r#"{"table":"control","kind":"news","item":{"pk":{"S":"gone-one#news"},"sk":{"S":"1"}}}"#;
    for (file, expected) in [
        (String::new(), "the file is empty"),
        ("[]\n".to_owned(), "is not the first line of an export"),
        (without(0), "is not the first line of an export"),
        (without(count - 1), "the last line is missing"),
        (without(1), "the counts are not those of the lines before"),
        (file.trim_end().to_owned(), "is cut off"),
        (format!("{file}{{}}\n"), "something follows the last line"),
        (
            file.replacen("\"version\":1", "\"version\":2", 1),
            "the file is of version 2, and this reads version 1 alone",
        ),
        (swapped(other.lines().nth(1).unwrap()), "the item is not of the tenant that the file is of"),
        (swapped(lease), "the item is \"lease\", which the line or the file does not say"),
        (swapped(strange), "the item is of no kind that this version knows"),
        (swapped("{}"), "missing field"),
        (format!("{}\n", "x".repeat(5 << 20)), "is longer than any item"),
    ] {
        match imported(&to, &file, false, false).await {
            Err(Failed::Line { why, .. }) => assert!(why.contains(expected), "{expected}: {why}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(everything(&to).await.is_empty());
}

#[tokio::test]
async fn a_sync_goes_on_from_what_was_put_in() {
    let (from, to) = (System::start().await, System::start().await);
    let (world, elsewhere) = (from.world(), to.world());
    assert_eq!(world.tenant, elsewhere.tenant);
    let catalogue = Catalogue::small(5);
    world.apply(&catalogue).await;
    let (file, _) = exported(&from, Some(&world.tenant), &Part::ALL).await;
    imported(&to, &file, false, false).await.unwrap();
    to.pass(std::time::Duration::from_secs(60));
    assert_eq!(elsewhere.stored().await.products(), world.stored().await.products());
    elsewhere.apply(&catalogue).await;
    let runs = elsewhere.runs().await;
    assert_eq!(runs.len(), 2, "the one that was put in, and one of here");
    let counts = ["created", "updated", "removed", "unchanged"].map(|name| runs[1]["work"]["counts"][name].as_str());
    assert_eq!(counts, [Some("0"), Some("0"), Some("0"), Some("5")], "{:?}", runs[1]);
    elsewhere.stored().await.check_consistent();
}
