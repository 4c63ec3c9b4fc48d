//! The wire over connections of its own, as on Lambda: in every other test a call goes through the client that faults are put into.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use lambda_runtime::Context;
use signalbox::environment::Environment;
use signalbox::outside::Outside;
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use tokio::net::TcpListener;

/// Stands in front of the tables. The answer to the first put breaks off, after it was made.
#[derive(Clone)]
struct Breaks {
    tables: String,
    client: reqwest::Client,
    /// Of each put whether it came through the SDK.
    puts: Arc<Mutex<Vec<bool>>>,
}

async fn forward(State(breaks): State<Breaks>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_put = parts.headers["x-amz-target"].as_bytes().ends_with(b".PutItem");
    let of_sdk = parts.headers.contains_key("amz-sdk-invocation-id");
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let answered = breaks.client.post(&breaks.tables).headers(parts.headers).body(body).send().await.unwrap();
    let (status, body) = (answered.status(), answered.bytes().await.unwrap());
    let is_first = is_put && {
        let mut puts = breaks.puts.lock().unwrap();
        puts.push(of_sdk);
        puts.len() == 1
    };
    if is_first {
        let broken = stream::iter([Ok(body.slice(..1)), Err(std::io::Error::other("broken off"))]);
        return Body::from_stream(broken).into_response();
    }
    (status, body).into_response()
}

impl Breaks {
    async fn before(environment: &Environment) -> Self {
        let tables = environment.get("AWS_ENDPOINT_URL_DYNAMODB").unwrap().to_owned();
        Self { tables, client: reqwest::Client::builder().no_proxy().build().unwrap(), puts: Arc::default() }
    }

    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }
}

/// The same answers with the wire and without, and an answer that breaks off is asked for again through the SDK: the claim is recognised, and
/// the event is the first still.
#[tokio::test]
async fn an_event_is_taken_in_alike_over_its_own_connections_and_through_the_sdk() {
    for (wire, puts) in [("true", [false, true, false]), ("false", [true; 3])] {
        let hooks = Hooks::start().await;
        let mut environment = hooks.environment("webhooks");
        let breaks = Breaks::before(&environment).await;
        let own =
            [("LEAN_WIRE".to_owned(), wire.to_owned()), ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), breaks.serve().await)];
        environment.extend(own);
        let outside = Outside { clock: hooks.clock.clone(), ..Outside::default() };
        let function = signalbox_webhooks::build(&environment, &outside).await.unwrap();
        let send = async |key: &str, body: &str| {
            let delivery = Delivery::pos("t1", body).header("idempotency-key", key);
            Answer::of(&function.invoke(delivery.event(), Context::default()).await.unwrap()).status
        };
        assert_eq!(send("k", r#"{"a":1}"#).await, 201, "{wire}");
        assert_eq!(send("k", r#"{"a":1}"#).await, 204, "{wire}");
        assert_eq!(*breaks.puts.lock().unwrap(), puts, "{wire}: the first is made again, through the SDK");
        assert_eq!(send("k", r#"{"a":2}"#).await, 409, "{wire}");
    }
}
