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
        Value::Object(fields) => fields.into_iter().map(|(name, value)| field(name, value)).collect(),
        other => other,
    }
}

fn field(name: String, value: Value) -> (String, Value) {
    // Durations, and places in lists, which are made of times.
    let differs = name.ends_with("Ms") || name.ends_with("ursor") || name == "nonce" || name == "token";
    let value = if differs && !value.is_null() { Value::from("<masked>") } else { masked(value) };
    (masked_text(&name), value)
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
        masked.push_str(name_of(word).unwrap_or(word));
        let between = after.find(is_of_word).unwrap_or(after.len());
        masked.push_str(&after[..between]);
        rest = &after[between..];
    }
    masked
}

fn name_of(word: &str) -> Option<&'static str> {
    let hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match word.len() {
        36 if hex(word) => Some("<uuid>"),
        32 if hex(word) => Some("<random>"),
        10.. if word.bytes().all(|byte| byte.is_ascii_digit()) => Some("<time>"),
        20.. if word.parse::<Timestamp>().is_ok() => Some("<time>"),
        _ => None,
    }
}
