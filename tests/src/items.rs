//! Items of the tables, as values that can be compared and shown.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

use crate::system::System;

/// An item as JSON; bytes are hex, numbers are text.
pub type Item = Map<String, Value>;

impl System {
    /// Every item of a table whose partition begins with this, in the order of their keys.
    pub async fn items(&self, table: &'static str, partition: &str) -> Vec<Item> {
        let raw = self.raw_items(table, partition).await;
        let mut items: Vec<Item> = raw.into_iter().map(json).collect();
        let key = |item: &Item| [item["pk"].as_str().map(String::from), item["sk"].as_str().map(String::from)];
        items.sort_by_key(key);
        items
    }

    /// What a table has stored, in bytes as DynamoDB counts them, with its hundred for each item: what stays, and what expires.
    pub async fn stored_bytes(&self, table: &'static str) -> (usize, usize) {
        let environment = self.environment("sync-control");
        let table = environment.require(table).expect("a table").to_owned();
        let scan = self.host.dynamodb().scan().table_name(table).consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        let (mut stays, mut expires) = (0, 0);
        while let Some(item) = pages.next().await {
            let item = item.expect("the table");
            let bytes = 100 + item.iter().map(|(name, value)| name.len() + bytes_of(value)).sum::<usize>();
            *(if item.contains_key("expires_at") { &mut expires } else { &mut stays }) += bytes;
        }
        (stays, expires)
    }

    /// The items of a table whose partition begins like this, as they are stored.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn raw_items(&self, table: &'static str, partition: &str) -> Vec<HashMap<String, AttributeValue>> {
        let environment = self.environment("sync-control");
        let table = environment.require(table).expect("a table").to_owned();
        let scan = self.host.dynamodb().scan().table_name(table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :pk)");
        let scan = scan.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.expect("the table"));
        }
        items
    }
}

/// The bytes of an attribute, without its name.
fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::M(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + bytes_of(value)).sum::<usize>()
        }
        AttributeValue::L(items) => 3 + items.iter().map(|item| 1 + bytes_of(item)).sum::<usize>(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        _ => 1,
    }
}

/// An item as JSON.
pub fn json(item: impl IntoIterator<Item = (String, AttributeValue)>) -> Item {
    item.into_iter().map(|(name, value)| (name, value_of(value))).collect()
}

fn value_of(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => Value::String(number),
        AttributeValue::Bool(yes) => Value::Bool(yes),
        AttributeValue::B(bytes) => Value::String(hex::encode(bytes)),
        AttributeValue::M(fields) => Value::Object(json(fields)),
        AttributeValue::L(items) => items.into_iter().map(value_of).collect(),
        AttributeValue::Null(_) => Value::Null,
        // A set has no order.
        AttributeValue::Ss(mut texts) => {
            texts.sort();
            texts.into()
        }
        other => panic!("an attribute of a kind that is not used: {other:?}"),
    }
}
