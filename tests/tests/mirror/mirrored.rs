//! A tenant with categories of its own, and a connection to a simulated Google.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::mirror::categories::{Beside, CategoryStore, Committed};
use signalbox::domain::ids::{Connection, TenantId};
use signalbox::domain::mirror::categories::{CategoryName, Change, GoogleCategoryId, New, Slug};
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{GoogleChange, Limits, Options, Running, Simulator, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

/// Rounds of watchdog and queue until a run must be over.
const ROUNDS_MAX: usize = 40;

/// A simulated Google with so many locations, divided among so many accounts.
pub(super) async fn google(system: &System, locations: u64, accounts: u32, limits: Limits) -> Running {
    let rows_of = BTreeMap::from([("locations".to_owned(), locations)]);
    let options = Options { limits, clock: system.clock.clone(), accounts, rows_of, ..Options::new(Vendor::Gbp) };
    Simulator::start(options).await.unwrap()
}

/// A name of Google's of a category.
fn named(id: &str) -> String {
    format!("categories/gcid:{id}")
}

/// The name of a location, by its place among all.
pub(super) fn location(index: u64) -> String {
    format!("locations/{}", 1_001 + index)
}

/// A tenant with a connection to one of Google's accounts.
pub(super) struct Mirrored<'a> {
    pub(super) world: World<'a>,
    pub(super) google: &'a Running,
    pub(super) connection: Connection,
}

impl<'a> Mirrored<'a> {
    /// With everything on.
    pub(super) async fn of(system: &'a System, google: &'a Running, account: u32) -> Self {
        Self::with(system, google, account, json!({"requestsPerMinute": 60_000, "editsPerMinute": 60})).await
    }

    /// With other settings.
    pub(super) async fn with(system: &'a System, google: &'a Running, account: u32, settings: Value) -> Self {
        let mut world = system.world();
        world.set("FF_CATEGORY_MIRRORING", "true");
        world.set("FF_TENANT_GBP_CATEGORY_SYNC", "true");
        let connection: Connection = format!("{}/gbp/main", world.tenant).parse().unwrap();
        let mirrored = Self { world, google, connection };
        mirrored.put(account, settings, json!("off")).await;
        mirrored
    }

    async fn put(&self, account: u32, settings: Value, schedule: Value) {
        let (system, google) = (self.world.system, self.google);
        let mut all = json!({"account": format!("accounts/{account}"), "clientId": "client",
            "baseUrl": google.base_url(), "tokenUrl": google.token_url()});
        settings.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        let body =
            json!({"settings": all, "schedule": schedule, "secrets": {"current": google.google_secret(account)}});
        let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let put = system.request("PUT", &format!("/api/admin/connections/{}", self.connection)).bearer(&token);
        let answer = put.body(body.to_string()).answer().await;
        assert!(answer.status < 300, "{}", answer.text);
    }

    /// Puts it on a schedule of so many minutes.
    pub(super) async fn every(&self, account: u32, minutes: u32) {
        self.put(account, json!({"requestsPerMinute": 60_000}), json!({"every": minutes})).await;
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

    pub(super) fn tenant(&self) -> TenantId {
        self.connection.tenant.clone()
    }

    pub(super) fn categories(&self) -> CategoryStore {
        let (environment, outside) = (self.world.environment("sync-worker"), self.world.system.outside(&Wire::whole()));
        let clients = Clients::connect(&environment, &outside).unwrap();
        CategoryStore::connect(&clients, &environment).unwrap()
    }

    /// Gives the tenant these categories of Google's, in their order, the primary one first, called as Google calls them.
    pub(super) async fn has(&self, ids: &[&str]) {
        let store = self.categories();
        let mut tree = store.tree(&self.tenant()).await.unwrap();
        let (now, outside) = (self.world.system.clock.now(), self.world.system.outside(&Wire::whole()));
        let gone: Vec<_> = tree.active().into_iter().map(|category| category.id.clone()).collect();
        for id in gone {
            tree.remove(&id, None, now).unwrap();
        }
        for (sort_order, id) in (0..).zip(ids) {
            let google = GoogleCategoryId::parse(&format!("gcid:{id}")).unwrap();
            let made = tree.take_in(&google, &called(id), outside.entropy.bytes16(), now).unwrap();
            tree.change(&made.id, Change { sort_order: Some(sort_order), ..Change::default() }, None, now).unwrap();
        }
        assert_eq!(store.commit(&tree, Beside::default()).await.unwrap(), Committed::Yes);
    }

    /// Gives the tenant one that is none of Google's.
    pub(super) async fn has_own(&self, name: &str) {
        let store = self.categories();
        let mut tree = store.tree(&self.tenant()).await.unwrap();
        let (now, outside) = (self.world.system.clock.now(), self.world.system.outside(&Wire::whole()));
        let (name, slug) = (CategoryName::parse(name).unwrap(), Slug::parse("own").unwrap());
        let new = New { name, slug, parent_id: None, google_category_id: None, sort_order: Some(0) };
        tree.create(new, outside.entropy.bytes16(), now).unwrap();
        assert_eq!(store.commit(&tree, Beside::default()).await.unwrap(), Committed::Yes);
    }

    /// The tenant's active categories that are Google's, in their order.
    pub(super) async fn platform(&self) -> Vec<String> {
        let active = self.categories().active(&self.tenant()).await.unwrap();
        let ids = active.iter().filter_map(|category| category.google_category_id.as_ref());
        ids.map(|id| id.as_str().trim_start_matches("gcid:").to_owned()).collect()
    }

    /// A location has these categories, as somebody gave it them in their browser.
    pub(super) fn given(&self, index: u64, ids: &[&str]) {
        let set = BTreeMap::from([(location(index), ids.iter().map(|id| named(id)).collect())]);
        self.google.change_google(&GoogleChange { set, ..GoogleChange::default() }).unwrap();
    }

    /// How often each location was edited.
    pub(super) fn edited(&self) -> BTreeMap<String, u64> {
        self.google.edits().0
    }

    /// What a location was given last.
    pub(super) fn last_edit(&self, index: u64) -> Option<Vec<String>> {
        let (_, edits) = self.google.edits();
        let of = edits.into_iter().rev().find(|edit| edit.location == location(index) && !edit.validate_only)?;
        Some(of.categories.iter().map(|name| name.trim_start_matches("categories/gcid:").to_owned()).collect())
    }

    pub(super) fn admin(&self) -> String {
        self.world.system.user_token("PLATFORM_ADMIN", &[], &[])
    }

    /// Asks for a mirror.
    pub(super) async fn ask(&self, body: Value) -> Answer {
        let process = self.world.healthy().await;
        self.ask_over(&process, body).await.unwrap()
    }

    pub(super) async fn ask_over(&self, process: &Process, body: Value) -> Result<Answer, Crashed> {
        process.ask("sync-control", "POST", "/api/categories/mirror", &self.admin(), Some(body)).await
    }

    /// Starts a mirror of the tenant: its job.
    pub(super) async fn start(&self, strategy: &str, dry: bool) -> String {
        let body = json!({"strategy": strategy, "tenantId": self.world.tenant, "dryRun": dry});
        let answer = self.ask(body).await.expect(202);
        answer["jobId"].as_str().unwrap().to_owned()
    }

    /// A mirror from its start to its end, a while after the one before: its row of the log.
    pub(super) async fn mirror(&self, strategy: &str) -> Value {
        self.world.system.pass(Duration::from_secs(61));
        self.start(strategy, false).await;
        self.settle().await;
        self.log("").await["data"][0].clone()
    }

    pub(super) async fn read(&self, path: &str) -> Answer {
        let process = self.world.healthy().await;
        process.ask("read-api", "GET", &format!("/api/admin/{path}"), &self.admin(), None).await.unwrap()
    }

    /// The log of the tenant.
    pub(super) async fn log(&self, more: &str) -> Value {
        self.read(&format!("sync-logs?tenantId={}{more}", self.world.tenant)).await.expect(200)
    }

    /// The runs as they are stored, oldest first.
    pub(super) async fn runs(&self) -> Vec<Item> {
        let items = self.world.system.items("RUNS_TABLE", &self.connection.to_string()).await;
        items.into_iter().filter(|item| item["pk"] == self.connection.to_string().as_str()).collect()
    }

    /// The newest run that was not skipped.
    pub(super) async fn newest(&self) -> Item {
        self.runs().await.into_iter().rev().find(|run| run["status"] != "Skipped").unwrap()
    }

    /// Whether no run is open, or one waits for approval.
    async fn is_settled(&self) -> bool {
        let runs = self.runs().await;
        let waits = |run: &Item| run.get("wait").is_some_and(|wait| wait["reason"] == "approval");
        runs.iter().filter(|run| run.contains_key("open")).all(waits)
    }

    /// Drives undisturbed processes until no run is open, or one waits for approval.
    pub(super) async fn settle(&self) {
        self.drive(|_| Wire::whole()).await;
    }

    /// Drives watchdog and queue until no run is open, each round with another process from `next`.
    pub(super) async fn drive(&self, mut next: impl FnMut(usize) -> Wire) {
        for round in 0..ROUNDS_MAX {
            let process = self.world.process(next(round)).await;
            // What a killed process leaves is there in the next round.
            let _drained = process.drain().await;
            drop(process);
            if self.is_settled().await {
                return;
            }
            self.world.system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
            let _watched = self.world.healthy().await.watchdog().await;
        }
        panic!("a run is still open: {:?}", self.runs().await.last());
    }
}

/// What the simulated Google calls a category.
pub(super) fn called(id: &str) -> String {
    let words = id.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
