//! What is taken out is put in elsewhere as it was, but for secrets; and nothing is put in from a file that is not whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use signalbox::aws::inventory::Stored;
use signalbox::aws::inventory::kinds::Part;
use signalbox_local::data::Failed;
use signalbox_local::data::import::Imported;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::system::System;

use super::kit::{self, ONE, OTHER, everything, exported, imported, put};
use super::samples::{connection, open_run};

/// With a run that goes on at the moment besides, which no export has.
async fn filled() -> System {
    let system = kit::filled().await;
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
    let of_connection = lines.iter().filter(|line| line["kind"] == "connection").map(|line| &line["secrets"]);
    assert_eq!(of_connection.collect::<Vec<_>>(), [&json!(["current"])]);
    assert_eq!((done.secrets.count, done.secrets.first[0].connection.as_str()), (1, "gone-one/trackstar/main"));
    // It does not grow with what it is the end of.
    assert!(!end.to_string().contains("trackstar"), "{end}");
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
    let addresses = looked.addresses;
    assert_eq!((looked.new + addresses, addresses), (all, 2));
    assert_eq!(everything(&to).await.len(), 0, "to look writes nothing");
    let done = imported(&to, &file, false, false).await.unwrap();
    assert_eq!((done.new + addresses, done.same, done.kept), (all, 0, 0));
    assert_eq!(done.secrets.count, 2, "those that are new wait for them");
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
    assert_eq!((done.new, done.same + addresses, done.kept), (0, all, 0), "to do it again finds all of it");
    assert_eq!(done.secrets.count, 0);
}

#[tokio::test]
async fn what_is_there_stays_unless_it_is_to_be_written_over_and_a_connection_stays_whatever() {
    let system = filled().await;
    let (file, _) = exported(&system, Some(ONE), &Part::ALL).await;
    let state = || json!({"pk": {"S": "gone-one/trackstar/main"}, "sk": {"S": "state"}, "said": {"S": "later"}});
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
async fn an_address_is_never_taken_from_who_has_it_and_goes_with_its_connection_alone() {
    use signalbox::aws::inventory::kinds::TableName::Connections;
    let (from, system) = (filled().await, System::start().await);
    let (file, _) = exported(&from, Some(ONE), &[Part::Connections]).await;
    let address = |of: &str| {
        let pk = json!({"S": "@address#trackstar/gone-one"});
        (Connections, json!({"pk": pk, "sk": {"S": "address"}, "connection": {"S": format!("{of}/trackstar/main")}}))
    };
    // It was let go of, and another tenant linked it.
    put(&system, &[address(OTHER)]).await;
    let connections = |stored: BTreeMap<String, Stored>| -> BTreeMap<String, Stored> {
        stored.into_iter().filter(|(key, _)| key.starts_with("connections") && !key.contains("@providers")).collect()
    };
    let there = connections(everything(&system).await);
    for (dry_run, overwrite) in [(true, true), (false, true), (false, false)] {
        let done = imported(&system, &file, dry_run, overwrite).await.unwrap();
        assert_eq!((done.taken.count, done.taken.first), (1, vec!["gone-one/trackstar/main".to_owned()]));
        assert_eq!(connections(everything(&system).await), there, "neither the address nor the connection");
    }
    // A connection that is there is not given the address that it has no more.
    let system = System::start().await;
    let mut changed = connection(ONE, "paused", "operators");
    changed.1["settings"] = json!({"S": r#"{"connectionId":"another"}"#});
    put(&system, &[changed]).await;
    let done = imported(&system, &file, false, true).await.unwrap();
    assert_eq!((done.kept, done.addresses), (1, 1));
    assert!(!everything(&system).await.keys().any(|key| key.contains("@address")));
}

#[tokio::test]
async fn a_counter_that_is_there_stays_and_lacks_the_runs_that_are_put_in_beside_it() {
    use signalbox::aws::inventory::kinds::TableName::Runs;
    let (from, to) = (filled().await, System::start().await);
    let (file, _) = exported(&from, Some(ONE), &[Part::History]).await;
    let counter =
        json!({"pk": {"S": "gone-one/trackstar/main#statistics"}, "sk": {"S": "month#2100-01"}, "s": {"N": "4"}});
    put(&to, &[(Runs, counter.clone())]).await;
    let counters = |stored: BTreeMap<String, Stored>| -> Vec<Value> {
        stored.into_iter().filter(|(key, _)| key.contains("#statistics")).map(|(_, stored)| stored.json()).collect()
    };
    assert_eq!(imported(&to, &file, false, false).await.unwrap().kept, 1);
    assert_eq!(counters(everything(&to).await), [counter]);
    assert_eq!(imported(&to, &file, false, true).await.unwrap().overwritten, 1);
    assert_eq!(
        counters(everything(&to).await),
        counters(everything(&from).await.into_iter().filter(|(key, _)| key.contains(ONE)).collect())
    );
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
    let lease =
        r#"{"table":"control","kind":"lease","item":{"pk":{"S":"gone-one/trackstar/main"},"sk":{"S":"lease"}}}"#;
    let unread = r#"{"table":"connections","kind":"connection","item":{"pk":{"S":"gone-one"},"sk":{"S":"connection#trackstar/x"}}}"#;
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
        (swapped(unread), "the item is no connection that this version could read"),
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
