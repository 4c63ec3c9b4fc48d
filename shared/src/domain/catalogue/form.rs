//! How a vendor writes its catalogue: where the list is, what names a row, and what proves that the list is whole.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::canonical::{ID_FIELD, Node};

/// The most steps of a path: catalogues are not nested deeper.
const STEPS_MAX: usize = 8;

/// The path of one field below an object, such as `id` or `variant.sku`. It goes through objects, not through lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// Reads a name or a dotted path; `None` when a step is empty or there are too many.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let steps: Vec<String> = text.split('.').map(|step| step.trim().to_owned()).collect();
        (steps.len() <= STEPS_MAX && steps.iter().all(|step| !step.is_empty())).then_some(Self(steps))
    }

    /// Its steps, one at least.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("."))
    }
}

/// What becomes of a row that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BadRows {
    /// The run fails, and says which row it was.
    #[default]
    Fail,
    /// It is kept with its place and the reason, and the run goes on; nothing is removed by that run.
    SetAside,
}

/// How a catalogue is written. The default is an array of objects, or one a line, each with a text `catalogId`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The field that names a row: a text, or a number, which is kept by its digits. Where none is configured it is
    /// `catalogId`, and a text.
    pub id: Option<FieldPath>,
    /// Where the list is, in an object around it.
    pub items: Option<FieldPath>,
    /// Where the number of all rows is: in the object around the list, or in a last line that is no row.
    pub total: Option<FieldPath>,
    /// What becomes of a row that cannot be read.
    pub bad_rows: BadRows,
}

impl Form {
    /// The name of the field that names a row.
    #[must_use]
    pub fn id_name(&self) -> String {
        self.id.as_ref().map_or_else(|| ID_FIELD.to_owned(), FieldPath::to_string)
    }

    /// The id of an item: `None` when it has none. `text` is the item as it was sent, of which a number's digits are taken: what
    /// a parser makes of a long number may be another.
    pub(super) fn id_of<'a>(&self, item: &Node<'a>, text: &'a [u8]) -> Option<Id<'a>> {
        let Some(path) = &self.id else { return item.catalog_id().is_some().then_some(Id::Text) };
        match at(item, path)? {
            Node::Text(id) => (!id.is_empty()).then_some(Id::Text),
            Node::Null | Node::Bool(_) | Node::Array(_) | Node::Object(_) => None,
            _ => digits_at(text, path.steps()).map(Id::Digits),
        }
    }

    /// The text that [`Form::id_of`] found.
    pub(super) fn text_id<'n>(&self, item: &'n Node<'_>) -> &'n str {
        let found = match &self.id {
            None => item.catalog_id(),
            Some(path) => at(item, path).and_then(|node| if let Node::Text(id) = node { Some(&**id) } else { None }),
        };
        found.unwrap_or_default()
    }
}

/// An id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id<'a> {
    /// A text of the item.
    Text,
    /// The digits of a number, as they were sent.
    Digits(&'a str),
}

/// What an item holds at a path. Of two fields of one name the last counts.
pub(in crate::domain) fn at<'n, 'a>(item: &'n Node<'a>, path: &FieldPath) -> Option<&'n Node<'a>> {
    path.steps().iter().try_fold(item, |node, step| match node {
        Node::Object(fields) => fields.iter().rev().find(|(name, _)| name == step).map(|(_, value)| value),
        _ => None,
    })
}

/// The text of what an object holds at a path, as it was sent.
pub(super) fn text_at<'a>(object: &'a [u8], steps: &[String]) -> Option<&'a str> {
    let (step, rest) = steps.split_first()?;
    let mut parser = serde_json::Deserializer::from_slice(object);
    let found = Seek(step).deserialize(&mut parser).ok()??;
    if rest.is_empty() { Some(found.get()) } else { text_at(found.get().as_bytes(), rest) }
}

/// A number's text at a path.
fn digits_at<'a>(object: &'a [u8], steps: &[String]) -> Option<&'a str> {
    text_at(object, steps).filter(|text| text.starts_with(|first: char| first == '-' || first.is_ascii_digit()))
}

/// Looks for the last field of a name in an object.
struct Seek<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = access.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(access.next_value()?);
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a name without keeping it.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    #[test]
    fn a_path_has_steps_that_are_not_empty_and_not_too_many() {
        assert_eq!(path(" a . b ").to_string(), "a.b");
        for bad in ["", ".", "a.", "a..b", "1.2.3.4.5.6.7.8.9"] {
            assert_eq!(FieldPath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_is_found_by_its_path_and_a_number_is_kept_by_its_digits() {
        for (id, item, expected) in [
            (None, r#"{"catalogId":"a"}"#, Some("a")),
            (None, r#"{"catalogId":7}"#, None),
            (Some("catalogId"), r#"{"catalogId":7}"#, Some("7")),
            (Some("id"), r#"{"id": 632910392 ,"x":1}"#, Some("632910392")),
            (Some("id"), r#"{"id":12345678901234567890123}"#, Some("12345678901234567890123")),
            (Some("id"), r#"{"id":-1.50e2}"#, Some("-1.50e2")),
            (Some("id"), r#"{"id":"7","id":8}"#, Some("8")),
            (Some("id"), r#"{"id":7,"id":"\u0061"}"#, Some("a")),
            (Some("id"), r#"{"\u0069d":7}"#, Some("7")),
            (Some("a.b"), r#"{"a":{"b":"x"}}"#, Some("x")),
            (Some("a.b"), r#"{"a":{"b":1},"a":{"c":{"b":2},"b":3}}"#, Some("3")),
            (Some("a.b"), r#"{"a":[{"b":"x"}]}"#, None),
            (Some("id"), r#"{"id":""}"#, None),
            (Some("id"), r#"{"id":null}"#, None),
            (Some("id"), r#"{"id":true}"#, None),
            (Some("id"), r#"{"id":[1]}"#, None),
            (Some("id"), r#"{"Id":1}"#, None),
        ] {
            let form = Form { id: id.map(path), ..Form::default() };
            let node: Node<'_> = serde_json::from_str(item).unwrap();
            let found = form.id_of(&node, item.as_bytes()).map(|found| match found {
                Id::Text => form.text_id(&node),
                Id::Digits(digits) => digits,
            });
            assert_eq!(found, expected, "{item} by {id:?}");
        }
    }
}
