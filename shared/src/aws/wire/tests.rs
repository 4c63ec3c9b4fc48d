//! The wire against servers that answer as no service should.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::*;
use crate::aws::items::{Item, text};
use crate::outside::Clock;

/// What a server does with a request that it has read.
#[derive(Clone)]
enum Reply {
    /// It writes this, and waits for the next.
    Says(String),
    /// It writes this, and closes.
    Ends(String),
    /// It waits until it is let go on, and then writes this.
    Waits(String),
}

use Reply::{Ends, Says, Waits};

/// A server on a port of its own. What it has no reply for it closes unanswered.
#[derive(Clone)]
struct Server {
    port: u16,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    /// The requests that came whole, each with the number of its connection.
    came: Arc<Mutex<Vec<(usize, String)>>>,
    /// A permit for each that came.
    arrived: Arc<Semaphore>,
    /// A permit for each connection that was opened.
    opened: Arc<Semaphore>,
    /// One for each that may go on.
    go_on: Arc<Semaphore>,
}

impl Server {
    async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            replies: Arc::new(Mutex::new(replies.into())),
            came: Arc::default(),
            arrived: Arc::new(Semaphore::new(0)),
            opened: Arc::new(Semaphore::new(0)),
            go_on: Arc::new(Semaphore::new(0)),
        };
        let accepting = server.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                accepting.opened.add_permits(1);
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(number, stream).await });
            }
        });
        server
    }

    async fn serve(&self, number: usize, mut stream: TcpStream) {
        while let Some(request) = whole(&mut stream).await {
            self.came.lock().unwrap().push((number, request));
            self.arrived.add_permits(1);
            let reply = self.replies.lock().unwrap().pop_front();
            let (text, goes_on) = match reply {
                Some(Says(text)) => (text, true),
                Some(Ends(text)) => (text, false),
                Some(Waits(text)) => {
                    self.go_on.acquire().await.unwrap().forget();
                    (text, true)
                }
                None => return,
            };
            if stream.write_all(text.as_bytes()).await.is_err() || !goes_on {
                return;
            }
        }
    }

    fn connections(&self) -> Vec<usize> {
        self.came.lock().unwrap().iter().map(|(number, _)| *number).collect()
    }

    fn wire(&self, clock: &Clock) -> Wire {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let environment: Environment = [("LEAN_WIRE".to_owned(), "true".to_owned())].into_iter().collect();
        let outside = Outside { clock: clock.clone(), ..Outside::default() };
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".into()), None, "test");
        Wire::connect(&environment, &outside, &credentials, "eu-west-1", |_| Some(endpoint.clone())).unwrap()
    }
}

/// The next request, head and body.
async fn whole(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse::<usize>().unwrap() {
                return Some(text);
            }
        }
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(count) if count > 0 => read.extend_from_slice(&some[..count]),
            _ => return None,
        }
    }
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn chunked(parts: &[&str]) -> String {
    let chunks: String = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

fn new() -> NewItem {
    NewItem {
        item: Item::from([("pk".to_owned(), text("a"))]),
        condition: "attribute_not_exists(pk)",
        values: values([]),
    }
}

fn item(nonce: &str) -> Item {
    Item::from([("nonce".to_owned(), AttributeValue::S(nonce.into()))])
}

const REFUSED: &str = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
const DONE: &str = r#"{"ConsumedCapacity":{"TableName":"T","CapacityUnits":1.0}}"#;
const ITEM: &str = r#"{"nonce":{"S":"n"}}"#;

#[tokio::test]
async fn only_200_and_a_failed_condition_are_answers() {
    let refused = |kind: &str| answer("400 Bad Request", &format!(r#"{{"__type":"{kind}","Item":{ITEM}}}"#));
    let long = answer("200 OK", &" ".repeat(1024 * 1024 + 1));
    for (reply, expected) in [
        (Says(answer("200 OK", DONE)), Some(Put::Done)),
        (Says(chunked(&[&DONE[..7], &DONE[7..]])), Some(Put::Done)),
        (Says(answer("200 OK", "{}")), Some(Put::Done)),
        (Says(answer("200 OK", "1")), None),
        (Ends(answer("200 OK", DONE)), Some(Put::Done)),
        (Says(refused(REFUSED)), Some(Put::Refused(item("n")))),
        // A claim of a table that gave none back would be judged as if nothing stood there.
        (Says(answer("400 Bad Request", &format!(r#"{{"__type":"{REFUSED}"}}"#))), None),
        (Says(refused("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")), None),
        (Says(refused("com.amazon.coral.service#ExpiredTokenException")), None),
        (Says(answer("500 Internal Server Error", r#"{"__type":"InternalServerError"}"#)), None),
        (Says(answer("200 OK", "<html>sign in</html>")), None),
        (Says(answer("200 OK", "")), None),
        (Says(answer("302 Found", "{}")), None),
        (Ends("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"Attributes\":".to_owned()), None),
        (Ends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n".to_owned()), None),
        (Ends("HTTP/1.1 200".to_owned()), None),
        (Ends(String::new()), None),
        (Ends("SSH-2.0-OpenSSH_9.6\r\n".to_owned()), None),
        (Says(long), None),
    ] {
        let told = match &reply {
            Says(text) | Ends(text) | Waits(text) => text.chars().take(120).collect::<String>(),
        };
        let server = Server::start(vec![reply]).await;
        let put = server.wire(&Clock::default()).put_item("T", &new()).await;
        assert_eq!(put, expected, "{told}");
        assert_eq!(server.connections(), [0], "{told}: it is sent once, and what was is known to nobody is the SDK's");
    }
}

#[tokio::test]
async fn a_message_is_sent_where_the_queue_names_it() {
    let message = SendMessage {
        queue_url: "http://127.0.0.1/000000000000/q",
        message_body: "{}",
        message_attributes: MessageAttributes { name: "signalbox", text: "label" },
        message_group_id: "t1",
    };
    for (reply, sent) in [
        (Says(answer("200 OK", r#"{"MessageId":"m"}"#)), Sent::Done),
        (Says(answer("400 Bad Request", r#"{"__type":"com.amazonaws.sqs#OverLimit"}"#)), Sent::Not),
        (Says(answer("200 OK", "{}")), Sent::Perhaps),
        (Says(answer("503 x", "")), Sent::Perhaps),
        (Ends(String::new()), Sent::Perhaps),
    ] {
        let server = Server::start(vec![reply]).await;
        assert_eq!(server.wire(&Clock::default()).send_message(&message).await, sent);
        let came = server.came.lock().unwrap().first().unwrap().1.clone();
        let (head, body) = came.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(body).unwrap(),
            serde_json::json!({"QueueUrl": message.queue_url, "MessageBody": "{}", "MessageGroupId": "t1",
                "MessageAttributes": {"signalbox": {"DataType": "String", "StringValue": "label"}}})
        );
        for expected in [
            "POST / HTTP/1.1",
            "content-type: application/x-amz-json-1.0",
            &format!("host: 127.0.0.1:{}", server.port),
            "x-amz-security-token: token",
            "x-amz-target: AmazonSQS.SendMessage",
        ] {
            assert!(head.lines().any(|line| line == expected), "{head}");
        }
        assert!(head.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "));
    }
}

/// A connection is kept as long as its answers come whole, and one that was closed meanwhile costs no request.
#[tokio::test]
async fn a_connection_is_kept_and_one_that_was_closed_is_replaced() {
    let done = || answer("200 OK", DONE);
    let server =
        Server::start(vec![Says(done()), Says(chunked(&[DONE])), Ends(done()), Says(done()), Says(done())]).await;
    let wire = server.wire(&Clock::default());
    for _ in 0..5 {
        assert_eq!(wire.put_item("T", &new()).await, Some(Put::Done));
    }
    assert_eq!(server.connections(), [0, 0, 0, 1, 1]);
}

#[tokio::test]
async fn whoever_finds_no_connection_free_waits_for_one() {
    let server = Server::start(vec![Waits(answer("200 OK", DONE)); 5]).await;
    let wire = server.wire(&Clock::default());
    let puts = (0..5).map(|_| {
        let wire = wire.clone();
        tokio::spawn(async move { wire.put_item("T", &new()).await })
    });
    let puts: Vec<_> = puts.collect();
    server.arrived.acquire_many(3).await.unwrap().forget();
    assert_eq!(server.connections(), [0, 1, 2]);
    server.go_on.add_permits(5);
    for put in puts {
        assert_eq!(put.await.unwrap(), Some(Put::Done));
    }
    assert!(server.connections().iter().all(|number| *number < 3));
}

/// What does not answer in time is left alone for a while: each call would wait for it before it goes the other way.
#[tokio::test]
async fn a_service_that_does_not_answer_is_let_rest() {
    let server = Server::start(vec![Waits(String::new()), Says(answer("200 OK", DONE))]).await;
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let wire = server.wire(&clock);
    let hanging = tokio::spawn({
        let wire = wire.clone();
        async move { wire.put_item("T", &new()).await }
    });
    server.arrived.acquire().await.unwrap().forget();
    clock.advance(Duration::from_secs(3));
    assert_eq!(hanging.await.unwrap(), None);
    assert_eq!(wire.put_item("T", &new()).await, None);
    assert_eq!(server.connections(), [0], "nothing is sent while it rests");
    clock.advance(Duration::from_secs(30));
    assert_eq!(wire.put_item("T", &new()).await, Some(Put::Done));
    assert_eq!(server.connections(), [0, 1], "and the connection that hangs is not used again");
}

/// Also what refuses: the SDK counts its attempts, and spreads them.
#[tokio::test]
async fn a_service_that_refuses_is_let_rest() {
    let server = Server::start(vec![Says(answer("500 x", "{}")), Says(answer("200 OK", DONE))]).await;
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let wire = server.wire(&clock);
    assert_eq!(wire.put_item("T", &new()).await, None);
    assert_eq!(wire.put_item("T", &new()).await, None);
    assert_eq!(server.connections(), [0], "nothing is sent while it rests");
    clock.advance(Duration::from_secs(30));
    assert_eq!(wire.put_item("T", &new()).await, Some(Put::Done));
}

#[tokio::test]
async fn the_first_request_waits_for_the_connection_that_is_prepared() {
    let server = Server::start(vec![Says(answer("200 OK", DONE))]).await;
    let wire = server.wire(&Clock::default());
    wire.prepare();
    // One for each service, which are the same server here, and no request yet.
    server.opened.acquire_many(2).await.unwrap().forget();
    assert_eq!(wire.put_item("T", &new()).await, Some(Put::Done));
    assert_eq!(server.opened.available_permits(), 0, "and it opened none of its own");
}

#[test]
fn there_is_none_where_it_is_not_wanted_or_cannot_be() {
    let on = ("LEAN_WIRE", "true");
    for (variables, region, endpoint, expected) in [
        (&[on][..], "eu-west-1", None, "Wire(on)"),
        (&[on], "eu-west-1", Some("http://localhost:8000"), "Wire(on)"),
        (&[], "eu-west-1", None, "Wire(off)"),
        (&[("LEAN_WIRE", "false")], "eu-west-1", None, "Wire(off)"),
        (&[on, ("https_proxy", "http://proxy:3128")], "eu-west-1", None, "Wire(off)"),
        (&[on], "cn-north-1", None, "Wire(off)"),
        (&[on], "eusc-de-east-1", None, "Wire(off)"),
        (&[on], "eu-west-1", Some("http://[::1]:8000"), "Wire(off)"),
        (&[on, ("SIGNALBOX_STAGE", "local")], "eu-west-1", None, "Wire(off)"),
        (&[on], "eu-west-1", Some("https://example.com/below"), "Wire(off)"),
        (&[on], "eu-west-1", Some("unix:/socket"), "Wire(off)"),
    ] {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Environment = variables.collect();
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let endpoint = |_: &str| endpoint.map(String::from);
        let wire = Wire::connect(&environment, &Outside::default(), &credentials, region, endpoint).unwrap();
        assert_eq!(format!("{wire:?}"), expected, "{environment:?} {region}");
    }
    let address = |endpoint: &str| Address::of(endpoint).unwrap().authority();
    assert_eq!(address("https://sqs.eu-west-1.amazonaws.com"), "sqs.eu-west-1.amazonaws.com");
    assert_eq!(address("http://127.0.0.1:8000/"), "127.0.0.1:8000");
    assert_eq!(address("https://localhost:443"), "localhost");
}
