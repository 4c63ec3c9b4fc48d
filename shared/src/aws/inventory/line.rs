//! An item as JSON, as DynamoDB itself writes it: each value under the letter of its type, numbers as text and bytes as base64. So nothing
//! is lost, and other tools read it.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Stored;
use super::kinds::TableName;
use crate::aws::items::Item;

/// A value that is no item's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no item as DynamoDB writes one")]
pub struct NoItem;

impl Stored {
    /// Its attributes.
    #[must_use]
    pub fn json(&self) -> Value {
        members(&self.item)
    }

    /// The item of a table with these attributes, a partition and a sort key among them.
    ///
    /// # Errors
    /// When they are none of an item.
    pub fn of_json(table: TableName, attributes: &Value) -> Result<Self, NoItem> {
        let item: Item = of_members(attributes)?;
        let is_key = |value: &AttributeValue| {
            value.as_s().is_ok_and(|text| !text.is_empty())
                || value.as_b().is_ok_and(|bytes| !bytes.as_ref().is_empty())
        };
        let has_key = ["pk", "sk"].into_iter().all(|name| item.get(name).is_some_and(is_key));
        if has_key { Ok(Self { table, item }) } else { Err(NoItem) }
    }
}

fn members(members: &HashMap<String, AttributeValue>) -> Value {
    // Sorted by name, so that two exports of the same are the same text.
    let mut named: Vec<(&String, &AttributeValue)> = members.iter().collect();
    named.sort_by_key(|(name, _)| *name);
    Value::Object(named.into_iter().map(|(name, value)| (name.clone(), written(value))).collect())
}

fn written(value: &AttributeValue) -> Value {
    let bytes = |blob: &Blob| STANDARD.encode(blob.as_ref());
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(blob) => json!({"B": bytes(blob)}),
        AttributeValue::Bool(yes) => json!({"BOOL": yes}),
        AttributeValue::Null(_) => json!({"NULL": true}),
        AttributeValue::L(items) => json!({"L": items.iter().map(written).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": members(map)}),
        AttributeValue::Ss(texts) => json!({"SS": sorted(texts)}),
        AttributeValue::Ns(numbers) => json!({"NS": sorted(numbers)}),
        AttributeValue::Bs(blobs) => json!({"BS": sorted(&blobs.iter().map(bytes).collect::<Vec<_>>())}),
        // The SDK knows no other; one of a younger table is nothing that this version has stored.
        _ => Value::Null,
    }
}

/// A set has no order.
fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort_unstable();
    texts
}

fn of_members(value: &Value) -> Result<HashMap<String, AttributeValue>, NoItem> {
    let members: &Map<String, Value> = value.as_object().ok_or(NoItem)?;
    members.iter().map(|(name, value)| Ok((name.clone(), read(value)?))).collect()
}

fn read(value: &Value) -> Result<AttributeValue, NoItem> {
    let typed = value.as_object().filter(|typed| typed.len() == 1).and_then(|typed| typed.iter().next());
    let (letter, value) = typed.ok_or(NoItem)?;
    let text = |value: &Value| value.as_str().map(String::from).ok_or(NoItem);
    let bytes = |value: &Value| STANDARD.decode(text(value)?).map(Blob::new).map_err(|_| NoItem);
    let list = |value: &Value| value.as_array().cloned().ok_or(NoItem);
    let texts = |value: &Value| list(value)?.iter().map(text).collect::<Result<Vec<String>, NoItem>>();
    Ok(match letter.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(bytes(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or(NoItem)?),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(list(value)?.iter().map(read).collect::<Result<_, _>>()?),
        "M" => AttributeValue::M(of_members(value)?),
        "SS" => AttributeValue::Ss(texts(value)?),
        "NS" => AttributeValue::Ns(texts(value)?),
        "BS" => AttributeValue::Bs(list(value)?.iter().map(bytes).collect::<Result<_, _>>()?),
        _ => return Err(NoItem),
    })
}
