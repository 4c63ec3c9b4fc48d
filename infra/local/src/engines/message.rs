//! Messages as clients see them: what a receipt says, which attributes were asked for, what is too large.

use std::collections::{BTreeSet, HashMap};

use rustack_sqs_core::message::{md5_of_body, md5_of_message_attributes};
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::types::{
    BatchResultErrorEntry, Message, MessageAttributeValue, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use serde::de::DeserializeOwned;

use super::journal::Entry;
use crate::template::{ACCOUNT, REGION};

/// What a receipt handle says. It outlives a restart, which the engine's own does not.
pub(super) struct Receipt<'a> {
    pub(super) id: &'a str,
    pub(super) receives: u32,
    pub(super) engine_handle: &'a str,
}

impl<'a> Receipt<'a> {
    pub(super) fn parse(handle: &'a str) -> Result<Self, SqsError> {
        let mut parts = handle.splitn(3, ':');
        let (Some(id), Some(receives), Some(engine_handle)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SqsError::receipt_handle_is_invalid());
        };
        let receives = receives.parse().map_err(|_| SqsError::receipt_handle_is_invalid())?;
        Ok(Self { id, receives, engine_handle })
    }
}

pub(super) fn message(
    entry: Entry,
    handle: &str,
    wanted: &[String],
    wanted_own: &[String],
) -> Result<Message, SqsError> {
    let system: HashMap<String, MessageSystemAttributeValue> = parse(entry.system_attributes.as_bytes())?;
    let own: HashMap<String, MessageAttributeValue> = parse(entry.attributes.as_bytes())?;
    let all = [
        ("ApproximateReceiveCount", Some(entry.receives.to_string())),
        ("SentTimestamp", Some(entry.sent_ms.to_string())),
        ("SenderId", Some(ACCOUNT.to_owned())),
        ("ApproximateFirstReceiveTimestamp", entry.first_received_ms.map(|at| at.to_string())),
        ("MessageGroupId", entry.group),
        ("DeadLetterQueueSourceArn", entry.source.as_deref().map(arn)),
        ("AWSTraceHeader", system.get("AWSTraceHeader").and_then(|trace| trace.string_value.clone())),
    ];
    let is_wanted = |name: &str, list: &[String]| list.iter().any(|want| want == name || want == "All" || want == ".*");
    Ok(Message {
        message_id: Some(entry.id.clone()),
        receipt_handle: Some(format!("{}:{}:{handle}", entry.id, entry.receives)),
        md5_of_body: Some(md5_of_body(&entry.body)),
        md5_of_message_attributes: md5_of_message_attributes(&own),
        body: Some(entry.body),
        message_attributes: own.into_iter().filter(|(name, _)| is_wanted(name, wanted_own)).collect(),
        attributes: all
            .into_iter()
            .filter(|(name, _)| is_wanted(name, wanted))
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    })
}

pub(super) fn size(entry: &SendMessageBatchRequestEntry) -> usize {
    let attribute = |(name, value): (&String, &MessageAttributeValue)| {
        let text = value.string_value.as_ref().map_or(0, String::len);
        name.len() + value.data_type.len() + text + value.binary_value.as_ref().map_or(0, Vec::len)
    };
    entry.message_body.len() + entry.message_attributes.iter().map(attribute).sum::<usize>()
}

pub(super) fn check_batch<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), SqsError> {
    let ids: Vec<&str> = ids.collect();
    let distinct: BTreeSet<&&str> = ids.iter().collect();
    match ids.len() {
        0 => Err(SqsError::empty_batch_request()),
        11.. => Err(SqsError::too_many_entries_in_batch()),
        count if count > distinct.len() => Err(SqsError::batch_entry_ids_not_distinct()),
        _ => Ok(()),
    }
}

pub(super) fn failure(id: String, error: &SqsError) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        sender_fault: error.code.is_sender_fault(),
        code: error.code.error_type().to_owned(),
        message: Some(error.message.clone()),
    }
}

pub(super) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::invalid_parameter_value(error.to_string()))
}
