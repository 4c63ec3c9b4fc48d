//! Attribute values and keys.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::faults::{AwsFault, fault};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// Whether an item has expired: DynamoDB sweeps such items some time later, and until then they count as gone.
pub(super) fn is_expired(item: &Item, now: Timestamp) -> bool {
    let expires_at = item.get("expires_at").and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
    expires_at.is_some_and(|at| at <= now.as_second())
}

/// A value's fields as attributes, beside its key. Absent fields are left out rather than stored as null.
pub(super) fn item(value: &impl Serialize, key: Item) -> Result<Item, AwsFault> {
    let mut item: Item =
        serde_dynamo::to_item(value).map_err(|error| AwsFault::damaged("encode item", error.to_string()))?;
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key);
    Ok(item)
}

/// A value read back; attributes it does not know are passed over.
pub(super) fn value<T: DeserializeOwned>(item: Item) -> Result<T, AwsFault> {
    serde_dynamo::from_item(item).map_err(|error| AwsFault::damaged("decode item", error.to_string()))
}

/// What a conditional write answered; none where its condition was not met.
pub(super) fn conditional<T, E>(
    done: Result<T, SdkError<E, HttpResponse>>,
    operation: &'static str,
) -> Result<Option<T>, AwsFault>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(fault(operation, &error)),
    }
}
