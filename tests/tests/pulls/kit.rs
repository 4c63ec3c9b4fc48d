//! A connection to a simulated vendor: its pulls, and what they leave.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::domain::datasets::manifest::Layer;
use signalbox::domain::ids::Connection;
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::pull::PullMode;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::kinds::pull::{PullRequest, work_of};
use signalbox::engine::runs::start::{StartRequest, start_in_background};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Fault, FaultKind, Limits, Options, RowsChange, Running, Simulator, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

/// Rounds of watchdog and queue until a run must be over.
const ROUNDS_MAX: usize = 60;
/// What differs between two pulls of the same.
const VOLATILE: [&str; 6] = ["fetchedAt", "beganAt", "lastPageAt", "since", "startedAt", "updatedAt"];

/// A delta of all that there is.
pub(super) fn delta() -> PullRequest {
    PullRequest::default()
}

/// A pull of everything, of all that there is.
pub(super) fn backfill() -> PullRequest {
    PullRequest { mode: PullMode::Backfill, ..PullRequest::default() }
}

/// A fault that hits so many requests for an entity.
pub(super) fn fault(kind: FaultKind, entity: &str, from: u64, times: u64) -> Fault {
    let fault = json!({"fault": kind, "entity": entity, "from": from, "for": times});
    serde_json::from_value(fault).unwrap()
}

/// A simulated vendor without limits, by the clock of the system.
pub(super) async fn vendor(system: &System, vendor: Vendor, change: impl FnOnce(&mut Options)) -> Running {
    let options = Options { limits: Limits::Off, clock: system.clock.clone(), rows: 300, ..Options::new(vendor) };
    let mut options = Options { without: Vec::new(), ..options };
    change(&mut options);
    Simulator::start(options).await.unwrap()
}

/// A tenant's connection to a vendor.
pub(super) struct Pulled<'a> {
    pub(super) world: World<'a>,
    pub(super) connection: Connection,
}

impl<'a> Pulled<'a> {
    /// A connection of a tenant of its own. `settings` beside where it is.
    pub(super) async fn of(system: &'a System, vendor: &Running, provider: &str, settings: Value) -> Self {
        let world = system.world();
        let connection: Connection = format!("{}/{provider}/main", world.tenant).parse().unwrap();
        let pulled = Self { world, connection };
        pulled.put(vendor, settings).await;
        pulled
    }

    /// Makes the connection.
    pub(super) async fn put(&self, vendor: &Running, settings: Value) {
        let (system, connection) = (self.world.system, &self.connection);
        let mut all = json!({"baseUrl": vendor.base_url(), "pageSize": 25, "requestsPerMinute": 60_000,
            "requestsPerHour": 600_000});
        settings.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        let secret = match vendor.access_token().filter(|_| connection.provider.as_str() == "trackstar") {
            Some(token) => format!("{} {token}", vendor.key()),
            None => vendor.key(),
        };
        let body = json!({"settings": all, "secrets": {"current": secret}});
        let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let put = system.request("PUT", &format!("/api/admin/connections/{connection}")).bearer(&token);
        put.body(body.to_string()).answer().await.expect(201);
    }

    /// Removes it.
    pub(super) async fn delete(&self) {
        let system = self.world.system;
        let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let path = format!("/api/admin/connections/{}", self.connection);
        assert!(system.request("DELETE", &path).bearer(&token).answer().await.status < 300);
    }

    /// Puts it on a schedule.
    pub(super) async fn schedule(&self, schedule: Value) {
        let system = self.world.system;
        let path = format!("/api/admin/connections/{}", self.connection);
        let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let shown = system.get(&path).bearer(&token).answer().await.expect(200);
        let body = json!({"settings": shown["data"]["settings"], "schedule": schedule});
        system.request("PUT", &path).bearer(&token).body(body.to_string()).answer().await.expect(200);
    }

    /// Opens its breaker, or lets it decide again.
    pub(super) async fn breaker(&self, state: &str) {
        let system = self.world.system;
        let path = format!("/api/admin/connections/{}/breaker", self.connection);
        let token = system.service_token("operator", "default", &[CONNECTIONS_WRITE]);
        system.post(&path).bearer(&token).body(json!({"state": state}).to_string()).answer().await.expect(200);
    }

    /// Asks the control centre, as an administrator of all tenants.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let process = self.world.healthy().await;
        self.ask_over(&process, method, path, body).await.unwrap()
    }

    /// The same of a process that may die.
    pub(super) async fn ask_over(
        &self,
        process: &Process,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<Answer, Crashed> {
        let token = self.world.system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("/api/admin/sync/{path}{joint}tenant={}", self.connection.tenant);
        process.ask("sync-control", method, &path, &token, (!body.is_null()).then_some(body)).await
    }

    /// What is on the tenant's record, the oldest first: who did what, and what came of it.
    pub(super) async fn recorded(&self) -> Vec<(String, String)> {
        let items = self.world.system.items("JOURNAL_TABLE", &format!("{}#audit", self.connection.tenant)).await;
        let text = |item: &Item, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        items.iter().map(|item| (text(item, "action"), text(item, "result"))).collect()
    }

    /// A tick of the scheduler: what is due is handed out, and started.
    pub(super) async fn tick(&self) {
        let (system, process) = (self.world.system, self.world.healthy().await);
        process.fire("due").await.unwrap().unwrap();
        let messages = system.receive(Queue::Due).await;
        if !messages.is_empty() {
            let failed = process.handle(Queue::Due, &messages).await.unwrap();
            system.finish(Queue::Due, &messages, &failed).await;
        }
    }

    /// Starts a run, which a worker is to take up.
    pub(super) async fn start(&self, request: &PullRequest, mode: Mode) {
        let system = self.world.system;
        system.pass(Duration::from_secs(1));
        let (environment, outside) = (self.world.environment("sync-control"), system.outside(&Wire::whole()));
        let clients = Clients::connect(&environment, &outside).unwrap();
        let runs = Runs::connect(&clients, &environment, &outside).unwrap();
        let store = ConnectionStore::connect(&clients, &environment).unwrap();
        let stored = store.read(&self.connection).await.unwrap().unwrap();
        let request = StartRequest {
            connection: self.connection.clone(),
            work: work_of(&outside.providers, &stored, request).unwrap(),
            mode,
            actor: "ann".into(),
            trigger: Trigger::Manual,
            correlation_id: "trace".into(),
        };
        start_in_background(&runs, &request, None).await.unwrap().unwrap();
    }

    /// A run from its start to its end, by undisturbed workers: the run as it is stored then.
    pub(super) async fn run(&self, request: &PullRequest) -> Item {
        self.start(request, Mode::Apply).await;
        self.settle().await
    }

    /// Drives the run that is open to its end.
    pub(super) async fn settle(&self) -> Item {
        self.drive(|_| Wire::whole()).await
    }

    /// Drives watchdog and queue until no run is open, each round with another process from `next`: the newest run.
    pub(super) async fn drive(&self, mut next: impl FnMut(usize) -> Wire) -> Item {
        for round in 0..ROUNDS_MAX {
            let run = self.newest().await;
            if !run.contains_key("open") {
                return run;
            }
            let process = self.world.process(next(round)).await;
            if process.drain_with_time().await.is_err() || self.newest().await.contains_key("open") {
                drop(process);
                self.world.system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
                let _watched = self.world.healthy().await.watchdog().await;
            }
        }
        panic!("the run is still open: {:?}", self.newest().await);
    }

    /// The runs as they are stored, oldest first.
    pub(super) async fn runs(&self) -> Vec<Item> {
        let items = self.world.system.items("RUNS_TABLE", &self.connection.to_string()).await;
        items.into_iter().filter(|item| item["pk"] == self.connection.to_string().as_str()).collect()
    }

    /// The newest run.
    pub(super) async fn newest(&self) -> Item {
        self.runs().await.pop().unwrap()
    }

    /// The records of an entity, by the vendor's id.
    pub(super) async fn records(&self, entity: &str) -> BTreeMap<String, Item> {
        let partition = format!("{}/{entity}#", self.connection);
        let items = self.world.system.items("RECORDS_TABLE", &partition).await;
        items.into_iter().map(|item| (item["catalogId"].as_str().unwrap().to_owned(), item)).collect()
    }

    /// What is stored of an entity, without what differs between two pulls of the same.
    pub(super) async fn stored(&self, entity: &str) -> Stored {
        let ids: Vec<String> = self.runs().await.iter().map(|run| run["sk"].as_str().unwrap().to_owned()).collect();
        let dataset = format!("{}/{entity}", self.connection);
        let snapshots = self.world.system.items("SNAPSHOTS_TABLE", &dataset).await;
        let manifest = snapshots.iter().find(|item| item["sk"] == "manifest").cloned().unwrap_or_default();
        let mut records = self.records(entity).await;
        for record in records.values_mut() {
            for name in ["pk", "sk", "fetchedAt"] {
                record.remove(name);
            }
            let run = ids.iter().position(|id| record["runId"] == id.as_str());
            record.insert("runId".into(), json!(run));
        }
        Stored {
            records,
            manifest: effective(&manifest, &snapshots),
            pages: manifest.get("pages").is_some_and(|pages| !pages.is_null()),
            counted: manifest.get("pulled").map_or(Value::Null, |pulled| pulled["records"].clone()),
        }
    }

    /// The work of a run, without what differs between two pulls of the same.
    pub(super) fn work(run: &Item) -> Value {
        plain(run["work"].clone())
    }

    /// Of the newest run: status, code of its error, and of each entity its state and counts of created, updated and removed rows.
    pub(super) fn outcome(run: &Item) -> Value {
        let entities = run["work"]["entities"].as_array().unwrap().iter().map(|entity| {
            let counts = &entity["progress"]["counts"];
            let count = |name: &str| counts[name].as_str().unwrap().parse::<u64>().unwrap();
            json!([entity["entity"], entity["state"], count("created"), count("updated"), count("removed")])
        });
        json!({"status": run["status"], "code": run.get("error").map_or(Value::Null, |error| error["code"].clone()),
            "entities": entities.collect::<Vec<_>>()})
    }

    /// Hands the newest run to a worker until it has nothing more to do, or dies.
    pub(super) async fn work_until(&self, wire: Wire) -> Result<(), Crashed> {
        let process = self.world.process(wire).await;
        process.drain().await
    }

    /// Whether a message waits.
    pub(super) fn waits_ms(&self) -> Option<Duration> {
        self.world.system.due_in(Queue::Sync)
    }
}

/// What is stored of an entity.
#[derive(Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) records: BTreeMap<String, Item>,
    pub(super) manifest: BTreeMap<String, String>,
    pub(super) pages: bool,
    pub(super) counted: Value,
}

impl Stored {
    /// Rows that a vendor changed have another time each time, and so another hash.
    pub(super) fn forget_times(&mut self) {
        for record in self.records.values_mut() {
            let mut payload: Value = serde_json::from_str(record["payload"].as_str().unwrap()).unwrap();
            ["createdAt", "updatedAt"].iter().for_each(|name| drop(payload.as_object_mut().unwrap().remove(*name)));
            record.insert("payload".into(), payload);
            record.remove("hash");
        }
        self.manifest.values_mut().for_each(String::clear);
    }

    /// Each record is what the manifest says, no page is left over, and as many rows are counted.
    #[track_caller]
    pub(super) fn check(&self) {
        let hashes = self.records.values().map(|record| record["hash"].as_str().unwrap()[..16].to_owned());
        let (mut hashes, mut known): (Vec<_>, Vec<_>) = (hashes.collect(), self.manifest.values().cloned().collect());
        hashes.sort();
        known.sort();
        assert_eq!(hashes, known, "records and manifest differ");
        assert!(!self.pages, "pages are left over");
        assert_eq!(self.counted, json!(self.records.len().to_string()));
    }
}

/// Has a worker work until its wire holds a call.
pub(super) async fn until_held(process: &Process, working: Pin<&mut impl Future<Output = Result<(), Crashed>>>) {
    tokio::select! {
        biased;
        _ = working => panic!("no call was held"),
        () = process.wire().held() => {}
    }
}

/// Changes rows of a vendor.
pub(super) fn change(vendor: &Running, order: Value) {
    let order: RowsChange = serde_json::from_value(order).unwrap();
    vendor.change_rows(&order).unwrap();
}

fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name, plain(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

fn effective(manifest: &Item, snapshots: &[Item]) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for layer in manifest.get("layers").and_then(Value::as_array).into_iter().flatten() {
        let prefix = format!("segment#{}#", layer["id"].as_str().unwrap());
        let mut whole = Layer::default();
        for segment in snapshots.iter().filter(|item| item["sk"].as_str().unwrap().starts_with(&prefix)) {
            whole.append_segment(&hex::decode(segment["data"].as_str().unwrap()).unwrap()).unwrap();
        }
        rows.extend(whole.puts.iter().map(|put| (hex::encode(put.fingerprint.0), hex::encode(put.content))));
        for removal in &whole.removals {
            rows.remove(&hex::encode(removal.0));
        }
    }
    rows
}
