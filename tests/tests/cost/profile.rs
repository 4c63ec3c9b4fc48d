//! The committed profile is what the system uses: counted again here, so that what is reported of costs cannot drift. Run with
//! `SIGNALBOX_UPDATE=1` it writes the profile instead, and what the commands print of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use signalbox::domain::deliveries::claim::CLAIM_SECONDS;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox::outside::Clock;
use signalbox_local::cost::profile::{self, Counted, Profile, Recorded, Scenario, Standing, Stored, Work};
use signalbox_simulators::{Limits, Options, Simulator, Vendor};
use signalbox_tests::deliveries::delivery::{Delivery, GITHUB_SECRET, POS_SECRET};
use signalbox_tests::queues::Queue;
use signalbox_tests::system::{Settings, System};

use super::counted::Counting;
use super::{documents, standing};

/// Webhooks of a scenario: ten full batches.
const WEBHOOKS: usize = 100;
const BATCH: usize = 10;
const ROWS: [usize; 2] = [1_000, 3_000];
const CHANGED: [usize; 2] = [100, 300];
const PULLED: u64 = 1_000;
/// How much more or less log there may be than is committed: ids and durations are not of one length.
const LOG_SLACK: f64 = 0.03;

const POS: &str = "POST /pos/{source}/ingest";
const HOOKS: &str = "POST /webhooks/{provider}/{connection}";

/// A sale of some 300 bytes, of one of some sources.
fn sale(source: usize, key: &str) -> Delivery {
    let body = json!({"sku": "DEMO-1", "qty": 1, "price": 999, "receipt": key, "note": "x".repeat(200)}).to_string();
    let path = format!("/pos/shop-{source}/ingest");
    Delivery { path, ..Delivery::pos("t1", body) }.header("idempotency-key", key)
}

fn push(key: &str) -> Delivery {
    Delivery::github(key, json!({"ref": "refs/heads/main", "after": key, "note": "x".repeat(200)}).to_string())
}

pub(super) fn settings(root: &Path) -> Settings {
    let senders = json!([{"provider": "github", "connection": "acme", "tenant": "acme", "scheme": "github",
        "secrets": [GITHUB_SECRET]}]);
    Settings::default().with(&[
        ("WEBHOOK_SECRET", POS_SECRET),
        ("WEBHOOK_SENDERS", &senders.to_string()),
        ("CATALOG_ROOT", root.to_str().unwrap()),
    ])
}

/// New webhooks, in batches of so many. What comes once an hour, or once for an instance, has come before.
async fn webhooks(
    counting: &mut Counting,
    route: &str,
    at_once: usize,
    make: impl Fn(usize, &str) -> Delivery,
) -> Counted {
    for number in 0..4 * BATCH {
        assert!(counting.send(&make(number, &format!("{route} {at_once} before {number}")), route).await < 300);
    }
    counting.work(Queue::Webhooks, "WebhookQueue", BATCH).await;
    counting.take(1.0);
    let before = stored(&counting.system).await;
    for number in 0..WEBHOOKS {
        assert!(counting.send(&make(number, &format!("{route} {at_once} {number}")), route).await < 300);
        if at_once == 1 {
            assert_eq!(counting.work(Queue::Webhooks, "WebhookQueue", 1).await, 1);
        }
    }
    if at_once > 1 {
        assert_eq!(counting.work(Queue::Webhooks, "WebhookQueue", at_once).await, WEBHOOKS / at_once);
    }
    counting.worked("webhooks", Work::NewEvent, WEBHOOKS as f64);
    counting.worked("webhook-worker", Work::AppliedEvent, WEBHOOKS as f64);
    let after = stored(&counting.system).await;
    let left = |(table, after): (&str, Stored), before: Stored| {
        let left = Stored { kept: after.kept - before.kept, expiring: after.expiring - before.expiring, ..after };
        (table.to_owned(), left)
    };
    let stored = after.into_iter().zip(before).map(|(after, (_, before))| left(after, before)).collect();
    Counted { stored, ..counting.take(WEBHOOKS as f64) }
}

/// What the tables of webhooks have.
async fn stored(system: &System) -> [(&'static str, Stored); 2] {
    let of = async |name| {
        let (kept, expiring) = system.stored_bytes(name).await;
        Stored { kept: kept as f64, expiring: expiring as f64, days: (CLAIM_SECONDS / 86_400) as f64 }
    };
    [("DeliveriesTable", of("DELIVERIES_TABLE").await), ("RecordsTable", of("RECORDS_TABLE").await)]
}

/// Duplicates of webhooks that were applied: of the first of each event there is a message.
async fn duplicates(counting: &mut Counting, batches: usize) -> Counted {
    counting.take(1.0);
    for number in 0..WEBHOOKS {
        assert_eq!(counting.send(&sale(0, &format!("{POS} {BATCH} {number}")), POS).await, 204);
    }
    assert_eq!(counting.work(Queue::Webhooks, "WebhookQueue", BATCH).await, batches);
    if batches > 0 {
        // It has a second call at the door, as a new one has, and two behind the queue.
        counting.worked("webhooks", Work::NewEvent, WEBHOOKS as f64);
        counting.worked("webhook-worker", Work::AppliedEvent, WEBHOOKS as f64);
    } else {
        counting.worked("webhooks", Work::Duplicate, WEBHOOKS as f64);
    }
    counting.take(WEBHOOKS as f64)
}

/// A catalogue whose first rows may be in a second edition.
pub(super) fn publish(root: &Path, rows: usize, changed: usize) {
    let row = |number: usize| {
        let edition = 1 + usize::from(number < changed);
        json!({"catalogId": format!("row-{number:06}"), "name": "Lemtosh", "price": 19_000 + number, "edition": edition})
    };
    std::fs::write(root.join("shop.json"), Value::from_iter((0..rows).map(row)).to_string()).unwrap();
}

pub(super) async fn put(counting: &Counting, connection: &str, body: Value) {
    let system = &counting.system;
    let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let put = system.request("PUT", &format!("/api/admin/connections/{connection}")).bearer(&token);
    put.body(body.to_string()).answer().await.expect(201);
}

/// Takes a connection off its schedule.
async fn delete(counting: &Counting, connection: &str) {
    let token = counting.system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let path = format!("/api/admin/connections/{connection}");
    assert!(counting.system.request("DELETE", &path).bearer(&token).answer().await.status < 300);
}

/// An hour in which so many rows are read, of which some have changed.
pub(super) async fn hour(counting: &mut Counting, rows: usize, changed: usize) -> Counted {
    counting.take(1.0);
    counting.hour().await;
    counting.worked("sync-worker", Work::Row, rows as f64);
    counting.worked("sync-worker", Work::ChangedRow, changed as f64);
    Counted { changed: changed as f64, ..counting.take(rows as f64) }
}

async fn nightlies(counting: &mut Counting, root: &Path) -> [Counted; 4] {
    publish(root, ROWS[0], 0);
    put(counting, "default/catalogue/shop", json!({"settings": {"source": "shop.json"}, "schedule": {"every": 60}}))
        .await;
    hour(counting, ROWS[0], ROWS[0]).await;
    let few = hour(counting, ROWS[0], 0).await;
    publish(root, ROWS[1], 0);
    hour(counting, ROWS[1], ROWS[1] - ROWS[0]).await;
    let many = hour(counting, ROWS[1], 0).await;
    publish(root, ROWS[1], CHANGED[0]);
    let changed = hour(counting, ROWS[1], CHANGED[0]).await;
    // All of the first edition again, and more of the second.
    publish(root, ROWS[1], 0);
    hour(counting, ROWS[1], CHANGED[0]).await;
    publish(root, ROWS[1], CHANGED[1]);
    let more = hour(counting, ROWS[1], CHANGED[1]).await;
    delete(counting, "default/catalogue/shop").await;
    [few, many, changed, more]
}

async fn pulls(counting: &mut Counting) -> [Counted; 2] {
    let clock = counting.system.clock.clone();
    let options = Options { limits: Limits::Off, clock, rows: PULLED, ..Options::new(Vendor::Doorloop) };
    let vendor = Simulator::start(options).await.unwrap();
    let settings =
        json!({"baseUrl": vendor.base_url(), "pageSize": 100, "requestsPerMinute": 60_000, "requestsPerHour": 600_000});
    let body = json!({"settings": settings, "secrets": {"current": vendor.key()}, "schedule": {"every": 60}});
    put(counting, "default/doorloop/main", body).await;
    let mut pulled = Vec::new();
    for _ in 0..2 {
        counting.take(1.0);
        counting.hour().await;
        counting.worked("sync-worker", Work::PulledRow, PULLED as f64);
        pulled.push(counting.take(PULLED as f64));
    }
    delete(counting, "default/doorloop/main").await;
    pulled.try_into().unwrap()
}

async fn idle(counting: &mut Counting) -> (Counted, BTreeSet<String>) {
    // What was left of the hours before is seen to.
    counting.hour().await;
    for _ in 0..2 {
        counting.take(1.0);
        counting.take_series();
        counting.system.pass(std::time::Duration::from_secs(60));
        for schedule in ["due", "import", "watchdog"] {
            counting.tick("scheduler", schedule).await;
        }
        for function in ["alerts", "completions", "digests"] {
            counting.tick(function, function).await;
        }
    }
    (counting.take(1.0), counting.take_series())
}

async fn count() -> (BTreeMap<Scenario, Counted>, Standing) {
    let root = tempfile::tempdir().unwrap();
    let mut counting = Counting::start(settings(root.path())).await;
    let one = |_: usize, key: &str| sale(0, key);
    let full = webhooks(&mut counting, POS, BATCH, one).await;
    let first = duplicates(&mut counting, WEBHOOKS / BATCH).await;
    let repeated = duplicates(&mut counting, 0).await;
    let alone = webhooks(&mut counting, POS, 1, one).await;
    let many = webhooks(&mut counting, POS, BATCH, |number, key| sale(number % BATCH, &format!("{key} many"))).await;
    let unsigned = webhooks(&mut counting, HOOKS, BATCH, |_, key| push(key)).await;
    let [few_rows, many_rows, changed_rows, more_changed] = nightlies(&mut counting, root.path()).await;
    let [new, unchanged] = pulls(&mut counting).await;
    let mut series = counting.take_series();
    let (idle, idle_series) = idle(&mut counting).await;
    series.extend(idle_series.iter().cloned());
    let standing = standing::of(idle_series.len(), series.len());
    let scenarios = [
        (Scenario::WebhooksFull, full),
        (Scenario::FirstDuplicates, first),
        (Scenario::Duplicates, repeated),
        (Scenario::WebhooksAlone, alone),
        (Scenario::WebhooksMany, many),
        (Scenario::WebhooksUnsignedId, unsigned),
        (Scenario::NightlyFew, few_rows),
        (Scenario::NightlyMany, many_rows),
        (Scenario::NightlyChanged, changed_rows),
        (Scenario::NightlyChangedMore, more_changed),
        (Scenario::PullNew, new),
        (Scenario::PullUnchanged, unchanged),
        (Scenario::IdleMinute, idle),
    ];
    (scenarios.into(), standing)
}

/// Where two differ, by the path of the field.
fn differences(path: &str, counted: &Value, committed: &Value, found: &mut Vec<String>) {
    let none = Value::Null;
    match (counted.as_object(), committed.as_object()) {
        (Some(counted), Some(committed)) => {
            let names: BTreeSet<&String> = counted.keys().chain(committed.keys()).collect();
            for name in names {
                let of = |all: &serde_json::Map<String, Value>| all.get(name).cloned().unwrap_or(none.clone());
                differences(&format!("{path}.{name}"), &of(counted), &of(committed), found);
            }
        }
        _ => {
            let (now, then) = (counted.as_f64().unwrap_or(f64::NAN), committed.as_f64().unwrap_or(f64::NAN));
            let slack = if ["logBytes", "bytesOut", "stored"].iter().any(|part| path.contains(part)) {
                then * LOG_SLACK
            } else {
                1e-6
            };
            if now.is_nan() || then.is_nan() || (now - then).abs() > slack {
                found.push(format!("{path}: {counted} counted, {committed} committed"));
            }
        }
    }
}

fn recorded() -> Recorded {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let machine = processors.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    Recorded {
        date: Clock::default().now().strftime("%Y-%m-%d").to_string(),
        commit: said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned()),
        build: "a debug build, on which counts do not depend".to_owned(),
        machine: machine.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned()),
    }
}

#[tokio::test]
async fn the_committed_profile_is_what_the_system_uses() {
    let committed = Profile::parse(profile::BUILT_IN).unwrap();
    let (scenarios, standing) = count().await;
    if std::env::var("SIGNALBOX_UPDATE").is_ok() {
        let profile = Profile { recorded: recorded(), scenarios, standing, ..committed };
        let text = serde_json::to_string_pretty(&profile).unwrap() + "\n";
        let profile = Profile::parse(&text).unwrap();
        std::fs::write(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/profile.json"), text).unwrap();
        documents::write(&profile);
        return;
    }
    let mut found = Vec::new();
    differences("scenarios", &json!(scenarios), &json!(committed.scenarios), &mut found);
    differences("standing", &json!(standing), &json!(committed.standing), &mut found);
    assert!(found.is_empty(), "SIGNALBOX_UPDATE=1 writes docs/profile.json anew:\n{}", found.join("\n"));
}
