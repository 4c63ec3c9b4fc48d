//! The local host against whoever is not meant to be served, and against a disk that is full, damaged or gone.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::time::Duration;

use signalbox::outside::{Outside, StorageCheck};
use signalbox_local::{Host, Options, Storage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// One request to any port, whose head lacks its last lines: status and body. `None` where nobody answers.
async fn try_sent(address: &str, head: &str, body: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()?;
    let mut answer = Vec::new();
    tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut answer)).await.expect("no answer comes").ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1)?.parse().unwrap();
    Some((status, answer.split_once("\r\n\r\n").unwrap().1.to_owned()))
}

async fn sent(address: &str, head: &str, body: &[u8]) -> (u16, String) {
    try_sent(address, head, body).await.expect("nobody answers")
}

async fn get(host: &Host, path: &str) -> u16 {
    let address = host.url().replace("http://", "");
    sent(&address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n"), b"").await.0
}

#[tokio::test]
async fn what_api_gateway_refuses_is_refused_before_any_function() {
    let host = Host::start(Options::default()).await.unwrap();
    let address = host.url().replace("http://", "");
    let own = format!("host: {address}\r\n");
    for (line, headers, expected) in [
        ("GET /livez", own.as_str(), 200),
        ("GET /livez", "host: LOCALHOST\r\n", 200),
        ("GET /livez", "host: [::1]:9000\r\n", 200),
        ("GET /livez", "host: :\r\n", 400),
        ("GET /livez", "", 400),
        ("GET /livez", "host: x/api?\r\n", 400),
        ("GET /livez", "host: rebound.example\r\n", 421),
        ("GET http://rebound.example/livez", &own, 400),
        ("GET http://localhost/livez", "host: localhost\r\n", 200),
        (&format!("GET /livez?{}", "q".repeat(65_510)), &own, 400),
        (&format!("GET /livez/{}", "{".repeat(22_000)), &own, 400),
        (&format!("GET /livez?{}", "{".repeat(3_000)), &own, 200),
        ("GET /livez", &format!("{own}x: {}\r\n", "x".repeat(10_240)), 400),
        ("GET /livez", &format!("{own}x-forwarded-proto: https,http\r\nx-forwarded-proto: :\r\n"), 200),
    ] {
        let shown: String = format!("{line} {headers}").chars().take(100).collect();
        let (status, body) = sent(&address, &format!("{line} HTTP/1.1\r\n{headers}"), b"").await;
        assert_eq!(status, expected, "{shown}: {body}");
        if status == 400 {
            assert!(body.contains("Bad Request: "), "{shown}: {body}");
        }
    }
    // A page's path is any of one step, and this is none.
    assert_eq!(sent(&address, &format!("PUT * HTTP/1.1\r\n{own}"), b"").await.0, 400);
}

#[tokio::test]
async fn a_name_that_is_allowed_is_answered_and_outside_of_local_mode_any() {
    let get = async |host: &Host, name: &str| {
        let address = host.url().replace("http://", "");
        sent(&address, &format!("GET /livez HTTP/1.1\r\nhost: {name}\r\n"), b"").await.0
    };
    let host = Options { allowed_hosts: vec!["laptop.example".into()], ..Options::default() };
    let host = Host::start(host).await.unwrap();
    assert_eq!((get(&host, "laptop.example:443").await, get(&host, "else.example").await), (200, 421));
    let secrets =
        ["SERVICE_JWT_SECRET", "SESSION_JWT_SECRET", "WEBHOOK_SECRET"].map(|name| (name.to_owned(), "s".repeat(32)));
    let variables = secrets.into_iter().chain([("STAGE".to_owned(), "production".to_owned())]).collect();
    let host = Host::start(Options { variables, ..Options::default() }).await.unwrap();
    assert_eq!((get(&host, "else.example").await, get(&host, ":").await), (200, 400));
}

#[tokio::test]
async fn the_engines_let_in_the_host_s_own_key_alone_and_no_page() {
    let host = Host::start(Options::default()).await.unwrap();
    let endpoints = host.endpoints();
    let key = &endpoints.access_key.id;
    for (endpoint, target, answer) in [
        (&endpoints.dynamodb, "DynamoDB_20120810.ListTables", 200),
        (&endpoints.sqs, "AmazonSQS.ListQueues", 200),
        (&endpoints.eventbridge, "AWSEvents.ListEventBuses", 200),
        // These two find the body lacking.
        (&endpoints.kms, "TrentService.GenerateDataKey", 400),
        (&endpoints.ssm, "AmazonSSM.GetParameters", 400),
    ] {
        let address = endpoint.replace("http://", "");
        let ask = async |method: &str, authority: &str, key: &str, more: &str| {
            let head = format!(
                "{method} / HTTP/1.1\r\nhost: {authority}\r\nx-amz-target: {target}\r\ncontent-length: 2\r\n\
                 content-type: application/x-amz-json-1.0\r\n{more}\
                 authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/x/x/aws4_request, Signature=x\r\n"
            );
            sent(&address, &head, b"{}").await
        };
        let (status, body) = ask("POST", &address, key, "").await;
        assert_eq!((status, body.contains("UnrecognizedClientException")), (answer, false), "{target}: {body}");
        for (method, authority, key, more) in [
            ("POST", address.as_str(), "local", ""),
            ("POST", &address, "", ""),
            ("POST", "rebound.example", key, ""),
            ("POST", &address, key, "origin: http://localhost:3000\r\n"),
            ("OPTIONS", &address, key, "origin: http://localhost:3000\r\naccess-control-request-method: POST\r\n"),
        ] {
            let (status, body) = ask(method, authority, key, more).await;
            assert_eq!(status, 403, "{target} {method} {authority} {more}: {body}");
            assert!(body.contains("UnrecognizedClientException"), "{body}");
        }
    }
    let other = Host::start(Options::default()).await.unwrap();
    assert!(other.endpoints().access_key != endpoints.access_key, "made anew at each start");
}

#[tokio::test]
async fn a_data_folder_that_is_removed_below_a_host_is_noticed_and_no_second_host_starts_there() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    let variables = [("SKIP_WEBHOOK_SIGNATURE_VALIDATION".to_owned(), "true".to_owned())];
    let start = || {
        let (storage, variables) = (Storage::Folder(folder.clone()), variables.clone().into());
        Host::start(Options { storage, variables, ..Options::default() })
    };
    let first = start().await.unwrap();
    let address = first.url().replace("http://", "");
    let head = |line: &str| format!("{line} HTTP/1.1\r\nhost: {address}\r\n");
    let ready = async || try_sent(&address, &head("GET /health/ready"), b"").await.map(|(status, _)| status);
    let send = async |sku: &str| {
        let body = format!(r#"{{"sku":"{sku}","qty":1,"price":1}}"#);
        let head = format!("{}content-length: {}\r\n", head("POST /pos/demo/ingest"), body.len());
        try_sent(&address, &head, body.as_bytes()).await.map(|(status, _)| status)
    };
    assert_eq!((ready().await, send("A").await), (Some(200), Some(201)));
    std::fs::remove_dir_all(&folder).unwrap();
    // As long as it answers at all.
    assert!(send("B").await.is_none_or(|status| status == 500), "acknowledged, and gone with the process");
    assert!(ready().await.is_none_or(|status| status == 503));
    if cfg!(target_os = "linux") {
        let second = start().await.err().unwrap().to_string();
        assert!(second.contains("another host is using the data folder"), "{second}");
    }
    let reason = tokio::time::timeout(WAIT_MAX, first.lost()).await.expect("it is not noticed");
    assert!(reason.contains("is gone") || reason.contains("was replaced"), "{reason}");
    // The front has stopped by itself; a new host has a folder of its own there.
    first.stop().await;
    assert!(start().await.unwrap().stop().await);
}

#[tokio::test]
async fn a_host_whose_disk_is_full_is_not_ready() {
    let outside = Outside { storage: StorageCheck::by(|| Err("no space left".into())), ..Outside::default() };
    let host = Host::start(Options { outside, ..Options::default() }).await.unwrap();
    for path in ["/health/ready", "/api/health/ready", "/startupz"] {
        assert_eq!(get(&host, path).await, 503, "{path}");
    }
    assert_eq!(get(&host, "/livez").await, 200);
}

#[tokio::test]
async fn damaged_files_are_refused_at_the_start() {
    for name in ["tables.sqlite", "queues.sqlite", "keys.json"] {
        let folder = tempfile::tempdir().unwrap();
        let start =
            || Host::start(Options { storage: Storage::Folder(folder.path().to_owned()), ..Options::default() });
        assert!(start().await.unwrap().stop().await);
        let file = folder.path().join(name);
        let whole = std::fs::read(&file).unwrap();
        for length in [0, whole.len() / 2] {
            std::fs::write(&file, &whole[..length]).unwrap();
            let refused = start().await.err().expect("it started").to_string();
            assert!(refused.contains(name) && refused.contains("is damaged"), "{refused}");
            assert_eq!(std::fs::read(&file).unwrap(), whole[..length], "left as it was");
        }
        std::fs::write(&file, &whole).unwrap();
        assert!(start().await.unwrap().stop().await);
    }
}
