//! A simulated channel: what a Workflow of Teams, or whoever takes webhooks of alerts, would take. It keeps what came, and refuses,
//! fails or says nothing on demand.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::options::Unusable;
use crate::server::StartError;

/// The path at which cards are taken. The signature is what makes such a URL a secret; any is let in.
const CARDS: &str = "/workflows/simulated/triggers/manual/paths/invoke";
const WEBHOOKS: &str = "/alerts";
/// The most that is read of a body: more than is taken.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Teams refuses larger ones.
const CARD_BYTES_MAX: usize = 28 * 1024;
/// How long requests in flight have when it is stopped.
const STOP_MAX: Duration = Duration::from_secs(5);
/// What is kept of what came, and of answers that are to come.
const KEPT_MAX: usize = 1_000;

/// What is answered to some of the next messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelAnswer {
    /// The status; none answers nothing, until whoever asks gives up.
    #[serde(default)]
    pub status: Option<u16>,
    /// The header `Retry-After`, in seconds.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// To so many messages.
    #[serde(default = "one", rename = "for")]
    pub times: u32,
}

const fn one() -> u32 {
    1
}

/// A message that came.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelMessage {
    /// Where.
    pub path: String,
    /// Headers of webhooks.
    pub headers: BTreeMap<String, String>,
    /// What it said; a text where it is no JSON.
    pub body: Value,
    /// What was answered; null is nothing.
    pub answered: Option<u16>,
}

struct Inside {
    state: Mutex<State>,
    count: watch::Sender<usize>,
    stopped: watch::Receiver<bool>,
}

#[derive(Default)]
struct State {
    messages: VecDeque<ChannelMessage>,
    answers: VecDeque<ChannelAnswer>,
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, message: ChannelMessage) {
        let mut state = self.state();
        if state.messages.len() >= KEPT_MAX {
            state.messages.pop_front();
        }
        state.messages.push_back(message);
        self.count.send_modify(|count| *count += 1);
    }
}

impl State {
    fn next_answer(&mut self) -> Option<ChannelAnswer> {
        let first = self.answers.front_mut()?;
        let answer = *first;
        first.times = first.times.saturating_sub(1);
        if first.times == 0 {
            self.answers.pop_front();
        }
        Some(answer)
    }
}

/// A simulated channel, until it is stopped or dropped.
pub struct SimulatedChannel {
    address: SocketAddr,
    inside: Arc<Inside>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl SimulatedChannel {
    /// Starts one on 127.0.0.1; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let (listener, address) = listener
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
            .map_err(|error| StartError::Port { port, error })?;
        let (stop, stopped) = watch::channel(false);
        let count = watch::Sender::new(0);
        let inside = Arc::new(Inside { state: Mutex::default(), count, stopped: stopped.clone() });
        let router = Router::new()
            .route(CARDS, post(take_card))
            .route(WEBHOOKS, post(take_webhook))
            .route("/messages", get(messages).delete(forget))
            .route("/answers", post(set_answer).delete(clear_answers))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(inside.clone());
        let served = tokio::spawn(async move {
            let told = async move {
                let mut stopped = stopped;
                let _dropped = stopped.wait_for(|stopped| *stopped).await;
            };
            // It ends when it is told to: a listener that fails is tried again.
            let _ended = axum::serve(listener, router).with_graceful_shutdown(told).await;
        });
        Ok(Self { address, inside, stop, served })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, where it is controlled.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL that cards are posted to: the secret of a connection.
    #[must_use]
    pub fn workflow_url(&self) -> String {
        format!("{}{CARDS}?api-version=1&sig=simulated", self.url())
    }

    /// The URL that webhooks are posted to.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}{WEBHOOKS}", self.url())
    }

    /// What came, the oldest first, the last 1,000.
    #[must_use]
    pub fn messages(&self) -> Vec<ChannelMessage> {
        self.inside.state().messages.iter().cloned().collect()
    }

    /// What is to be answered next, behind what is to be answered before.
    ///
    /// # Errors
    /// When it is no status, or there are too many.
    pub fn answer(&self, answer: ChannelAnswer) -> Result<(), Unusable> {
        set(&mut self.inside.state(), answer)
    }

    /// Waits until so many messages came since the start.
    pub async fn came(&self, count: usize) {
        let mut counted = self.inside.count.subscribe();
        // The sender lives as long as this does.
        drop(counted.wait_for(|came| *came >= count).await);
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _in_time = tokio::time::timeout(STOP_MAX, self.served).await;
    }
}

fn set(state: &mut State, answer: ChannelAnswer) -> Result<(), Unusable> {
    if answer.status.is_some_and(|status| !(200..600).contains(&status)) || answer.times == 0 {
        return Err(Unusable::new("a status is from 200 to 599, and for is 1 or more".to_owned()));
    }
    if state.answers.len() >= KEPT_MAX {
        return Err(Unusable::new("there are too many answers already".to_owned()));
    }
    state.answers.push_back(answer);
    Ok(())
}

async fn take_card(Shared(inside): Shared<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = wrong_card(&body);
    taken(&inside, (CARDS, &headers), &body, fault).await
}

async fn take_webhook(Shared(inside): Shared<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    taken(&inside, (WEBHOOKS, &headers), &body, None).await
}

/// What Teams would refuse of a card.
fn wrong_card(body: &[u8]) -> Option<&'static str> {
    let card: Value = serde_json::from_slice(body).unwrap_or_default();
    let attachment = &card["attachments"][0];
    if body.len() > CARD_BYTES_MAX {
        return Some("the message is larger than 28 KB");
    }
    if card["type"] != "message" || attachment["contentType"] != "application/vnd.microsoft.card.adaptive" {
        return Some("no message with an Adaptive Card");
    }
    if attachment["content"]["type"] != "AdaptiveCard" || attachment["content"]["version"] != "1.4" {
        return Some("no Adaptive Card of version 1.4");
    }
    None
}

async fn taken(
    inside: &Inside,
    (path, headers): (&str, &HeaderMap),
    body: &[u8],
    fault: Option<&'static str>,
) -> Response {
    let wanted = inside.state().next_answer();
    let status = match (wanted, fault) {
        (Some(answer), _) => answer.status,
        (None, Some(_)) => Some(400),
        (None, None) => Some(202),
    };
    let of_webhooks = headers.iter().filter(|(name, _)| name.as_str().starts_with("webhook-"));
    let headers = of_webhooks.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let said = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
    inside.keep(ChannelMessage { path: path.to_owned(), headers: headers.collect(), body: said, answered: status });
    let Some(status) = status else {
        let mut stopped = inside.stopped.clone();
        // Its end is all that is waited for.
        drop(stopped.wait_for(|stopped| *stopped).await);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let why = fault.map_or(json!({}), |fault| json!({"error": fault}));
    let mut response = Answer::json(status, &why).into_response();
    if let Some(seconds) = wanted.and_then(|answer| answer.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

async fn messages(Shared(inside): Shared<Arc<Inside>>) -> Response {
    let messages: Vec<ChannelMessage> = inside.state().messages.iter().cloned().collect();
    Answer::json(200, &json!({"messages": messages})).into_response()
}

async fn forget(Shared(inside): Shared<Arc<Inside>>) -> Response {
    inside.state().messages.clear();
    Answer::json(200, &json!({"messages": []})).into_response()
}

async fn set_answer(Shared(inside): Shared<Arc<Inside>>, body: Bytes) -> Response {
    let read = serde_json::from_slice(&body).map_err(|error| Unusable::new(error.to_string()));
    match read.and_then(|answer| set(&mut inside.state(), answer)) {
        Ok(()) => Answer::json(200, &json!({"answers": inside.state().answers})).into_response(),
        Err(why) => Answer::json(400, &json!({"error": why.to_string()})).into_response(),
    }
}

async fn clear_answers(Shared(inside): Shared<Arc<Inside>>) -> Response {
    inside.state().answers.clear();
    Answer::json(200, &json!({"answers": []})).into_response()
}
