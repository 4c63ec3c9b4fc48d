//! What processes use of AWS, counted at the wire: units by table as the tables answer, requests by queue, events, calls of KMS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture, SharedHttpClient};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use serde_json::Value;
use signalbox_local::host::layer::layer;

use crate::wire::request;

/// Operations that read; all others of DynamoDB write.
const READS: [&str; 5] = ["GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"];

/// What was used since the last look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Used {
    /// Calls.
    pub calls: f64,
    /// Write and read units by table.
    pub tables: BTreeMap<String, (f64, f64)>,
    /// Messages sent by queue, and how many of them have a group.
    pub queues: BTreeMap<String, (f64, f64)>,
    /// Events put on the bus.
    pub events: f64,
    /// Calls of KMS.
    pub kms: f64,
}

/// A meter. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Used>>);

impl Meter {
    /// What was used since the last call.
    ///
    /// # Panics
    /// When somebody who counted has panicked.
    pub fn take(&self) -> Used {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A client that counts what goes by way of it.
    #[must_use]
    pub fn http(&self, by_way_of: SharedHttpClient) -> SharedHttpClient {
        let meter = self.clone();
        layer(by_way_of, move |next, mut asked| {
            let operation = request::operation(&asked);
            let mut body = request::body(&asked);
            if operation.starts_with("DynamoDB.") {
                // Whoever does not ask what a call costs is told all the same. The endpoint checks no signature.
                body["ReturnConsumedCapacity"] = "TOTAL".into();
                request::set_body(&mut asked, &body);
            }
            let meter = meter.clone();
            HttpConnectorFuture::new(async move {
                let mut response = next.call(asked).await?;
                let answer = std::mem::replace(response.body_mut(), SdkBody::taken());
                let bytes = answer.collect().await.map_err(ConnectorError::io)?.to_bytes();
                let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                meter.0.lock().unwrap().note(&operation, &body, &answer, response.status().is_success());
                *response.body_mut() = SdkBody::from(bytes);
                Ok(response)
            })
        })
    }
}

impl Used {
    fn note(&mut self, operation: &str, body: &Value, answer: &Value, is_done: bool) {
        self.calls += 1.0;
        let (service, operation) = operation.split_once('.').unwrap_or_default();
        match service {
            "DynamoDB" => self.table(operation, body, answer, is_done),
            "SQS" => {
                for name in request::about(body) {
                    let (sent, in_groups) = self.queues.entry(name).or_default();
                    *sent += 1.0;
                    *in_groups += f64::from(u8::from(body["MessageGroupId"].is_string()));
                }
            }
            "Events" => self.events += body["Entries"].as_array().map_or(0, Vec::len) as f64,
            "KMS" => self.kms += 1.0,
            _ => {}
        }
    }

    fn table(&mut self, operation: &str, body: &Value, answer: &Value, is_done: bool) {
        let mut add = |table: &str, units: f64| {
            let (write, read) = self.tables.entry(table.to_owned()).or_default();
            *(if READS.contains(&operation) { read } else { write }) += units;
        };
        if !is_done {
            // A condition that does not hold costs what the write would have, and the answer names no units. Items here are below 1 KB; in
            // a transaction each of them costs twice that.
            let refused = answer["__type"].as_str().unwrap_or_default();
            if refused.ends_with("ConditionalCheckFailedException") {
                request::about(body).iter().for_each(|table| add(table, 1.0));
            } else if refused.ends_with("TransactionCanceledException") {
                request::in_transaction(body).iter().for_each(|table| add(table, 2.0));
            }
            return;
        }
        let consumed = &answer["ConsumedCapacity"];
        for one in consumed.as_array().map_or_else(|| std::slice::from_ref(consumed), Vec::as_slice) {
            let units = one["CapacityUnits"].as_f64();
            let table = request::about(one);
            let table = table.first().expect("an answer names its table");
            add(table, units.unwrap_or_else(|| panic!("{operation} names no units: {answer}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_transaction_that_is_cancelled_costs_each_of_its_items() {
        let put = |table: &str| json!({"Put": {"TableName": table}});
        let items = [put("signalbox-RunsTable"), put("signalbox-RunsTable"), put("signalbox-ControlTable")];
        let answer = json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"});
        let mut used = Used::default();
        used.note("DynamoDB.TransactWriteItems", &json!({"TransactItems": items}), &answer, false);
        assert_eq!(used.tables, [("ControlTable".to_owned(), (2.0, 0.0)), ("RunsTable".to_owned(), (4.0, 0.0))].into());
    }
}
