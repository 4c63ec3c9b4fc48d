//! A nightly of many connections with unchanged catalogues, from the minute it is due until each has a started run; pages of the
//! list of them; and webhooks of senders that no instance knows yet.
//!
//! All of it runs in this process, on the local host, by the clock: a nightly is spread over four minutes. So the profile of this
//! binary is what is measured, and the machine's cores are shared with the tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture, SharedHttpClient};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::domain::connections::schedule::{SPREAD, Schedule};
use signalbox::domain::connections::stored::{Change, KeptBy, StoredConnection, Wanted};
use signalbox::domain::deliveries::signature::schemes;
use signalbox::domain::ids::Connection;
use signalbox::outside::{Clock, Outside};
use signalbox::vendors::Providers;
use signalbox_local::host::layer::layer;
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options};
use signalbox_tests::deliveries::delivery::Delivery;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Result;
use crate::report::{Report, Target, median, note, p95};

const LIST: &str = "/api/admin/connections";
const TENANTS: usize = 1_000;
const ROWS: usize = 20;
/// Senders that each get a first webhook.
const SENDERS: usize = 200;
const SECRET: &str = "a-secret-of-the-benchmark";
/// After so many minutes in which no run was started or ended, each has been looked at as well.
const QUIET_MINUTES: u32 = 6;
/// Longer than this nobody waits for all to be started.
const WAITED_MAX: Duration = Duration::from_secs(45 * 60);

/// Calls and units of DynamoDB, by what was called.
#[derive(Default, Clone)]
struct Calls {
    calls: BTreeMap<String, u64>,
    read_units: f64,
    write_units: f64,
    /// Runs stored together with the move of what was due.
    starts: usize,
}

impl Calls {
    fn add(&mut self, other: Self) {
        for (name, calls) in other.calls {
            *self.calls.entry(name).or_default() += calls;
        }
        self.read_units += other.read_units;
        self.write_units += other.write_units;
    }
}

#[derive(Default, Clone)]
struct Counter(Arc<Mutex<Calls>>);

impl Counter {
    fn take(&self) -> Calls {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn starts(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).starts
    }

    fn add(&self, operation: &str, is_start: bool, units: f64) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.calls.entry(operation.to_owned()).or_default() += 1;
        calls.starts += usize::from(is_start);
        match operation {
            "GetItem" | "Query" | "BatchGetItem" => calls.read_units += units,
            _ => calls.write_units += units,
        }
    }

    /// A client that counts.
    fn http(&self, below: SharedHttpClient) -> SharedHttpClient {
        let counter = self.clone();
        layer(below, move |next, request| {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let is_start = operation == "TransactWriteItems"
                && ["ConnectionsTable", "RunsTable"].iter().all(|table| body.contains(table));
            let counter = counter.clone();
            HttpConnectorFuture::new(async move {
                let mut response = next.call(request).await?;
                let body = std::mem::replace(response.body_mut(), SdkBody::taken());
                let collected = body.collect().await.map_err(ConnectorError::io)?;
                let bytes = collected.to_bytes();
                let is_done = response.status().is_success();
                counter.add(&operation, is_start && is_done, consumed(&bytes));
                *response.body_mut() = SdkBody::from(bytes);
                Ok(response)
            })
        })
    }
}

/// The units that an answer names.
fn consumed(body: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(all) => all.iter().map(units).sum(),
        one => units(one),
    }
}

struct Stage {
    host: Host,
    store: ConnectionStore,
    counter: Counter,
    client: reqwest::Client,
    token: String,
    _root: TempDir,
}

fn named(number: usize) -> Result<Connection> {
    Ok(format!("tenant-{}/catalogue/shop-{number}", number % TENANTS).parse()?)
}

pub(crate) async fn measure(count: usize, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    let due = stage.connect(count).await?;
    stage.lists(count, report).await?;
    stage.cold_ingest(report).await?;
    stage.nightly(count, due, report).await?;
    stage.host.stop().await;
    Ok(())
}

impl Stage {
    async fn set() -> Result<Self> {
        let root = TempDir::with_prefix("signalbox-benchmark-")?;
        let rows: Value = (0..ROWS).map(|row| json!({"catalogId": format!("row-{row}"), "price": row})).collect();
        std::fs::write(root.path().join("shop.json"), rows.to_string())?;
        let counter = Counter::default();
        let below = aws_smithy_http_client::Builder::new().build_http();
        let outside = Outside { aws_http: Some(counter.http(below)), ..Outside::default() };
        let variables = [("CATALOG_ROOT".to_owned(), root.path().to_string_lossy().into_owned())].into();
        let host = Host::start(Options { variables, outside: outside.clone(), ..Options::default() }).await?;
        let environment = host.environment("sync-control");
        let store = ConnectionStore::connect(&Clients::connect(&environment, &outside)?, &environment)?;
        let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
        let scopes = "connections:read,connections:write,catalog:sync:write";
        let grant = Grant { scopes: token::scopes(scopes), life_seconds: 86_400, ..Grant::default() };
        let token = token::mint(grant, &secret, Clock::default().now())?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { host, store, counter, client, token, _root: root })
    }

    /// Connections of one nightly, each with the snapshot of the one that is synced first, and when the first is due.
    async fn connect(&self, count: usize) -> Result<Timestamp> {
        note(&format!("storing {count} connections"));
        let first = named(0)?;
        self.put_all([first.clone()], &Schedule::Off).await?;
        let path = format!("/api/catalog/vendor-sync/{}/sync", first.name);
        let grant = Grant { tenant: Some(&first.tenant), scopes: token::scopes("write"), ..Grant::default() };
        let secret = self.host.secrets().get("SERVICE_JWT_SECRET").ok_or("no secret")?.to_owned();
        let token = token::mint(grant, &secret, Clock::default().now())?;
        let request = self.client.post(format!("{}{path}", self.host.url())).bearer_auth(token);
        let answer = request.body(json!({"dryRun": false}).to_string()).send().await?.error_for_status()?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        note(&format!("the first sync: {}", answer["summary"]));
        self.copy_snapshots(&first, count).await?;

        // Time enough to store all of them before.
        let lead = 120 + i64::try_from(count / 40)?;
        let due = Clock::default().now().as_second() + lead;
        let due = Timestamp::from_second(due - due.rem_euclid(60))?;
        let schedule = Schedule::cron(&due.strftime("%M %H * * *").to_string(), "UTC")?;
        let all: Vec<Connection> = (1..count).map(named).collect::<Result<_>>()?;
        self.put_all(all, &schedule).await?;
        let before = self.store.read(&first).await?.ok_or("the first one is gone")?;
        let after = StoredConnection { schedule, version: before.version + 1, ..before.clone() };
        self.store.put(Some(&before), &after, &[], &[]).await?;
        Ok(due)
    }

    async fn put_all(&self, connections: impl IntoIterator<Item = Connection>, schedule: &Schedule) -> Result<()> {
        let puts = connections.into_iter().map(|connection| async move {
            let settings = json!({"source": "shop.json"}).as_object().cloned().unwrap_or_default();
            let schedule = Some(schedule.clone());
            let wanted = Wanted { display_name: None, settings, schedule, kept_by: KeptBy::Operators };
            let change = Change { at: Clock::default().now(), by: "benchmark".into() };
            let providers = Providers::default();
            let of = providers.of(&connection.provider);
            let stored = StoredConnection::put(None, &connection, of, wanted, None, change)?;
            self.store.put(None, &stored, &[], &[]).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
        stream::iter(puts).buffer_unordered(16).try_collect::<Vec<()>>().await.map(drop)
    }

    /// Gives all others what the first one's sync left in its snapshot.
    async fn copy_snapshots(&self, first: &Connection, count: usize) -> Result<()> {
        let table = self.host.environment("sync-worker").require("SNAPSHOTS_TABLE")?.to_owned();
        let client = self.host.dynamodb();
        let items = client.scan().table_name(&table).send().await?.items.unwrap_or_default();
        let of = first.to_string();
        let renamed = |item: &HashMap<String, AttributeValue>, to: &str| {
            let value = |value: &AttributeValue| match value {
                AttributeValue::S(text) => AttributeValue::S(text.replace(&of, to)),
                other => other.clone(),
            };
            item.iter().map(|(name, found)| (name.clone(), value(found))).collect::<HashMap<_, _>>()
        };
        let mut writes = Vec::new();
        for number in 1..count {
            let to = named(number)?.to_string();
            for item in &items {
                let put = PutRequest::builder().set_item(Some(renamed(item, &to))).build()?;
                writes.push(WriteRequest::builder().put_request(put).build());
            }
        }
        let batches = writes.chunks(25).map(|batch| {
            let call = client.batch_write_item().request_items(&table, batch.to_vec());
            async move { call.send().await }
        });
        stream::iter(batches).buffer_unordered(8).try_collect::<Vec<_>>().await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<(Value, f64)> {
        let began = Instant::now();
        let answer = self.client.get(format!("{}{path}", self.host.url())).bearer_auth(&self.token).send().await?;
        let answer: Value = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
        Ok((answer, began.elapsed().as_secs_f64() * 1e3))
    }

    async fn lists(&self, count: usize, report: &mut Report) -> Result<()> {
        note("reading lists");
        for (name, query) in
            [("all", "limit=50"), ("of a provider", "provider=catalogue&limit=50"), ("of a tenant", "tenant=tenant-7")]
        {
            let (mut milliseconds, mut cursor, mut seen) = (Vec::new(), String::new(), 0);
            loop {
                let (answer, took) = self.get(&format!("{LIST}?{query}{cursor}")).await?;
                milliseconds.push(took);
                seen += answer["items"].as_array().map_or(0, Vec::len);
                match answer["nextCursor"].as_str() {
                    Some(next) if milliseconds.len() < 200 => cursor = format!("&cursor={next}"),
                    _ if milliseconds.len() >= 50 => break,
                    _ => cursor = String::new(),
                }
            }
            note(&format!("{} pages, {seen} connections", milliseconds.len()));
            let figure = format!("a page of the list {name}, {count} connections");
            report.add(format!("{figure}, median"), median(milliseconds.clone()), "ms", Target::None);
            report.add(format!("{figure}, p95"), p95(milliseconds), "ms", Target::None);
        }
        Ok(())
    }

    /// The first webhook of each sender: no instance has read its connection or opened its secret.
    async fn cold_ingest(&self, report: &mut Report) -> Result<()> {
        note("storing senders");
        let body = json!({"settings": {}, "secrets": {"current": SECRET}});
        for number in 0..SENDERS {
            let path = format!("{}{LIST}/tenant-{number}/github/hub-{number}", self.host.url());
            let put = self.client.put(path).bearer_auth(&self.token).body(body.to_string());
            put.send().await?.error_for_status()?;
        }
        for name in ["cold", "warm"] {
            let mut milliseconds = Vec::new();
            for number in 0..SENDERS {
                let (path, id) = (format!("/webhooks/github/hub-{number}"), format!("{name}-{number}"));
                let now = Clock::default().now();
                let body = json!({"of": id}).to_string();
                let push = Delivery::signed(&path, &schemes::GITHUB, SECRET, Some(&id), now, body);
                let request = self.client.post(format!("{}{}", self.host.url(), push.path)).body(push.body.clone());
                let request = push.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
                let began = Instant::now();
                request.send().await?.error_for_status()?;
                milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
            }
            report.add(format!("a {name} ingest, median"), median(milliseconds.clone()), "ms", Target::None);
            report.add(format!("a {name} ingest, p95"), p95(milliseconds), "ms", Target::None);
        }
        Ok(())
    }

    /// Connections whose nightly was not started yet. Asked of the tables, as a start whose reply was lost is counted nowhere else.
    async fn waiting(&self, due: Timestamp) -> Result<usize> {
        let table = self.host.environment("sync-worker").require("CONNECTIONS_TABLE")?.to_owned();
        let before = due.as_millisecond() + 12 * 3_600_000;
        let mut pages = self
            .host
            .dynamodb()
            .scan()
            .table_name(table)
            .filter_expression("begins_with(sk, :due) AND starts = :none AND due_at < :before")
            .expression_attribute_values(":due", AttributeValue::S("due#".into()))
            .expression_attribute_values(":none", AttributeValue::N("0".into()))
            .expression_attribute_values(":before", AttributeValue::N(before.to_string()))
            .into_paginator()
            .send();
        let mut waiting = 0;
        while let Some(page) = pages.next().await {
            waiting += page?.items.unwrap_or_default().len();
        }
        Ok(waiting)
    }

    async fn nightly(&self, count: usize, due: Timestamp, report: &mut Report) -> Result<()> {
        let left = Duration::try_from(due.duration_since(Clock::default().now()))
            .map_err(|_| "they took too long to store: the minute has passed")?;
        note(&format!("the nightly is due in {} s", left.as_secs()));
        tokio::time::sleep(left).await;
        self.counter.take();
        let (began, mut longest, mut minute) = (Instant::now(), Duration::ZERO, 0);
        // While the last of them are not due yet, there is no need to look.
        while began.elapsed() < SPREAD || self.waiting(due).await? > 0 {
            if began.elapsed() > WAITED_MAX {
                return Err(format!("{} of {count} were not started", self.waiting(due).await?).into());
            }
            if began.elapsed() >= Duration::from_secs(60) * minute {
                let fired = Instant::now();
                self.host.fire("Due").await?;
                longest = longest.max(fired.elapsed());
                minute += 1;
                note(&format!(
                    "minute {minute}: {} ms, {} started",
                    fired.elapsed().as_millis(),
                    self.counter.starts()
                ));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        report.add(format!("{count} connections of one nightly, all started"), seconds, "s", Target::AtMost(300.0));
        report.add("the scheduler's longest invocation", longest.as_secs_f64(), "s", Target::AtMost(10.0));
        let mut night = self.counter.take();
        note("waiting until all are synced, and looked at five minutes later");
        let mut quiet = 0;
        while quiet < QUIET_MINUTES && began.elapsed() < WAITED_MAX {
            self.host.fire("Due").await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            let minute = self.counter.take();
            quiet = if minute.calls.contains_key("TransactWriteItems") { 0 } else { quiet + 1 };
            night.add(minute);
        }
        let each = |number: f64| number / count as f64;
        for (name, calls) in &night.calls {
            report.add(format!("calls of {name}, a connection"), each(*calls as f64), "", Target::None);
        }
        report.add("read units, a connection", each(night.read_units), "", Target::None);
        report.add("write units, a connection", each(night.write_units), "", Target::None);
        Ok(())
    }
}
