//! What a wire does to a call of the AWS SDK.

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::{Value, json};

use super::request::{about, answer, body, operation, set_body};
use super::{Fault, Verdict, Wire};

/// What a transaction under way on the same item can refuse.
const WRITES: [&str; 4] = ["DynamoDB.PutItem", "DynamoDB.UpdateItem", "DynamoDB.DeleteItem", "DynamoDB.BatchWriteItem"];

pub(super) async fn send(
    wire: Wire,
    next: SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let (operation, sent) = (operation(&request), body(&request));
    let group = sent["MessageGroupId"].as_str().filter(|_| operation == "SQS.SendMessage");
    match wire.ask(&operation, about(&sent), group).await {
        Verdict::Fail(Fault::Throttled) => {
            let code = if operation.starts_with("DynamoDB") {
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
            } else {
                "ThrottlingException"
            };
            return Ok(answer(400, &json!({"__type": code, "message": "slow down"}).to_string()));
        }
        Verdict::Fail(Fault::ServerError) => {
            return Ok(answer(500, &json!({"__type": "InternalServerError", "message": "try again"}).to_string()));
        }
        Verdict::Fail(Fault::Unavailable) => return Ok(answer(503, "")),
        Verdict::Fail(Fault::Unreachable) => {
            return Err(ConnectorError::io("connection refused, says the plan".into()));
        }
        Verdict::Fail(Fault::Conflict) if operation == "DynamoDB.TransactWriteItems" => return Ok(conflict(&sent)),
        // The SDK does not try this one again: it is for us to do.
        Verdict::Fail(Fault::Conflict) if WRITES.contains(&operation.as_str()) => {
            let code = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
            return Ok(answer(400, &json!({"__type": code, "message": "a transaction is under way"}).to_string()));
        }
        Verdict::Fail(Fault::Unprocessed) if operation == "DynamoDB.BatchWriteItem" => {
            return half(&next, request, sent).await;
        }
        Verdict::Fail(Fault::LostReply) => {
            let _lost = next.call(request).await?;
            return Err(ConnectorError::io("connection reset, says the plan".into()));
        }
        Verdict::KillAfter => {
            let _unknown = next.call(request).await;
            wire.die().await;
            unreachable!("a dead process goes no further");
        }
        Verdict::Pass | Verdict::Hold | Verdict::Announce | Verdict::KillBefore | Verdict::Fail(_) => {}
    }
    next.call(request).await
}

fn conflict(sent: &Value) -> HttpResponse {
    let count = sent["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<Value> =
        (0..count).map(|item| json!({"Code": if item == 0 { "TransactionConflict" } else { "None" }})).collect();
    let error = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    answer(400, &error.to_string())
}

async fn half(
    next: &SharedHttpConnector,
    mut request: HttpRequest,
    mut whole: Value,
) -> Result<HttpResponse, ConnectorError> {
    let mut left = json!({});
    for (table, writes) in whole["RequestItems"].as_object_mut().into_iter().flatten() {
        let Some(writes) = writes.as_array_mut().filter(|writes| writes.len() > 1) else { continue };
        let refused = writes.split_off(writes.len() / 2);
        left[table] = Value::from(refused);
    }
    set_body(&mut request, &whole);
    let response = next.call(request).await?;
    if !response.status().is_success() {
        return Ok(response);
    }
    Ok(answer(200, &json!({"UnprocessedItems": left}).to_string()))
}
