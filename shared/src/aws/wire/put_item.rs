//! `PutItem`, out and in.

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};

use super::attributes::{Attributes, read};
use super::connections::Answer;
use crate::aws::items::Item;

/// What the service knows it by.
pub(super) const TARGET: &str = "DynamoDB_20120810.PutItem";

/// A put. It asks what it consumed, as all calls to tables do.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutItem<'a> {
    table_name: &'a str,
    #[serde(serialize_with = "attributes")]
    item: &'a Item,
    condition_expression: &'a str,
    #[serde(skip_serializing_if = "Item::is_empty", serialize_with = "attributes")]
    expression_attribute_values: &'a Item,
    return_consumed_capacity: &'static str,
    return_values_on_condition_check_failure: &'static str,
}

fn attributes<S: Serializer>(item: &&Item, serializer: S) -> Result<S::Ok, S::Error> {
    Attributes(item).serialize(serializer)
}

impl<'a> PutItem<'a> {
    pub(super) fn of(table_name: &'a str, new: &'a NewItem) -> Self {
        Self {
            table_name,
            item: &new.item,
            condition_expression: new.condition,
            expression_attribute_values: &new.values,
            return_consumed_capacity: "TOTAL",
            return_values_on_condition_check_failure: "ALL_OLD",
        }
    }
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aws) enum Put {
    /// It is there.
    Done,
    /// Its condition was not met, by this item.
    Refused(Item),
}

/// What is put, and on which condition.
#[derive(Debug, Clone)]
pub(in crate::aws) struct NewItem {
    pub(in crate::aws) item: Item,
    pub(in crate::aws) condition: &'static str,
    /// The values that it names, with their colons.
    pub(in crate::aws) values: Item,
}

/// The values of a condition.
pub(in crate::aws) fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Item {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What says that it is there: JSON, whatever it holds. What was consumed is all that it could say.
#[derive(Deserialize)]
struct PutAnswer {}

/// What names a failed condition. Other errors are not read.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(rename = "Item")]
    item: serde_dynamo::Item,
}

impl Put {
    /// What an answer says; none where it is neither of the two.
    pub(super) fn read(Answer { status, body }: &Answer) -> Option<Self> {
        match *status {
            StatusCode::OK => serde_json::from_slice::<PutAnswer>(body).ok().map(|_| Self::Done),
            StatusCode::BAD_REQUEST => {
                let Refusal { kind, item } = serde_json::from_slice(body).ok()?;
                kind.ends_with("#ConditionalCheckFailedException").then(|| Self::Refused(read(item)))
            }
            _ => None,
        }
    }
}
