//! The local host from outside: requests, queues, events and schedules reach functions as they do in AWS, and nothing
//! that was accepted is lost.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path as Captured;
use axum::routing::{get, post};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::keys::DataKeys;
use signalbox::domain::secret::Secret;
use signalbox::function::Function;
use signalbox::outside::{Clock, Outside};
use signalbox_local::{Host, HostError, Options, Storage};
use tokio::sync::{Semaphore, mpsc};

const TEMPLATE: &str = r#"
Resources:
  HttpApi: {Type: AWS::Serverless::HttpApi}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}-bus"}}
  Front:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 10
      Events:
        Item: {Type: HttpApi, Properties: {ApiId: !Ref HttpApi, Method: GET, Path: "/items/{id}"}}
        Echo: {Type: HttpApi, Properties: {ApiId: !Ref HttpApi, Method: POST, Path: /echo}}
        Broken: {Type: HttpApi, Properties: {ApiId: !Ref HttpApi, Method: GET, Path: /broken}}
  Streamer:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 10
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
      Environment: {Variables: {URL: !GetAtt StreamerUrl.FunctionUrl}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 10
      Events:
        Jobs:
          Type: SQS
          Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5, FunctionResponseTypes: [ReportBatchItemFailures]}
        Slow: {Type: SQS, Properties: {Queue: !GetAtt Slow.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}}
  Listener:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 10
      Events:
        Failed:
          Type: EventBridgeRule
          Properties: {EventBusName: !Ref Bus, Pattern: {detail-type: [RunFailed]}}
        Nightly:
          Type: ScheduleV2
          Properties:
            Name: !Sub "${AWS::StackName}-nightly"
            ScheduleExpression: cron(0 2 * * ? *)
            Input: '{"from":"<aws.scheduler.schedule-arn>","due":"<aws.scheduler.scheduled-time>"}'
  Copy:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {detail-type: [RunFailed]}
      Targets: [{Id: copies, Arn: !GetAtt Copies.Arn}]
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      # Visible again at once, so that giving up needs no waiting.
      VisibilityTimeout: 0
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Slow: {Type: AWS::SQS::Queue}
  Dead: {Type: AWS::SQS::Queue}
  Copies: {Type: AWS::SQS::Queue}
"#;

/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(20);

struct Heard {
    batches: mpsc::UnboundedReceiver<Value>,
    events: mpsc::UnboundedReceiver<Value>,
}

/// Functions that tell the test what they were given. The worker fails every message whose body is `fail`.
fn functions() -> (BTreeMap<String, Function>, Heard) {
    let (tell_batch, batches) = mpsc::unbounded_channel();
    let (tell_event, events) = mpsc::unbounded_channel();
    let front = Router::new()
        .route("/items/{id}", get(|Captured(id): Captured<String>| async move { format!("item {id}") }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/broken", get(|| async { panic_now() }));
    let worker = Function::sqs(move |messages| {
        let tell = tell_batch.clone();
        async move {
            let failed = messages.iter().filter(|message| message.body.as_deref() == Some("fail"));
            let failed = failed.map(|message| message.message_id.clone().unwrap()).collect();
            // A test that has heard enough is no reason to fail the batch.
            let _heard = tell.send(json!({"Records": messages}));
            failed
        }
    });
    let listener = Function::event(move |event, _context| {
        let tell = tell_event.clone();
        async move { tell.send(event).map_err(Into::into) }
    });
    let functions = [
        ("front", Function::Http(front)),
        ("streamer", Function::Stream(streamer())),
        ("worker", worker),
        ("listener", listener),
    ];
    (functions.map(|(name, function)| (name.to_owned(), function)).into(), Heard { batches, events })
}

/// Streams that end, that break off in the middle of a line, and that panic there.
fn streamer() -> Router {
    let pieces = |last: fn() -> Option<Result<&'static str, std::io::Error>>| {
        let pieces =
            stream::iter([Ok("data: one\n\n"), Ok("data: tw")]).chain(stream::iter(std::iter::from_fn(last).take(1)));
        Body::from_stream(pieces)
    };
    Router::new()
        .route("/", get(async move || pieces(|| Some(Ok("o\n\n")))))
        .route("/fails", get(async move || pieces(|| Some(Err(std::io::Error::other("on purpose"))))))
        .route("/panics", get(async move || pieces(|| panic!("on purpose"))))
}

fn panic_now() -> String {
    panic!("on purpose")
}

fn options(functions: BTreeMap<String, Function>) -> Options {
    Options { template: Some(TEMPLATE.into()), functions, ..Options::default() }
}

fn queue(host: &Host, name: &str) -> String {
    format!("{}/000000000000/signalbox-{name}", host.endpoints().sqs)
}

async fn heard(from: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(WAIT_MAX, from.recv()).await.expect("nothing was heard").unwrap()
}

async fn receive(host: &Host, name: &str) -> Message {
    let receive = host
        .sqs()
        .receive_message()
        .queue_url(queue(host, name))
        .wait_time_seconds(15)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    receive.send().await.unwrap().messages.unwrap_or_default().pop().expect("no message came")
}

/// One request, over a plain socket: all that comes until the host hangs up.
async fn raw(host: &Host, head: &str, body: &[u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = host.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head =
        format!("{head} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // The host may refuse before it has read everything.
    let _refused = stream.write_all(body).await;
    let mut answer = Vec::new();
    tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

/// Status and body of its answer.
async fn request(host: &Host, head: &str, body: &[u8]) -> (u16, String) {
    let answer = raw(host, head, body).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_stream_that_does_not_come_to_its_end_is_told_from_one_that_does() {
    let host = Host::start(options(functions().0)).await.unwrap();
    let url = host.environment("streamer").get("URL").unwrap().to_owned();
    // The last chunk of a body that is whole is empty (RFC 9112, section 7.1).
    for (path, is_whole) in [("", true), ("fails", false), ("panics", false)] {
        let came = raw(&host, &format!("GET {url}{path}?a=b"), b"").await;
        assert_eq!(came.ends_with("\r\n0\r\n\r\n"), is_whole, "{path}: {came}");
        assert!(!is_whole || came.contains("data: one"), "{came}");
    }
    assert_eq!(request(&host, &format!("GET {url}nothing"), b"").await.0, 404);
    assert_eq!(request(&host, "GET /function-urls/front/", b"").await.0, 404);
}

#[tokio::test]
async fn a_request_reaches_its_function_and_nothing_else_exists() {
    let host = Host::start(options(functions().0)).await.unwrap();
    assert_eq!(request(&host, "GET /items/a%20b", b"").await, (200, "item a b".into()));
    assert_eq!(request(&host, "POST /echo", &vec![b'x'; 100_000]).await.1.len(), 100_000);
    assert_eq!(request(&host, "GET /nowhere", b"").await, (404, r#"{"message":"Not Found"}"#.into()));
    assert_eq!(request(&host, "DELETE /items/1", b"").await.0, 404);
    let broken = (500, r#"{"message":"Internal Server Error"}"#.into());
    assert_eq!(request(&host, "GET /broken", b"").await, broken);
    assert_eq!(request(&host, "GET /items/2", b"").await.0, 200, "the host outlives a panic");
    assert!(host.stop().await);
}

#[tokio::test]
async fn a_body_that_api_gateway_refuses_is_refused() {
    let host = Host::start(options(functions().0)).await.unwrap();
    let head = format!(
        "POST /echo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        10 * 1024 * 1024 + 1
    );
    // Announced and never sent: the length alone decides, or a slow sender would hold memory.
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(host.url().replace("http://", "")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 10 * 1024 * 1024]).await.unwrap();
    stream.write_all(b"xx").await.ok();
    let mut answer = vec![0; 12];
    tokio::time::timeout(WAIT_MAX, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_message_reaches_its_function_as_lambda_delivers_it() {
    let (functions, mut heard_by) = functions();
    let host = Host::start(options(functions)).await.unwrap();
    let attribute = MessageAttributeValue::builder().data_type("String").string_value("7").build().unwrap();
    let sent = host
        .sqs()
        .send_message()
        .queue_url(queue(&host, "Jobs"))
        .message_body("work")
        .message_group_id("tenant-a")
        .message_attributes("run", attribute)
        .send()
        .await
        .unwrap();
    let event = heard(&mut heard_by.batches).await;
    let record = &event["Records"][0];
    assert_eq!(record["messageId"], sent.message_id().unwrap());
    assert_eq!(record["body"], "work");
    assert_eq!(record["md5OfBody"], sent.md5_of_message_body().unwrap());
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:signalbox-Jobs");
    assert_eq!(record["attributes"]["MessageGroupId"], "tenant-a");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["messageAttributes"]["run"]["stringValue"], "7");
    assert!(host.stop().await);
}

#[tokio::test]
async fn a_message_that_keeps_failing_is_given_up_alone() {
    let (functions, mut heard_by) = functions();
    let host = Host::start(options(functions)).await.unwrap();
    for body in ["fail", "work"] {
        host.sqs().send_message().queue_url(queue(&host, "Jobs")).message_body(body).send().await.unwrap();
    }
    let dead = receive(&host, "Dead").await;
    assert_eq!(dead.body(), Some("fail"));
    let source = &dead.attributes().unwrap()[&MessageSystemAttributeName::DeadLetterQueueSourceArn];
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:signalbox-Jobs");
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    while let Ok(event) = heard_by.batches.try_recv() {
        for record in event["Records"].as_array().unwrap() {
            *seen.entry(record["body"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(seen["fail"], 2, "as often as maxReceiveCount says");
    assert!(seen["work"] >= 1);
}

/// Runs a host in a runtime of its own and drops that in mid-flight: no stop, no destructor's courtesy to files.
fn crash_after<T: Send + 'static>(folder: &Path, work: impl AsyncFnOnce(&Host) -> T + Send + 'static) -> T {
    let storage = Storage::Folder(folder.to_owned());
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let options = Options { storage, poll: false, ..options(functions().0) };
            let host = Host::start(options).await.unwrap();
            work(&host).await
        });
        runtime.shutdown_background();
        outcome
    };
    std::thread::spawn(run).join().unwrap()
}

#[test]
fn messages_survive_a_host_that_dies() {
    let folder = tempfile::tempdir().unwrap();
    crash_after(folder.path(), async |host| {
        let jobs = queue(host, "Jobs");
        for body in ["deleted", "seen", "unseen"] {
            host.sqs().send_message().queue_url(&jobs).message_body(body).message_group_id(body).send().await.unwrap();
        }
        let deleted = host.sqs().receive_message().queue_url(&jobs).visibility_timeout(60).send().await.unwrap();
        let handle = deleted.messages()[0].receipt_handle().unwrap();
        host.sqs().delete_message().queue_url(&jobs).receipt_handle(handle).send().await.unwrap();
        let seen = host.sqs().receive_message().queue_url(&jobs).visibility_timeout(60).send().await.unwrap();
        assert_eq!(seen.messages()[0].body(), Some("seen"));
    });
    let after = crash_after(folder.path(), async |host| {
        let mut after = Vec::new();
        for _ in 0..2 {
            let message = receive(host, "Jobs").await;
            let attributes = message.attributes().unwrap();
            after.push((
                message.body().unwrap().to_owned(),
                attributes[&MessageSystemAttributeName::ApproximateReceiveCount].clone(),
                attributes[&MessageSystemAttributeName::MessageGroupId].clone(),
            ));
            let handle = message.receipt_handle().unwrap();
            host.sqs().delete_message().queue_url(queue(host, "Jobs")).receipt_handle(handle).send().await.unwrap();
        }
        after
    });
    let expected = [("seen", "2", "seen"), ("unseen", "1", "unseen")];
    assert_eq!(after, expected.map(|(body, count, group)| (body.to_owned(), count.to_owned(), group.to_owned())));
    crash_after(folder.path(), async |host| {
        let left = host.sqs().receive_message().queue_url(queue(host, "Jobs")).send().await.unwrap();
        assert_eq!(left.messages().len(), 0, "what was deleted stays deleted");
    });
}

#[test]
fn a_message_that_kills_the_host_is_given_up_too() {
    let folder = tempfile::tempdir().unwrap();
    crash_after(folder.path(), async |host| {
        host.sqs().send_message().queue_url(queue(host, "Jobs")).message_body("poison").send().await.unwrap();
    });
    for _ in 0..2 {
        crash_after(folder.path(), async |host| {
            assert_eq!(receive(host, "Jobs").await.body(), Some("poison"));
        });
    }
    crash_after(folder.path(), async |host| {
        let jobs = host.sqs().receive_message().queue_url(queue(host, "Jobs")).send().await.unwrap();
        assert_eq!(jobs.messages().len(), 0);
        assert_eq!(receive(host, "Dead").await.body(), Some("poison"));
    });
    crash_after(folder.path(), async |host| {
        assert_eq!(receive(host, "Dead").await.body(), Some("poison"), "it is dead, not gone");
    });
}

#[tokio::test]
async fn a_domain_event_reaches_the_rules_that_match_it() {
    let (functions, mut heard_by) = functions();
    let host = Host::start(options(functions)).await.unwrap();
    for kind in ["RunSucceeded", "RunFailed"] {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name("signalbox-bus")
            .source("signalbox")
            .detail_type(kind)
            .detail(r#"{"runId":"r-1"}"#)
            .build();
        let answer = host.eventbridge().put_events().entries(entry).send().await.unwrap();
        assert_eq!(answer.failed_entry_count(), 0);
    }
    let event = heard(&mut heard_by.events).await;
    assert_eq!((&event["detail-type"], &event["detail"]["runId"]), (&"RunFailed".into(), &"r-1".into()));
    let copy: Value = serde_json::from_str(receive(&host, "Copies").await.body().unwrap()).unwrap();
    assert_eq!(copy["detail-type"], "RunFailed");
    let seen: Vec<Value> = host.events().into_iter().map(|entry| entry["DetailType"].clone()).collect();
    assert_eq!(seen, ["RunSucceeded", "RunFailed"]);
    assert!(host.stop().await);
}

#[tokio::test]
async fn a_schedule_delivers_its_input_as_eventbridge_scheduler_does() {
    let (functions, mut heard_by) = functions();
    let outside = Outside { clock: Clock::fixed("2026-01-15T02:00:00.250Z".parse().unwrap()), ..Outside::default() };
    let host = Host::start(Options { outside, ..options(functions) }).await.unwrap();
    host.fire("Nightly").await.unwrap();
    let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/signalbox-nightly";
    assert_eq!(heard(&mut heard_by.events).await, json!({"from": arn, "due": "2026-01-15T02:00:00Z"}));
    assert!(host.fire("signalbox-weekly").await.is_err());
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, mut entered) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let worker = Function::sqs(move |_messages| {
        let (tell, gate) = (tell.clone(), Arc::clone(&gate));
        async move {
            tell.send(()).unwrap();
            let _open = gate.acquire().await.unwrap();
            Vec::new()
        }
    });
    let with_worker = |poll: bool| {
        let mut functions = functions().0;
        functions.insert("worker".into(), worker.clone());
        Options { storage: Storage::Folder(folder.path().to_owned()), poll, ..options(functions) }
    };
    let host = Host::start(with_worker(true)).await.unwrap();
    host.sqs().send_message().queue_url(queue(&host, "Slow")).message_body("work").send().await.unwrap();
    tokio::time::timeout(WAIT_MAX, entered.recv()).await.unwrap();
    let stopping = tokio::spawn(host.stop());
    opened.add_permits(1);
    assert!(stopping.await.unwrap(), "everything was finished");
    let host = Host::start(with_worker(false)).await.unwrap();
    let left = host.sqs().receive_message().queue_url(queue(&host, "Slow")).send().await.unwrap();
    assert_eq!(left.messages().len(), 0, "what was done is deleted");
}

#[tokio::test]
async fn one_data_folder_has_one_host() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { storage: Storage::Folder(folder.path().to_owned()), ..options(functions().0) };
    let first = Host::start(options()).await.unwrap();
    let second = Host::start(options()).await.err().unwrap().to_string();
    assert!(second.contains("another host is using the data folder"), "{second}");
    assert!(first.stop().await);
    Host::start(options()).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Host::start(options(functions().0)).await.unwrap();
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let second = Host::start(Options { port, ..options(functions().0) }).await.err().unwrap();
    assert!(matches!(second, HostError::PortInUse(taken) if taken == port), "{second}");
}

#[tokio::test]
async fn a_function_that_the_binary_does_not_contain_is_named() {
    let error = Host::start(options(BTreeMap::new())).await.err().unwrap().to_string();
    assert!(error.contains("Front") || error.contains("Listener"), "{error}");
    assert!(error.contains("registry.rs"), "{error}");
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let storage = Storage::Folder(folder.path().to_owned());
    let start = |functions| Host::start(Options { port, storage: storage.clone(), ..options(functions) });
    // It fails once the engines run.
    let failed = start(BTreeMap::new()).await.err().unwrap();
    assert!(matches!(failed, HostError::NotRegistered { .. }), "{failed}");
    // Port, lock and files are free again.
    let host = start(functions().0).await.unwrap();
    assert_eq!(request(&host, "GET /items/1", b"").await.0, 200);
    assert!(host.stop().await);
}

#[tokio::test]
async fn the_repositorys_template_starts_with_every_function() {
    let host = Host::start(Options::default()).await.unwrap();
    let environment = host.environment("sync-control");
    assert_eq!(environment.get("SIGNALBOX_STAGE"), Some("local"));
    assert_eq!(environment.get("AWS_ENDPOINT_URL_SQS"), Some(host.endpoints().sqs.as_str()));
    assert!(Path::new(environment.get("CATALOG_ROOT").unwrap()).join("moscot.catalog.json").exists());
    let tables = host.dynamodb().list_tables().send().await.unwrap();
    assert!(tables.table_names().iter().any(|name| name == environment.get("RUNS_TABLE").unwrap()));
    for schedule in ["Nightly", "Watchdog"] {
        host.fire(schedule).await.unwrap();
    }
    assert!(host.stop().await);
}

#[tokio::test]
async fn what_was_sealed_opens_after_a_restart_and_not_without_the_keys() {
    let (folder, own) = (tempfile::tempdir().unwrap(), "acme/erp/main".parse().unwrap());
    let start = || Host::start(Options { storage: Storage::Folder(folder.path().to_owned()), ..Options::default() });
    let keys = |host: &Host| {
        let mut environment = host.environment("sync-control");
        let key = "arn:aws:kms:us-east-1:000000000000:key/signalbox-SecretsKey";
        environment.extend([("SECRETS_KEY_ARN".to_owned(), key.to_owned())]);
        let clients = Clients::connect(&environment, &Outside::default()).unwrap();
        DataKeys::connect(&clients, &environment, &Outside::default()).unwrap()
    };
    let host = start().await.unwrap();
    let sealed = keys(&host).seal(&own, &Secret::new("hunter2")).await.unwrap();
    host.stop().await;
    let host = start().await.unwrap();
    assert_eq!(keys(&host).open(&own, &sealed).await.unwrap(), Secret::new("hunter2"));
    host.stop().await;
    std::fs::remove_file(folder.path().join("keys.json")).unwrap();
    let refused = start().await.err().expect("it started").to_string();
    assert!(refused.contains("keys.json is damaged: it is missing, and the secrets"), "{refused}");
}
