//! What is stored, as a value that two worlds can be compared by.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use signalbox::domain::datasets::manifest::{Fingerprint, Layer};
use signalbox::domain::datasets::placement::partitions;

use crate::items::{Item, json};
use crate::runs::world::World;

/// Everything stored of one world, without what differs between two runs of the same: ids, times, fencing tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Runs, oldest first.
    pub runs: Vec<Item>,
    /// Runs that still owe their end or the event of it.
    pub open: usize,
    /// Window statistics, counters summed up: `day s`, `day slot s` and so on.
    pub statistics: BTreeMap<String, i64>,
    /// Records by their sort key.
    pub records: BTreeMap<String, Item>,
    /// What the manifest says the snapshot holds: fingerprint → content.
    pub manifest: BTreeMap<String, String>,
    /// Plans that the manifest names.
    pub plans: usize,
    /// What clients see of the snapshot.
    pub state: Item,
    /// The lease.
    pub lease: Item,
}

/// What differs between two runs of the same.
const VOLATILE: [&str; 23] = [
    "attempts",
    "by_status",
    "completedAt",
    "connection",
    "correlationId",
    "createdAt",
    "deadlineFrom",
    "durationMs",
    "expires_at",
    "fence",
    "fetchedAt",
    "id",
    "lastDurationMs",
    "lastRunAt",
    "open",
    "pk",
    "queuedMs",
    "sk",
    "slices",
    // A step that is done twice is paid for twice.
    "spent",
    "startedAt",
    "tenant",
    "updatedAt",
];

impl Stored {
    pub(crate) async fn read(world: &World<'_>) -> Self {
        let connection = world.connection();
        let all_runs = runs(world).await;
        let open = all_runs.iter().filter(|run| run.contains_key("open")).count();
        let ids: Vec<String> = all_runs.iter().map(|run| text(run, "sk").to_owned()).collect();
        let dataset = format!("{connection}/products");
        let mut snapshots = query(world, "SNAPSHOTS_TABLE", &connection).await;
        snapshots.extend(query(world, "SNAPSHOTS_TABLE", &dataset).await);
        let find = |items: &[Item], sk: &str| items.iter().find(|item| text(item, "sk") == sk).cloned();
        let manifest = find(&snapshots, "manifest").unwrap_or_default();
        let mut records = Vec::new();
        for partition in partitions(&dataset.parse().expect("a dataset")) {
            records.extend(query(world, "RECORDS_TABLE", &partition).await);
        }
        let control = query(world, "CONTROL_TABLE", &connection).await;
        let clean = |item: Item| plain(item, &ids);
        Self {
            open,
            statistics: statistics(&query(world, "RUNS_TABLE", &format!("{connection}#statistics")).await),
            records: records.into_iter().map(|item| (text(&item, "sk").to_owned(), clean(item))).collect(),
            plans: manifest.get("plans").and_then(Value::as_array).map_or(0, Vec::len),
            manifest: effective(&manifest, &snapshots),
            state: find(&snapshots, "state").map(clean).unwrap_or_default(),
            lease: find(&control, "lease").map(clean).unwrap_or_default(),
            runs: all_runs.into_iter().map(clean).collect(),
        }
    }

    /// The status of each run, oldest first.
    #[must_use]
    pub fn statuses(&self) -> Vec<&str> {
        self.runs.iter().map(|run| text(run, "status")).collect()
    }

    /// The ids of all products, with their names: what a client would see.
    #[must_use]
    pub fn products(&self) -> BTreeMap<String, Value> {
        let product = |record: &Item| {
            let payload: Value = serde_json::from_str(text(record, "payload")).expect("a payload");
            (text(record, "catalogId").to_owned(), payload)
        };
        self.records.values().map(product).collect()
    }

    /// Checks what holds after every run, however it ended: each record is what the manifest says, each counter is
    /// what the runs say, and nobody holds anything.
    ///
    /// # Panics
    /// When it does not hold.
    #[track_caller]
    pub fn check_consistent(&self) {
        let of_records: BTreeMap<&str, &str> =
            self.records.iter().map(|(key, record)| (key.as_str(), &text(record, "hash")[..16])).collect();
        let of_manifest: BTreeMap<&str, &str> =
            self.manifest.iter().map(|(key, content)| (key.as_str(), content.as_str())).collect();
        assert_eq!(of_records, of_manifest, "records and manifest differ");
        let seen = |letter: &str, statuses: &[&str]| {
            let runs = self.statuses().iter().filter(|status| statuses.contains(status)).count();
            for counter in ["day", "day slot", "month", "month slot"] {
                let counted = self.statistics.get(&format!("{counter} {letter}")).copied().unwrap_or(0);
                assert_eq!(
                    counted,
                    i64::try_from(runs).expect("few runs"),
                    "{counter} {letter}: {:?}",
                    self.statuses()
                );
            }
        };
        seen("r", &["Pending"]);
        seen("s", &["Success"]);
        seen("e", &["Failed", "Skipped", "Cancelled"]);
        assert!(!self.lease.contains_key("runId"), "the connection is still reserved: {:?}", self.lease);
    }
}

/// Every item of all tables, by table, partition and sort key.
pub async fn dump(world: &World<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for table in ["RUNS_TABLE", "RECORDS_TABLE", "SNAPSHOTS_TABLE", "CONTROL_TABLE"] {
        let scan = world.system.host.dynamodb().scan().table_name(name(world, table));
        let mut pages = scan.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = json(item.expect("the table"));
            all.insert(format!("{table} {} {}", text(&item, "pk"), text(&item, "sk")), Value::Object(item));
        }
    }
    all
}

fn name(world: &World<'_>, table: &'static str) -> String {
    world.environment("sync-control").require(table).expect("a table").to_owned()
}

/// The runs alone, as stored.
pub(crate) async fn runs(world: &World<'_>) -> Vec<Item> {
    query(world, "RUNS_TABLE", &world.connection()).await
}

/// Adds a layer that removes what was never there, and that says it has many rows.
pub(crate) async fn add_large_layer(world: &World<'_>) {
    let table = name(world, "SNAPSHOTS_TABLE");
    let key = |sk: &str| {
        let parts = [("pk", format!("{}/products", world.connection())), ("sk", sk.to_owned())];
        parts.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
    };
    let layer = Layer { puts: Vec::new(), removals: vec![Fingerprint::of(b"never there")] };
    let mut segment = HashMap::from(key("segment#large#00000"));
    segment.insert("data".into(), AttributeValue::B(layer.segments().next().expect("a segment").into()));
    let dynamodb = world.system.host.dynamodb();
    dynamodb.put_item().table_name(&table).set_item(Some(segment)).send().await.expect("the table");
    let large = HashMap::from([
        ("id".to_owned(), AttributeValue::S("large".into())),
        ("segments".to_owned(), AttributeValue::N("1".into())),
        ("rows".to_owned(), AttributeValue::N("2000".into())),
    ]);
    let update = dynamodb.update_item().table_name(&table).set_key(Some(HashMap::from(key("manifest"))));
    let update = update.update_expression("SET layers = list_append(layers, :large)");
    let large = AttributeValue::L(vec![AttributeValue::M(large)]);
    update.expression_attribute_values(":large", large).send().await.expect("the table");
}

async fn query(world: &World<'_>, table: &'static str, pk: &str) -> Vec<Item> {
    let query = world.system.host.dynamodb().query().table_name(name(world, table));
    let query = query.key_condition_expression("pk = :pk").consistent_read(true);
    let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
    let mut pages = query.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(json(item.expect("the table")));
    }
    items
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Drops what differs, and names each run by its place.
fn plain(mut item: Item, ids: &[String]) -> Item {
    item.retain(|name, _| !VOLATILE.contains(&name.as_str()));
    let place = |id: &str| ids.iter().position(|known| known == id).map(|place| format!("run {}", place + 1));
    if let Some(run) = item.get("runId").and_then(Value::as_str).and_then(place) {
        item.insert("runId".into(), Value::String(run));
    }
    item
}

fn statistics(counters: &[Item]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for counter in counters {
        let kind = text(counter, "sk").split('#').next().unwrap_or_default().to_owned();
        for (name, value) in counter
            .iter()
            .filter(|(name, _)| !["pk", "sk", "expires_at"].contains(&name.as_str()) && !name.ends_with(['m', 'c']))
        {
            let slot = if name.len() > 1 { " slot" } else { "" };
            let sum = sums.entry(format!("{kind}{slot} {}", &name[name.len() - 1..])).or_insert(0);
            *sum += value.as_str().and_then(|number| number.parse::<i64>().ok()).expect("a number");
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// Lays the manifest's layers over each other, as a reader of the snapshot would.
fn effective(manifest: &Item, snapshots: &[Item]) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for layer in manifest.get("layers").and_then(Value::as_array).into_iter().flatten() {
        let prefix = format!("segment#{}#", layer["id"].as_str().expect("an id"));
        let segments: Vec<&Item> = snapshots.iter().filter(|item| text(item, "sk").starts_with(&prefix)).collect();
        let mut whole = Layer::default();
        for segment in &segments {
            assert!(!segment.contains_key("expires_at"), "a live segment will expire: {}", text(segment, "sk"));
            whole.append_segment(&hex::decode(text(segment, "data")).expect("bytes")).expect("a segment");
        }
        assert_eq!(segments.len().to_string(), layer["segments"].as_str().expect("a count"), "segments of {prefix}");
        rows.extend(whole.puts.iter().map(|put| (hex::encode(put.fingerprint.0), hex::encode(put.content))));
        for removal in &whole.removals {
            rows.remove(&hex::encode(removal.0));
        }
    }
    rows
}
