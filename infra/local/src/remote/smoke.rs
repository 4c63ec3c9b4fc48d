//! The smoke test of a deployment: does it answer, does it measure, does it take one event in, once.

use jiff::Timestamp;
use serde_json::json;
use signalbox::domain::time;

use super::point_of_sale::PointOfSale;
use super::{Answer, NoAnswer, RemoteError};

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What was found.
    pub found: String,
    /// Whether that is right.
    pub passed: bool,
}

impl Check {
    pub(super) fn new(
        what: &str,
        answer: &Result<Answer, NoAnswer>,
        right: impl FnOnce(&Answer) -> Result<(), String>,
    ) -> Self {
        let (found, passed) = match answer {
            Ok(answer) => match right(answer) {
                Ok(()) => (answer.status.to_string(), true),
                Err(why) => (format!("{}, {why}", answer.told()), false),
            },
            Err(error) => (error.to_string(), false),
        };
        Self { what: what.to_owned(), found, passed }
    }
}

pub(super) fn one_of(statuses: &'static [u16]) -> impl FnOnce(&Answer) -> Result<(), String> {
    move |answer| match statuses.contains(&answer.status) {
        true => Ok(()),
        false => Err(format!("expected {}", statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", "))),
    }
}

/// Looks at a deployment; `now` makes the event a new one. `checked` hears of each thing as it is found.
///
/// # Errors
/// When the secret cannot be used as a key. What a deployment does wrong is a check that did not pass.
pub async fn smoke(
    sender: &PointOfSale,
    token: Option<&str>,
    now: Timestamp,
    checked: impl Fn(&Check),
) -> Result<bool, RemoteError> {
    let mut passed = true;
    let mut tell = |check: Check| {
        passed &= check.passed;
        checked(&check);
    };
    let remote = sender.remote();
    tell(Check::new("GET /healthz", &remote.get("/healthz", None).await, one_of(&[200])));
    let metrics = remote.get("/metrics", token).await;
    tell(Check::new("GET /metrics", &metrics, |answer| match answer {
        Answer { status: 200, text } if text.contains("# HELP") => Ok(()),
        Answer { status: 200, .. } => Err("without # HELP".into()),
        Answer { status: 401 | 403, .. } if token.is_none() => Err("give a token that may read: --token".into()),
        _ => Err("expected 200".into()),
    }));
    let body = json!({"sku": "SMOKE-TEST", "qty": 1, "price": 999, "ts": time::text(now)}).to_string();
    let event = sender.event(body, None)?;
    tell(Check::new("a new event", &sender.send(&event).await, one_of(&[200, 201])));
    tell(Check::new("the same again", &sender.send(&event).await, one_of(&[200, 204])));
    Ok(passed)
}
