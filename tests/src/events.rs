//! Events as AWS hands them to functions. Those of queues are the local host's: `signalbox_local::host::poller::sqs_event`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A request, from API Gateway. The body is in base64 where `encoded`.
#[must_use]
pub fn http_event(method: &str, path: &str, headers: &BTreeMap<String, String>, body: &str, encoded: bool) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "test", "domainName": "test", "domainPrefix": "test",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "test"},
            "requestId": "test", "routeKey": "$default", "stage": "$default",
            "time": "15/Jan/2026:12:00:00 +0000", "timeEpoch": 0,
        },
        "body": body, "isBase64Encoded": encoded,
    })
}

/// A schedule's, `nightly` or `watchdog`: always the same tick, as if it were delivered again.
#[must_use]
pub fn schedule_event(schedule: &str) -> Value {
    json!({"schedule": schedule, "scheduledTime": "2026-01-15T12:00:00Z"})
}
