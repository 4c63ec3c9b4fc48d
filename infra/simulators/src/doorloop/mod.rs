//! DoorLoop: lists by page number with a total, a key as a bearer, 50 requests a minute and 500 an hour.

pub(crate) mod rows;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use signalbox::domain::time;

use crate::answer::{Answer, Call};
use crate::faults::{FaultKind, PageFaults};
use crate::limits::Rate;
use crate::options::Filters;
use crate::rows::Rows;
use crate::state::State;

/// What precedes the entities in paths.
pub(crate) const BASE_PATH: &str = "/api";
pub(crate) const RATES: &[Rate] = &[Rate { count: 50, seconds: 60 }, Rate { count: 500, seconds: 3600 }];

const PAGE_SIZE_DEFAULT: u64 = 50;
const PAGE_SIZE_MAX: u64 = 1000;
/// The filter by time that clients have been seen to send. It is documented nowhere.
const UPDATED_AFTER: &str = "updated_after";

#[derive(Serialize)]
struct Page {
    total: u64,
    data: Vec<Value>,
}

pub(crate) fn refusal(status: u16) -> Answer {
    let message = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        429 => "RATE_LIMIT_EXCEEDED",
        _ => "INTERNAL_SERVER_ERROR",
    };
    Answer::json(status, &json!({ "message": message }))
}

pub(crate) fn admit(state: &State, call: &Call) -> Result<String, Answer> {
    if !call.path.starts_with(BASE_PATH) {
        // What is beside the API is for people, as on the host of the documentation.
        return Err(Answer::page_for_people(404, "DoorLoop (simulated)"));
    }
    let sent = call.header("authorization").and_then(|sent| sent.split_once(' '));
    match sent {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && key == state.options.key => Ok(String::new()),
        _ => Err(refusal(401)),
    }
}

pub(crate) fn answer(state: &State, call: &Call, faults: &PageFaults) -> Answer {
    let Some(path) = call.path.strip_prefix(BASE_PATH).and_then(|path| path.strip_prefix('/')) else {
        return refusal(404);
    };
    let (name, id) = path.split_once('/').map_or((path, None), |(name, id)| (name, Some(id)));
    let Some(entity) = state.rows.entity(name) else { return refusal(404) };
    if call.method != Method::GET || state.options.without.iter().any(|without| without == name) {
        return refusal(405);
    }
    match id {
        None => list(state, call, entity, faults),
        Some(id) => state
            .rows
            .find(entity, id)
            .map_or_else(|| refusal(404), |index| Answer::json(200, &state.rows.row(entity, index))),
    }
}

fn list(state: &State, call: &Call, entity: usize, faults: &PageFaults) -> Answer {
    let (Some(size), Some(number)) = (
        call.number("page_size", PAGE_SIZE_DEFAULT, 1..=PAGE_SIZE_MAX),
        call.number("page_number", 1, 1..=u64::from(u32::MAX)),
    ) else {
        return refusal(400);
    };
    let after_ms = match (call.parameter(UPDATED_AFTER), state.options.filters) {
        (None, _) | (_, Filters::Ignored) => None,
        (Some(_), Filters::Refused) => return refusal(400),
        (Some(text), Filters::Honoured) => match time::parse(text) {
            Some(after) => Some(after.as_millisecond()),
            None => return refusal(400),
        },
    };
    let repeated = u64::from(faults.has(FaultKind::Repeated) && number > 1);
    let first = (number - 1 - repeated) * size;
    let (total, indices) = page(&state.rows, entity, after_ms, first, size);
    let mut data: Vec<Value> = indices.into_iter().map(|index| state.rows.row(entity, index)).collect();
    data.truncate(faults.kept(data.len()));
    faults.drift(&mut data);
    Answer::json(200, &Page { total: faults.total(total), data })
}

/// How many rows there are, and the numbers of those on a page.
fn page(rows: &Rows, entity: usize, after_ms: Option<i64>, first: u64, size: u64) -> (u64, Vec<u64>) {
    let dataset = rows.dataset(entity);
    let Some(after_ms) = after_ms else {
        return (dataset.len(), (first..first + size).map_while(|place| dataset.at(place)).collect());
    };
    let fits: Vec<u64> = dataset.from(0).filter(|index| rows.updated_ms(entity, *index) > after_ms).collect();
    let place = |place: u64| usize::try_from(place).map_or(fits.len(), |place| place.min(fits.len()));
    (fits.len() as u64, fits[place(first)..place(first + size)].to_vec())
}
