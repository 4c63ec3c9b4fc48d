//! What is sent, the same to each AWS, and what is kept to compare: answers, and at the end everything stored.

use std::path::Path;

use serde_json::{Value, json};
use signalbox::http::auth::{Claims, DELIVERIES_WRITE, OneOrMany, READ, WRITE};
use signalbox::outside::Clock;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::tokens::{SERVICE_SECRET, sign};

use crate::Result;
use crate::aws::{Aws, TABLES};
use crate::masked::masked;

const CATALOGUE: &str = "moscot.catalog.json";
/// Where the samples want a token.
const PLACEHOLDER: &str = "replace-with-signalbox-token";
const RUNS: &str = "/api/catalog/vendor-sync/runs";
const LETTERS: &str = "/api/sync/dead-letters";

/// Steps in order, with what came of each.
pub(crate) type Transcript = Vec<(String, Value)>;

struct Flows<'a> {
    aws: &'a Aws,
    root: &'a Path,
    transcript: Transcript,
}

/// All flows, one after the other.
pub(crate) async fn all(aws: &Aws, root: &Path) -> Result<Transcript> {
    let mut flows = Flows { aws, root, transcript: Vec::new() };
    flows.publish(&Catalogue::small(60))?;
    flows.syncs().await?;
    flows.webhooks().await?;
    flows.dead_letters().await?;
    flows.rejected().await?;
    flows.samples().await?;
    flows.reads().await?;
    for table in TABLES {
        let items = aws.items(table).await?;
        flows.keep(format!("stored in {table}, {} items", items.len()), Value::from(items));
    }
    Ok(flows.transcript)
}

fn token(tenant: Option<&str>) -> String {
    let now = Clock::default().now().as_second();
    let scopes = [READ, WRITE, DELIVERIES_WRITE].map(String::from).to_vec();
    let claims = Claims {
        sub: Some("second-aws".into()),
        aud: Some(OneOrMany::One("clairity-services".into())),
        iat: Some(now),
        nbf: None,
        exp: now + 600,
        scopes: Some(OneOrMany::Many(scopes)),
        tenant: tenant.map(String::from),
    };
    sign(&claims, SERVICE_SECRET)
}

impl Flows<'_> {
    fn keep(&mut self, step: impl Into<String>, outcome: Value) {
        self.transcript.push((step.into(), masked(outcome)));
    }

    fn publish(&self, catalogue: &Catalogue) -> Result<()> {
        Ok(std::fs::write(self.root.join(CATALOGUE), catalogue.json())?)
    }

    /// Asks as a client of a tenant, and keeps the answer.
    async fn ask(&mut self, method: &str, path: &str, tenant: Option<&str>, body: Option<Value>) -> Result<Value> {
        let answer = self.aws.ask(method, path, Some(&token(tenant)), body).await?;
        self.keep(format!("{method} {path}"), answer.clone());
        Ok(answer)
    }

    /// Sends as a sender, and keeps the answer.
    async fn send(&mut self, step: &str, delivery: &Delivery) -> Result<()> {
        let answer = self.aws.send(delivery).await?;
        self.keep(step, answer);
        Ok(())
    }

    async fn syncs(&mut self) -> Result<()> {
        let sync = "/api/catalog/moscot/sync";
        let refused = self.aws.ask("POST", sync, None, None).await?;
        self.keep("a sync without a token", refused);
        self.ask("POST", &format!("{sync}?dryRun=1"), None, None).await?;
        let applied = self.ask("POST", sync, None, None).await?;
        let run = applied["body"]["runId"].as_str().unwrap_or_default().to_owned();
        let answer = self.aws.ask("GET", &format!("{sync}/runs/{run}"), Some(&token(None)), None).await?;
        self.keep("the run of the first sync", answer);
        self.ask("POST", sync, None, Some(json!({}))).await?;
        self.publish(&Catalogue::small(60).with_three_changes())?;
        self.ask("POST", "/api/catalog/vendor-sync/moscot/sync", None, Some(json!({"dryRun": false}))).await?;
        self.publish(&Catalogue::small(3))?;
        self.ask("POST", sync, None, None).await?;
        self.ask("POST", sync, None, Some(json!({"allowRemovals": true}))).await?;
        self.ask("POST", sync, None, Some(json!({"sourcePath": "../elsewhere.json"}))).await?;
        self.ask("POST", "/api/catalog/vendor-sync/registry/moscot/test", None, Some(json!({}))).await?;
        self.ask("POST", "/api/catalog/vendor-sync/nobody/sync", None, None).await?;

        // The schedule starts a run, and hands it on through the queue to the worker.
        self.publish(&Catalogue::small(60))?;
        let nightly = json!({"schedule": "nightly", "scheduledTime": "2026-01-15T02:00:00Z"});
        let started = self.aws.invoke("scheduler", nightly.clone()).await?;
        self.keep("the nightly schedule", started);
        self.no_run_is_open().await?;
        let again = self.aws.invoke("scheduler", nightly).await?;
        self.keep("the same tick again", again);
        Ok(())
    }

    async fn no_run_is_open(&self) -> Result<()> {
        let aws = self.aws;
        let over = async || {
            let page = aws.ask("GET", RUNS, Some(&token(None)), None).await?;
            Ok(!page.to_string().contains("\"running\""))
        };
        aws.until("no run is open", over).await
    }

    async fn webhooks(&mut self) -> Result<()> {
        let sale = Delivery::pos("t1", r#"{"sku":"A","qty":1}"#).header("idempotency-key", "sale-a");
        self.send("a new event", &sale).await?;
        // One that is still in the queue would be sent on once more.
        self.applied(1).await?;
        self.send("the same again", &sale).await?;
        let other = Delivery::pos("t1", r#"{"sku":"B","qty":1}"#).header("idempotency-key", "sale-a");
        self.send("another body under its key", &other).await?;
        self.send("a forged event", &sale.clone().header("x-webhook-signature", &"0".repeat(64))).await?;
        let large = format!(r#"{{"pad":"{}"}}"#, "x".repeat(800 * 1024));
        self.send("an event of 800 KB", &Delivery::pos("t1", large).header("idempotency-key", "large")).await?;
        self.send("an event of GitHub", &Delivery::github("delivery-1", "{}")).await?;
        self.send("an event without a signature", &Delivery::unsigned("/webhooks/github/acme", "{}")).await?;
        let stock = |onhand: u64| {
            json!({"event_id": format!("evt-{onhand}"), "event_type": "inventory.updated", "connection_id": "conn-1",
                "data": {"id": "prod-1", "sku": "A", "onhand": onhand, "updated_date": "2026-01-15T12:00:00.000Z"}})
        };
        self.send("a stock level", &Delivery::trackstar("/inventory", &stock(5))).await?;
        let mut unknown = stock(6);
        unknown["connection_id"] = json!("conn-of-nobody");
        self.send("a stock level of an unknown link", &Delivery::trackstar("", &unknown)).await?;
        self.applied(4).await
    }

    /// Waits until so many deliveries have had their effect, all counted.
    async fn applied(&self, count: usize) -> Result<()> {
        let aws = self.aws;
        let applied = async || {
            let page = aws.ask("GET", "/metrics", Some(&token(None)), None).await?;
            let samples = page["body"].as_str().unwrap_or_default();
            let samples = samples.lines().filter(|line| line.starts_with("deliveries_applied_total"));
            let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            Ok(values.sum::<f64>() >= count as f64)
        };
        aws.until(&format!("{count} deliveries are applied"), applied).await
    }

    /// What the queue gave up on is there to be requeued or dropped.
    async fn dead_letters(&mut self) -> Result<()> {
        let token = token(Some("t1"));
        for (letter, (method, action)) in [("requeued", ("POST", "/requeue")), ("dropped", ("DELETE", ""))] {
            let body = json!({"letter": letter}).to_string();
            let hash = signalbox::domain::deliveries::delivery::body_hash(body.as_bytes());
            let label = json!({"connection": "t1/pos/demo", "channel": "event", "key": format!("key:{letter}"),
                "bodyHash": hash, "receivedMs": 1_768_478_400_000_i64, "correlationId": format!("trace-{letter}")});
            self.aws.enqueue("WebhookDeadLetterQueue", &label.to_string(), &body).await?;
            let (aws, asks) = (self.aws, &token);
            let listed =
                async || Ok(aws.ask("GET", LETTERS, Some(asks), None).await?.to_string().contains("\"eventKey\""));
            aws.until("the dead letter is recorded", listed).await?;
            let page = self.ask("GET", LETTERS, Some("t1"), None).await?;
            let id = page["body"]["items"][0]["id"].as_str().unwrap_or_default().to_owned();
            let decided = self.aws.ask(method, &format!("{LETTERS}/{id}{action}"), Some(&token), None).await?;
            self.keep(format!("a dead letter is {letter}"), decided);
        }
        self.applied(5).await
    }

    /// What was refused at the door is there to be let in; it still is forged.
    async fn rejected(&mut self) -> Result<()> {
        let page = self.ask("GET", "/api/admin/deliveries?source=pos", Some("t1"), None).await?;
        let id = page["body"]["items"][0]["id"].clone();
        let (token, body) = (token(Some("t1")), json!({"id": id}));
        let verified = self.aws.ask("POST", "/api/admin/deliveries/verify", Some(&token), Some(body)).await?;
        self.keep("a forged event is verified again", verified);
        Ok(())
    }

    /// The events of `events/`, as AWS hands them to the functions.
    async fn samples(&mut self) -> Result<()> {
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
        let mut files: Vec<_> = std::fs::read_dir(events)?
            .map(|folder| std::fs::read_dir(folder?.path()))
            .collect::<std::io::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .map(|file| Ok(file?.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        for file in files {
            let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
            let function = folder.to_string_lossy().into_owned();
            // It answers in pieces, at a URL of its own: invoked otherwise, its answer is of another form.
            if function == "live-logs" {
                continue;
            }
            let event = std::fs::read_to_string(&file)?.replace(PLACEHOLDER, &token(None));
            let mut answer = self.aws.invoke(&function, serde_json::from_str(&event)?).await?;
            // A page of metrics is compared at the end, when everything is counted.
            if let Some(body) = answer["body"].as_str() {
                answer["body"] = serde_json::from_str(body).unwrap_or_default();
            }
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.keep(format!("events/{function}/{name}"), answer);
            // A run that a schedule started would be in the way of the next one.
            self.no_run_is_open().await?;
        }
        self.applied(8).await
    }

    async fn reads(&mut self) -> Result<()> {
        // Not `/health`: ministack answers that itself.
        for path in ["/healthz", "/livez", "/startupz", "/health/ready", "/api", "/api/health", "/openapi.json"] {
            let answer = self.aws.ask("GET", path, None, None).await?;
            self.keep(format!("GET {path}"), answer);
        }
        for path in [
            RUNS,
            "/api/catalog/vendor-sync/runs?status=failed&limit=2",
            "/api/catalog/vendor-sync/state",
            "/api/catalog/vendor-sync/observability?start=2020-01-01",
            "/api/catalog/vendor-sync/overview",
            "/api/catalog/vendor-sync/registry",
            "/api/catalog/vendor-sync/registry/moscot",
            "/api/catalog/vendor-sync/registry/nobody",
            "/api/admin/deliveries",
            LETTERS,
            "/nowhere",
        ] {
            self.ask("GET", path, None, None).await?;
        }
        for query in [
            "status=processed",
            "status=processed&source=pos/demo&limit=1",
            "status=dead",
            "status=all&from=2026-01-01",
            "status=all&source=pos&key=sale-a",
            "status=processed&source=github/acme&key=delivery-1",
            "status=processed&correlationId=trace-requeued",
            "status=bogus",
        ] {
            self.ask("GET", &format!("/api/admin/deliveries?{query}"), Some("t1"), None).await?;
        }
        for (method, path) in [("HEAD", "/healthz"), ("HEAD", RUNS), ("PUT", "/healthz"), ("GET", "/healthz/")] {
            self.ask(method, path, None, None).await?;
        }
        let metrics = self.aws.ask("GET", "/metrics", Some(&token(None)), None).await?;
        self.keep("GET /metrics", without_latency(metrics["body"].as_str().unwrap_or_default()));
        Ok(())
    }
}

/// The lines that do not say how long something took.
fn without_latency(page: &str) -> Value {
    page.lines().filter(|line| !line.contains("latency")).map(Value::from).collect()
}
