//! What a function may call, by the policies that the template gives it. The host refuses the rest as AWS does, so that a
//! right that is missing shows on a laptop and in every test, not in the first deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture, SharedHttpClient};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::engines::ses;
use crate::host::layer;
use crate::host::record::Recorder;
use crate::template::{ACCOUNT, APPLICATION, REGION, Right};

/// The rights of one function, and which of them it has used. Clones are the same.
#[derive(Clone, Debug)]
pub struct Rights(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    function: String,
    granted: Vec<Right>,
    /// By their places in `granted`.
    used: Mutex<BTreeSet<usize>>,
    recorder: Recorder,
}

impl Rights {
    pub(crate) fn new(function: &str, granted: Vec<Right>, recorder: Recorder) -> Self {
        Self(Arc::new(Inner { function: function.to_owned(), granted, used: Mutex::default(), recorder }))
    }

    /// A client for the AWS SDK that sends what the function may call, and refuses the rest.
    #[must_use]
    pub fn guard(&self, below: SharedHttpClient) -> SharedHttpClient {
        let rights = self.clone();
        layer::layer(below, move |next, request| match rights.missing(&request) {
            None => next.call(request),
            Some(missing) => HttpConnectorFuture::ready(Ok(rights.refusal(&missing))),
        })
    }

    /// What was granted and not used so far.
    #[must_use]
    pub fn unused(&self) -> Vec<Right> {
        let used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = self.0.granted.iter().enumerate().filter(|(place, _)| !used.contains(place));
        unused.map(|(_, right)| right.clone()).collect()
    }

    /// The first right that a request needs and the function does not have.
    fn missing(&self, request: &HttpRequest) -> Option<Right> {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        for needed in needed(request) {
            let Some(place) = self.0.granted.iter().position(|granted| covers(granted, &needed)) else {
                return Some(needed);
            };
            if used.insert(place) {
                self.0.recorder.right(&self.0.function, &self.0.granted[place]);
            }
        }
        None
    }

    fn refusal(&self, missing: &Right) -> HttpResponse {
        let (function, Right { action, resource, .. }) = (&self.0.function, missing);
        tracing::error!(function, action, resource, "template.yaml gives the function no such right");
        let message = format!("{function} is not authorized to perform: {action} on resource: {resource}");
        let body = json!({"__type": "AccessDeniedException", "message": message}).to_string();
        HttpResponse::new(StatusCode::try_from(400).expect("a status"), SdkBody::from(body))
    }
}

fn covers(granted: &Right, needed: &Right) -> bool {
    granted.action == needed.action
        && granted.context.iter().all(|name| needed.context.contains(name))
        && match granted.resource.strip_suffix('*') {
            Some(start) => needed.resource.starts_with(start),
            None => needed.resource == granted.resource,
        }
}

/// The parts of a request that say what it is about; its items are skipped unread.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct About {
    table_name: Option<String>,
    index_name: Option<String>,
    request_items: BTreeMap<String, IgnoredAny>,
    transact_items: Vec<BTreeMap<String, Table>>,
    queue_url: Option<String>,
    entries: Vec<Entry>,
    key_id: Option<String>,
    source_key_id: Option<String>,
    destination_key_id: Option<String>,
    encryption_context: BTreeMap<String, IgnoredAny>,
    source_encryption_context: BTreeMap<String, IgnoredAny>,
    destination_encryption_context: BTreeMap<String, IgnoredAny>,
    names: Vec<String>,
    from_email_address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    table_name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    event_bus_name: Option<String>,
}

/// The rights that AWS asks for before it serves a request. Source: Service Authorization Reference.
fn needed(request: &HttpRequest) -> Vec<Right> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let about: About = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    let on = |service: &str, action: &str, resource: &str| Right {
        action: format!("{service}:{action}"),
        resource: format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"),
        context: Vec::new(),
    };
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let needed: Vec<Right> = match service {
        "DynamoDB_20120810" => {
            let on_table = |action: &str, table: &str| on("dynamodb", action, &format!("table/{table}"));
            let index = about.index_name.map(|index| format!("/index/{index}")).unwrap_or_default();
            let one = about.table_name.iter().map(|table| on_table(operation, &format!("{table}{index}")));
            let batch = about.request_items.keys().map(|table| on_table(operation, table));
            // A transaction needs the right to each of its parts: Put needs PutItem, ConditionCheck ConditionCheckItem.
            let parts = about.transact_items.iter().flatten();
            let parts = parts.map(|(part, table)| on_table(&format!("{part}Item"), &table.table_name));
            one.chain(batch).chain(parts).collect()
        }
        "AmazonSQS" => {
            let action = operation.strip_suffix("Batch").unwrap_or(operation);
            about.queue_url.iter().map(|url| on("sqs", action, &last(url))).collect()
        }
        "AWSEvents" => {
            let buses = about.entries.iter().filter_map(|entry| entry.event_bus_name.as_deref());
            buses.map(|bus| on("events", operation, &format!("event-bus/{}", last(bus)))).collect()
        }
        "TrentService" => {
            // A ciphertext names its key itself, which only KMS can read: so a call that names none is not let through.
            let with = |action: &str, key: &Option<String>, context: &BTreeMap<String, IgnoredAny>| {
                let right = on("kms", action, &format!("key/{}", last(key.as_deref()?)));
                Some(Right { context: context.keys().cloned().collect(), ..right })
            };
            match operation {
                "ReEncrypt" => {
                    let from = with("ReEncryptFrom", &about.source_key_id, &about.source_encryption_context);
                    let to = with("ReEncryptTo", &about.destination_key_id, &about.destination_encryption_context);
                    from.zip(to).map(|(from, to)| vec![from, to]).unwrap_or_default()
                }
                _ => with(operation, &about.key_id, &about.encryption_context).into_iter().collect(),
            }
        }
        "AmazonSSM" => {
            let parameter = |name: &String| format!("parameter/{}", name.strip_prefix('/').unwrap_or(name));
            about.names.iter().map(|name| on("ssm", operation, &parameter(name))).collect()
        }
        // Which deployment group it is about CodeDeploy alone knows; all are of one application.
        "CodeDeploy_20141006" => match operation {
            "GetApplicationRevision" => vec![on("codedeploy", operation, &format!("application:{APPLICATION}"))],
            _ => vec![on("codedeploy", operation, &format!("deploymentgroup:{APPLICATION}/"))],
        },
        // It says by its path what is done, and by whom it is from which identity it needs.
        "" if request.uri().ends_with(ses::PATH) => {
            let domain = about.from_email_address.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
            vec![on("ses", "SendEmail", &format!("identity/{domain}"))]
        }
        "" => invoked(request.uri()).map(|function| on("lambda", "InvokeFunction", &function)).into_iter().collect(),
        _ => Vec::new(),
    };
    // What is not understood is not let through.
    if needed.is_empty() { vec![on("unknown", target, "")] } else { needed }
}

/// The version of a function that a request to Lambda invokes.
fn invoked(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("/2015-03-31/functions/")?;
    let (function, version) = rest.split_once("/invocations?Qualifier=")?;
    Some(format!("function:{function}:{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, body: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.headers_mut().insert("x-amz-target", target.to_owned());
        request
    }

    #[test]
    fn a_request_needs_the_rights_that_aws_asks_for() {
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:000000000000:{rest}");
        let table = |action: &str, rest: &str| {
            let rest = format!("table/{rest}");
            (format!("dynamodb:{action}"), arn("dynamodb", &rest))
        };
        for (target, body, expected) in [
            ("DynamoDB_20120810.GetItem", r#"{"TableName":"T"}"#, vec![table("GetItem", "T")]),
            ("DynamoDB_20120810.Query", r#"{"TableName":"T","IndexName":"i"}"#, vec![table("Query", "T/index/i")]),
            (
                "DynamoDB_20120810.BatchWriteItem",
                r#"{"RequestItems":{"T":[{"PutRequest":{"Item":{}}}],"U":[]}}"#,
                vec![table("BatchWriteItem", "T"), table("BatchWriteItem", "U")],
            ),
            (
                "DynamoDB_20120810.TransactWriteItems",
                r#"{"TransactItems":[{"Update":{"TableName":"T","Key":{}}},{"ConditionCheck":{"TableName":"U"}}]}"#,
                vec![table("UpdateItem", "T"), table("ConditionCheckItem", "U")],
            ),
            (
                "AmazonSQS.ChangeMessageVisibilityBatch",
                r#"{"QueueUrl":"http://127.0.0.1:1/000000000000/Q","Entries":[{"Id":"1"}]}"#,
                vec![("sqs:ChangeMessageVisibility".into(), arn("sqs", "Q"))],
            ),
            (
                "AWSEvents.PutEvents",
                r#"{"Entries":[{"EventBusName":"B","Detail":"{}"}]}"#,
                vec![("events:PutEvents".into(), arn("events", "event-bus/B"))],
            ),
            (
                "TrentService.Decrypt",
                r#"{"KeyId":"arn:aws:kms:us-east-1:000000000000:key/K","CiphertextBlob":"AA=="}"#,
                vec![("kms:Decrypt".into(), arn("kms", "key/K"))],
            ),
            (
                "TrentService.ReEncrypt",
                r#"{"SourceKeyId":"K","DestinationKeyId":"L","CiphertextBlob":"AA=="}"#,
                vec![
                    ("kms:ReEncryptFrom".into(), arn("kms", "key/K")),
                    ("kms:ReEncryptTo".into(), arn("kms", "key/L")),
                ],
            ),
            (
                "TrentService.Decrypt",
                r#"{"CiphertextBlob":"AA=="}"#,
                vec![("unknown:TrentService.Decrypt".into(), arn("unknown", ""))],
            ),
            (
                "CodeDeploy_20141006.GetApplicationRevision",
                "{}",
                vec![(
                    "codedeploy:GetApplicationRevision".into(),
                    arn("codedeploy", "application:signalbox-ServerlessDeploymentApplication"),
                )],
            ),
            (
                "CodeDeploy_20141006.GetDeployment",
                r#"{"deploymentId":"d-1"}"#,
                vec![(
                    "codedeploy:GetDeployment".into(),
                    arn("codedeploy", "deploymentgroup:signalbox-ServerlessDeploymentApplication/"),
                )],
            ),
            (
                "AmazonSSM.GetParameters",
                r#"{"Names":["/signalbox/A","B"],"WithDecryption":true}"#,
                vec![
                    ("ssm:GetParameters".into(), arn("ssm", "parameter/signalbox/A")),
                    ("ssm:GetParameters".into(), arn("ssm", "parameter/B")),
                ],
            ),
        ] {
            let needed = needed(&request(target, body)).into_iter().map(|right| (right.action, right.resource));
            assert_eq!(needed.collect::<Vec<_>>(), expected, "{target}");
        }
    }

    #[test]
    fn an_invocation_names_its_function_and_version_by_its_path() {
        let function = "/2015-03-31/functions/signalbox-ReadApi/invocations?Qualifier=7";
        assert_eq!(invoked(function).as_deref(), Some("function:signalbox-ReadApi:7"));
        // Whatever is not a version is not understood, and so not let through.
        assert_eq!(invoked("/2015-03-31/functions/signalbox-ReadApi/invocations"), None);
    }

    #[test]
    fn what_is_not_granted_is_missing_and_what_is_used_is_remembered() {
        let right = |resource: &str| Right {
            action: "dynamodb:Query".into(),
            resource: format!("arn:aws:dynamodb:us-east-1:000000000000:table/{resource}"),
            context: Vec::new(),
        };
        let rights = Rights::new("f", vec![right("T"), right("T/index/*")], Recorder::default());
        let query = |body: &str| rights.missing(&request("DynamoDB_20120810.Query", body));
        assert_eq!(query(r#"{"TableName":"T","IndexName":"i"}"#), None);
        assert_eq!(rights.unused(), [right("T")]);
        assert_eq!(query(r#"{"TableName":"Tt"}"#), Some(right("Tt")));
        assert!(rights.missing(&request("DynamoDB_20120810.Scan", r#"{"TableName":"T"}"#)).is_some());
        assert!(rights.missing(&request("DynamoDB_20120810.CreateTable", "no JSON")).is_some());
    }

    #[test]
    fn a_right_under_a_condition_covers_what_names_its_context_alone() {
        let resource = "arn:aws:kms:us-east-1:000000000000:key/K".to_owned();
        let context = vec!["connection".to_owned(), "tenant".to_owned()];
        let rights =
            Rights::new("f", vec![Right { action: "kms:Decrypt".into(), resource, context }], Recorder::default());
        let decrypt = |context: &str| {
            let body = format!(r#"{{"KeyId":"K","EncryptionContext":{context}}}"#);
            rights.missing(&request("TrentService.Decrypt", &body)).is_none()
        };
        assert!(decrypt(r#"{"tenant":"t","connection":"t/p/n"}"#));
        assert!(!decrypt(r#"{"tenant":"t"}"#) && !decrypt("{}"));
    }
}
