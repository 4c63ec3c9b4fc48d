//! Bodies: their canonical form, the keys that are made of them, and what reads Trackstar's events.
//!
//! An input is a body.

use serde_json::Value;
use serde_json::value::RawValue;
use signalbox::domain::canonical::{Node, VolatilePath, item_hash};
use signalbox::domain::deliveries::delivery::fits_a_queue;
use signalbox::domain::deliveries::signature::{packr_content_key, pos_content_key};
use signalbox::vendors::trackstar::{Envelope, read_inventory, read_shipment};

use super::json::{Style, fits_doubles, rewritten};

/// Numbers whose digits are tried, each in turn, with another digit.
const DIGITS_TRIED: usize = 24;

/// Checks a body.
///
/// # Panics
/// When two bodies that mean the same have two keys, or two that do not have one.
pub fn check(data: &[u8]) {
    let _any = (fits_a_queue(data), pos_key(data));
    trackstar(data);
    let Ok(body) = std::str::from_utf8(data) else { return };
    let Some(canonical) = canonical(body) else { return };

    let again = self::canonical(&canonical);
    assert_eq!(again.as_ref(), Some(&canonical), "the canonical form of a canonical form is another");
    item(body);

    if fits_doubles(body) {
        for turn in 0..3 {
            let shuffled = rewritten(body, Style::Shuffled(turn)).expect("it is JSON");
            assert_eq!(pos_key(data), pos_key(shuffled.as_bytes()), "{body} and {shuffled}");
            assert_eq!(packr_key(body), packr_key(&shuffled), "{body} and {shuffled}");
        }
        assert_eq!(pos_key(data), pos_key(canonical.as_bytes()), "{body} and {canonical}");
    }
    let digits = body.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit());
    for (at, digit) in digits.take(DIGITS_TRIED) {
        let mut other = data.to_vec();
        other[at] = if digit == b'9' { b'0' } else { digit + 1 };
        let other = std::str::from_utf8(&other).expect("a digit is text");
        if rewritten(body, Style::Exact) != rewritten(other, Style::Exact) && self::canonical(other).is_some() {
            assert_ne!(pos_key(data), pos_key(other.as_bytes()), "{body} and {other}");
            assert_ne!(packr_key(body), packr_key(other), "{body} and {other}");
        }
    }
}

fn canonical(json: &str) -> Option<String> {
    let mut out = Vec::new();
    serde_json::from_str::<Node<'_>>(json).ok()?.write_canonical(&[], &mut out);
    Some(String::from_utf8(out).expect("text of text"))
}

fn pos_key(body: &[u8]) -> String {
    pos_content_key("default", "shop", body)
}

/// The key of an event whose `data` is the document, as the door makes it.
fn packr_key(json: &str) -> String {
    let body = format!(r#"{{"connection_id":"c","event_type":"order.created","data":{json}}}"#);
    let envelope = Envelope::read(body.as_bytes()).expect("an envelope around JSON");
    let data = serde_json::value::to_raw_value(&envelope.data).expect("JSON");
    let key = packr_content_key("default", "brand", "order", &envelope.event_type, &data);
    // The same without the envelope: the door must add or lose nothing.
    let bare: Box<RawValue> = serde_json::from_str(json).expect("JSON");
    assert_eq!(key, packr_content_key("default", "brand", "order", "order.created", &bare), "{json} and {data}");
    key
}

/// As an item of a catalogue: what is left out cannot change the hash, and reading its id cannot fail.
fn item(body: &str) {
    let paths: Vec<VolatilePath> = ["id", "a.b"].into_iter().filter_map(VolatilePath::parse).collect();
    let hash = |json: &str| {
        let mut node: Node<'_> = serde_json::from_str(json).expect("JSON");
        let _any = node.catalog_id().map(str::len);
        item_hash(&mut node, &paths, &mut Vec::new())
    };
    if let Some(members) = body.trim_ascii().strip_prefix('{').filter(|rest| !rest.trim_ascii().starts_with('}')) {
        // In front, so that one that is there already still counts.
        let more = format!(r#"{{"id":[1],{members}"#);
        assert_eq!(hash(body), hash(&more), "{body}");
    }
    if fits_doubles(body) {
        let shuffled = rewritten(body, Style::Shuffled(1)).expect("it is JSON");
        assert_eq!(hash(body), hash(&shuffled), "{body} and {shuffled}");
    }
}

/// What the door and the worker read of a Trackstar event: the two must not disagree.
fn trackstar(data: &[u8]) {
    let Ok(envelope) = Envelope::read(data) else { return };
    let _any = (envelope.channel(), envelope.trace().map(str::len));
    if let Ok(inventory) = read_inventory("brand", &envelope.data) {
        assert!(!inventory.sku.trim().is_empty());
        let stored = serde_json::to_value(&inventory).expect("a stock level can be stored");
        for (name, value) in stored.as_object().expect("a stock level has fields") {
            // A table takes no other number, and names and depths only as we choose them.
            let fits = value.as_f64().is_none_or(|number| number == 0.0 || (1e-130..1e126).contains(&number.abs()));
            let flat = !value.is_object() && value.as_array().is_none_or(|items| items.iter().all(Value::is_string));
            assert!(fits && flat, "{name} cannot be stored");
        }
    }
    if let Ok(shipment) = read_shipment("brand", &envelope.event_type, &envelope.data, jiff::Timestamp::UNIX_EPOCH) {
        assert!(!shipment.id.trim().is_empty());
        serde_json::to_string(&shipment).expect("a shipment can be stored");
    }
}
