//! A process: one instance of every function, with one wire to everything outside.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lambda_runtime::Context;
use serde_json::{Value, json};
use signalbox::domain::secret::Secret;
use signalbox::function::Function;
use signalbox::http::auth::{Claims, OneOrMany, mint};
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::Metrics;
use signalbox::vendors::catalogue::StoreFactory;

use crate::system::{World, no_waiting};
use crate::wire::Wire;
use crate::wire::store::WiredStore;

/// The process ended in the middle of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// There was none.
    Nothing,
    /// It is done with.
    Done,
    /// It comes again.
    Failed,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null when it is not JSON.
    pub body: Value,
}

/// Function instances. Dropping them is a crash.
pub struct Process<'a> {
    world: &'a World<'a>,
    wire: Wire,
    control: Function,
    worker: Function,
    scheduler: Function,
    reads: Function,
    messages: AtomicUsize,
}

impl<'a> Process<'a> {
    pub(crate) async fn start(world: &'a World<'a>, wire: Wire) -> Self {
        let system = world.system;
        // Runs sort by their start: those of two processes must not share a millisecond.
        system.clock.advance(std::time::Duration::from_secs(1));
        let stores = wire.clone();
        let outside = Outside {
            clock: system.clock.clone(),
            entropy: system.entropy.clone(),
            aws_http: Some(wire.http(system.http.clone())),
            aws_sleep: Some(no_waiting()),
            stores: StoreFactory::wrapped(move |store| Arc::new(WiredStore::new(stores.clone(), store))),
            metrics: Metrics::to(|_| {}),
        };
        let environment = |function| world.environment(function);
        Self {
            control: signalbox_sync_control::build(&environment("sync-control"), &outside).await.expect("control"),
            worker: signalbox_sync_worker::build(&environment("sync-worker"), &outside).await.expect("worker"),
            scheduler: signalbox_scheduler::build(&environment("scheduler"), &outside).await.expect("scheduler"),
            reads: signalbox_read_api::build(&environment("read-api"), &outside).await.expect("read-api"),
            world,
            wire,
            messages: AtomicUsize::new(0),
        }
    }

    /// Its wire.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Runs an invocation unless the process is killed in the middle of it.
    async fn alive<T>(&self, invocation: impl Future<Output = T>) -> Result<T, Crashed> {
        tokio::select! {
            biased;
            () = self.wire.killed() => Err(Crashed),
            done = invocation => Ok(done),
        }
    }

    async fn request(&self, function: &Function, method: &str, path: &str, body: &Value) -> Result<Answer, Crashed> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"authorization": format!("Bearer {}", self.token()), "content-type": "application/json"},
            "requestContext": {
                "accountId": "000000000000", "apiId": "test", "domainName": "test", "domainPrefix": "test",
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "test"},
                "requestId": "test", "routeKey": "$default", "stage": "$default",
                "time": "15/Jan/2026:12:00:00 +0000", "timeEpoch": 0,
            },
            "body": body.to_string(), "isBase64Encoded": false,
        });
        let answer = self.alive(function.invoke(event, Context::default())).await?.expect("an answer");
        let status = answer["statusCode"].as_u64().and_then(|status| status.try_into().ok()).expect("a status");
        let body = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
        Ok(Answer { status, body })
    }

    /// A service token of the world's tenant that may do everything.
    #[must_use]
    pub fn token(&self) -> String {
        let environment = self.world.environment("sync-control");
        let now = self.world.system.clock.now().as_second();
        let claims = Claims {
            sub: Some("tester".into()),
            aud: Some(OneOrMany::One("clairity-services".into())),
            iat: Some(now),
            exp: now + 300,
            scopes: Some(OneOrMany::Many(vec!["catalog:sync:read".into(), "catalog:sync:write".into()])),
            tenant: Some(self.world.tenant.clone()),
        };
        mint(&claims, &Secret::new(environment.require("SERVICE_JWT_SECRET").expect("a secret"))).expect("a token")
    }

    /// `POST /api/catalog/moscot/sync`, by a client of a process that may die.
    ///
    /// # Errors
    /// When it dies.
    pub async fn try_sync(&self, body: Value) -> Result<Answer, Crashed> {
        self.request(&self.control, "POST", "/api/catalog/moscot/sync", &body).await
    }

    /// `POST /api/catalog/moscot/sync`.
    pub async fn sync(&self, body: Value) -> Answer {
        self.try_sync(body).await.expect("the process lives")
    }

    /// As [`Process::sync`]: when the wire holds a call, `meanwhile` happens, and the call is let go.
    pub async fn sync_around<T>(&self, body: Value, meanwhile: impl Future<Output = T>) -> (Answer, T) {
        let mut syncing = pin!(self.sync(body));
        tokio::select! {
            biased;
            answer = &mut syncing => panic!("no call was held: {}", answer.body),
            () = self.wire.held() => {}
        }
        tokio::join!(syncing, async {
            let done = meanwhile.await;
            self.wire.release();
            done
        })
    }

    /// A `GET` of the read API.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(&self.reads, "GET", path, &Value::Null).await.expect("the process lives")
    }

    /// Fires a schedule: `nightly` or `watchdog`. The text is what the function said of a failure.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn fire(&self, schedule: &str) -> Result<Result<(), String>, Crashed> {
        let event = json!({
            "version": "0", "id": "test", "detail-type": "Scheduled Event", "source": "aws.events",
            "account": "000000000000", "time": "2026-01-15T12:00:00Z", "region": "eu-central-1", "detail": {},
            "resources": [format!("arn:aws:events:eu-central-1:000000000000:rule/signalbox-{schedule}")],
        });
        let answer = self.alive(self.scheduler.invoke(event, Context::default())).await?;
        Ok(answer.map(drop).map_err(|error| error.to_string()))
    }

    /// Fires the watchdog.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn watchdog(&self) -> Result<Result<(), String>, Crashed> {
        self.fire("watchdog").await
    }

    /// Hands the sync queue's messages to the worker, one by one, until the queue is empty or one fails.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn drain(&self) -> Result<(), Crashed> {
        while self.work_once().await? == Work::Done {}
        Ok(())
    }

    /// Hands the worker one message. If it failed, or the worker died, the message is left on the queue, as if its
    /// visibility timeout had passed.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn work_once(&self) -> Result<Work, Crashed> {
        let environment = self.world.environment("sync-control");
        let queue = environment.require("SYNC_QUEUE_URL").expect("a queue");
        let sqs = self.world.system.host.sqs();
        let received = sqs.receive_message().queue_url(queue).max_number_of_messages(1).send().await;
        let Some(message) = received.expect("the queue").messages.and_then(|mut messages| messages.pop()) else {
            return Ok(Work::Nothing);
        };
        let handle = message.receipt_handle().expect("a handle").to_owned();
        let done = self.deliver(message.body().unwrap_or_default()).await;
        if done == Ok(Work::Done) {
            sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await.expect("the queue");
        } else {
            let visible = sqs.change_message_visibility().queue_url(queue).receipt_handle(handle);
            visible.visibility_timeout(0).send().await.expect("the queue");
        }
        done
    }

    /// Hands a message's body to the worker.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn deliver(&self, body: &str) -> Result<Work, Crashed> {
        let id = format!("message-{}", self.messages.fetch_add(1, Ordering::SeqCst));
        let event = json!({"Records": [{
            "messageId": id, "receiptHandle": "test", "body": body, "attributes": {}, "messageAttributes": {},
            "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:sync",
        }]});
        let answer = self.alive(self.worker.invoke(event, Context::default())).await?.expect("an answer");
        let failed = answer["batchItemFailures"].as_array().is_some_and(|failures| !failures.is_empty());
        Ok(if failed { Work::Failed } else { Work::Done })
    }
}
