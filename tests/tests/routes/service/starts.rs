//! A function refuses to start on an environment with which it could not do its work.

use std::collections::BTreeSet;

use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

use crate::routes::kit::World;

async fn build(function: &str, environment: &Environment) -> Result<Function, StartError> {
    let outside = Outside::default();
    match function {
        "sync-control" => signalbox_sync_control::build(environment, &outside).await,
        "sync-worker" => signalbox_sync_worker::build(environment, &outside).await,
        "scheduler" => signalbox_scheduler::build(environment, &outside).await,
        "webhooks" => signalbox_webhooks::build(environment, &outside).await,
        "webhook-worker" => signalbox_webhook_worker::build(environment, &outside).await,
        "digests" => signalbox_digests::build(environment, &outside).await,
        "live-logs" => signalbox_live_logs::build(environment, &outside).await,
        "alerts" => signalbox_alerts::build(environment, &outside).await,
        "completions" => signalbox_completions::build(environment, &outside).await,
        "console" => signalbox_console::build(environment, &outside).await,
        "pre-traffic" => signalbox_pre_traffic::build(environment, &outside).await,
        "dead-letters" => signalbox_dead_letters::build(environment, &outside).await,
        _ => signalbox_read_api::build(environment, &outside).await,
    }
}

const FUNCTIONS: [&str; 13] = [
    "sync-control",
    "sync-worker",
    "scheduler",
    "webhooks",
    "webhook-worker",
    "digests",
    "live-logs",
    "alerts",
    "completions",
    "console",
    "pre-traffic",
    "dead-letters",
    "read-api",
];

/// Every table, queue and bus that the template can name to a function, and where secrets are.
const NAMES: [&str; 10] = [
    "RUNS_TABLE",
    "SNAPSHOTS_TABLE",
    "CONTROL_TABLE",
    "RECORDS_TABLE",
    "DELIVERIES_TABLE",
    "JOURNAL_TABLE",
    "SYNC_QUEUE_URL",
    "WEBHOOK_QUEUE_URL",
    "EVENT_BUS_NAME",
    "SECRETS_PATH",
];

/// It would take in what it cannot hand on, and answer 500 for ever. And what it does not ask for it is not told, nor given a
/// right to.
#[tokio::test]
async fn without_a_table_queue_or_bus_that_it_uses_and_it_is_told_of_no_other() {
    let world = World::local().await;
    for (function, uses) in [
        ("sync-control", &NAMES[..]),
        (
            "sync-worker",
            &[
                "RUNS_TABLE",
                "SNAPSHOTS_TABLE",
                "CONTROL_TABLE",
                "RECORDS_TABLE",
                "DELIVERIES_TABLE",
                "JOURNAL_TABLE",
                "SYNC_QUEUE_URL",
                "WEBHOOK_QUEUE_URL",
                "EVENT_BUS_NAME",
            ],
        ),
        (
            "scheduler",
            &[
                "RUNS_TABLE",
                "SNAPSHOTS_TABLE",
                "CONTROL_TABLE",
                "JOURNAL_TABLE",
                "SYNC_QUEUE_URL",
                "EVENT_BUS_NAME",
                "SECRETS_PATH",
            ],
        ),
        ("webhooks", &["DELIVERIES_TABLE", "WEBHOOK_QUEUE_URL", "SECRETS_PATH"]),
        ("webhook-worker", &["DELIVERIES_TABLE", "RECORDS_TABLE", "CONTROL_TABLE", "WEBHOOK_QUEUE_URL"]),
        ("live-logs", &["RUNS_TABLE", "CONTROL_TABLE", "SECRETS_PATH"]),
        ("alerts", &["RUNS_TABLE", "SNAPSHOTS_TABLE", "CONTROL_TABLE", "JOURNAL_TABLE"]),
        ("completions", &["RUNS_TABLE", "CONTROL_TABLE", "JOURNAL_TABLE"]),
        ("digests", &["RUNS_TABLE", "CONTROL_TABLE", "SECRETS_PATH"]),
        ("console", &[]),
        ("pre-traffic", &[]),
        ("dead-letters", &["RUNS_TABLE", "RECORDS_TABLE", "DELIVERIES_TABLE", "JOURNAL_TABLE"]),
        (
            "read-api",
            &[
                "RUNS_TABLE",
                "SNAPSHOTS_TABLE",
                "CONTROL_TABLE",
                "RECORDS_TABLE",
                "DELIVERIES_TABLE",
                "JOURNAL_TABLE",
                "SYNC_QUEUE_URL",
                "WEBHOOK_QUEUE_URL",
                "SECRETS_PATH",
            ],
        ),
    ] {
        assert!(build(function, &world.host.environment(function)).await.is_ok(), "{function}");
        for name in NAMES {
            let mut environment = world.host.environment(function);
            assert_eq!(environment.get(name).is_some(), uses.contains(&name), "{function} {name}");
            environment.extend([(name.to_owned(), String::new())]);
            let refused = build(function, &environment).await.err().map(|error| error.to_string());
            let expected = uses.contains(&name).then(|| format!("{name} is not set"));
            assert_eq!(refused, expected, "{function}");
        }
    }
}

/// Without it a setting would hold in one function and its default in another. What cannot be read as a number, a switch or JSON is found by
/// the functions that read it.
#[tokio::test]
async fn it_is_told_of_every_setting_that_it_reads() {
    let world = World::local().await;
    let functions = FUNCTIONS.map(|function| (function, world.host.environment(function)));
    let all: BTreeSet<&str> =
        functions.iter().flat_map(|(_, environment)| environment.iter().map(|(name, _)| name)).collect();
    let (mut found, mut untold) = (0, Vec::new());
    for (function, told) in &functions {
        for name in all.iter().filter(|name| !NAMES.contains(*name)) {
            let mut environment = told.clone();
            environment.extend([((*name).to_owned(), "?".to_owned())]);
            if build(function, &environment).await.is_err() {
                found += 1;
                if !told.iter().any(|(one, _)| one == *name) {
                    untold.push(format!("{function} reads {name}"));
                }
            }
        }
    }
    assert!(untold.is_empty(), "and is not told of it: {untold:#?}");
    assert!(found > FUNCTIONS.len(), "the test looks in the wrong place");
}
