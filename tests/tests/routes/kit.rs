//! A system for each test, with catalogues to sync, which are asked for over HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::fs;
use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{Claims, OneOrMany, READ, WRITE};
use signalbox::outside::Clock;
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_tests::answer::Answer;
use signalbox_tests::system::{Settings, System};
use signalbox_tests::tokens::{SESSION_SECRET, sign};
use tempfile::TempDir;

pub(in crate::routes) const PREVIOUS_SECRET: &str = "previous-secret-previous-secret0";
/// The sample events are signed with it.
const WEBHOOK_SECRET: &str = "replace-with-signalbox-webhook-secret";
/// When every test begins.
pub(in crate::routes) const START: &str = "2024-06-07T08:00:00Z";
/// What one read of a source takes, on the test's clock.
pub(in crate::routes) const READ_MS: u64 = 250;
/// How often to look whether a background worker is done, and how long at most.
const LOOK: (Duration, u32) = (Duration::from_millis(20), 1_000);

const VENDORS: &str = r#"[
    {"slug": "moscot", "name": "MOSCOT", "source": "moscot.json", "volatile": ["source.lastSyncISO"]},
    {"slug": "acme", "name": "Acme", "source": "acme.json"},
    {"slug": "bare", "name": "Bare"},
    {"slug": "remote", "name": "Remote", "type": "API"},
    {"slug": "moscot", "name": "MOSCOT of Globex", "tenant": "globex", "source": "globex.json"}
]"#;

/// A system, and its catalogues.
pub(in crate::routes) struct World {
    system: System,
    root: TempDir,
}

impl Deref for World {
    type Target = System;

    fn deref(&self) -> &System {
        &self.system
    }
}

impl World {
    /// A host in local mode.
    pub(in crate::routes) async fn local() -> Self {
        Self::with(&[]).await
    }

    /// A host that reads like a deployed one.
    pub(in crate::routes) async fn production() -> Self {
        Self::with(&[("STAGE", "production")]).await
    }

    /// A host whose triggers answer before their run has begun. Its workers work, or not.
    pub(in crate::routes) async fn in_background(poll: bool) -> Self {
        Self::start(&[("INLINE_BUDGET_MS", "0")], poll).await
    }

    /// A host with other values of the template's parameters.
    pub(in crate::routes) async fn with(variables: &[(&str, &str)]) -> Self {
        Self::start(variables, false).await
    }

    async fn start(more: &[(&str, &str)], poll: bool) -> Self {
        let root = TempDir::new().unwrap();
        let clock = Clock::fixed(START.parse().unwrap());
        let reading = clock.clone();
        let stores = StoreFactory::wrapped(move |store| {
            reading.advance(Duration::from_millis(READ_MS));
            store
        });
        let variables = [
            ("SERVICE_JWT_SECRET_PREVIOUS", PREVIOUS_SECRET),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("VENDORS", VENDORS),
            ("CATALOG_ROOT", root.path().to_str().unwrap()),
        ];
        let settings = Settings { clock, stores, poll, ..Settings::default() }.with(&variables).with(more);
        let world = Self { system: System::with(settings).await, root };
        world.catalogue("moscot.json", &["lemtosh", "miltzen", "zolman"], 310);
        world.catalogue("acme.json", &["anvil", "rocket"], 5);
        world.catalogue("globex.json", &["drill"], 9);
        world
    }

    /// Writes a catalogue of these items.
    pub(in crate::routes) fn catalogue(&self, file: &str, ids: &[&str], price: u32) {
        let item = |id: &&str| {
            json!({
                "catalogId": id,
                "price": {"amount": price, "currency": "USD"},
                "source": {"lastSyncISO": self.now()},
            })
        };
        self.file(file, &Value::Array(ids.iter().map(item).collect()).to_string());
    }

    /// Writes a file below the catalogue root.
    pub(in crate::routes) fn file(&self, file: &str, text: &str) {
        fs::write(self.root.path().join(file), text).unwrap();
    }

    /// The time, as it is shown.
    pub(in crate::routes) fn now(&self) -> String {
        signalbox::domain::time::text(self.clock.now())
    }

    /// A read that must succeed.
    pub(in crate::routes) async fn read(&self, path: &str) -> Value {
        self.get(path).answer().await.expect(200)
    }

    /// A POST with a token that may write.
    pub(in crate::routes) async fn write(&self, path: &str, body: Value) -> Answer {
        self.post(path).bearer(&self.token(&[WRITE])).body(body.to_string()).answer().await
    }

    /// An apply of MOSCOT that must succeed: its run's id.
    pub(in crate::routes) async fn apply(&self) -> String {
        id(&self.write("/api/catalog/moscot/sync", json!({})).await.expect(200))
    }

    /// A dry run of MOSCOT that must succeed, and a second that passes after it: its run's id.
    pub(in crate::routes) async fn dry_run(&self) -> String {
        let answer = self.write("/api/catalog/moscot/sync", json!({"dryRun": true})).await.expect(200);
        self.pass(Duration::from_secs(1));
        id(&answer)
    }

    /// A run of MOSCOT that fails, and a second that passes after it: its run's id.
    pub(in crate::routes) async fn failure(&self) -> String {
        let body = json!({"dryRun": true, "sourcePath": "nowhere.json"});
        let answer = self.write("/api/catalog/moscot/sync", body).await.expect(500);
        self.pass(Duration::from_secs(1));
        id(&answer)
    }

    /// What a good token says, for the scopes.
    pub(in crate::routes) fn claims(&self, scopes: &[&str]) -> Claims {
        self.system.claims("tester", scopes)
    }

    pub(in crate::routes) fn token(&self, scopes: &[&str]) -> String {
        self.service_token("tester", "default", scopes)
    }

    /// A token of another tenant.
    pub(in crate::routes) fn token_of(&self, tenant: &str) -> String {
        self.service_token("tester", tenant, &[READ, WRITE])
    }

    /// A browser's session.
    pub(in crate::routes) fn session(&self) -> String {
        let audience = Some(OneOrMany::One("signalbox-session".into()));
        sign(&Claims { aud: audience, ..self.claims(&[READ]) }, SESSION_SECRET)
    }

    /// Waits for a run of MOSCOT that a worker has: what became of it.
    pub(in crate::routes) async fn ended(&self, run: &str) -> Value {
        let (pause, looks) = LOOK;
        for _ in 0..looks {
            let body = self.read(&format!("/api/catalog/moscot/sync/runs/{run}")).await;
            if body["data"]["status"] != "running" {
                return body["data"].clone();
            }
            tokio::time::sleep(pause).await;
        }
        panic!("run {run} is not over");
    }
}

/// The run's id of a trigger's answer.
pub(in crate::routes) fn id(answer: &Value) -> String {
    answer["runId"].as_str().unwrap().to_owned()
}

/// The ids of the runs in a page.
pub(in crate::routes) fn ids(runs: &Value) -> Vec<String> {
    runs.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}
