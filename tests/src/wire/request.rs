//! What a wire reads of the AWS SDK's requests, and what it answers in place of a service.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// What the local host puts before each name of the template.
const STACK: &str = "signalbox-";

/// `DynamoDB_20120810.PutItem` → `DynamoDB.PutItem`.
pub(crate) fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    // SES says by its path what is done.
    if target.is_empty() && request.uri().ends_with("/v2/email/outbound-emails") {
        return "SES.SendEmail".to_owned();
    }
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let service = match service {
        "AmazonSQS" => "SQS",
        "AWSEvents" => "Events",
        "TrentService" => "KMS",
        "AmazonSSM" => "SSM",
        other => other.split('_').next().unwrap_or(other),
    };
    format!("{service}.{operation}")
}

/// The tables or the queue that a request is about, by their names in the template, each once.
pub(crate) fn about(body: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let name = in_template(name);
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for field in ["TableName", "QueueUrl"] {
        body[field].as_str().into_iter().for_each(&mut add);
    }
    body["RequestItems"].as_object().into_iter().flatten().for_each(|(table, _)| add(table));
    in_transaction(body).iter().for_each(|name| add(name));
    names
}

/// The table of each item of a transaction, as often as it has items.
pub(crate) fn in_transaction(body: &Value) -> Vec<String> {
    let items = body["TransactItems"].as_array().into_iter().flatten();
    let parts = items.filter_map(Value::as_object).flatten();
    parts.filter_map(|(_, part)| part["TableName"].as_str()).map(in_template).collect()
}

/// The name in the template of a table, or of a queue by its address.
fn in_template(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or_default();
    name.strip_prefix(STACK).unwrap_or(name).to_owned()
}

/// The body of a request; null when it is not JSON.
pub(crate) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default()
}

pub(crate) fn set_body(request: &mut HttpRequest, body: &Value) {
    let text = body.to_string();
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
}

/// An answer of a service.
pub(crate) fn answer(status: u16, body: &str) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
