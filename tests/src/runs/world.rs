//! A tenant for each case, with a vendor whose catalogue is synced.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::environment::Environment;

use crate::items::Item;
use crate::queues::Queue;
use crate::runs::catalogue::Catalogue;
use crate::runs::process::WorldProcess;
use crate::runs::stored::{self, Stored};
use crate::system::System;
use crate::wire::Wire;

/// Rounds of watchdog and queue until a run must be over.
const ROUNDS_MAX: usize = 100;
const CATALOGUE: &str = "moscot.catalog.json";

/// One tenant's part of a system. The watchdog sees all of them: one world at a time must have open runs.
pub struct World<'a> {
    /// The system it is in.
    pub system: &'a System,
    /// Its tenant.
    pub tenant: String,
    /// Where its catalogues lie.
    pub root: PathBuf,
    variables: Vec<(String, String)>,
}

impl System {
    /// A tenant of its own, which has nothing yet.
    pub fn world(&self) -> World<'_> {
        self.world_of(format!("world{}", self.worlds.fetch_add(1, Ordering::SeqCst)))
    }

    /// The default tenant, which alone may name sources that lie in the deployment's files, or on its hosts.
    pub fn operators_world(&self) -> World<'_> {
        self.world_of("default".to_owned())
    }

    fn world_of(&self, tenant: String) -> World<'_> {
        let shared = self.host.environment("sync-control");
        let root = PathBuf::from(shared.require("CATALOG_ROOT").expect("a root")).join(&tenant);
        std::fs::create_dir_all(&root).expect("a folder");
        let vendors = json!([{"slug": "moscot", "tenant": tenant, "source": CATALOGUE,
            "volatile": ["source.lastSyncISO"]}]);
        let mut world = World { system: self, tenant, root, variables: Vec::new() };
        world.set("VENDORS", vendors.to_string());
        let root = world.root.to_str().expect("a path").to_owned();
        world.set("CATALOG_ROOT", root);
        world
    }
}

impl World<'_> {
    /// Sets an environment variable of every function that is started from here on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// The environment of a function in this world.
    #[must_use]
    pub fn environment(&self, function: &str) -> Environment {
        let mut environment = self.system.environment(function);
        environment.extend(self.variables.clone());
        environment
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The start of every key of the world's vendor.
    #[must_use]
    pub fn connection(&self) -> String {
        format!("{}/catalogue/moscot", self.tenant)
    }

    /// Publishes a catalogue where the vendor's lies.
    pub fn publish(&self, catalogue: &Catalogue) {
        self.write(CATALOGUE, &catalogue.json());
    }

    /// Writes a file below the catalogue root, in one step as an exporter should.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text).expect("a file");
        std::fs::rename(draft, path).expect("a file");
    }

    /// Starts a process with these functions' newest instances.
    pub async fn process(&self, wire: Wire) -> WorldProcess<'_> {
        WorldProcess::start(self, wire).await
    }

    /// A process whose wire is whole.
    pub async fn healthy(&self) -> WorldProcess<'_> {
        self.process(Wire::whole()).await
    }

    /// Applies a catalogue undisturbed.
    pub async fn apply(&self, catalogue: &Catalogue) {
        self.publish(catalogue);
        let process = self.healthy().await;
        let answer = process.sync(json!({"allowRemovals": true})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Adds a layer to the manifest that counts as large, so that the next run which writes merges the layers.
    pub async fn add_large_layer(&self) {
        stored::add_large_layer(self).await;
    }

    /// Everything stored of this world.
    pub async fn stored(&self) -> Stored {
        Stored::read(self).await
    }

    /// The status of each run, oldest first.
    pub async fn statuses(&self) -> Vec<String> {
        stored::runs(self).await.iter().map(|run| run["status"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Its runs as stored, oldest first.
    pub async fn runs(&self) -> Vec<Item> {
        stored::runs(self).await
    }

    /// How many runs still owe their end, or the event of it.
    pub async fn open_runs(&self) -> usize {
        stored::runs(self).await.iter().filter(|run| run.contains_key("open")).count()
    }

    /// Lets every lease run out, whoever holds it.
    pub fn expire_leases(&self) {
        self.system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
    }

    /// Drives watchdog and queue until no run is open, each round with another process from `next`. Messages that wait
    /// longer than the runs take are handed out then: they change nothing.
    ///
    /// # Panics
    /// When a run is still open after [`ROUNDS_MAX`] rounds.
    pub async fn drive(&self, mut next: impl FnMut(usize) -> Wire) {
        for round in 0..ROUNDS_MAX {
            if self.open_runs().await == 0 {
                return self.late_messages().await;
            }
            self.expire_leases();
            let process = self.process(next(round)).await;
            // What fails here is there in the next round.
            if process.watchdog().await.is_ok() {
                let _worked = process.drain().await;
            }
        }
        panic!("a run is still open after {ROUNDS_MAX} rounds: {:?}", self.statuses().await);
    }

    async fn late_messages(&self) {
        if self.system.due_in(Queue::Sync).is_some() {
            self.healthy().await.drain_with_time().await.expect("nothing kills it");
        }
    }

    /// Drives undisturbed processes until no run is open.
    pub async fn settle(&self) {
        self.drive(|_| Wire::whole()).await;
    }

    /// The kinds of this world's events on the bus, in order.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.heard().map(|event| event["DetailType"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The runs that events of one kind told of.
    #[must_use]
    pub fn told(&self, kind: &str) -> BTreeSet<String> {
        let told = self.heard().filter(|event| event["DetailType"] == kind);
        told.map(|event| event["Detail"]["runId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn heard(&self) -> impl Iterator<Item = Value> {
        let events = self.system.host.events().into_iter();
        events.filter(|event| event["Detail"]["tenant"] == json!(self.tenant))
    }
}
