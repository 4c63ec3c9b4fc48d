//! What a Lambda function is, whichever runtime drives it.
//!
//! In production [`Function::run`] polls the Lambda Runtime API. The local host and the tests hand the very same value
//! real event JSON through [`Function::invoke`]. Both come to the text of an event, which is read once, straight into
//! what the handler takes: what cannot be converted here can be converted nowhere, and is refused by the same code.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use axum::body::{Body, BodyDataStream};
use futures::future::BoxFuture;
use http::Response;
use http::header::SET_COOKIE;
use lambda_runtime::{Context, Error, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::environment::{Environment, StartError};
use crate::http::event::{HttpAnswer, HttpEvent};
use crate::outside::Outside;

/// What an event asks for that asks for nothing: `{"signalbox": "nothing"}`. A function of events answers it without its handler, so that a
/// new version can show that it starts, with its variables and secrets, before it is given work (docs/rollout.md).
pub const NOTHING: &str = "nothing";

/// How many messages an instance fails, with none between that it does, before it says so by failing itself: one or two may be unreadable,
/// or meet a fault that passes.
const FAILED_IN_A_ROW: usize = 3;

/// That no message is done any more. Answers name the messages that are to come again, which counts as an invocation that went well: a
/// version that fails every message would be taken for one that works. It makes no other difference, as all of the batch come again.
#[derive(Debug, thiserror::Error)]
#[error("the last {FAILED_IN_A_ROW} messages or more failed, and none was done")]
pub struct NothingDone;

type SqsHandler =
    Arc<dyn Fn(SqsEvent, Context) -> BoxFuture<'static, Result<SqsBatchResponse, NothingDone>> + Send + Sync>;
type EventHandler = Arc<dyn Fn(Value, Context) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// A function's handler, by what triggers it.
#[derive(Clone)]
pub enum Function {
    /// HTTP requests, as API Gateway v2 events.
    Http(axum::Router),
    /// HTTP requests to the function's own URL, as events of the same form, whose answers are sent while they are made.
    Stream(axum::Router),
    /// Queue messages; the answer names the ones that failed.
    Sqs(SqsHandler),
    /// Scheduled and domain events from EventBridge.
    Event(EventHandler),
}

impl Function {
    /// A handler of queue messages, which answers with the ids of those that are to come again. The queue forgets the others. Where nothing
    /// is done any more the invocation fails: [`NothingDone`].
    pub fn sqs<F, Fut>(handler: F) -> Self
    where
        F: Fn(Vec<SqsMessage>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<String>> + Send + 'static,
    {
        let failing = Arc::<Failing>::default();
        Self::Sqs(Arc::new(move |event: SqsEvent, _context| {
            let messages = event.records.len();
            let failed = handler(event.records);
            let failing = Arc::clone(&failing);
            Box::pin(async move {
                let failed = failed.await;
                failing.note(messages, &failed)?;
                let mut response = SqsBatchResponse::default();
                response.set_failures(failed);
                Ok(response)
            })
        }))
    }

    /// A handler of EventBridge events.
    pub fn event<F, Fut>(handler: F) -> Self
    where
        F: Fn(Value, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self::Event(Arc::new(move |event, context| Box::pin(handler(event, context))))
    }

    /// Handles one event as Lambda would deliver it: the event's JSON in, the answer's JSON out; of a stream once it has ended.
    ///
    /// # Errors
    /// When the event is not of the function's kind, or the handler failed: what Lambda would call a failed invocation.
    pub async fn invoke(&self, event: Value, context: Context) -> Result<Value, Error> {
        Ok(serde_json::to_value(self.answer(&to_raw_value(&event)?, context).await?)?)
    }

    async fn answer(&self, event: &RawValue, context: Context) -> Result<Answer, Error> {
        let event = event.get();
        match self {
            Self::Http(router) | Self::Stream(router) => {
                let event: HttpEvent<'_> = serde_json::from_str(event)?;
                Ok(Answer::Http(event.answer(router.clone()).await?))
            }
            Self::Sqs(handler) => Ok(Answer::Sqs(handler(serde_json::from_str(event)?, context).await?)),
            Self::Event(handler) => {
                let event: Value = serde_json::from_str(event)?;
                if event != json!({"signalbox": NOTHING}) {
                    handler(event, context).await?;
                }
                Ok(Answer::Nothing)
            }
        }
    }

    /// Handles one event of a function that streams: the answer's head, and a body that goes on.
    ///
    /// # Errors
    /// When the event is not of the function's kind.
    pub async fn open(&self, event: Value) -> Result<Response<Body>, Error> {
        self.opened(&to_raw_value(&event)?).await
    }

    async fn opened(&self, event: &RawValue) -> Result<Response<Body>, Error> {
        match self {
            Self::Stream(router) => Ok(serde_json::from_str::<HttpEvent<'_>>(event.get())?.open(router.clone()).await),
            Self::Http(_) | Self::Sqs(_) | Self::Event(_) => Err("the function does not stream".into()),
        }
    }

    /// Serves the Lambda Runtime API until the environment is shut down. A handler that panics has failed that invocation: the
    /// runtime catches it, and the instance takes the next event.
    ///
    /// # Errors
    /// When the runtime cannot be reached.
    pub async fn run(self) -> Result<(), Error> {
        if let Self::Stream(_) = self {
            // What `lambda_http::run_with_streaming_response` does, with our own conversion of the event: its own unwraps.
            let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
                let this = self.clone();
                async move { Ok::<_, Error>(streamed(this.opened(&event.payload).await?)) }
            });
            return lambda_runtime::run(handler).await;
        }
        // The runtime reads an event's text into no more than where it ends, and writes the answer: each once.
        let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let this = self.clone();
            async move { this.answer(&event.payload, event.context).await }
        });
        lambda_runtime::run(handler).await
    }
}

/// What an invocation comes to.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Http(HttpAnswer),
    Sqs(SqsBatchResponse),
    Nothing,
}

/// The messages that failed since one was done, as far as they are needed. One that comes again and again is one.
#[derive(Default)]
struct Failing(Mutex<BTreeSet<String>>);

impl Failing {
    fn note(&self, messages: usize, failed: &[String]) -> Result<(), NothingDone> {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() < messages {
            since.clear();
            return Ok(());
        }
        for id in failed {
            if since.len() < FAILED_IN_A_ROW {
                since.insert(id.clone());
            }
        }
        if since.len() < FAILED_IN_A_ROW || messages == 0 { Ok(()) } else { Err(NothingDone) }
    }
}

/// An answer as the runtime sends it: status and headers first, then the body as it comes.
fn streamed(response: Response<Body>) -> StreamResponse<BodyDataStream> {
    let (mut parts, body) = response.into_parts();
    let cookies = parts.headers.get_all(SET_COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect();
    parts.headers.remove(SET_COOKIE);
    let metadata_prelude = MetadataPrelude { headers: parts.headers, status_code: parts.status, cookies };
    StreamResponse { metadata_prelude, stream: body.into_data_stream() }
}

/// A function's `main`: read the environment once, refuse to start on a bad one, serve.
///
/// # Errors
/// When the environment is unusable or the runtime cannot be reached.
pub async fn serve<B>(build: B) -> Result<(), Error>
where
    B: AsyncFnOnce(&Environment, &Outside) -> Result<Function, StartError>,
{
    let environment = Environment::from_process();
    crate::telemetry::logs::start(&environment);
    build(&environment, &Outside::default()).await?.run().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_fails_once_it_does_nothing_any_more() {
        let failing = Failing::default();
        let failed = |messages: usize, ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            failing.note(messages, &ids).is_err()
        };
        // One that cannot be read comes again and again, and says nothing of others.
        assert!(!failed(1, &["a"]) && !failed(1, &["a"]) && !failed(1, &["a"]) && !failed(1, &["b"]));
        assert!(!failed(2, &["c"]), "one was done");
        assert!(!failed(4, &["d", "e", "f"]), "and one of these");
        assert!(!failed(1, &["g"]) && !failed(1, &["h"]) && failed(1, &["i"]) && failed(1, &["i"]));
        assert!(!failed(0, &[]) && !failed(1, &[]), "nothing came, and something was done");
        assert!(!failed(1, &["k"]) && failed(3, &["l", "m", "n"]), "as a batch");
    }
}
