//! What a new version is sent before it gets traffic, and what it must answer. Samples write nothing, wherever they are sent: they are
//! probes, reads, and what is refused before anything is looked at. A system test sends each to the real function and counts its writes.

use serde_json::{Value, json};
use signalbox::function::NOTHING;

/// One event, and what a version that may be let in answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// For whoever reads why a version was refused.
    pub name: &'static str,
    /// What is sent.
    pub event: Value,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// An HTTP answer of this status.
    Status(u16),
    /// No message of the batch is to come again.
    NoneFailed,
    /// That it is over.
    Done,
}

/// A version answered otherwise.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{sample}: {answered}")]
pub struct Refused {
    sample: &'static str,
    answered: String,
}

impl Sample {
    /// Whether it was answered as it must be. `error` says that the function itself failed.
    ///
    /// # Errors
    /// When it was answered in any other way.
    pub fn judge(&self, error: Option<&str>, payload: &str) -> Result<(), Refused> {
        let refused = |answered: String| Err(Refused { sample: self.name, answered });
        if let Some(error) = error {
            return refused(format!("the function failed ({})", error.chars().take(40).collect::<String>()));
        }
        // Of a function that streams, the head comes first, and its body behind.
        let answer = serde_json::Deserializer::from_str(payload).into_iter::<Value>().next();
        let Some(Ok(answer)) = answer else { return refused("its answer is no JSON".to_owned()) };
        let (right, found) = match self.expected {
            Expected::Status(status) => (answer["statusCode"] == status, &answer["statusCode"]),
            Expected::NoneFailed => (answer == json!({"batchItemFailures": []}), &answer["batchItemFailures"]),
            Expected::Done => (answer.is_null(), &Value::Null),
        };
        if right { Ok(()) } else { refused(format!("answered {found} and not {:?}", self.expected)) }
    }
}

/// The samples of a function, by its logical id in `template.yaml`; none of one that is not known.
#[must_use]
pub fn of(logical_id: &str) -> Option<Vec<Sample>> {
    Some(match logical_id {
        // Readiness reads the tables and what waits in the queues. Without a token nothing is shown.
        "ReadApi" => vec![
            http("it lives", "GET", "/livez", 200),
            http("it is ready", "GET", "/health/ready", 200),
            http("connections are kept from strangers", "GET", "/api/admin/connections", 401),
            http("what is no route is none", "GET", "/no-such-route", 404),
        ],
        // Whoever has no token is refused before a body is looked at.
        "SyncControl" => vec![
            http("strangers start no sync", "POST", "/api/catalog/moscot/sync", 401),
            http("strangers put no connection", "PUT", "/api/admin/connections/default/stripe/sample", 401),
            http("what is no route is none", "POST", "/no-such-route", 404),
        ],
        // A delivery with a wrong signature is kept in a list, and so writes. These two are refused before that: it has its secrets, or it
        // would not have started, and knows its doors.
        "Webhooks" => vec![
            http("a door takes no GET", "GET", "/pos/sample/ingest", 405),
            http("what is no door is none", "POST", "/no-such-route", 404),
        ],
        "Console" => vec![
            http("the first page is there", "GET", "/", 200),
            http("what is no page is none", "GET", "/no-such-page", 404),
        ],
        "LiveLogs" => vec![
            http("nothing is streamed without a ticket", "GET", "/", 403),
            http("what is no route is none", "GET", "/no-such-route", 404),
        ],
        "WebhookWorker" | "DeadLetters" | "SyncWorker" => vec![Sample {
            name: "a batch without messages",
            event: json!({"Records": []}),
            expected: Expected::NoneFailed,
        }],
        "Scheduler" | "Alerts" | "Completions" | "Digests" => vec![Sample {
            name: "an event that asks for nothing",
            event: json!({"signalbox": NOTHING}),
            expected: Expected::Done,
        }],
        _ => return None,
    })
}

/// A request as API Gateway hands it to a function, and a function's own URL.
fn http(name: &'static str, method: &str, path: &str, status: u16) -> Sample {
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "pre-traffic", "user-agent": "signalbox-pre-traffic"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "pre-traffic", "domainName": "pre-traffic", "domainPrefix": "pre-traffic",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "signalbox-pre-traffic"},
            "requestId": "pre-traffic", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
        },
        "isBase64Encoded": false,
    });
    Sample { name, event, expected: Expected::Status(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_or_it_is_refused() {
        let live = http("it lives", "GET", "/livez", 200);
        let refused = |answer: Result<(), Refused>| answer.unwrap_err().to_string();
        assert_eq!(live.judge(None, r#"{"statusCode":200,"body":"ok"}"#), Ok(()));
        // A stream's head, eight zero bytes, and its body.
        let zeros = "\0".repeat(8);
        assert_eq!(live.judge(None, &format!("{{\"statusCode\":200}}{zeros}data: 1")), Ok(()));
        assert_eq!(refused(live.judge(None, r#"{"statusCode":503}"#)), "it lives: answered 503 and not Status(200)");
        assert_eq!(refused(live.judge(None, "")), "it lives: its answer is no JSON");
        assert_eq!(refused(live.judge(None, "null")), "it lives: answered null and not Status(200)");
        let failed = live.judge(Some("Unhandled"), r#"{"statusCode":200}"#);
        assert_eq!(refused(failed), "it lives: the function failed (Unhandled)");

        let [batch] = of("SyncWorker").unwrap().try_into().unwrap();
        assert_eq!(batch.judge(None, r#"{"batchItemFailures":[]}"#), Ok(()));
        assert!(batch.judge(None, r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#).is_err());
        assert!(batch.judge(None, "null").is_err());

        let [tick] = of("Scheduler").unwrap().try_into().unwrap();
        assert_eq!(tick.judge(None, "null"), Ok(()));
        assert!(tick.judge(None, "{}").is_err());
        assert_eq!(of("PreTraffic"), None);
    }
}
