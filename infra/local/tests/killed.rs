//! The host as a process. Killed with kill -9 while events pour in, nothing that was acknowledged is lost, and nothing is done
//! twice; told to stop twice, it ends at once.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use signalbox::domain::secret::Secret;
use signalbox_local::remote::Remote;
use signalbox_local::remote::load::{Load, RETRIES_MAX};
use signalbox_local::remote::point_of_sale::PointOfSale;
use signalbox_local::{Host, Options, Storage};
use tokio::sync::Notify;
use tokio::time::Instant;

const SECRET: &str = "pos-secret-pos-secret-pos-secret-0";
/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The host in a process of its own. Dropping it is kill -9.
struct Process(Child);

impl Process {
    /// Starts it, and returns once it is ready.
    fn start(folder: &Path, port: u16) -> Self {
        Self::start_with(folder, port, Stdio::null())
    }

    fn start_with(folder: &Path, port: u16, stderr: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(["--no-demo", "--port", &port.to_string(), "--data-dir"]).arg(folder);
        command.env("WEBHOOK_SECRET", SECRET).env("LOG_LEVEL", "error").current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("signalbox ready on "), "{line:?}");
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        self.0.wait().unwrap();
    }
}

/// A port that nobody had a moment ago.
fn port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// How many events are stored in the folder of a host that is gone, once its queue is empty.
async fn effects(folder: &Path) -> i32 {
    let storage = Storage::Folder(folder.to_owned());
    let variables = [("WEBHOOK_SECRET".to_owned(), SECRET.to_owned())].into();
    let host = Host::start(Options { storage, variables, secrets: Some(folder.to_owned()), ..Options::default() });
    let host = host.await.unwrap();
    let queue = host.environment("webhooks").require("WEBHOOK_QUEUE_URL").unwrap().to_owned();
    let began = Instant::now();
    loop {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let call = host.sqs().get_queue_attributes().queue_url(&queue);
        let call = call.attribute_names(ApproximateNumberOfMessages);
        let found = call.attribute_names(ApproximateNumberOfMessagesNotVisible).send().await.unwrap();
        if found.attributes.unwrap_or_default().values().all(|number| number == "0") {
            break;
        }
        assert!(began.elapsed() < WAIT_MAX, "the queue does not become empty");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let table = host.environment("webhook-worker").require("RECORDS_TABLE").unwrap().to_owned();
    let scan = host.dynamodb().scan().table_name(table).filter_expression("begins_with(pk, :pk)");
    let scan = scan.expression_attribute_values(":pk", AttributeValue::S("t1#deliveries#".into()));
    let found = scan.select(Select::Count).send().await.unwrap();
    assert!(host.stop().await);
    found.count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_in_the_middle_of_a_load_has_every_effect_once() {
    let folder = tempfile::tempdir().unwrap();
    let port = port();
    let remote = Remote::new(&format!("http://127.0.0.1:{port}"), WAIT_MAX).unwrap();
    let sender = PointOfSale::new(remote, "demo", "t1", Secret::new(SECRET));
    let load = Load {
        total: 200,
        unique: 100,
        concurrency: 32,
        retries: RETRIES_MAX,
        prefix: "KILLED".into(),
        explicit_keys: false,
        seed: 7,
    };

    let first = Process::start(folder.path(), port);
    let third = Notify::new();
    let answered = std::cell::Cell::new(0);
    let count = || {
        answered.set(answered.get() + 1);
        if answered.get() == load.total / 3 {
            third.notify_one();
        }
    };
    let kill = async {
        third.notified().await;
        drop(first);
        tokio::task::spawn_blocking({
            let folder = folder.path().to_owned();
            move || Process::start(&folder, port)
        })
        .await
        .unwrap()
    };
    let (report, second) = tokio::join!(load.send(&sender, count), kill);
    let report = report.unwrap();
    assert_eq!((report.success, report.other), (200, 0), "{report:?}");
    assert!(report.retries > 0, "nobody noticed that the host was gone");

    let again = Load { seed: 8, ..load }.send(&sender, || {}).await.unwrap();
    assert_eq!((again.repeated, again.other), (200, 0), "{again:?}");
    drop(second);
    assert_eq!(effects(folder.path()).await, 100);
}

#[test]
fn a_second_signal_ends_the_host_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let port = port();
    let mut process = Process::start_with(folder.path(), port, Stdio::piped());
    let mut said = BufReader::new(process.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Work that no stop would wait for to its end: a body that never comes.
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(b"POST /pos/demo/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n").unwrap();
    let interrupt = || {
        let sent = Command::new("kill").args(["-INT", &process.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    interrupt();
    said.find(|line| line.starts_with("Stopping")).expect("it does not stop");
    interrupt();
    said.find(|line| line.starts_with("Ended at once")).expect("it goes on stopping");
    assert_eq!(process.0.wait().unwrap().code(), Some(130));
}
