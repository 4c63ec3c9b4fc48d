//! The table of connections itself: what is due, addresses, and connections that a deployment's configuration keeps.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::{ConnectionStore, DUE_SHARDS, Due, StoreError};
use signalbox::domain::connections::stored::{Change, KeptBy, StoredConnection, Wanted};
use signalbox::domain::ids::{Connection, RunId};
use signalbox::vendors::Providers;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{ask, nightly, path, put, shown, stored as items};

fn store(system: &System) -> ConnectionStore {
    let environment = system.environment("sync-control");
    let clients = Clients::connect(&environment, &system.outside(&Wire::whole())).unwrap();
    ConnectionStore::connect(&clients, &environment).unwrap()
}

fn connection(text: &str) -> Connection {
    text.parse().unwrap()
}

/// A link of Trackstar's, kept by operators or by a configuration.
fn link(text: &str, id: &str, kept_by: KeptBy) -> StoredConnection {
    let connection = connection(text);
    let settings = json!({"connectionId": id}).as_object().unwrap().clone();
    let wanted = Wanted { display_name: None, settings, schedule: None, kept_by };
    let change = Change { at: Timestamp::UNIX_EPOCH, by: "tester".into() };
    StoredConnection::put(None, &connection, Providers::default().of(&connection.provider), wanted, None, change)
        .unwrap()
}

/// What is due, at most so many of each shard.
async fn due(store: &ConnectionStore, now: Timestamp, limit: usize) -> Vec<Connection> {
    let mut due = Vec::new();
    for shard in ConnectionStore::due_shards() {
        due.extend(store.due(shard, now, None, limit).await.unwrap().0.into_iter().map(|place| place.connection));
    }
    due
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    start.checked_add(Duration::from_secs(seconds)).unwrap()
}

#[tokio::test]
async fn what_is_due_is_found_in_every_shard_and_nothing_else() {
    let system = System::start().await;
    let (store, now) = (store(&system), system.clock.now());
    let named = |number: u64| connection(&format!("acme/catalogue/{number}"));
    for number in 0..40 {
        store.reschedule(&named(number), 1, Some(after(now, number)), now).await.unwrap();
    }
    let shards: BTreeSet<String> = items(&system).await.iter().map(|item| item["due_shard"].to_string()).collect();
    assert_eq!(shards.len(), usize::from(DUE_SHARDS));
    let due = async |seconds: u64, limit: usize| -> BTreeSet<Connection> {
        due(&store, after(now, seconds), limit).await.into_iter().collect()
    };
    assert_eq!(due(19, 100).await, (0..20).map(named).collect());
    let first_of_each = due(39, 1).await;
    assert!(first_of_each.len() == usize::from(DUE_SHARDS) && first_of_each.contains(&named(0)));
    let first = store.due_time(&named(0)).await.unwrap().unwrap();
    assert!(store.move_due(&first, None).await.unwrap());
    assert!(!due(39, 100).await.contains(&named(0)));
}

#[tokio::test]
async fn a_due_time_is_moved_by_one_who_has_seen_it() {
    let system = System::start().await;
    let (store, now, shop) = (store(&system), system.clock.now(), connection("acme/catalogue/shop"));
    let (first, next) = (Due::first(&shop, now, 1), Due::first(&shop, after(now, 86_400), 1));
    let again = Due { at: after(now, 300), starts: 1, run: Some(RunId::new(now, [7; 16])), ..next.clone() };
    store.reschedule(&shop, 1, Some(now), now).await.unwrap();
    assert!(store.move_due(&first, Some(&again)).await.unwrap());
    assert!(!store.move_due(&first, Some(&next)).await.unwrap(), "somebody else has moved it");
    assert!(!store.move_due(&first, None).await.unwrap());
    assert_eq!(store.due_time(&shop).await.unwrap(), Some(again.clone()));
    assert!(store.move_due(&again, None).await.unwrap());
    assert_eq!(store.due_time(&shop).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_moves_a_time_to_come_and_neither_one_that_has_come_nor_a_look() {
    let system = System::start().await;
    let (store, now, shop) = (store(&system), system.clock.now(), connection("acme/catalogue/shop"));
    let at = async || store.due_time(&shop).await.unwrap().map(|due| due.at);
    store.reschedule(&shop, 1, Some(after(now, 600)), now).await.unwrap();
    assert_eq!(at().await, Some(after(now, 600)), "there was none");
    store.reschedule(&shop, 3, Some(after(now, 900)), now).await.unwrap();
    assert_eq!(at().await, Some(after(now, 900)), "it is to come");
    store.reschedule(&shop, 2, Some(after(now, 9_000)), now).await.unwrap();
    assert_eq!(at().await, Some(after(now, 900)), "a later version says so");
    store.reschedule(&shop, 4, Some(after(now, 9_000)), after(now, 900)).await.unwrap();
    assert_eq!(at().await, Some(after(now, 900)), "it has come");
    let seen = Due::first(&shop, after(now, 900), 3);
    let again = Due { at: after(now, 1_200), starts: 1, ..seen.clone() };
    assert!(store.move_due(&seen, Some(&again)).await.unwrap());
    store.reschedule(&shop, 4, Some(after(now, 9_000)), now).await.unwrap();
    assert_eq!(at().await, Some(again.at), "somebody looks then what became of a run");
    // That it is due no more goes with the change itself.
    store.reschedule(&shop, 4, None, now).await.unwrap();
    assert_eq!(at().await, Some(again.at));
}

#[tokio::test]
async fn an_address_leads_where_it_was_written_to_last() {
    let system = System::start().await;
    let store = store(&system);
    let north = link("acme/trackstar/north", "conn-1", KeptBy::Operators);
    let south = link("globex/trackstar/south", "conn-1", KeptBy::Operators);
    let (one, two) = (["trackstar/conn-1".to_owned()], ["trackstar/conn-2".to_owned()]);
    store.put(None, &north, &[], &one).await.unwrap();
    assert_eq!(store.addressed(&one[0]).await.unwrap(), Some(north.connection.clone()));
    let taken = store.put(None, &south, &[], &one).await;
    assert!(matches!(&taken, Err(StoreError::AddressTaken(address)) if *address == one[0]), "{taken:?}");
    assert_eq!(store.read(&south.connection).await.unwrap(), None, "all of it or nothing");
    let moved = StoredConnection { version: north.version + 1, ..north.clone() };
    store.put(Some(&north), &moved, &one, &two).await.unwrap();
    let found = (store.addressed(&one[0]).await.unwrap(), store.addressed(&two[0]).await.unwrap());
    assert_eq!(found, (None, Some(north.connection.clone())));
    for done in [store.put(Some(&north), &moved, &one, &two).await, store.delete(&north, &two, None).await] {
        assert!(matches!(done, Err(StoreError::Changed)), "{done:?}");
    }
    store.delete(&moved, &two, None).await.unwrap();
    assert_eq!(store.addressed(&two[0]).await.unwrap(), None);
    // What lists of all go through stays, as other connections of the provider may be there.
    assert!(items(&system).await.iter().all(|item| item["pk"] == "@providers"));
}

#[tokio::test]
async fn what_a_configuration_keeps_is_paused_here_and_no_more() {
    let system = System::start().await;
    let kept_by = KeptBy::Configuration { source: "TRACKSTAR_CONNECTIONS".into() };
    let link = link("acme/trackstar/north", "conn-1", kept_by);
    store(&system).put(None, &link, &[], &["trackstar/conn-1".to_owned()]).await.unwrap();
    let target = path("acme/trackstar/north");
    let secret = json!({"secret": "a-secret"});
    for (method, action, body) in [
        ("PUT", "", json!({"settings": {"connectionId": "conn-2"}})),
        ("DELETE", "", Value::Null),
        ("POST", "/rotate", secret),
    ] {
        let refused = ask(&system, method, &format!("{target}{action}"), body).await;
        assert_eq!(refused.problem(), (409, "kept_by_configuration"), "{method} {action}");
        assert!(refused.text.contains("TRACKSTAR_CONNECTIONS"), "{}", refused.text);
    }
    for action in ["test", "pause", "resume"] {
        ask(&system, "POST", &format!("{target}/{action}"), Value::Null).await.expect(200);
    }
    let shown = shown(&system, "acme/trackstar/north").await;
    let (kept_by, kept_in) = (&shown["keptBy"], &shown["keptIn"]);
    assert_eq!(
        (kept_by, kept_in, &shown["version"]),
        (&json!("configuration"), &json!("TRACKSTAR_CONNECTIONS"), &json!(link.version + 2))
    );
}

#[tokio::test]
async fn a_removal_takes_the_due_time_along() {
    let system = System::start().await;
    put(&system, "acme/catalogue/shop", nightly("shop.json")).await.expect(201);
    ask(&system, "DELETE", &path("acme/catalogue/shop"), Value::Null).await.expect(200);
    let due = due(&store(&system), after(system.clock.now(), 10 * 86_400), 10).await;
    assert_eq!(due, []);
}
