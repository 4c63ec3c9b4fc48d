//! How many alerts are open is measured with each tick.

use std::collections::BTreeMap;
use std::time::Duration;

use signalbox::domain::alerts::rules::Rule;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Watched, tick};

/// What a tick measures, of a process of its own: all rules, and those of which any is open.
async fn open(system: &System) -> (usize, BTreeMap<String, f64>) {
    let process = system.process(Wire::whole()).await;
    tick(system, &process).await.unwrap();
    let mut open = process.measured("alerts.open");
    let rules = open.len();
    open.retain(|_, count| *count > 0.0);
    (rules, open)
}

#[tokio::test]
async fn a_rule_has_a_count_also_where_nothing_is_open_and_what_only_flaps_is_not() {
    let system = System::start().await;
    let (watched, rules) = (Watched::of(&system), Rule::all().count());
    let failed = |count: f64| (rules, BTreeMap::from([("rule=run_failed".to_owned(), count)]));
    assert_eq!(open(&system).await, (rules, BTreeMap::new()));
    let process = system.process(Wire::whole()).await;
    let ended = async |name: &str, code: Option<&str>| {
        system.pass(Duration::from_secs(1));
        watched.ended(name, code).await;
        watched.event(&process, name).await.unwrap();
    };
    for name in ["shop", "store"] {
        watched.catalogue(name).await;
        ended(name, Some("source_invalid")).await;
    }
    assert_eq!(open(&system).await, failed(2.0));
    ended("store", None).await;
    assert_eq!(open(&system).await, failed(1.0));
    for code in [None, Some("source_invalid"), None] {
        ended("shop", code).await;
    }
    assert!(!system.items("CONTROL_TABLE", "@alerts#open").await.is_empty(), "it is watched");
    assert_eq!(open(&system).await, (rules, BTreeMap::new()));
}
