//! The wire: every call that a process makes to AWS or to a store of catalogues passes here, numbered, and a plan says
//! what becomes of it.

pub mod store;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes through.
    Pass,
    /// The process ends before the call is sent.
    KillBefore,
    /// The process ends after the call took effect, before it learns of it.
    KillAfter,
    /// The call waits until [`Wire::release`], then goes through.
    Hold,
    /// It goes wrong.
    Fail(Fault),
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused for lack of throughput: it took no effect.
    Throttled,
    /// 500 with a code, from the service: it took no effect.
    ServerError,
    /// 503 without a body, from something in front of the service: it took no effect.
    Unavailable,
    /// It took effect, but the reply was lost.
    LostReply,
    /// It was never sent: the connection failed.
    Unreachable,
    /// A transaction met another one on the same item. Other calls pass.
    Conflict,
    /// The second half of a batch write is refused, the first takes effect. Other calls pass.
    Unprocessed,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Counted from 0, over AWS and stores.
    pub number: usize,
    /// What is called: `DynamoDB.PutItem`, `SQS.SendMessage`, `Events.PutEvents`, `Store.get`, `Store.read`.
    pub operation: String,
    /// The group of a message that is sent, if it has one.
    pub group: Option<String>,
}

type Plan = Box<dyn FnMut(&Call) -> Verdict + Send>;

struct Inner {
    plan: Mutex<Plan>,
    calls: Mutex<Vec<String>>,
    number: AtomicUsize,
    dead: AtomicBool,
    killed: Notify,
    held: Semaphore,
    released: Semaphore,
}

/// The wire of one process. Clones are the same wire.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").field("calls", &self.0.number).finish_non_exhaustive()
    }
}

impl Wire {
    /// A wire on which `plan` decides about each call.
    pub fn planned(plan: impl FnMut(&Call) -> Verdict + Send + 'static) -> Self {
        Self(Arc::new(Inner {
            plan: Mutex::new(Box::new(plan)),
            calls: Mutex::default(),
            number: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
            killed: Notify::new(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
        }))
    }

    /// A wire without faults.
    #[must_use]
    pub fn whole() -> Self {
        Self::planned(|_| Verdict::Pass)
    }

    /// A wire on which the call of this number, counted from 0, gets this verdict and all others pass.
    #[must_use]
    pub fn at(number: usize, verdict: Verdict) -> Self {
        Self::planned(move |call| if call.number == number { verdict } else { Verdict::Pass })
    }

    /// The operations called so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    /// Waits until the plan has killed the process.
    pub async fn killed(&self) {
        self.0.killed.notified().await;
    }

    /// Waits until a call is held.
    pub async fn held(&self) {
        self.0.held.acquire().await.unwrap().forget();
    }

    /// Lets a held call go.
    pub fn release(&self) {
        self.0.released.add_permits(1);
    }

    /// Asks the plan about a call, and performs all of the verdict that does not need the call itself: from here on
    /// the call is to be sent, unless the verdict is a fault that keeps it.
    pub(crate) async fn ask(&self, operation: &str, group: Option<&str>) -> Verdict {
        if self.0.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let verdict = {
            let mut calls = self.0.calls.lock().unwrap();
            let number = self.0.number.fetch_add(1, Ordering::SeqCst);
            let call = Call { number, operation: operation.to_owned(), group: group.map(String::from) };
            calls.push(call.operation.clone());
            (self.0.plan.lock().unwrap())(&call)
        };
        match verdict {
            Verdict::KillBefore => self.die().await,
            Verdict::Hold => {
                self.0.held.add_permits(1);
                self.0.released.acquire().await.unwrap().forget();
            }
            Verdict::Pass | Verdict::KillAfter | Verdict::Fail(_) => {}
        }
        verdict
    }

    /// Ends the process: its driver drops it, and no other call of it is sent until then.
    pub(crate) async fn die(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        self.0.killed.notify_one();
        std::future::pending::<()>().await;
    }

    /// A client for the AWS SDK that sends over this wire by way of another client.
    #[must_use]
    pub fn http(&self, by_way_of: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client { wire: self.clone(), next: by_way_of })
    }
}

#[derive(Debug)]
struct Client {
    wire: Wire,
    next: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let next = self.next.http_connector(settings, components);
        SharedHttpConnector::new(Connector { wire: self.wire.clone(), next })
    }
}

#[derive(Debug)]
struct Connector {
    wire: Wire,
    next: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (wire, next) = (self.wire.clone(), self.next.clone());
        HttpConnectorFuture::new(async move { send(&wire, &next, request).await })
    }
}

async fn send(
    wire: &Wire,
    next: &SharedHttpConnector,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let operation = operation(&request);
    let group = body(&request)["MessageGroupId"].as_str().filter(|_| operation == "SQS.SendMessage").map(String::from);
    // Before the verdict: a call whose reply is lost takes effect too.
    match operation.as_str() {
        "SQS.SendMessage" => deliver_at_once(&mut request),
        "SQS.ChangeMessageVisibility" => show_at_once(&mut request),
        _ => {}
    }
    match wire.ask(&operation, group.as_deref()).await {
        Verdict::Fail(Fault::Throttled) => {
            let code = if operation.starts_with("DynamoDB") {
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
            } else {
                "ThrottlingException"
            };
            return Ok(answer(400, &json!({"__type": code, "message": "slow down"}).to_string()));
        }
        Verdict::Fail(Fault::ServerError) => {
            return Ok(answer(500, &json!({"__type": "InternalServerError", "message": "try again"}).to_string()));
        }
        Verdict::Fail(Fault::Unavailable) => return Ok(answer(503, "")),
        Verdict::Fail(Fault::Unreachable) => {
            return Err(ConnectorError::io("connection refused, says the plan".into()));
        }
        Verdict::Fail(Fault::Conflict) if operation == "DynamoDB.TransactWriteItems" => return Ok(conflict(&request)),
        Verdict::Fail(Fault::Unprocessed) if operation == "DynamoDB.BatchWriteItem" => {
            return half(next, request).await;
        }
        Verdict::Fail(Fault::LostReply) => {
            let _lost = next.call(request).await?;
            return Err(ConnectorError::io("connection reset, says the plan".into()));
        }
        Verdict::KillAfter => {
            let _unknown = next.call(request).await;
            wire.die().await;
            unreachable!("a dead process goes no further");
        }
        Verdict::Pass | Verdict::Hold | Verdict::KillBefore | Verdict::Fail(_) => {}
    }
    next.call(request).await
}

/// `DynamoDB_20120810.PutItem` → `DynamoDB.PutItem`.
fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let service = match service {
        "AmazonSQS" => "SQS",
        "AWSEvents" => "Events",
        other => other.split('_').next().unwrap_or(other),
    };
    format!("{service}.{operation}")
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default()
}

fn set_body(request: &mut HttpRequest, body: &Value) {
    let text = body.to_string();
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
}

/// Tests do not wait for a message's delay.
fn deliver_at_once(request: &mut HttpRequest) {
    let mut message = body(request);
    if message.as_object_mut().is_some_and(|message| message.remove("DelaySeconds").is_some()) {
        set_body(request, &message);
    }
}

/// Nor for a message that failed to come again.
fn show_at_once(request: &mut HttpRequest) {
    let mut message = body(request);
    message["VisibilityTimeout"] = json!(0);
    set_body(request, &message);
}

fn answer(status: u16, body: &str) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

fn conflict(request: &HttpRequest) -> HttpResponse {
    let count = body(request)["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<Value> =
        (0..count).map(|item| json!({"Code": if item == 0 { "TransactionConflict" } else { "None" }})).collect();
    let error = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    answer(400, &error.to_string())
}

async fn half(next: &SharedHttpConnector, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let mut whole = body(&request);
    let mut left = json!({});
    for (table, writes) in whole["RequestItems"].as_object_mut().into_iter().flatten() {
        let Some(writes) = writes.as_array_mut().filter(|writes| writes.len() > 1) else { continue };
        let refused = writes.split_off(writes.len() / 2);
        left[table] = Value::from(refused);
    }
    set_body(&mut request, &whole);
    let response = next.call(request).await?;
    if !response.status().is_success() {
        return Ok(response);
    }
    Ok(answer(200, &json!({"UnprocessedItems": left}).to_string()))
}
