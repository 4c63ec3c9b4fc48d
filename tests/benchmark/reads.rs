//! Latency of every route that the console reads by, through the HTTP port of the local host: over a short history, and over one a
//! hundred times as long at the same rate. The two are read in turn, so that whatever else the machine does falls on both alike.
//!
//! Runs, deliveries, their claims, counters and the record are written straight into the tables, each as a copy of one that the functions
//! themselves have stored. All of it is in this process and in memory: the profile of this binary is what is measured.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signalbox::domain::audit::AuditId;
use signalbox::domain::deliveries::delivery::claim_key;
use signalbox::domain::deliveries::placement::{DeliveryPlace, Hour, shard_of};
use signalbox::domain::deliveries::signature::schemes;
use signalbox::domain::ids::{Connection, RunId, TenantId};
use signalbox::domain::time;
use signalbox::outside::{Clock, Entropy};
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options};
use signalbox_tests::deliveries::delivery::Delivery;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Result;
use crate::report::{Report, Target, median, note, p95};
use crate::{history_data, mirror_data};

/// How much shorter the short history is.
const SHORTER: usize = 100;
/// Deliveries for each run, and for each entry of the record.
const DELIVERIES_OF_A_RUN: usize = 10;
/// Connections of which deliveries come in turn.
const LINKS: usize = 25;
/// Over how long the long history's deliveries are spread.
const DAYS: i64 = 30;
const SHARDS: u8 = 4;
const WARM: usize = 5;
const WRITES_AT_ONCE: usize = 4;
/// How often is looked whether the one real webhook was applied.
const LOOKS_MAX: usize = 400;
const TENANT: TenantId = TenantId::DEFAULT;
const VENDOR: &str = "bench-0";

type Item = HashMap<String, AttributeValue>;

struct Stage {
    deliveries: usize,
    host: Host,
    client: reqwest::Client,
    token: String,
    now: Timestamp,
    /// Ids of deliveries, keys and runs, from all over the history.
    ids: Vec<String>,
    keys: Vec<(Connection, String)>,
    runs: Vec<RunId>,
    milliseconds: Vec<f64>,
    _root: TempDir,
}

/// The path of a request, another one for every number.
type Route = fn(usize, &Stage) -> String;

const ROUTES: [(&str, Route); 20] = [
    ("observability", |number, stage| {
        let start = before(stage.now, 24 * (1 + number as i64 % 90));
        format!("/api/catalog/vendor-sync/observability?vendorId={VENDOR}&start={start}")
    }),
    ("runs from anywhere", |number, stage| {
        let run = &stage.runs[somewhere(number, stage.runs.len())];
        format!("/api/catalog/vendor-sync/runs?vendor={VENDOR}&limit=20&cursor={run}")
    }),
    ("overview of vendors", |_, _| "/api/catalog/vendor-sync/overview".into()),
    ("registry", |_, _| "/api/catalog/vendor-sync/registry".into()),
    ("overview", |_, _| "/api/admin/overview?limit=50".into()),
    ("health", |_, _| "/api/sync/health".into()),
    ("lag", |number, _| format!("/api/sync/lag/link-{}?tenantId=default", number % LINKS)),
    ("record", |number, _| format!("/api/admin/audit?limit={}", 50 + number % 50)),
    ("record, filtered", |_, _| "/api/admin/audit?action=dead_letter".into()),
    ("deliveries", |_, _| "/api/admin/deliveries?status=all&limit=50".into()),
    ("deliveries of a time", |number, stage| {
        let hours = (stage.deliveries as i64 / (stage.rate() * 2)).clamp(1, 24 * DAYS);
        let to = before(stage.now, 1 + number as i64 % hours);
        format!("/api/admin/deliveries?status=processed&to={to}&limit=50")
    }),
    ("deliveries of a connection", |number, _| {
        format!("/api/admin/deliveries?status=processed&source=trackstar/link-{}&limit=50", number % LINKS)
    }),
    ("deliveries refused", |_, _| "/api/admin/deliveries".into()),
    ("a delivery by key", |number, stage| {
        let (connection, key) = &stage.keys[somewhere(number, stage.keys.len())];
        format!("/api/admin/deliveries?status=all&source=trackstar/{}&key={key}", connection.name)
    }),
    ("one delivery", |number, stage| {
        let id = stage.ids[somewhere(number, stage.ids.len())].replace('/', "%2F");
        format!("/api/admin/deliveries/{id}?tenant=default")
    }),
    ("dead letters", |_, _| "/api/sync/dead-letters".into()),
    ("mirrors, statistics", |_, _| "/api/admin/sync-stats".into()),
    ("mirrors, log", |_, _| "/api/admin/sync-logs?limit=20".into()),
    ("mirrors, log from anywhere", |number, stage| {
        format!("/api/admin/sync-logs?limit=20&offset={}", somewhere(number, stage.runs.len()))
    }),
    ("mirrors, log of a tenant", |number, _| {
        format!("/api/admin/sync-logs?limit=20&tenantId={}", mirror_data::tenant(number))
    }),
];

pub(crate) async fn measure(deliveries: usize, requests: usize, report: &mut Report) -> Result<()> {
    let mut stages = Vec::new();
    for deliveries in [deliveries / SHORTER, deliveries] {
        stages.push(Stage::set(deliveries).await?);
    }
    for (name, route) in ROUTES {
        for number in 0..WARM + requests {
            for stage in &mut stages {
                let (_, took) = stage.get(&route(number, stage)).await?;
                if number >= WARM {
                    stage.milliseconds.push(took);
                }
            }
        }
        let mut slow = Vec::new();
        for stage in &mut stages {
            let taken = std::mem::take(&mut stage.milliseconds);
            let figure = format!("{name}, {} deliveries", stage.deliveries);
            report.add(format!("{figure}, median"), median(taken.clone()), "ms", Target::None);
            slow.push(p95(taken));
            report.add(format!("{figure}, p95"), slow[slow.len() - 1], "ms", Target::AtMost(10.0));
        }
        report.add(format!("{name}, p95, long to short history"), slow[1] / slow[0], "×", Target::AtMost(1.2));
    }
    for stage in stages {
        stage.host.stop().await;
    }
    Ok(())
}

fn before(now: Timestamp, hours: i64) -> String {
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(now).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn somewhere(number: usize, of: usize) -> usize {
    number.wrapping_mul(2_654_435_761) % of
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl Stage {
    async fn set(deliveries: usize) -> Result<Self> {
        let root = TempDir::with_prefix("signalbox-benchmark-")?;
        std::fs::write(root.path().join("warm.ndjson"), "{\"catalogId\":\"warm\"}\n")?;
        let link = |number| json!({"connectionId": format!("conn-{number}"), "tenant": "default", "brand": format!("link-{number}")});
        let variables = [
            ("CATALOG_ROOT".to_owned(), root.path().to_string_lossy().into_owned()),
            ("VENDORS".to_owned(), json!([{"slug": VENDOR, "name": VENDOR, "source": "warm.ndjson"}]).to_string()),
            ("TRACKSTAR_CONNECTIONS".to_owned(), (0..LINKS).map(link).collect::<Value>().to_string()),
        ];
        let host = Host::start(Options { variables: variables.into(), ..Options::default() }).await?;
        let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
        let scopes = token::scopes(
            "catalog:sync:read,catalog:sync:write,audit:read,connections:read,connections:write,deliveries:read",
        );
        let now = Clock::default().now();
        let token = token::mint(Grant { scopes, life_seconds: 86_400, ..Grant::default() }, &secret, now)?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let (ids, keys, milliseconds) = Default::default();
        let mut stage =
            Self { deliveries, host, client, token, now, ids, keys, runs: Vec::new(), milliseconds, _root: root };
        stage.host.fire("Import").await?;
        stage.seed().await?;
        Ok(stage)
    }

    /// Deliveries an hour.
    fn rate(&self) -> i64 {
        // That of the long history, in which the short one is a part.
        1_000_000 / (24 * DAYS)
    }

    async fn get(&self, path: &str) -> Result<(Value, f64)> {
        let began = Instant::now();
        let answer = self.client.get(format!("{}{path}", self.host.url())).bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        if !status.is_success() {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok((serde_json::from_slice(&body)?, took))
    }

    async fn seed(&mut self) -> Result<()> {
        note(&format!("storing {} deliveries and what comes with them", self.deliveries));
        let vendor: Connection = format!("default/catalogue/{VENDOR}").parse()?;
        let runs = self.deliveries / DELIVERIES_OF_A_RUN;
        let (client, table) = (self.host.dynamodb(), self.table("RUNS_TABLE")?);
        self.runs = history_data::store(client, &table, &vendor, runs, self.now).await?.ids;
        self.put("RUNS_TABLE", mirror_data::items(runs, self.now)?).await?;
        self.sale().await?;
        let entry = self.one("RECORDS_TABLE", "default#deliveries#").await?;
        let claim = self.one("DELIVERIES_TABLE", "default/pos#").await?;
        let hour = self.one("DELIVERIES_TABLE", "default/pos/demo#hours").await?;
        let (mut entries, mut claims, mut hours) = (Vec::new(), Vec::new(), Vec::new());
        let mut partitions = BTreeSet::new();
        let step_ms = 3_600_000 / self.rate();
        for count in 0..self.deliveries {
            let connection: Connection = format!("default/trackstar/link-{}", count % LINKS).parse()?;
            let (key, at_ms) = (format!("key:{count}"), self.now.as_millisecond() - step_ms * (count as i64 + 1));
            let claimed = claim_key(&connection, &key);
            let place = DeliveryPlace::new(&connection, &key, at_ms, shard_of(&claimed, SHARDS));
            partitions.insert(place.partition());
            let at = text(time::text(Timestamp::from_millisecond(at_ms)?));
            let of_both = [("connection", text(connection.to_string())), ("receivedMs", number(at_ms))];
            entries.push(copy(
                &entry,
                &of_both,
                &[
                    ("pk", text(place.partition().key(&TENANT))),
                    ("sk", AttributeValue::B(Blob::new(place.sort()))),
                    ("key", text(&key)),
                    ("shard", number(place.shard)),
                    ("receivedAt", at.clone()),
                    ("processedAt", at),
                ],
            ));
            let of_claim = [("connection", text(connection.name.as_str())), ("receivedMs", number(at_ms))];
            claims.push(copy(&claim, &of_claim, &[("pk", text(claimed)), ("shard", number(place.shard))]));
            if count.is_multiple_of(997) {
                self.ids.push(place.to_string());
                self.keys.push((connection, key));
            }
            if entries.len() == 1_000 {
                self.put("RECORDS_TABLE", std::mem::take(&mut entries)).await?;
                self.put("DELIVERIES_TABLE", std::mem::take(&mut claims)).await?;
            }
        }
        for link in 0..LINKS {
            let of = std::iter::successors(Some(Hour::of(self.now.as_millisecond())), |hour| hour.before());
            let pk = text(format!("default/trackstar/link-{link}#hours"));
            hours.extend(of.take(192).map(|of| copy(&hour, &[], &[("pk", pk.clone()), ("sk", text(of.to_string()))])));
        }
        let named = partitions.into_iter().map(|partition| {
            Item::from([
                ("pk".to_owned(), text("default#deliveries")),
                ("sk".to_owned(), AttributeValue::B(Blob::new(partition.to_string()))),
            ])
        });
        entries.extend(named);
        self.put("RECORDS_TABLE", entries).await?;
        self.put("DELIVERIES_TABLE", claims).await?;
        self.put("DELIVERIES_TABLE", hours).await?;
        let decision = self.one("JOURNAL_TABLE", "default#audit").await?;
        let (entropy, mut record) = (Entropy::seeded(7), Vec::new());
        for count in 0..runs {
            let at_ms = self.now.as_millisecond() - 60_000 * (count as i64 + 1);
            let id = AuditId::new(at_ms, entropy.bytes16());
            record.push(copy(&decision, &[], &[("sk", text(id.as_str())), ("atMs", number(at_ms))]));
        }
        self.put("JOURNAL_TABLE", record).await
    }

    /// A webhook that is let in and applied, one that is refused, and a decision of an operator's: what is stored of them is copied.
    async fn sale(&self) -> Result<()> {
        let secret = self.host.secrets().get("WEBHOOK_SECRET").ok_or("no secret")?.to_owned();
        for (secret, status) in [(secret.as_str(), 201), ("a-secret-that-is-wrong", 403)] {
            let sale = Delivery::signed(
                "/pos/demo/ingest",
                &schemes::POS,
                secret,
                None,
                self.now,
                json!({"qty": 1}).to_string(),
            );
            let request = self.client.post(format!("{}{}", self.host.url(), sale.path)).body(sale.body.clone());
            let request = sale.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            let request = request.header("x-tenant-id", "default").header("idempotency-key", "real");
            let answer = request.send().await?;
            if answer.status() != status {
                return Err(format!("a sale was answered {}: {}", answer.status(), answer.text().await?).into());
            }
        }
        let put = format!("{}/api/admin/connections/default/pos/audited", self.host.url());
        let body = json!({"settings": {}}).to_string();
        self.client.put(put).bearer_auth(&self.token).body(body).send().await?.error_for_status()?;
        for _ in 0..LOOKS_MAX {
            let (page, _) = self.get("/api/admin/deliveries?status=processed").await?;
            let (counted, _) = self.get("/api/admin/overview").await?;
            let counted = counted["items"].as_array().is_some_and(|items| items.len() > LINKS);
            if page["items"].as_array().is_some_and(|items| !items.is_empty()) && counted {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the one real webhook was not applied".into())
    }

    fn table(&self, variable: &'static str) -> Result<String> {
        Ok(self.host.environment("sync-control").require(variable)?.to_owned())
    }

    /// The one item whose partition begins so; waits for it, as the worker counts after it has applied.
    async fn one(&self, table: &'static str, partition: &str) -> Result<Item> {
        let scan = self.host.dynamodb().scan().table_name(self.table(table)?).filter_expression("begins_with(pk, :pk)");
        let scan = scan.expression_attribute_values(":pk", text(partition));
        for _ in 0..LOOKS_MAX {
            let mut pages = scan.clone().into_paginator().items().send();
            if let Some(item) = pages.next().await {
                return Ok(item?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("nothing is stored under {partition}").into())
    }

    async fn put(&self, table: &'static str, items: Vec<Item>) -> Result<()> {
        let (client, table) = (self.host.dynamodb(), self.table(table)?);
        let mut writes = Vec::with_capacity(items.len());
        for item in items {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        let batches = writes.chunks(25).map(|batch| {
            let call = client.batch_write_item().request_items(&table, batch.to_vec());
            async move { call.send().await }
        });
        let batches: Vec<_> = batches.collect();
        stream::iter(batches).buffer_unordered(WRITES_AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(())
    }
}

/// An item as another one is, but for this. What it has no attribute for is not added: it would not be its shape.
fn copy(item: &Item, some: &[(&str, AttributeValue)], others: &[(&str, AttributeValue)]) -> Item {
    let mut copy = item.clone();
    for (name, value) in some.iter().chain(others) {
        if let Some(attribute) = copy.get_mut(*name) {
            *attribute = value.clone();
        }
    }
    copy
}
