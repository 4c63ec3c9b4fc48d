//! Requests and events that nobody meant: whatever comes, nothing panics, and what is meant is answered afterwards.
//!
//! A binary of its own, as it counts every panic of the process.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use signalbox::http::auth::{DELIVERIES_WRITE, READ, WRITE};
use signalbox_local::host::invoke::InvokeError;
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options};
use signalbox_tests::recorder::recorder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The same requests each time.
const SEED: u64 = 8;
const REQUESTS: usize = 2_000;
const EVENTS_OF_A_FUNCTION: usize = 150;
const TEXT_BYTES_MAX: usize = 66_000;
/// Connections at a time.
const CONCURRENCY: usize = 32;
/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(30);

const SECRET: &str = "replace-with-signalbox-webhook-secret";
const SERVICE_SECRET: &str = "service-secret-service-secret-service-secret";

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics from here on, besides showing them.
fn count_panics() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        show(panic);
    }));
}

async fn start() -> Host {
    let senders = json!([{"provider": "github", "connection": "acme", "scheme": "github", "secrets": [SECRET]}]);
    let senders = senders.to_string();
    let variables = [
        ("SERVICE_JWT_SECRET", SERVICE_SECRET),
        ("WEBHOOK_SECRET", SECRET),
        ("TRACKSTAR_WEBHOOK_SECRET", SECRET),
        ("TRACKSTAR_CONNECTIONS", r#"[{"connectionId": "conn-1"}]"#),
        ("WEBHOOK_SENDERS", &senders),
        // A run goes no further than its start: what is tried here is how it is asked for.
        ("INLINE_BUDGET_MS", "0"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Host::start(Options { variables, poll: false, recorder: recorder(), ..Options::default() }).await.unwrap()
}

/// The sample events of each function, with a token that lets them in.
fn samples() -> Vec<(String, Vec<Value>)> {
    let scopes = [READ, WRITE, DELIVERIES_WRITE].map(String::from).into();
    let grant = Grant { scopes, life_seconds: 3_600, ..Grant::default() };
    let token = token::mint(grant, SERVICE_SECRET, signalbox::outside::Clock::default().now()).unwrap();
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut folders: Vec<_> = fs::read_dir(events).unwrap().map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    let read = |path: &Path| {
        let text = fs::read_to_string(path).unwrap().replace("replace-with-signalbox-token", &token);
        serde_json::from_str(&text).unwrap()
    };
    let of = |folder: &Path| {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        (folder.file_name().unwrap().to_str().unwrap().to_owned(), files.iter().map(|file| read(file)).collect())
    };
    folders.iter().map(|folder| of(folder)).collect()
}

/// Texts that have been too much for somebody.
fn bad_text(random: &mut fastrand::Rng) -> String {
    const TEXTS: [&str; 22] = [
        "",
        " ",
        ":",
        "\0",
        "\u{FFFD}",
        "\u{202E}",
        "ä",
        "{",
        "}",
        "%",
        "%zz",
        "..",
        "//",
        "*",
        "?",
        "#",
        "a\r\nb: c",
        "null",
        "-1",
        "1e999",
        "x/api/catalog?",
        "https,http",
    ];
    let text = TEXTS[random.usize(..TEXTS.len())];
    match random.u8(..40) {
        // Encoded, some of them are longer than any URL.
        0 => text.repeat(TEXT_BYTES_MAX / text.len().max(1)),
        1..5 => text.repeat(300),
        _ => text.to_owned(),
    }
}

fn bad_value(random: &mut fastrand::Rng) -> Value {
    match random.u8(..9) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(..).into(),
        3 => json!(f64::from_bits(random.u64(..))),
        4 => json!([]),
        5 => json!({}),
        6 => (0..100).fold(json!(1), |inner, _| json!([inner])),
        _ => bad_text(random).into(),
    }
}

/// Changes one thing, anywhere: a value for another, a part of a text, a member gone, twice there, or new.
fn mutate(value: &mut Value, random: &mut fastrand::Rng) {
    // The body of most events is JSON in itself.
    if let Value::String(text) = value
        && random.bool()
        && let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
    {
        mutate(&mut inner, random);
        *text = inner.to_string();
        return;
    }
    let stop = random.u8(..5) == 0;
    match value {
        Value::Object(members) if !members.is_empty() && !stop => {
            let name = members.keys().nth(random.usize(..members.len())).unwrap().clone();
            change_member(members, &name, random);
        }
        Value::Array(items) if !items.is_empty() && !stop => {
            let at = random.usize(..items.len());
            match random.u8(..6) {
                0 => drop(items.remove(at)),
                1 => items.extend(vec![items[at].clone(); 3]),
                _ => mutate(&mut items[at], random),
            }
        }
        Value::String(text) if !text.is_empty() && random.bool() => {
            let at = text.floor_char_boundary(random.usize(..text.len()));
            let rest = text.split_off(at);
            text.push_str(&bad_text(random));
            if random.bool() {
                text.push_str(&rest);
            }
        }
        other => *other = bad_value(random),
    }
}

fn change_member(members: &mut Map<String, Value>, name: &str, random: &mut fastrand::Rng) {
    match random.u8(..10) {
        0 => drop(members.remove(name)),
        1 => drop(members.insert(bad_text(random), bad_value(random))),
        2 => {
            let value = members.remove(name).unwrap_or_default();
            members.insert(format!("{name}{}", bad_text(random)), value);
        }
        _ => mutate(&mut members[name], random),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_events_and_requests_end_nothing() {
    count_panics();
    let host = start().await;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut other = random.fork();
    tokio::join!(events(&host, &mut random), requests(&host, &mut other));
    assert!(host.stop().await, "it still ends in order");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "see above");
}

async fn events(host: &Host, random: &mut fastrand::Rng) {
    for (function, samples) in samples() {
        for number in 0..EVENTS_OF_A_FUNCTION {
            let mut event = samples[number % samples.len()].clone();
            for _ in 0..random.u8(1..4) {
                mutate(&mut event, random);
            }
            let shown: String = event.to_string().chars().take(2_000).collect();
            match host.invoke(&function, event).await {
                Ok(answer) => {
                    let status = answer["statusCode"].as_u64();
                    assert!(status.is_none_or(|status| (200..500).contains(&status)), "{function}: {answer}\n{shown}");
                }
                // What is no event of the function's kind is a failed invocation, and says so.
                Err(InvokeError::Failed { reason, .. }) => assert_ne!(reason, "it panicked", "{function}: {shown}"),
                Err(error) => panic!("{function}: {error}\n{shown}"),
            }
        }
    }
}

async fn requests(host: &Host, random: &mut fastrand::Rng) {
    let address = host.url().replace("http://", "");
    let meant = [
        format!("GET /api/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
        format!(
            "GET /api/catalog/vendor-sync/observability?start=2020-01-01&limit=5 HTTP/1.1\r\nHost: {address}\r\n\
             X-Forwarded-For: 10.0.0.1\r\nCookie: a=1; b=2\r\nAccept: */*\r\n\r\n"
        ),
        format!(
            "POST /pos/demo/ingest HTTP/1.1\r\nHost: {address}\r\nX-Webhook-Signature: 00\r\nContent-Type: application/json\r\n\
             X-Forwarded-Proto: https\r\nContent-Length: 13\r\n\r\n{{\"sku\":\"a\"}}\r\n"
        ),
        format!(
            "POST /api/webhooks/trackstar HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        ),
    ];
    let mut sending = JoinSet::new();
    for number in 0..REQUESTS {
        let mut bytes = meant[number % meant.len()].clone().into_bytes();
        for _ in 0..random.u8(1..4) {
            mutate_bytes(&mut bytes, random);
        }
        if sending.len() == CONCURRENCY {
            sending.join_next().await.unwrap().unwrap();
        }
        sending.spawn(send(address.clone(), bytes, false));
    }
    sending.join_all().await;
    let answer = send(address, meant[0].clone().into_bytes(), true).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn mutate_bytes(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    const LINES: [&str; 10] = [
        "Host: :\r\n",
        "Host: x/api/catalog/vendor-sync/runs?\r\n",
        "X-Forwarded-Proto: https,http\r\n",
        "X-Forwarded-For: \r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\nConnection: upgrade\r\n",
        "Cookie: ;;=;\u{1}\r\n",
    ];
    let line_end = bytes.windows(2).position(|pair| pair == b"\r\n").map_or(bytes.len(), |at| at + 2);
    let at = random.usize(..=bytes.len());
    match random.u8(..8) {
        0 => bytes.truncate(at),
        1 if at < bytes.len() => bytes[at] = random.u8(..),
        2 => {
            let text = bad_text(random);
            bytes.splice(at..at, text.into_bytes());
        }
        3 => {
            // Into the path or the query.
            let at = random.usize(..line_end.max(1)).min(bytes.len());
            let text = bad_text(random);
            bytes.splice(at..at, text.into_bytes());
        }
        4 | 5 => {
            let line = LINES[random.usize(..LINES.len())];
            bytes.splice(line_end..line_end, line.bytes());
        }
        6 => {
            let piece = bytes[at..].to_vec();
            bytes.extend(piece);
        }
        _ => bytes.splice(at..at, (0..64).map(|_| random.u8(..)).collect::<Vec<_>>()).for_each(drop),
    }
}

/// Sends bytes, and reads until the host has nothing more to say; where nothing else `ends` the request, the end of the
/// sending does.
async fn send(address: String, bytes: Vec<u8>, ends: bool) -> String {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    // The host may refuse, and close, before it has read everything.
    let _refused = stream.write_all(&bytes).await;
    if !ends {
        let _refused = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut answer)).await;
    let _reset = read.expect("a connection is kept for ever");
    String::from_utf8_lossy(&answer).into_owned()
}
