//! What a client is told, over HTTP or by a function itself.

use std::collections::BTreeMap;

use serde_json::Value;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it is.
    pub text: String,
    /// The body as JSON; null when it is not JSON.
    pub body: Value,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: BTreeMap<String, String>, text: String) -> Self {
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, body }
    }

    /// A function's answer to API Gateway.
    ///
    /// # Panics
    /// When it has no status.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let status = answer["statusCode"].as_u64().and_then(|status| status.try_into().ok()).expect("a status");
        let headers = answer["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned()));
        Self::new(status, headers.collect(), answer["body"].as_str().unwrap_or_default().to_owned())
    }

    /// The body, of an answer with this status.
    ///
    /// # Panics
    /// When the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The status and the code of a problem.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    #[must_use]
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.body["ok"], false, "{} {}", self.status, self.text);
        (self.status, self.body["error"].as_str().expect("a code"))
    }
}
