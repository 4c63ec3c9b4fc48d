//! The `data` of an event: as it was sent, and as it reads.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::canonical::Node;

/// JSON that still has its text. A [`Value`] rounds long numbers: two events that differ in the last digit of an order
/// number would share the key that is made of their content, and the second would be lost. So what is serialized is
/// the text, and what is read is the value.
#[derive(Debug, Clone, Default)]
pub struct Data {
    text: Option<Box<RawValue>>,
    value: Value,
}

impl Deref for Data {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.value
    }
}

impl Data {
    /// The text that was sent.
    #[must_use]
    pub fn as_sent(&self) -> &str {
        self.text.as_ref().map_or("null", |text| text.get())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        // Not read as a [`Value`] directly: to that, an object with the one name that `serde_json` keeps for itself is the JSON in
        // its text, and not what was sent.
        let node: Node<'_> = serde_json::from_str(text.get()).map_err(serde::de::Error::custom)?;
        let value = node.into_value();
        Ok(Self { text: Some(text), value })
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.text {
            Some(text) => text.serialize(serializer),
            None => self.value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_sent() {
        let all = r#"{"order": 123456789012345678901, "a":[1.0,-1,1,true,null,"\u0061"], "b":1, "b":2}"#;
        for json in [all, "null", "\"text\""] {
            let data: Data = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&data).unwrap(), json);
            assert_eq!(*data, serde_json::from_str::<Value>(json).unwrap());
        }
        for inner in ["no JSON", "[1]"] {
            let name = "$serde_json::private::RawValue";
            let data: Data = serde_json::from_str(&format!(r#"{{"{name}":"{inner}"}}"#)).unwrap();
            assert_eq!(data[name], inner);
        }
        assert_eq!(serde_json::to_string(&Data::default()).unwrap(), "null");
    }
}
