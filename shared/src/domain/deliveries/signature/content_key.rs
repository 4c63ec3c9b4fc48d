//! The key of a delivery that its sender gave no id: its content.
//!
//! Two bodies share a key only if they mean the same: the order of keys and white space do not count, everything else
//! does, at any depth. (The originals filtered nested fields away, so that every second event was dropped as a
//! duplicate of the first.)

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::domain::canonical::{Node, VolatilePath};
use crate::domain::deliveries::delivery::without_byte_order_mark;

/// The key of a POS event: SHA-256, in hex, of the canonical JSON of tenant, source and body. A body that is not JSON
/// counts by its bytes.
#[must_use]
pub fn pos_content_key(tenant: &str, source: &str, body: &[u8]) -> String {
    let text = |text: &str| canonical(&mut Node::Text(text.into()));
    let (field, content) = match canonical_json(body) {
        Some(json) => ("body", json),
        // Under another name, so that no JSON body can be mistaken for it.
        None => ("bodySha256", text(&hex::encode(Sha256::digest(body)))),
    };
    let mut hash = Sha256::new();
    for part in [
        b"{\"",
        field.as_bytes(),
        b"\":",
        &content,
        b",\"source\":",
        &text(source),
        b",\"tenant\":",
        &text(tenant),
        b"}",
    ] {
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// The key of a Packr event: `{tenant}:{brand}:{resource}:{action}:` and the first 16 hex digits of the SHA-256 of the
/// canonical JSON of its `data`. Text is hashed as it is, without quotes.
#[must_use]
pub fn packr_content_key(tenant: &str, brand: &str, resource: &str, action: &str, data: &RawValue) -> String {
    let data = data.get().as_bytes();
    let text = serde_json::from_slice::<String>(data).ok().map(String::into_bytes);
    let content = text.or_else(|| canonical_json(data));
    let hash = hex::encode(Sha256::digest(content.as_deref().unwrap_or(data)));
    format!("{tenant}:{brand}:{resource}:{action}:{}", &hash[..16])
}

fn canonical(node: &mut Node<'_>) -> Vec<u8> {
    canonical_without(node, &[])
}

fn canonical_without(node: &mut Node<'_>, volatile: &[VolatilePath]) -> Vec<u8> {
    let mut out = Vec::new();
    node.write_canonical(volatile, &mut out);
    out
}

/// None where it is no JSON, or has a number too large to read.
fn canonical_json(text: &[u8]) -> Option<Vec<u8>> {
    canonical_json_without(text, &[])
}

/// The same without the fields that these paths name.
pub(super) fn canonical_json_without(text: &[u8], volatile: &[VolatilePath]) -> Option<Vec<u8>> {
    Node::read(without_byte_order_mark(text)).ok().map(|mut node| canonical_without(&mut node, volatile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(a: &str, b: &str, expected: bool) {
        let key = |body: &str| pos_content_key("t1", "demo", body.as_bytes());
        assert_eq!(key(a) == key(b), expected, "POS: {a} and {b}");
        let raw = |data: &str| serde_json::from_str::<Box<RawValue>>(data);
        if let (Ok(a), Ok(b)) = (raw(a), raw(b)) {
            let key = |data: &RawValue| packr_content_key("t", "b", "inventory", "inventory.updated", data);
            assert_eq!(key(&a) == key(&b), expected, "Packr: {a} and {b}");
        }
    }

    #[test]
    fn equal_content_has_one_key_and_other_content_another() {
        same(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#, " {\"b\" : {\"d\":null, \"c\":[1,2]},\n\"a\":1.0}", true);
        same(r#"{"b":{"c":1}}"#, r#"{"b":{"c":2}}"#, false);
        same(r#"{"b":[1,2]}"#, r#"{"b":[2,1]}"#, false);
        same(r#"{"a":null}"#, "{}", false);
        same(r#"{"a":1}"#, r#"{"a":"1"}"#, false);
        same(r#"{"ts":"2026-01-01T00:00:00.000Z"}"#, r#"{"ts":"2026-01-01T00:00:00.001Z"}"#, false);
        // More digits than a double has.
        same(r#"{"order":123456789012345678901}"#, r#"{"order":123456789012345678902}"#, false);
        same(r#"{"t":1731705121.1234567891}"#, r#"{"t":1731705121.1234567892}"#, false);
        same(r#"{"n":18446744073709551615,"a":1}"#, r#"{"a":1,"n":18446744073709551615}"#, true);
        same(r#"{"n":0.000000000000000000001,"a":1}"#, r#"{"a":1,"n":1e-21}"#, true);
        same(r#"{"n":300000000000000000000,"m":1.50000000000000000}"#, r#"{"m":1.5,"n":3E+20}"#, true);
        // Order counts for none of them, however many digits they have.
        same(r#"{"n":0.00123456789012345,"a":1}"#, r#"{"a":1,"n":123456789012345e-17}"#, true);
        same(r#"{"n":1234567890.123456,"a":1}"#, r#"{"a":1,"n":1234567890.123456}"#, true);
        same(r#"{"n":123456789012345678901,"a":1}"#, r#"{"a":1,"n":123456789012345678901.0}"#, true);
        // Smaller than a double can be, or can be with all its digits.
        same(r#"{"n":1e-400}"#, r#"{"n":2e-400}"#, false);
        same(r#"{"n":1.23456789012e-320}"#, r#"{"n":1.23456789013e-320}"#, false);
        same(r#"{"n":0.0e-400,"a":-0}"#, r#"{"a":0,"n":0}"#, true);
        same(r#"{"s":"123456789012345678901\"","a":1}"#, r#"{"a":1,"s":"123456789012345678901\""}"#, true);
        // Not JSON.
        same("hello", "hello", true);
        same("hello", "hello\n", false);
        same("", "null", false);
        let hash = hex::encode(Sha256::digest("hello"));
        same("hello", &format!("\"{hash}\""), false);
    }

    #[test]
    fn what_a_sender_changes_with_each_attempt_does_not_count_and_all_else_does() {
        let volatile: Vec<VolatilePath> = ["attempts", "meta.sentAt", "lines.seen"]
            .into_iter()
            .map(|path| VolatilePath::parse(path).unwrap())
            .collect();
        let content = |body: &str| canonical_json_without(body.as_bytes(), &volatile);
        let first = r#"{"id":1,"attempts":[],"meta":{"sentAt":"a","by":"x"},"lines":[{"n":1,"seen":true}]}"#;
        for (other, same) in [
            (r#"{"id":1,"attempts":[{"status":500}],"meta":{"sentAt":"b","by":"x"},"lines":[{"n":1}]}"#, true),
            (r#"{"lines":[{"seen":0,"n":1}], "meta":{"by":"x"}, "id":1.0}"#, true),
            (&format!("\u{FEFF}{first}"), true),
            (&first.replace("\"by\":\"x\"", "\"by\":\"y\""), false),
            (&first.replace("\"n\":1", "\"n\":2"), false),
            (&first.replace("\"id\"", "\"attempt\""), false),
            ("{}", false),
        ] {
            assert_eq!(content(other) == content(first), same, "{other}");
            assert!(content(other).is_some(), "{other}");
        }
        for none in ["", "no JSON", r#"{"id":1e999}"#] {
            assert_eq!(content(none), None, "{none}");
        }
    }

    #[test]
    fn a_pos_key_is_of_one_tenant_and_source() {
        let key = |tenant: &str, source: &str| pos_content_key(tenant, source, b"{}");
        assert_ne!(key("t1", "demo"), key("t2", "demo"));
        assert_ne!(key("t1", "demo"), key("t1", "shop"));
        assert_ne!(key("a\",\"x", "b"), key("a", "x\",\"b"));
        assert_eq!(key("t1", "demo"), hex::encode(Sha256::digest(br#"{"body":{},"source":"demo","tenant":"t1"}"#)));
    }

    #[test]
    fn a_packr_key_names_what_it_is_of() {
        let data = |json: &str| serde_json::from_str::<Box<RawValue>>(json).unwrap();
        let key = |json: &str| packr_content_key("t", "b", "inventory", "inventory.updated", &data(json));
        // SHA-256 of {"a":1,"b":2}
        assert_eq!(key(r#"{"b":2,"a":1}"#), "t:b:inventory:inventory.updated:43258cff783fe703");
        // SHA-256 of abc, as FIPS 180-4 has it: text is hashed as it is.
        assert_eq!(key(r#""abc""#), "t:b:inventory:inventory.updated:ba7816bf8f01cfea");
    }
}
