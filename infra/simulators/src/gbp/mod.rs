//! Google Business Profile: categories by country and language, locations of accounts, edits of a location's categories, and the token
//! endpoint. What of it is documented and what a guess is in docs/simulators.md.

pub(crate) mod google;
pub(crate) mod rows;

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::google::Edit;
use crate::answer::{Answer, Call};
use crate::faults::{FaultKind, PageFaults};
use crate::limits::Rate;
use crate::state::State;

pub(crate) const BASE_PATH: &str = "/v1";
/// Where access tokens are given.
pub(crate) const TOKEN_PATH: &str = "/token";
/// Of a project.
pub(crate) const RATES: &[Rate] = &[Rate { count: 300, seconds: 60 }];
/// Of a location.
pub(crate) const EDIT_RATES: &[Rate] = &[Rate { count: 10, seconds: 60 }];
/// What of the API is no list.
pub(crate) const OTHER_SUBJECTS: &[&str] = &[EDITS, TOKEN];

const EDITS: &str = "edits";
const TOKEN: &str = "token";
const PAGE_SIZE_MAX: u64 = 100;
const LOCATIONS_DEFAULT: u64 = 10;
const ADDITIONAL_MAX: usize = 9;
/// A category of ten is missing outside of the United States.
const ELSEWHERE_WITHOUT: u64 = 10;
const FIELDS: &[&str] = &["name", "title", "categories", "metadata"];

fn error(status: u16, message: &str, details: Value) -> Answer {
    let code = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    let mut error = json!({"code": status, "message": message, "status": code});
    if !details.is_null() {
        error["details"] = json!([details]);
    }
    Answer::json(status, &json!({"error": error}))
}

pub(crate) fn refusal(status: u16) -> Answer {
    let message = match status {
        400 => "Request contains an invalid argument.",
        401 => "Request had invalid authentication credentials.",
        403 => "The caller does not have permission",
        404 => "Requested entity was not found.",
        429 => "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'",
        503 => "The service is currently unavailable.",
        _ => "Internal error encountered.",
    };
    error(status, message, Value::Null)
}

/// 400, and which field is wrong.
fn invalid(field: &str, description: &str) -> Answer {
    let violation = json!({"field": field, "description": description});
    let details = json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]});
    error(400, "Request contains an invalid argument.", details)
}

pub(crate) fn subject(call: &Call) -> Option<&'static str> {
    if call.path == TOKEN_PATH {
        return Some(TOKEN);
    }
    let part = call.path.strip_prefix(BASE_PATH)?.strip_prefix('/')?;
    match part.split(['/', ':']).next()? {
        _ if call.method == Method::PATCH => Some(EDITS),
        "categories" => Some(rows::CATEGORIES),
        "accounts" | "locations" => Some(rows::LOCATIONS),
        _ => None,
    }
}

/// Who asks, by the access token: an account, and the project that its limit is of.
fn holder(state: &State, call: &Call) -> Option<(u32, String)> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    let now_ms = state.options.clock.now().as_millisecond();
    let (account, client) = state.google.holder(token, now_ms).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    Some((account, client.to_owned()))
}

pub(crate) fn admit(state: &State, call: &Call) -> Result<String, Answer> {
    if call.path == TOKEN_PATH {
        return Ok(TOKEN.to_owned());
    }
    if !call.path.starts_with(BASE_PATH) {
        return Err(Answer::page_for_people(404, "Error 404 (Not Found)"));
    }
    holder(state, call).map(|(_, client)| client).ok_or_else(|| refusal(401))
}

pub(crate) fn answer(state: &mut State, call: &Call, faults: &PageFaults, now: Timestamp) -> Answer {
    if call.path == TOKEN_PATH {
        return token(state, call, now);
    }
    let Some((account, _)) = holder(state, call) else { return refusal(401) };
    let path = call.path.strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let is_without = |name: &str| state.options.without.iter().any(|without| without == name);
    match (&call.method, parts.as_slice()) {
        (_, ["categories" | "categories:batchGet"]) if is_without(rows::CATEGORIES) => refusal(403),
        (_, ["accounts" | "locations", ..]) if is_without(rows::LOCATIONS) => refusal(403),
        (&Method::GET, ["categories"]) => categories(state, call, faults),
        (&Method::GET, ["categories:batchGet"]) => batch(state, call),
        (&Method::GET, ["accounts", number, "locations"]) => match number.parse::<u32>() {
            Ok(number) if number == account => locations(state, call, account, faults),
            // Another account's locations are nobody else's business.
            Ok(_) => refusal(403),
            Err(_) => refusal(404),
        },
        (&Method::GET | &Method::PATCH, ["locations", _]) => match of_account(state, account, &path) {
            Ok(index) if call.method == Method::GET => location(state, call, index),
            Ok(index) => edit(state, call, (index, &path), now),
            Err(status) => refusal(status),
        },
        _ => refusal(404),
    }
}

/// The number of a location of an account.
fn of_account(state: &State, account: u32, name: &str) -> Result<u64, u16> {
    let entity = state.rows.entity(rows::LOCATIONS).ok_or(404_u16)?;
    let index = rows::location_index(name).filter(|index| state.rows.dataset(entity).has(*index)).ok_or(404_u16)?;
    if is_of(state, account, index) { Ok(index) } else { Err(403) }
}

/// Locations are divided among the accounts, one by one.
fn is_of(state: &State, account: u32, index: u64) -> bool {
    index % u64::from(state.options.accounts.max(1)) + 1 == u64::from(account)
}

/// The token endpoint (RFC 6749, section 6). The client's secret is the simulator's key, and an account's refresh token has its number behind.
fn token(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let form = call.form();
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let refused =
        |status: u16, error: &str, why: &str| Answer::json(status, &json!({"error": error, "error_description": why}));
    if call.method != Method::POST || field("grant_type") != "refresh_token" {
        return refused(400, "unsupported_grant_type", "Invalid grant_type");
    }
    let key = state.options.key.clone();
    if field("client_id").is_empty() || field("client_secret") != key {
        return refused(401, "invalid_client", "The OAuth client was not found.");
    }
    let account = field("refresh_token").strip_prefix(&format!("{key}-")).and_then(|number| number.parse::<u32>().ok());
    let account = account.filter(|account| (1..=state.options.accounts.max(1)).contains(account));
    let seconds = state.options.token_seconds;
    let now_ms = now.as_millisecond();
    let until_ms = now_ms.saturating_add(i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX));
    let given = account.and_then(|account| state.google.grant(account, field("client_id"), until_ms, now_ms));
    let Some(given) = given else {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    };
    let scope = "https://www.googleapis.com/auth/business.manage";
    Answer::json(200, &json!({"access_token": given, "expires_in": seconds, "scope": scope, "token_type": "Bearer"}))
}

/// Which fields a location is answered with.
fn masked(call: &Call) -> Result<Vec<String>, Answer> {
    let Some(mask) = call.parameter("readMask") else {
        return Err(invalid("read_mask", "read_mask is required."));
    };
    let fields: Vec<String> = mask.split(',').map(|field| field.trim().to_owned()).collect();
    match fields.iter().find(|field| !FIELDS.contains(&field.as_str())) {
        Some(unknown) => Err(invalid("read_mask", &format!("Invalid field mask provided: {unknown}"))),
        None => Ok(fields),
    }
}

fn shown(state: &State, entity: usize, index: u64, fields: &[String]) -> Value {
    let mut row = state.rows.row(entity, index);
    let (set, is_pending, is_updated) = state.google.of(&state.rows, index);
    let named = |name: &String| {
        let shown = rows::category_index(name).map(|index| rows::display_name(index, "en")).unwrap_or_default();
        json!({"name": name, "displayName": shown})
    };
    // Google leaves out what is empty or false.
    if let Some((primary, additional)) = set.split_first() {
        row["categories"] = json!({"primaryCategory": named(primary)});
        if !additional.is_empty() {
            row["categories"]["additionalCategories"] = additional.iter().map(named).collect();
        }
    }
    let flags = [("hasPendingEdits", is_pending), ("hasGoogleUpdated", is_updated), ("canDelete", true)];
    row["metadata"] = flags.into_iter().filter(|(_, is_so)| *is_so).map(|(name, _)| (name.to_owned(), true)).collect();
    if let Value::Object(members) = &mut row {
        members.retain(|name, _| fields.contains(name));
    }
    row
}

fn locations(state: &State, call: &Call, account: u32, faults: &PageFaults) -> Answer {
    let fields = match masked(call) {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let Some(entity) = state.rows.entity(rows::LOCATIONS) else { return refusal(404) };
    let of_account = |index: &u64| is_of(state, account, *index);
    let row = |index: u64| shown(state, entity, index, &fields);
    page(state, call, (entity, LOCATIONS_DEFAULT), faults, of_account, row)
        .map_or_else(|refused| refused, |(rows, next)| Answer::json(200, &list((rows::LOCATIONS, rows), next, None)))
}

fn location(state: &State, call: &Call, index: u64) -> Answer {
    match (masked(call), state.rows.entity(rows::LOCATIONS)) {
        (Ok(fields), Some(entity)) => Answer::json(200, &shown(state, entity, index, &fields)),
        (Err(refused), _) => refused,
        (_, None) => refusal(404),
    }
}

/// What a list has: neither an empty list nor a token that leads nowhere is written.
fn list((name, rows): (&str, Vec<Value>), next: Option<String>, total: Option<u64>) -> Map<String, Value> {
    let mut list = Map::new();
    if !rows.is_empty() {
        list.insert(name.to_owned(), rows.into());
    }
    list.extend(next.map(|next| ("nextPageToken".to_owned(), Value::from(next))));
    list.extend(total.map(|total| ("totalCategoryCount".to_owned(), Value::from(total))));
    list
}

type Rows = (Vec<Value>, Option<String>);

fn page(
    state: &State,
    call: &Call,
    (entity, size): (usize, u64),
    faults: &PageFaults,
    fits: impl Fn(&u64) -> bool,
    row: impl Fn(u64) -> Value,
) -> Result<Rows, Answer> {
    let size = call.number("pageSize", size, 1..=PAGE_SIZE_MAX);
    let size = size.ok_or_else(|| invalid("page_size", "page_size must be between 1 and 100."))?;
    let first = match call.parameter("pageToken").map(|token| state.rows.find_token(entity, token)) {
        None => 0,
        Some(first) => first.ok_or_else(|| invalid("page_token", "Invalid page token."))?,
    };
    let mut left = state.rows.dataset(entity).from(first).filter(fits);
    let indices: Vec<u64> = left.by_ref().take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
    let mut next = left.next();
    let mut data: Vec<Value> = indices.into_iter().map(row).collect();
    if faults.has(FaultKind::Truncated) {
        data.truncate(faults.kept(data.len()));
        next = None;
    }
    if faults.has(FaultKind::Repeated) {
        next = Some(first);
    }
    faults.drift(&mut data);
    Ok((data, next.map(|index| state.rows.token(entity, index))))
}

/// The country and the language, both of which Google wants.
fn place(call: &Call) -> Result<(bool, String), Answer> {
    let given = |name: &'static str, field: &'static str| {
        call.parameter(name).map(str::to_owned).ok_or_else(|| invalid(field, &format!("{field} is required.")))
    };
    let (region, language) = (given("regionCode", "region_code")?, given("languageCode", "language_code")?);
    match call.parameter("view") {
        Some("BASIC" | "FULL") => Ok((region == "US", language)),
        _ => Err(invalid("view", "view is required.")),
    }
}

fn is_there(is_home: bool, index: u64) -> bool {
    is_home || index % ELSEWHERE_WITHOUT != ELSEWHERE_WITHOUT - 1
}

fn named(index: u64, language: &str) -> Value {
    json!({"name": rows::category_name(index), "displayName": rows::display_name(index, language)})
}

fn categories(state: &State, call: &Call, faults: &PageFaults) -> Answer {
    let (is_home, language) = match place(call) {
        Ok(place) => place,
        Err(refused) => return refused,
    };
    let Some(entity) = state.rows.entity(rows::CATEGORIES) else { return refusal(404) };
    let wanted = call.parameter("filter").and_then(|filter| filter.strip_prefix("displayName="));
    let wanted = wanted.map(|wanted| wanted.trim_matches('"').to_lowercase());
    let fits = |index: &u64| {
        let has = |wanted: &String| rows::display_name(*index, &language).to_lowercase().contains(wanted);
        is_there(is_home, *index) && wanted.as_ref().is_none_or(has)
    };
    let total = state.rows.dataset(entity).from(0).filter(fits).count() as u64;
    page(state, call, (entity, PAGE_SIZE_MAX), faults, fits, |index| named(index, &language)).map_or_else(
        |refused| refused,
        |(rows, next)| Answer::json(200, &list((rows::CATEGORIES, rows), next, Some(faults.total(total)))),
    )
}

fn category(state: &State, name: &str) -> Option<u64> {
    let entity = state.rows.entity(rows::CATEGORIES)?;
    rows::category_index(name).filter(|index| state.rows.dataset(entity).has(*index))
}

fn batch(state: &State, call: &Call) -> Answer {
    let (is_home, language) = match place(call) {
        Ok(place) => place,
        Err(refused) => return refused,
    };
    let names = call.query.iter().filter(|(name, _)| name == "names").map(|(_, name)| name.as_str());
    let found = names.filter_map(|name| category(state, name)).filter(|index| is_there(is_home, *index));
    let found: Vec<Value> = found.map(|index| named(index, &language)).collect();
    Answer::json(200, &list((rows::CATEGORIES, found), None, None))
}

/// The categories that a body sets, the primary one first.
fn wanted(state: &State, call: &Call) -> Result<Vec<String>, Answer> {
    match call.parameter("updateMask") {
        Some("categories") => {}
        Some(mask) if mask.starts_with("categories.") => {
            return Err(invalid("update_mask", "primary or additional categories cannot be updated independently."));
        }
        Some(_) => return Err(invalid("update_mask", "Simulated locations have categories alone to be edited.")),
        None => return Err(invalid("update_mask", "update_mask is required.")),
    }
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let name = |category: &Value| category["name"].as_str().unwrap_or_default().to_owned();
    let (primary, additional) = (&body["categories"]["primaryCategory"], &body["categories"]["additionalCategories"]);
    if primary.is_null() {
        return Err(invalid("categories.primary_category", "Primary category is required."));
    }
    let additional: Vec<String> = additional.as_array().into_iter().flatten().map(name).collect();
    if additional.len() > ADDITIONAL_MAX {
        return Err(invalid("categories.additional_categories", "Too many additional categories: 9 are allowed."));
    }
    let all: Vec<String> = std::iter::once(name(primary)).chain(additional).collect();
    if let Some(unknown) = all.iter().find(|name| category(state, name).is_none()) {
        return Err(invalid("categories", &format!("Invalid category: {unknown}")));
    }
    let is_twice = |(place, name): (usize, &String)| all.iter().take(place).any(|before| before == name);
    if all.iter().enumerate().any(is_twice) {
        return Err(invalid("categories", "Duplicate category."));
    }
    Ok(all)
}

fn edit(state: &mut State, call: &Call, (index, location): (u64, &str), now: Timestamp) -> Answer {
    if let Err(seconds) = state.google.may_edit(location, now) {
        let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
        return error(429, "Quota exceeded for edits of a Business Profile per minute", info);
    }
    let categories = match wanted(state, call) {
        Ok(categories) => categories,
        Err(refused) => return refused,
    };
    let validate_only = call.parameter("validateOnly") == Some("true");
    let at_ms = now.as_millisecond();
    let edit = Edit { at_ms, location: location.to_owned(), categories, validate_only };
    state.google.edit(&state.rows, index, edit);
    match state.rows.entity(rows::LOCATIONS).filter(|_| !validate_only) {
        None => Answer::json(200, &json!({})),
        Some(entity) => {
            let fields: Vec<String> = FIELDS.iter().map(ToString::to_string).collect();
            Answer::json(200, &shown(state, entity, index, &fields))
        }
    }
}
