//! What a vendor is told and asked over HTTP beside its API, at `/_simulator`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use axum::routing::{any, get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::faults::Fault;
use crate::gbp::google::GoogleChange;
use crate::options::Unusable;
use crate::rows::change::RowsChange;
use crate::server::Inside;
use crate::state::State;

/// How many requests are shown unless it is asked for more.
const SHOWN_DEFAULT: usize = 100;

pub(crate) fn routes() -> Router<Arc<Inside>> {
    Router::new()
        .route("/_simulator", get(about))
        .route("/_simulator/faults", get(faults).post(set_faults).delete(clear_faults))
        .route("/_simulator/requests", get(requests))
        .route("/_simulator/rows", post(change_rows))
        .route("/_simulator/link", post(agree))
        .route("/_simulator/google", post(change_google))
        .route("/_simulator/edits", get(edits))
        .route("/_simulator/reset", post(start_again))
        .route("/_simulator/{*rest}", any(unknown))
}

fn answer(result: Result<Answer, Unusable>) -> Response {
    result.unwrap_or_else(|why| Answer::json(400, &json!({"error": why.to_string()}))).into_response()
}

/// The body, whatever type it says it has, as curl says that of a form.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unusable> {
    serde_json::from_slice(body).map_err(|error| Unusable::new(error.to_string()))
}

async fn about(Shared(inside): Shared<Arc<Inside>>) -> Response {
    let state = inside.state();
    let vendor = state.options.vendor;
    let counts: Map<String, Value> = vendor
        .entities()
        .filter_map(|name| Some((name.to_owned(), state.rows.dataset(state.rows.entity(name)?).len().into())))
        .collect();
    let mut about = json!({"simulated": vendor.name(), "seed": state.options.seed, "rows": counts});
    if let Some(token) = state.access_token() {
        about["access_token"] = token.into();
    }
    Answer::json(200, &about).into_response()
}

/// Nothing of the vendor's: its own answer would look as if the API lacked something.
async fn unknown() -> Response {
    let there = "GET /_simulator, /_simulator/faults, /requests, /edits; POST /_simulator/faults, /rows, /link, /google, /reset; DELETE /_simulator/faults";
    Answer::json(404, &json!({"error": format!("there is no such route of the simulator: there are {there}")}))
        .into_response()
}

async fn faults(Shared(inside): Shared<Arc<Inside>>) -> Response {
    Answer::json(200, &json!({"faults": inside.state().armed})).into_response()
}

fn read_fault(fault: Value) -> Result<Fault, Unusable> {
    serde_json::from_value(fault).map_err(|error| Unusable::new(error.to_string()))
}

async fn set_faults(Shared(inside): Shared<Arc<Inside>>, body: Bytes) -> Response {
    // One, or a list.
    let read = read::<Value>(&body).and_then(|body| match body {
        Value::Array(all) => all.into_iter().map(read_fault).collect(),
        one => read_fault(one).map(|fault| vec![fault]),
    });
    let mut state = inside.state();
    let set = read.and_then(|faults| state.arm(faults));
    answer(set.map(|()| Answer::json(200, &json!({"faults": state.armed}))))
}

async fn clear_faults(Shared(inside): Shared<Arc<Inside>>) -> Response {
    inside.state().armed.clear();
    Answer::json(200, &json!({"faults": []})).into_response()
}

#[derive(Deserialize)]
struct Last {
    limit: Option<usize>,
}

async fn requests(Shared(inside): Shared<Arc<Inside>>, Query(last): Query<Last>) -> Response {
    let state = inside.state();
    let all = &state.requests.last;
    let shown = all.len().min(last.limit.unwrap_or(SHOWN_DEFAULT));
    let newest: Vec<_> = all.iter().skip(all.len() - shown).collect();
    Answer::json(200, &json!({"count": state.requests.count, "requests": newest})).into_response()
}

async fn change_rows(Shared(inside): Shared<Arc<Inside>>, body: Bytes) -> Response {
    let mut state = inside.state();
    let now = state.options.clock.now();
    let done = read::<RowsChange>(&body).and_then(|order| state.rows.order(&order, now.as_millisecond()));
    answer(done.map(|done| Answer::json(200, &done)))
}

#[derive(Deserialize)]
struct Agreed {
    link_token: String,
}

async fn agree(Shared(inside): Shared<Arc<Inside>>, body: Bytes) -> Response {
    let code = read::<Agreed>(&body).and_then(|agreed| {
        let code = inside.state().links.agree(&agreed.link_token);
        code.ok_or_else(|| Unusable::new("no link with this token is under way"))
    });
    answer(code.map(|code| Answer::json(200, &json!({"auth_code": code}))))
}

async fn change_google(Shared(inside): Shared<Arc<Inside>>, body: Bytes) -> Response {
    let mut state = inside.state();
    let State { google, rows, .. } = &mut *state;
    let done = read::<GoogleChange>(&body).and_then(|change| google.change(rows, &change));
    answer(done.map(|()| Answer::json(200, &json!({"changed": true}))))
}

async fn edits(Shared(inside): Shared<Arc<Inside>>, Query(last): Query<Last>) -> Response {
    let state = inside.state();
    let all = &state.google.edits;
    let shown = all.len().min(last.limit.unwrap_or(SHOWN_DEFAULT));
    let newest: Vec<_> = all.iter().skip(all.len() - shown).collect();
    Answer::json(200, &json!({"counts": state.google.counts, "refreshes": state.google.refreshes, "edits": newest}))
        .into_response()
}

async fn start_again(Shared(inside): Shared<Arc<Inside>>) -> Response {
    let mut state = inside.state();
    answer(reset(&mut state).map(|()| Answer::json(200, &json!({"reset": true}))))
}

pub(crate) fn reset(state: &mut State) -> Result<(), Unusable> {
    *state = State::new(state.options.clone())?;
    Ok(())
}
