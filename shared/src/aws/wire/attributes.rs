//! Items as DynamoDB's JSON has them. They are written from where they lie; to make a tree of JSON of each first costs as much again.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};

use crate::aws::items::Item;

/// An item, or the map in one, to be written.
pub(super) struct Attributes<'a>(pub(super) &'a HashMap<String, AttributeValue>);

struct Attribute<'a>(&'a AttributeValue);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Attribute(value))))
    }
}

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = |blob: &Blob| BASE64.encode(blob.as_ref());
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(text) => map.serialize_entry("S", text),
            AttributeValue::N(number) => map.serialize_entry("N", number),
            AttributeValue::B(blob) => map.serialize_entry("B", &bytes(blob)),
            AttributeValue::Bool(yes) => map.serialize_entry("BOOL", yes),
            AttributeValue::Null(_) => map.serialize_entry("NULL", &true),
            AttributeValue::L(items) => map.serialize_entry("L", &items.iter().map(Attribute).collect::<Vec<_>>()),
            AttributeValue::M(members) => map.serialize_entry("M", &Attributes(members)),
            AttributeValue::Ss(texts) => map.serialize_entry("SS", texts),
            AttributeValue::Ns(numbers) => map.serialize_entry("NS", numbers),
            AttributeValue::Bs(blobs) => map.serialize_entry("BS", &blobs.iter().map(bytes).collect::<Vec<_>>()),
            // A type that a later SDK has. The call is made through it then.
            _ => return Err(S::Error::custom("an attribute of an unknown type")),
        }?;
        map.end()
    }
}

/// An item of an answer.
pub(super) fn read(item: serde_dynamo::Item) -> Item {
    item.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let text = |text: &str| AttributeValue::S(text.into());
        let blob = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes));
        let item = Item::from([
            ("text".to_owned(), text("é\n\"\u{1}")),
            ("number".to_owned(), AttributeValue::N("-12.5".into())),
            ("bytes".to_owned(), blob(&[0, 255, 7])),
            ("yes".to_owned(), AttributeValue::Bool(false)),
            ("nothing".to_owned(), AttributeValue::Null(true)),
            ("list".to_owned(), AttributeValue::L(vec![text(""), blob(&[])])),
            ("map".to_owned(), AttributeValue::M([("".to_owned(), AttributeValue::L(Vec::new()))].into())),
            ("texts".to_owned(), AttributeValue::Ss(vec!["b".into(), "a".into()])),
            ("numbers".to_owned(), AttributeValue::Ns(vec!["1".into()])),
            ("blobs".to_owned(), AttributeValue::Bs(vec![Blob::new([1]), Blob::new([2, 3])])),
        ]);
        let written = serde_json::to_string(&Attributes(&item)).unwrap();
        assert!(written.contains(r#""bytes":{"B":"AP8H"}"#), "{written}");
        assert_eq!(read(serde_json::from_str(&written).unwrap()), item);
    }
}
