//! JSON as it is written: numbers keep every digit, and nothing of the crate's own reader is used.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's members by name; of two equal names the last one counts.
struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// How to write a document anew.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// So that two documents that mean the same have one text, and two that do not have two: sorted, numbers by their
    /// digits and exponent.
    Exact,
    /// The same members in another order, with other white space and other escapes.
    Shuffled(usize),
}

/// Writes a document anew. `None` for one that is no JSON.
pub(crate) fn rewritten(json: &str, style: Style) -> Option<String> {
    let json = json.trim_matches([' ', '\t', '\r', '\n']);
    let joined = |items: Option<Vec<String>>| items.map(|items| items.join(if is_exact(style) { "," } else { " ,\n" }));
    Some(match json.as_bytes().first()? {
        b'{' => {
            let members = serde_json::from_str::<Members>(json).ok()?.0;
            let one = |(name, value): (String, Box<RawValue>)| {
                Some(format!("{}:{}", text(&name, style), rewritten(value.get(), style)?))
            };
            let mut members: Vec<String> = members.into_iter().map(one).collect::<Option<_>>()?;
            if let Style::Shuffled(turn) = style {
                let count = members.len().max(1);
                members.rotate_left(turn % count);
                members.reverse();
            }
            format!("{{{}}}", joined(Some(members))?)
        }
        b'[' => {
            let items = serde_json::from_str::<Vec<Box<RawValue>>>(json).ok()?;
            format!("[{}]", joined(items.iter().map(|item| rewritten(item.get(), style)).collect())?)
        }
        b'"' => text(&serde_json::from_str::<String>(json).ok()?, style),
        b'-' | b'0'..=b'9' if is_exact(style) => number(json),
        _ => serde_json::from_str::<&RawValue>(json).ok()?.get().to_owned(),
    })
}

fn is_exact(style: Style) -> bool {
    matches!(style, Style::Exact)
}

fn text(text: &str, style: Style) -> String {
    match style {
        Style::Exact => serde_json::to_string(text).expect("text"),
        Style::Shuffled(_) => {
            let escaped = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            format!("\"{}\"", escaped.collect::<String>())
        }
    }
}

/// A number by its sign, its digits without zeros around them, and the power of ten of the last one.
fn number(json: &str) -> String {
    let (sign, rest) = json.strip_prefix('-').map_or(("", json), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let exponent: i128 = exponent.trim_start_matches('+').parse().unwrap_or(i128::MAX / 2);
    format!("{sign}{significant}e{}", exponent + zeros as i128 - fraction.len() as i128)
}

/// Whether a double, or an integer of 64 bits, holds every number of the document with all its digits.
pub(crate) fn fits_doubles(json: &str) -> bool {
    numbers(json).iter().all(|number| {
        let digits = number.split(['e', 'E']).next().unwrap_or_default().replace(['-', '.'], "");
        let digits = digits.trim_matches('0').len();
        let normal = number.parse::<f64>().is_ok_and(f64::is_normal);
        number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() || digits == 0 || (digits <= 15 && normal)
    })
}

/// The numbers of a document, as they stand there.
fn numbers(json: &str) -> Vec<&str> {
    let (mut found, mut start, mut in_text, mut escaped) = (Vec::new(), None, false, false);
    for (at, byte) in json.bytes().enumerate().chain([(json.len(), b' ')]) {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let in_number = byte.is_ascii_digit() || b"+-.".contains(&byte) || (start.is_some() && b"eE".contains(&byte));
        match (in_number, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(&json[from..at]);
                start = None;
            }
            _ => {}
        }
        in_text = byte == b'"';
    }
    found
}
