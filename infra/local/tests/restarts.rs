//! The host as a process that ends in the middle of a run, killed or told to: the next start goes on with the run at once.
//! The clock of that start stands still, so that no lease runs out.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::outside::{Clock, Outside};
use signalbox_local::engines::dynamodb;
use signalbox_local::engines::journal::Journal;
use signalbox_local::remote::Remote;
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options, Storage};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::Notify;
use tokio::time::Instant;

const SECRET: &str = "service-secret-service-secret-service";
/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A vendor on this machine. Its catalogue has no end until it is told to have one: whoever reads it is in the middle.
#[derive(Clone)]
struct Vendor {
    address: String,
    ends: Arc<AtomicBool>,
    asked: Arc<Notify>,
}

impl Vendor {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let this = Self { address, ends: Arc::default(), asked: Arc::default() };
        let vendor = this.clone();
        let router = Router::new().route("/catalogue", get(move || async move { vendor.catalogue() }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    fn catalogue(&self) -> Response {
        let row =
            |number: u64| json!({"catalogId": number.to_string(), "text": "x".repeat(1 << 16)}).to_string() + "\n";
        if self.ends.load(Ordering::SeqCst) {
            return (0..3).map(row).collect::<String>().into_response();
        }
        self.asked.notify_one();
        let rows = futures::stream::iter((0..).map(move |number| Ok::<_, std::io::Error>(Bytes::from(row(number)))));
        ([("content-length", "1000000000")], Body::from_stream(rows)).into_response()
    }

    /// What a host must be told to sync this vendor, and to take the tests' token.
    fn variables(&self) -> [(&'static str, String); 3] {
        let vendors = json!([{"slug": "moscot", "source": format!("http://{}/catalogue", self.address)}]);
        [
            ("VENDORS", vendors.to_string()),
            ("CATALOG_HOSTS", self.address.clone()),
            ("SERVICE_JWT_SECRET", SECRET.to_owned()),
        ]
    }
}

/// A host in a process of its own, in the middle of a run.
async fn in_the_middle_of_a_run(folder: &Path, vendor: &Vendor) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(["--no-demo", "--port", "0", "--data-dir"]).arg(folder).current_dir(folder);
    command.envs(vendor.variables()).env("LOG_LEVEL", "error");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
    let ready = BufReader::new(output).lines().next_line().await.unwrap().unwrap();
    let url = ready.strip_prefix("signalbox ready on ").unwrap();
    let grant = Grant { scopes: token::scopes("write"), ..Grant::default() };
    let token = token::mint(grant, SECRET, Clock::default().now()).unwrap();
    let remote = Remote::new(url, WAIT_MAX).unwrap();
    // Nobody waits for the answer of a host that is killed.
    tokio::spawn(async move { remote.post_json("/api/catalog/moscot/sync", &token, "{}").await });
    tokio::time::timeout(WAIT_MAX, vendor.asked.notified()).await.unwrap();
    child
}

fn ended(mut child: Child) {
    child.wait().unwrap();
}

/// The lease as it lies on disk, and how many messages the queue of runs has.
fn left_behind(folder: &Path) -> (Value, usize) {
    let database = dynamodb::open(Some(&folder.join("tables.sqlite"))).unwrap();
    let key = json!({"pk": {"S": "default/catalogue/moscot"}, "sk": {"S": "lease"}});
    let request = json!({"TableName": "signalbox-ControlTable", "Key": key});
    let answer = database.get_item(serde_json::from_value(request).unwrap()).unwrap();
    let lease = serde_json::to_value(answer).unwrap()["Item"].take();
    let journal = Journal::open(Some(&folder.join("queues.sqlite"))).unwrap();
    (lease, journal.waiting("signalbox-SyncQueue").unwrap().len())
}

/// Starts a host whose clock stands, and waits until the run is over.
async fn go_on(folder: &Path, vendor: &Vendor, now: Timestamp) {
    vendor.ends.store(true, Ordering::SeqCst);
    let variables = vendor.variables().map(|(name, value)| (name.to_owned(), value)).into();
    let host = Host::start(Options {
        storage: Storage::Folder(folder.to_owned()),
        outside: Outside { clock: Clock::fixed(now), ..Outside::default() },
        variables,
        ..Options::default()
    });
    let host = host.await.unwrap();
    let remote = Remote::new(&host.url(), WAIT_MAX).unwrap();
    let began = Instant::now();
    loop {
        let answer = remote.get("/api/catalog/vendor-sync/runs", None).await.unwrap();
        let runs: Value = serde_json::from_str(&answer.text).unwrap();
        let run = &runs["data"]["items"][0];
        if run["status"] != "running" {
            assert_eq!(run["status"], "success", "{runs}");
            assert!(host.stop().await);
            return;
        }
        assert!(began.elapsed() < WAIT_MAX, "the run does not go on: {runs}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_host_that_was_killed_goes_on_before_its_lease_has_run_out() {
    let (folder, vendor) = (tempfile::tempdir().unwrap(), Vendor::start().await);
    let mut host = in_the_middle_of_a_run(folder.path(), &vendor).await;
    host.kill().unwrap();
    ended(host);
    let now = Clock::default().now();
    let (lease, messages) = left_behind(folder.path());
    let until_ms: i64 = lease["untilMs"]["N"].as_str().unwrap().parse().unwrap();
    assert!(lease["fence"]["S"].is_string() && until_ms > now.as_millisecond(), "nobody holds the run: {lease}");
    assert_eq!(messages, 0, "a trigger holds its run without a message");
    go_on(folder.path(), &vendor, now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_host_that_is_stopped_is_handed_on_to_the_next_start() {
    let (folder, vendor) = (tempfile::tempdir().unwrap(), Vendor::start().await);
    let host = in_the_middle_of_a_run(folder.path(), &vendor).await;
    let terminate = Command::new("kill").args(["-TERM", &host.id().to_string()]).status().unwrap();
    assert!(terminate.success());
    ended(host);
    let (lease, messages) = left_behind(folder.path());
    assert_eq!((&lease["untilMs"]["N"], lease.get("fence")), (&json!("0"), None), "somebody holds the run: {lease}");
    assert_eq!(messages, 1, "the next slice is queued");
    go_on(folder.path(), &vendor, Clock::default().now()).await;
}
