//! Trackstar: lists by token, filters, a key and a token of the connection, 10 reads a second.

mod filters;
mod link;
pub(crate) mod rows;

use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use self::filters::Filter;
pub(crate) use self::link::Links;
use crate::answer::{Answer, Call};
use crate::faults::{FaultKind, PageFaults};
use crate::limits::Rate;
use crate::options::Filters;
use crate::state::State;

pub(crate) const READ_RATES: &[Rate] = &[Rate { count: 10, seconds: 1 }];
pub(crate) const WRITE_RATES: &[Rate] = &[Rate { count: 50, seconds: 1 }];
/// What of the API is no list of a warehouse's.
pub(crate) const OTHER_SUBJECTS: &[&str] = &["connections", "link"];

const LIMIT_MAX: u64 = 1000;
/// The warehouse's system that is linked.
const INTEGRATION: &str = "simulated_wms";

#[derive(Serialize)]
struct Page {
    data: Vec<Value>,
    next_token: Option<String>,
}

/// A refusal of Trackstar's own, with what is wrong.
fn refused(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({"error": why, "origin": "trackstar"}))
}

pub(crate) fn refusal(status: u16) -> Answer {
    let (why, origin) = match status {
        400 => ("Bad request", "trackstar"),
        401 => ("Invalid API key", "trackstar"),
        403 => ("Forbidden", "trackstar"),
        404 => ("Not found", "trackstar"),
        429 => ("Rate limit exceeded", "trackstar"),
        _ => ("The integration failed", "integration"),
    };
    Answer::json(status, &json!({"error": why, "origin": origin}))
}

pub(crate) fn admit(state: &State, call: &Call) -> Result<String, Answer> {
    if call.header("x-trackstar-api-key") != Some(&state.options.key) {
        return Err(refusal(401));
    }
    if !call.path.starts_with("/wms/") {
        return Ok(String::new());
    }
    match call.header("x-trackstar-access-token") {
        Some(token) if state.links.is_open(token) => Ok(token.to_owned()),
        _ => Err(refused(401, "Invalid access token")),
    }
}

pub(crate) fn answer(state: &mut State, call: &Call, faults: &PageFaults, now: Timestamp) -> Answer {
    let Some(path) = call.path.strip_prefix("/wms/") else { return link::answer(state, call, now) };
    let (name, id) = path.split_once('/').map_or((path, None), |(name, id)| (name, Some(id)));
    let known = state.rows.entity(name).filter(|_| !state.options.without.iter().any(|without| without == name));
    let Some(entity) = known else {
        let verb = if call.reads() { "get" } else { "create" };
        let why = format!("Endpoint {verb}_{} is not implemented for Simulated WMS", name.replace('-', "_"));
        return Answer::json(501, &json!({"error": why}));
    };
    if call.method != Method::GET {
        return refused(405, "Simulated rows are changed at /_simulator/rows");
    }
    match id {
        None => list(state, call, entity, faults),
        Some(id) => state
            .rows
            .find(entity, id)
            .map_or_else(|| refusal(404), |index| Answer::json(200, &json!({"data": state.rows.row(entity, index)}))),
    }
}

fn list(state: &State, call: &Call, entity: usize, faults: &PageFaults) -> Answer {
    let Some(limit) = call.number("limit", LIMIT_MAX, 1..=LIMIT_MAX) else {
        return refused(400, "limit is a number from 1 to 1000");
    };
    let filters = match (Filter::all(call), state.options.filters) {
        (_, Filters::Ignored) => Vec::new(),
        (Ok(filters), Filters::Refused) if !filters.is_empty() => {
            return refused(400, "Filters are not supported by this integration");
        }
        (Ok(filters), _) => filters,
        (Err(why), _) => return refused(400, &why),
    };
    let first = match call.parameter("page_token").map(|token| state.rows.find_token(entity, token)) {
        None => 0,
        Some(Some(first)) => first,
        Some(None) => return refused(400, "Invalid page_token"),
    };
    let dataset = state.rows.dataset(entity);
    let mut fits =
        dataset.from(first).filter(|index| filters.iter().all(|filter| filter.fits(&state.rows, entity, *index)));
    let indices: Vec<u64> = fits.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let mut next = fits.next();
    let mut data: Vec<Value> = indices.into_iter().map(|index| state.rows.row(entity, index)).collect();
    if faults.has(FaultKind::Truncated) {
        data.truncate(faults.kept(data.len()));
        next = None;
    }
    if faults.has(FaultKind::Repeated) {
        next = Some(first);
    }
    faults.drift(&mut data);
    Answer::json(200, &Page { data, next_token: next.map(|index| state.rows.token(entity, index)) })
}
