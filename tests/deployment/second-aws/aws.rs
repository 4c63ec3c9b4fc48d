//! One AWS: the local host's engines, or another that the template was deployed to.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Value, json};
use signalbox_local::Host;
use signalbox_local::template::{ACCOUNT, REGION, STACK};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::items;

use crate::Result;
use crate::masked::masked;

/// How long something that happens behind the answers may take, and how often is looked.
const WAIT_MAX: Duration = Duration::from_secs(90);
const WAIT: Duration = Duration::from_millis(200);
/// A request that takes longer has hung; the longest is a sync, within API Gateway's 30 s.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// Headers of answers that clients go by.
const HEADERS: [&str; 3] = ["content-type", "location", "retry-after"];

/// The tables, by their logical ids.
pub(crate) const TABLES: [&str; 6] =
    ["ControlTable", "DeliveriesTable", "JournalTable", "RecordsTable", "RunsTable", "SnapshotsTable"];

pub(crate) struct Aws {
    functions: Functions,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    http: reqwest::Client,
}

/// How functions and names are found.
enum Functions {
    Embedded(Box<Host>),
    Second { endpoint: String, resources: BTreeMap<String, String> },
}

impl Aws {
    /// The local host, within this process.
    pub(crate) fn embedded(host: Host) -> Result<Self> {
        let (dynamodb, sqs) = (host.dynamodb().clone(), host.sqs().clone());
        Ok(Self { functions: Functions::Embedded(Box::new(host)), dynamodb, sqs, http: client()? })
    }

    /// Another AWS, that answers for every service at one place. Its root key is `test`.
    pub(crate) fn second(endpoint: &str, resources: BTreeMap<String, String>) -> Result<Self> {
        let credentials = Credentials::from_keys("test", "test", None);
        macro_rules! client_of {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::Config::builder()
                        .behavior_version(BehaviorVersion::latest())
                        .region(Region::new(REGION))
                        .credentials_provider(credentials.clone())
                        .endpoint_url(endpoint)
                        .build(),
                )
            };
        }
        let (dynamodb, sqs) = (client_of!(aws_sdk_dynamodb), client_of!(aws_sdk_sqs));
        let functions = Functions::Second { endpoint: endpoint.to_owned(), resources };
        Ok(Self { functions, dynamodb, sqs, http: client()? })
    }

    /// What a client is told: status, headers, body.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value> {
        let mut request = self.request(method, path)?;
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        answer(request).await
    }

    /// What a sender is told.
    pub(crate) async fn send(&self, delivery: &Delivery) -> Result<Value> {
        let request = self.request("POST", &delivery.path)?;
        let request = delivery.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        answer(request.body(delivery.body.clone())).await
    }

    fn request(&self, method: &str, path: &str) -> Result<reqwest::RequestBuilder> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        Ok(match &self.functions {
            Functions::Embedded(host) => self.http.request(method, format!("{}{path}", host.url())),
            // The API is told by the name of its host, which no resolver knows.
            Functions::Second { endpoint, resources } => {
                let port = endpoint.rsplit(':').next().unwrap_or_default();
                let name = format!("{}.execute-api.localhost:{port}", resources["HttpApi"]);
                self.http.request(method, format!("{endpoint}{path}")).header("host", name)
            }
        })
    }

    /// Invokes a function, named as its folder is: its answer, or how it failed.
    pub(crate) async fn invoke(&self, function: &str, event: Value) -> Result<Value> {
        match &self.functions {
            Functions::Embedded(host) => Ok(host.invoke(function, event).await?),
            Functions::Second { endpoint, resources } => {
                let id: String = function.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
                let url = format!("{endpoint}/2015-03-31/functions/{}/invocations", resources[&id]);
                // A root key's signature is not looked at.
                let scope = format!("test/20260101/{REGION}/lambda/aws4_request");
                let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
                let request = self.http.post(url).header("authorization", signed).body(event.to_string());
                let answer = request.send().await?;
                let failed = answer.headers().contains_key("x-amz-function-error") || !answer.status().is_success();
                let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
                if failed { Err(format!("{function} failed: {answer}").into()) } else { Ok(answer) }
            }
        }
    }

    fn physical(&self, id: &str) -> String {
        match &self.functions {
            Functions::Embedded(host) if id.ends_with("Queue") => {
                format!("{}/{ACCOUNT}/{STACK}-{id}", host.endpoints().sqs)
            }
            Functions::Embedded(_) => format!("{STACK}-{id}"),
            Functions::Second { resources, .. } => resources[id].clone(),
        }
    }

    /// Puts a message on a queue, with the label that the sender of a delivery gives it.
    pub(crate) async fn enqueue(&self, queue: &str, label: &str, body: &str) -> Result<()> {
        let label = MessageAttributeValue::builder().data_type("String").string_value(label).build()?;
        let send = self.sqs.send_message().queue_url(self.physical(queue)).message_body(body);
        send.message_attributes("signalbox", label).send().await?;
        Ok(())
    }

    /// Every item of a table, without what differs, in the order of their text.
    pub(crate) async fn items(&self, table: &str) -> Result<Vec<Value>> {
        let scan = self.dynamodb.scan().table_name(self.physical(table)).consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(masked(Value::Object(items::json(item?))));
        }
        items.sort_by_key(Value::to_string);
        Ok(items)
    }

    /// Looks until it is as it should be.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let looking = async {
            while !is_so().await? {
                tokio::time::sleep(WAIT).await;
            }
            Ok(())
        };
        tokio::time::timeout(WAIT_MAX, looking).await.map_err(|_| format!("{what}: not within {WAIT_MAX:?}"))?
    }
}

fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?)
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let header = |name: &&str| {
        let value = answer.headers().get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), Value::from(value)))
    };
    let mut headers: Value = Value::Object(HEADERS.iter().filter_map(header).collect());
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    // ministack says of an empty body too what it is.
    if text.is_empty() {
        headers["content-type"] = Value::Null;
    }
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
    Ok(json!({"status": status, "headers": headers, "body": body}))
}
