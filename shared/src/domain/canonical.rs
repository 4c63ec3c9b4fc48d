//! The canonical form of a catalogue item and its hash.
//!
//! Canonical form is RFC 8785 (JSON Canonicalization Scheme): keys sorted by UTF-16 code units, no white space,
//! shortest escapes, ECMAScript numbers. One difference: a number keeps all its digits, where the RFC rounds it to a double: a
//! changed barcode must never hash like the old one. Numbers of one value have one text ([`super::number`]). The order of keys
//! in the source does not matter, and fields that change on every export (volatile paths) stay out of the hash.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::number;

/// The field that names an item.
pub const ID_FIELD: &str = "catalogId";

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// JSON that borrows its text from the buffer it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer of up to 64 bits.
    Unsigned(u64),
    /// A negative integer of up to 64 bits.
    Signed(i64),
    /// Another number that a double holds.
    Float(f64),
    /// A number of which a double holds a neighbour: its text. Only [`Node::read`] and [`Node::keep_digits`] tell it apart.
    Exact(Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object, in source order, duplicates included: the last one wins, as in `JSON.parse`.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A path of field names below the item, for example `source.lastSyncISO`. Arrays on the way are passed through:
/// `variants.updatedAt` means that field of every variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolatilePath(Vec<String>);

impl VolatilePath {
    /// Reads a dotted path; `None` when it is empty or has an empty step.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let steps: Vec<String> = text.split('.').map(|step| step.trim().to_owned()).collect();
        steps.iter().all(|step| !step.is_empty()).then_some(Self(steps))
    }
}

impl<'a> Node<'a> {
    /// Reads JSON with all digits of its numbers.
    ///
    /// # Errors
    /// When the text is no JSON, or a number in it is too large for a double.
    pub fn read(json: &'a [u8]) -> serde_json::Result<Self> {
        let mut node: Self = serde_json::from_slice(json)?;
        node.keep_digits(json);
        Ok(node)
    }

    /// Gives the numbers that were rounded their digits back. `json` is the text that the node was read from, and nothing has
    /// changed the node since: numbers are told by their order.
    ///
    /// `serde_json` can keep digits itself (`arbitrary_precision`), but then an object with its private name is a number too, all
    /// numbers of all crates become texts on the way, and tagged enums read none. So only what was read as a double is looked at.
    pub fn keep_digits(&mut self, json: &'a [u8]) {
        if self.has_double() {
            self.take_digits(&mut number::numbers(json));
        }
    }

    /// The same as a value, which rounds numbers that a double cannot hold.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(it) => Value::Bool(it),
            Self::Unsigned(number) => Value::from(number),
            Self::Signed(number) => Value::from(number),
            Self::Float(number) => Value::from(number),
            Self::Exact(text) => text.parse::<f64>().map_or(Value::Null, Value::from),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Array(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Self::Object(members) => {
                Value::Object(members.into_iter().map(|(name, node)| (name.into_owned(), node.into_value())).collect())
            }
        }
    }

    fn has_double(&self) -> bool {
        match self {
            Self::Float(_) => true,
            Self::Array(items) => items.iter().any(Self::has_double),
            Self::Object(fields) => fields.iter().any(|(_, value)| value.has_double()),
            _ => false,
        }
    }

    fn take_digits(&mut self, numbers: &mut impl Iterator<Item = &'a str>) {
        match self {
            Self::Unsigned(_) | Self::Signed(_) => drop(numbers.next()),
            Self::Float(_) => {
                if let Some(text) = numbers.next().filter(|text| number::is_rounded(text)) {
                    *self = Self::Exact(Cow::Borrowed(text));
                }
            }
            Self::Array(items) => items.iter_mut().for_each(|item| item.take_digits(numbers)),
            Self::Object(fields) => fields.iter_mut().for_each(|(_, value)| value.take_digits(numbers)),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::Exact(_) => {}
        }
    }
}

impl Node<'_> {
    /// The item's id: a non-empty string under `catalogId`.
    #[must_use]
    pub fn catalog_id(&self) -> Option<&str> {
        let Self::Object(fields) = self else { return None };
        match fields.iter().rev().find(|(key, _)| key == ID_FIELD) {
            Some((_, Node::Text(id))) if !id.is_empty() => Some(id),
            _ => None,
        }
    }

    /// Appends the canonical text, leaving out what the volatile paths name.
    pub fn write_canonical(&mut self, volatile: &[VolatilePath], out: &mut Vec<u8>) {
        // At the top every path stands before its first step.
        let steps: Vec<&[String]> = volatile.iter().map(|path| path.0.as_slice()).collect();
        self.write(&steps, out);
    }

    fn write(&mut self, volatile: &[&[String]], out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Unsigned(number) => write_display(out, number),
            Self::Signed(number) => write_display(out, number),
            Self::Float(number) => out.extend_from_slice(ryu_js::Buffer::new().format(*number).as_bytes()),
            Self::Exact(text) => out.extend_from_slice(number::canonical(text).as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter_mut().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(volatile, out);
                }
                out.push(b']');
            }
            Self::Object(fields) => write_object(fields, volatile, out),
        }
    }
}

fn write_object(fields: &mut [(Cow<'_, str>, Node<'_>)], volatile: &[&[String]], out: &mut Vec<u8>) {
    // Stable, so that of two equal keys the later one comes last and wins below.
    fields.sort_by(|(a, _), (b, _)| by_utf16(a, b));
    out.push(b'{');
    let mut first = true;
    for index in 0..fields.len() {
        if fields.get(index + 1).is_some_and(|next| next.0 == fields[index].0) {
            continue;
        }
        let (key, value) = &mut fields[index];
        let below: Vec<&[String]> = volatile
            .iter()
            .filter_map(|steps| steps.split_first())
            .filter(|(step, _)| *step == key.as_ref())
            .map(|(_, rest)| rest)
            .collect();
        if below.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        write_text(key, out);
        out.push(b':');
        value.write(&below, out);
    }
    out.push(b'}');
}

/// RFC 8785 sorts by UTF-16 code units. Bytes of UTF-8 sort alike except for astral characters.
fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn write_display(out: &mut Vec<u8>, number: &impl fmt::Display) {
    use std::io::Write as _;
    // Writing to a Vec cannot fail.
    let _infallible = write!(out, "{number}");
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..index]);
        copied = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            control => {
                let low = usize::from(*control);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[low >> 4], HEX[low & 15]]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// The item hash: SHA-256 of the canonical form without volatile fields. `scratch` is overwritten; passing the same
/// one for every item saves an allocation an item.
#[must_use]
pub fn item_hash(item: &mut Node<'_>, volatile: &[VolatilePath], scratch: &mut Vec<u8>) -> Hash {
    scratch.clear();
    item.write_canonical(volatile, scratch);
    Sha256::digest(&scratch[..]).into()
}

impl<'de: 'a, 'a> Deserialize<'de> for Node<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Unsigned(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Signed(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Float(value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_string<E>(self, value: String) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<Key<'de>>()? {
            fields.push((key.0, access.next_value()?));
        }
        Ok(Node::Object(fields))
    }
}

/// serde's own `Cow<str>` always copies; a key is borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(json: &str, volatile: &[&str], expected: &str) {
        let paths: Vec<VolatilePath> = volatile.iter().map(|path| VolatilePath::parse(path).unwrap()).collect();
        let mut out = Vec::new();
        Node::read(json.as_bytes()).unwrap().write_canonical(&paths, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn canonical_form() {
        check(r#" { "b" : 1 , "a" : [ true , null , "x" ] } "#, &[], r#"{"a":[true,null,"x"],"b":1}"#);
        check(r#"{"a":1,"a":2}"#, &[], r#"{"a":2}"#);
        check(r#""\u0041\u000b\/\n\u00e6""#, &[], "\"A\\u000b/\\næ\"");
        check(r#""\u0008\t\u000c\r\u0000\u001f\u007f\"\\""#, &[], "\"\\b\\t\\f\\r\\u0000\\u001f\u{7F}\\\"\\\\\"");
        check("[1.0,1e3,-0.0,1e21,0.000001,1e-7,-5]", &[], "[1,1000,0,1e+21,0.000001,1e-7,-5]");
        // The nearest double, and not a neighbour of it.
        check("[2.3456728901244354e+27]", &[], "[2.3456728901244354e+27]");
        check("[9007199254740993,18446744073709551615]", &[], "[9007199254740993,18446744073709551615]");
        check(
            "[18446744073709551617,0.30000000000000001665,1.50e1]",
            &[],
            "[18446744073709551617,0.30000000000000001665,15]",
        );
        check(
            r#"{"b":[1,{"1":"2","x":-1.0}],"a":12345678901234567890123,"a":-98765432109876543210.5}"#,
            &[],
            r#"{"a":-98765432109876543210.5,"b":[1,{"1":"2","x":-1}]}"#,
        );
        // RFC 8785, section 3.2.3: an astral key sorts before U+FB33, by its surrogate.
        check(r#"{"\ufb33":1,"\ud83d\ude00":2,"1":3}"#, &[], "{\"1\":3,\"\u{1F600}\":2,\"\u{FB33}\":1}");
    }

    #[test]
    fn volatile_fields_stay_out() {
        check(
            r#"{"source":{"lastSyncISO":"x","url":"u"},"a":1}"#,
            &["source.lastSyncISO"],
            r#"{"a":1,"source":{"url":"u"}}"#,
        );
        check(r#"{"v":[{"t":1,"k":2},{"t":3}]}"#, &["v.t"], r#"{"v":[{"k":2},{}]}"#);
        check(r#"{"lastSyncISO":1}"#, &["source.lastSyncISO"], r#"{"lastSyncISO":1}"#);
        check(r#"{"a":1,"b":2,"c":3}"#, &["a", " c "], r#"{"b":2}"#);
        for bad in ["", ".", "a..b", "a. .b", ".a", "a."] {
            assert_eq!(VolatilePath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_is_a_non_empty_string() {
        for (json, expected) in [
            (r#"{"catalogId":"a"}"#, Some("a")),
            (r#"{"catalogId":"a","catalogId":"b"}"#, Some("b")),
            (r#"{"catalogId":""}"#, None),
            (r#"{"catalogId":7}"#, None),
            (r#"{"id":"a"}"#, None),
            (r#"["catalogId"]"#, None),
        ] {
            let node: Node<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(node.catalog_id(), expected, "{json}");
        }
    }

    #[test]
    fn a_value_that_json_does_not_have_is_refused() {
        use serde::de::value::{BytesDeserializer, Error};
        let bytes = || BytesDeserializer::<Error>::new(b"x");
        let texts = [Node::deserialize(bytes()).map(drop), Key::deserialize(bytes()).map(drop)]
            .map(|found| found.unwrap_err().to_string());
        assert_eq!(
            texts,
            ["invalid type: byte array, expected JSON", "invalid type: byte array, expected a field name"]
        );
    }

    proptest! {
        /// Whatever stands around a number, the canonical form holds that number's own text.
        #[test]
        fn the_digits_of_any_number_survive(
            before in prop::collection::vec("-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", 0..5),
            text in "[0-9\"\\\\-]{0,5}",
            volatile in any::<bool>(),
        ) {
            let volatile = if volatile { vec![VolatilePath::parse("t").unwrap()] } else { Vec::new() };
            let text = serde_json::to_string(&text).unwrap();
            let json = format!("{{\"t\":[{text},1.5],\"n\":[{}]}}", before.join(" , "));
            let mut out = Vec::new();
            Node::read(json.as_bytes()).unwrap().write_canonical(&volatile, &mut out);
            let expected: Vec<String> = before.iter().map(|text| number::canonical(text)).collect();
            let tail = if volatile.is_empty() { format!(",\"t\":[{text},1.5]") } else { String::new() };
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"n\":[{}]{tail}}}", expected.join(",")));
        }

        #[test]
        fn order_and_white_space_of_the_source_never_change_the_hash(
            fields in prop::collection::btree_map("[a-zæ😀\"\\\\]{1,6}", any::<(i64, String)>(), 0..8),
            seed in any::<u64>(),
        ) {
            let mut pairs: Vec<_> = fields.iter().collect();
            let text = |pairs: &[(&String, &(i64, String))], gap: &str| {
                let body: Vec<String> = pairs.iter().map(|(key, value)| {
                    format!("{}{gap}:{gap}{}", serde_json::to_string(key).unwrap(), serde_json::to_string(value).unwrap())
                }).collect();
                format!("{{{}}}", body.join(","))
            };
            let sorted = text(&pairs, "");
            pairs.sort_by_key(|(key, _)| key.len() as u64 ^ seed);
            let shuffled = text(&pairs, " \n");
            let hash = |json: &str| item_hash(&mut serde_json::from_str(json).unwrap(), &[], &mut Vec::new());
            prop_assert_eq!(hash(&sorted), hash(&shuffled));
        }
    }
}
