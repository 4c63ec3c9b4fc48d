//! What differs between two runs of the same by its nature: times, ids, random marks. All else is compared as it is.

use jiff::Timestamp;
use serde_json::{Number, Value};

/// Numbers above this are times in milliseconds or seconds; none of the flows counts so far.
const TIMES_FROM: f64 = 1e9;

/// The value with a name in place of what differs.
pub(crate) fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(masked_text(&text)),
        Value::Number(number) if is_time(&number) => Value::from("<time>"),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(fields) => fields.into_iter().filter_map(field).collect(),
        other => other,
    }
}

/// Fields that are different each time: durations, places in lists, which are made of times, and random marks.
fn differs(name: &str) -> bool {
    // The counters of runs sum durations up: `m` in all, `s07m` of a slot.
    let is_sum = name == "m" || name.len() == 4 && name.starts_with('s') && name.ends_with('m');
    is_sum
        || name.ends_with("Ms")
        || name.ends_with("ursor")
        || ["content-length", "nonce", "token", "uptime"].contains(&name)
}

fn field((name, value): (String, Value)) -> Option<(String, Value)> {
    // Which bounds of the histogram are there depends on the time too.
    if name.starts_with("latency") {
        return None;
    }
    let value = if differs(&name) && !value.is_null() { Value::from("<masked>") } else { masked(value) };
    Some((masked_text(&name), value))
}

fn is_time(number: &Number) -> bool {
    number.as_f64().is_some_and(|number| number > TIMES_FROM)
}

/// The text with a name in place of each word that differs.
fn masked_text(text: &str) -> String {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':' | '.');
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        masked.push_str(&masked_word(word));
        let between = after.find(is_of_word).unwrap_or(after.len());
        masked.push_str(&after[..between]);
        rest = &after[between..];
    }
    masked
}

fn masked_word(word: &str) -> String {
    if let Some(name) = name_of(word) {
        return name.to_owned();
    }
    match word.split_once('-') {
        // An id that begins with a time, so that ids sort by it.
        Some((time, _)) if name_of(time) == Some("<time>") => "<time>-<random>".to_owned(),
        // The binary key of a delivery that is listed, in hex: which list, the moment, and what else tells it apart.
        None if word.len() >= 48 && is_hex(word) && word[2..].starts_with("000001") => {
            format!("{}<time>{}", &word[..2], &word[18..])
        }
        _ => word.split('.').map(|part| name_of(part).unwrap_or(part)).collect::<Vec<_>>().join("."),
    }
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn name_of(word: &str) -> Option<&'static str> {
    match word.len() {
        36 if is_hex(word) => Some("<uuid>"),
        32 if is_hex(word) => Some("<random>"),
        10.. if word.bytes().all(|byte| byte.is_ascii_digit()) => Some("<time>"),
        20.. if word.parse::<Timestamp>().is_ok() => Some("<time>"),
        _ => None,
    }
}
