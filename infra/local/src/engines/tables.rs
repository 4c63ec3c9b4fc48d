//! DynamoDB's JSON protocol in front of the tables' database.
//!
//! Not dynoxide's own server: that takes a listener and nothing else, so that no guard, no bound on connections and no
//! timeout can be put before it. Its requests and answers are those of the embedded database, which reads them by serde. What
//! is lost are the wordings in which DynamoDB refuses a request that no SDK would send.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// DynamoDB's limit.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A client that sends its body more slowly than this is let go.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);
const TARGET_PREFIXES: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// Before a text, it says in dynoxide's errors of reading how DynamoDB would class it.
const MARKERS: [&str; 2] = ["VALIDATION:", "VALIDATION_REQUEST:"];

/// The tables' server.
#[derive(Clone)]
pub(crate) struct TableHandler(pub(crate) Database);

impl Service<Request<Incoming>> for TableHandler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let database = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            let operation = target.and_then(operation).unwrap_or_default();
            let body = tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await;
            let answer = match body {
                Ok(Ok(body)) => perform(&database, operation, &body.to_bytes()),
                Ok(Err(error)) => Err(DynoxideError::SerializationException(error.to_string())),
                Err(_) => Err(DynoxideError::SerializationException("the body did not arrive in time".into())),
            };
            let (status, body) = match answer {
                Ok(body) => (StatusCode::OK, body),
                Err(error) => {
                    let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
                    tracing::debug!(operation, %status, %error, "DynamoDB refused");
                    (status, error.to_json().into_bytes())
                }
            };
            let mut response = Response::new(Full::new(body.into()));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
            Ok(response)
        })
    }
}

/// The operation that a request's target names.
fn operation(target: &str) -> Option<&str> {
    TARGET_PREFIXES.iter().find_map(|prefix| target.strip_prefix(prefix))
}

macro_rules! operations {
    ($($name:literal => $method:ident,)+) => {
        fn perform(database: &Database, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
            match operation {
                $($name => write(&database.$method(read(body)?)?),)+
                other => Err(DynoxideError::ValidationException(format!("the local host has no operation {other:?}"))),
            }
        }
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let marked = MARKERS.iter().find_map(|marker| text.strip_prefix(marker));
        DynoxideError::ValidationException(marked.unwrap_or(&text).to_owned())
    })
}

fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
