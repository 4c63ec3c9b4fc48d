//! A host for each test, with a clock that moves only when told to, and a client that asks it over HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use signalbox::domain::secret::Secret;
use signalbox::http::auth::{Claims, OneOrMany, READ, WRITE, mint};
use signalbox::outside::{Clock, Outside};
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_local::{Host, Options};
use tempfile::TempDir;

pub(in crate::routes) const SECRET: &str = "service-secret-service-secret-00";
pub(in crate::routes) const PREVIOUS_SECRET: &str = "previous-secret-previous-secret0";
pub(in crate::routes) const SESSION_SECRET: &str = "session-secret-session-secret-00";
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

/// A host, its clock, and its catalogues.
pub(in crate::routes) struct World {
    pub(in crate::routes) host: Host,
    pub(in crate::routes) clock: Clock,
    root: TempDir,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(in crate::routes) struct Answer {
    pub(in crate::routes) status: u16,
    pub(in crate::routes) headers: HeaderMap,
    /// Null when it is no JSON.
    pub(in crate::routes) body: Value,
}

/// A request to be.
pub(in crate::routes) struct Ask(reqwest::RequestBuilder);

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
        let folder = root.path().to_str().unwrap();
        let mut variables: BTreeMap<String, String> = [
            ("SERVICE_JWT_SECRET", SECRET),
            ("SERVICE_JWT_SECRET_PREVIOUS", PREVIOUS_SECRET),
            ("SESSION_JWT_SECRET", SESSION_SECRET),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("VENDORS", VENDORS),
            ("CATALOG_ROOT", folder),
        ]
        .into_iter()
        .chain(more.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        variables.retain(|_, value| !value.is_empty());
        let outside = Outside { clock: clock.clone(), stores, ..Outside::default() };
        let host = Host::start(Options { variables, outside, poll, ..Options::default() }).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let world = Self { host, clock, root, client };
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

    /// Lets time pass.
    pub(in crate::routes) fn pass(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }

    pub(in crate::routes) fn get(&self, path: &str) -> Ask {
        Ask(self.client.get(format!("{}{path}", self.host.url())))
    }

    pub(in crate::routes) fn post(&self, path: &str) -> Ask {
        Ask(self.client.post(format!("{}{path}", self.host.url())))
    }

    pub(in crate::routes) fn ask(&self, method: &str, path: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Ask(self.client.request(method, format!("{}{path}", self.host.url())))
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
        self.pass(1_000);
        id(&answer)
    }

    /// A run of MOSCOT that fails, and a second that passes after it: its run's id.
    pub(in crate::routes) async fn failure(&self) -> String {
        let body = json!({"dryRun": true, "sourcePath": "nowhere.json"});
        let answer = self.write("/api/catalog/moscot/sync", body).await.expect(500);
        self.pass(1_000);
        id(&answer)
    }

    /// What a good token says, for the scopes.
    pub(in crate::routes) fn claims(&self, scopes: &[&str]) -> Claims {
        let now = self.clock.now().as_second();
        Claims {
            sub: Some("tester".into()),
            aud: Some(OneOrMany::One("clairity-services".into())),
            iat: Some(now),
            exp: now + 300,
            scopes: Some(OneOrMany::Many(scopes.iter().map(|scope| (*scope).to_owned()).collect())),
            tenant: None,
        }
    }

    pub(in crate::routes) fn token(&self, scopes: &[&str]) -> String {
        sign(&self.claims(scopes), SECRET)
    }

    /// A token of another tenant.
    pub(in crate::routes) fn token_of(&self, tenant: &str) -> String {
        let claims = Claims { tenant: Some(tenant.into()), ..self.claims(&[READ, WRITE]) };
        sign(&claims, SECRET)
    }

    /// A browser's session.
    pub(in crate::routes) fn session(&self) -> String {
        let audience = Some(OneOrMany::One("signalbox-session".into()));
        sign(&Claims { aud: audience, ..self.claims(&[]) }, SESSION_SECRET)
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

impl Ask {
    pub(in crate::routes) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(in crate::routes) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(in crate::routes) fn cookie(self, session: &str) -> Self {
        self.header("cookie", &format!("theme=dark; STORE_SESS={session}"))
    }

    pub(in crate::routes) fn body(self, text: impl Into<String>) -> Self {
        Self(self.0.header("content-type", "application/json").body(text.into()))
    }

    pub(in crate::routes) async fn answer(self) -> Answer {
        let response = self.0.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        Answer { status, headers, body }
    }
}

impl Answer {
    /// The body, of an answer with this status.
    #[track_caller]
    pub(in crate::routes) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The status and the code of a problem.
    pub(in crate::routes) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.body["ok"], false, "{} {}", self.status, self.body);
        (self.status, self.body["error"].as_str().unwrap())
    }
}

pub(in crate::routes) fn sign(claims: &Claims, secret: &str) -> String {
    mint(claims, &Secret::new(secret)).unwrap()
}

/// The run's id of a trigger's answer.
pub(in crate::routes) fn id(answer: &Value) -> String {
    answer["runId"].as_str().unwrap().to_owned()
}

/// The ids of the runs in a page.
pub(in crate::routes) fn ids(runs: &Value) -> Vec<String> {
    runs.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}
