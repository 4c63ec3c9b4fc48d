//! Invocations, as Lambda makes them: a context with a deadline, a timeout, and retries where nobody waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::Response;
use lambda_runtime::Context;
use serde_json::Value;
use signalbox::function::Function;
use signalbox::outside::{Clock, Entropy};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::stream;

/// Invocations at a time, as many as a new AWS account may have.
const CONCURRENCY_MAX: u32 = 1_000;
/// Streams at a time: a browser has six.
const STREAMS_MAX: usize = 32;
/// Lambda waits a minute, then two; on a laptop somebody is watching.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why an invocation has no answer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvokeError {
    /// The template has no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// Too many invocations at a time, or the host is stopping.
    #[error("{0} was not invoked: too many invocations are running, or the host is stopping")]
    Throttled(String),
    /// It took longer than it may.
    #[error("{function} timed out after {} s", .after.as_secs())]
    TimedOut {
        /// The function.
        function: String,
        /// How long it was given.
        after: Duration,
    },
    /// It returned an error, or panicked.
    #[error("{function} failed: {reason}")]
    Failed {
        /// The function.
        function: String,
        /// What it said.
        reason: String,
    },
}

/// One function, ready to be invoked.
pub(crate) struct Deployed {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) function: Function,
    pub(crate) timeout: Duration,
    pub(crate) async_retries_max: u32,
}

/// Invokes the functions of one host.
pub struct Invoker {
    functions: BTreeMap<String, Arc<Deployed>>,
    clock: Clock,
    entropy: Entropy,
    capacity: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    stopping: AtomicBool,
}

impl Invoker {
    pub(crate) fn new(functions: impl IntoIterator<Item = Deployed>, clock: Clock, entropy: Entropy) -> Arc<Self> {
        let functions = functions.into_iter().map(|function| (function.name.clone(), Arc::new(function))).collect();
        let capacity = Arc::new(Semaphore::new(CONCURRENCY_MAX as usize));
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Arc::new(Self { functions, clock, entropy, capacity, streams, stopping: AtomicBool::new(false) })
    }

    /// Invokes a function and waits for its answer.
    ///
    /// # Errors
    /// When there is no such function, or it gave no answer.
    pub async fn invoke(&self, name: &str, event: Value) -> Result<Value, InvokeError> {
        self.invoke_within(name, event, Duration::MAX).await
    }

    /// As [`Invoker::invoke`], for a caller that waits no longer than `limit`. The function goes on, as in Lambda: a
    /// client that hangs up, or a gateway that gives up, does not stop it half-way.
    ///
    /// # Errors
    /// As [`Invoker::invoke`].
    pub async fn invoke_within(&self, name: &str, event: Value, limit: Duration) -> Result<Value, InvokeError> {
        let function = self.find(name)?;
        let permit = self.admit(&function)?;
        match tokio::time::timeout(limit, self.run(&function, event, permit)).await {
            Ok((answer, _permit)) => answer,
            Err(_) => Err(InvokeError::TimedOut { function: function.name.clone(), after: limit }),
        }
    }

    /// Invokes a function that streams, and hands its answer on as it comes. It ends when the client is gone, and is cut off at its
    /// timeout, or wherever it fails: its body breaks off then, as in Lambda.
    ///
    /// # Errors
    /// When there is no such function, too many streams are open, or it gave no answer.
    pub(crate) async fn open(&self, name: &str, event: Value) -> Result<Response<Body>, InvokeError> {
        let function = self.find(name)?;
        let permits = (self.admit(&function)?, self.admit_stream(&function)?);
        stream::open(&function, event, permits).await
    }

    /// Invokes a function that nobody waits for; a failure is repeated as often as the function's settings say.
    /// What is still to be repeated when the process dies is lost: who cannot afford that uses a queue.
    ///
    /// # Errors
    /// When there is no such function, or too much is going on to accept more.
    pub fn invoke_later(self: &Arc<Self>, name: &str, event: Value) -> Result<(), InvokeError> {
        let function = self.find(name)?;
        let mut permit = Some(self.admit(&function)?);
        let this = Arc::clone(self);
        tokio::spawn(async move {
            for attempt in 0..=function.async_retries_max {
                let Some(held) = permit.take() else { return };
                let (answer, returned) = this.run(&function, event.clone(), held).await;
                permit = returned;
                let Err(error) = answer else { return };
                tracing::warn!(function = %function.name, attempt, %error, "an event failed");
                if attempt == function.async_retries_max || this.stopping.load(Ordering::SeqCst) {
                    return;
                }
                tokio::time::sleep(RETRY_PAUSE * (attempt + 1)).await;
            }
        });
        Ok(())
    }

    /// Accepts no more invocations and waits for those that run, no longer than `limit`. Says whether all have ended.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.stopping.store(true, Ordering::SeqCst);
        let all = tokio::time::timeout(limit, self.capacity.acquire_many(CONCURRENCY_MAX)).await;
        self.capacity.close();
        matches!(all, Ok(Ok(_)))
    }

    fn find(&self, name: &str) -> Result<Arc<Deployed>, InvokeError> {
        let by_arn = || self.functions.values().find(|function| function.arn == name);
        let found = self.functions.get(name).or_else(by_arn).cloned();
        found.ok_or_else(|| InvokeError::Unknown(name.to_owned()))
    }

    fn admit_stream(&self, function: &Deployed) -> Result<OwnedSemaphorePermit, InvokeError> {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        permit.map_err(|_| InvokeError::Throttled(function.name.clone()))
    }

    fn admit(&self, function: &Deployed) -> Result<OwnedSemaphorePermit, InvokeError> {
        let permit = Arc::clone(&self.capacity).try_acquire_owned();
        permit.map_err(|_| InvokeError::Throttled(function.name.clone()))
    }

    /// Runs one invocation. The permit is held until the function has ended, whether or not its caller still waits,
    /// and comes back unless it panicked.
    async fn run(
        &self,
        function: &Arc<Deployed>,
        event: Value,
        permit: OwnedSemaphorePermit,
    ) -> (Result<Value, InvokeError>, Option<OwnedSemaphorePermit>) {
        let limit = function.timeout;
        let deadline_ms = self.clock.now().as_millisecond() + i64::try_from(limit.as_millis()).unwrap_or(i64::MAX / 2);
        let mut context = Context::default();
        context.request_id = uuid::Builder::from_random_bytes(self.entropy.bytes16()).into_uuid().to_string();
        context.deadline = u64::try_from(deadline_ms).unwrap_or(0);
        context.invoked_function_arn = function.arn.clone();

        let work = function.function.clone();
        // On a task of its own: a panic ends the invocation, not the host, and a timeout kills it wherever it stands.
        let task = tokio::spawn(async move {
            let answer = tokio::time::timeout(limit, work.invoke(event, context)).await;
            (answer.map(|answer| answer.map_err(|error| error.to_string())), permit)
        });
        let name = || function.name.clone();
        match task.await {
            Ok((Ok(Ok(answer)), permit)) => (Ok(answer), Some(permit)),
            Ok((Ok(Err(reason)), permit)) => (Err(InvokeError::Failed { function: name(), reason }), Some(permit)),
            Ok((Err(_), permit)) => (Err(InvokeError::TimedOut { function: name(), after: limit }), Some(permit)),
            Err(_) => (Err(InvokeError::Failed { function: name(), reason: "it panicked".into() }), None),
        }
    }
}
