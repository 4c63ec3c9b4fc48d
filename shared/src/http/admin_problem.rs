//! Problems in the envelope of the control centre's clients, `{ok: false, error, hint?}`: a sentence as `error`, and our stable code
//! beside it. Whoever shows no identity, or one of no use, is told `unauthorized`, the one word that these clients look for.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::problem::{
    CONNECTION_NOT_NAMED, CONTENDED, Kind, NOT_FOUND, Problem, RETRY_AFTER, UNAVAILABLE, VENDOR_RESTS,
};
use crate::domain::connections::meant::NotMeant;

/// A problem of these routes.
#[derive(Debug, Clone)]
pub struct AdminProblem(Box<Told>);

#[derive(Debug, Clone)]
struct Told {
    problem: Problem,
    error: String,
    code: String,
    hint: Option<String>,
    more: Vec<(&'static str, Value)>,
    /// After how many seconds whoever was refused may come again.
    again_after: Option<i64>,
}

/// The error envelope, for the API's description.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminProblemView {
    /// Always false.
    pub ok: bool,
    /// What clients know it by, or a sentence for people.
    pub error: String,
    /// A stable code, see `docs/errors.md`.
    pub code: String,
    /// What to do; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl AdminProblem {
    /// A problem with a text that clients know, or people read.
    #[must_use]
    pub fn new(kind: Kind, error: impl Into<String>) -> Self {
        let error = error.into();
        let problem = Problem::new(kind, error.clone());
        Self(Box::new(Told {
            problem,
            error,
            code: kind.code.to_owned(),
            hint: None,
            more: Vec::new(),
            again_after: None,
        }))
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// With a more exact code, that of a run which would fail for the same reason.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.0.code);
        self
    }

    /// With a field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.more.push((name, value.into()));
        self
    }

    /// That a vendor is not asked before a time.
    #[must_use]
    pub fn rests(error: impl Into<String>, until: Timestamp, now: Timestamp) -> Self {
        let mut problem = Self::new(VENDOR_RESTS, error);
        let ms = (until.as_millisecond() - now.as_millisecond()).max(0);
        problem.0.again_after = Some((ms + 999) / 1_000);
        problem
    }
}

impl From<Problem> for AdminProblem {
    fn from(problem: Problem) -> Self {
        let (kind, sentence) = (problem.kind(), problem.sentence());
        let (error, hint) = match kind.status {
            401 => ("unauthorized".to_owned(), Some(sentence)),
            403 => ("forbidden".to_owned(), Some(sentence)),
            _ => (sentence, None),
        };
        let again = [UNAVAILABLE.kind, CONTENDED].contains(&kind).then(|| RETRY_AFTER.parse().unwrap_or_default());
        let (code, more) = (kind.code.to_owned(), Vec::new());
        Self(Box::new(Told { problem, error, code, hint, more, again_after: again }))
    }
}

impl From<NotMeant> for AdminProblem {
    fn from(not_meant: NotMeant) -> Self {
        let kind = match not_meant {
            NotMeant::Several(..) => CONNECTION_NOT_NAMED,
            NotMeant::NotPulled(..) | NotMeant::None(..) | NotMeant::NoSuch(_) => NOT_FOUND,
        };
        Self::new(kind, not_meant.to_string()).hint(not_meant.hint())
    }
}

impl IntoResponse for AdminProblem {
    fn into_response(self) -> Response {
        let told = *self.0;
        let status = told.problem.kind().status;
        // What a vendor does is no fault of ours.
        if !matches!(status, 502 | 503) || told.problem.kind() == UNAVAILABLE.kind {
            told.problem.log();
        }
        let mut body = json!({"ok": false, "error": told.error, "code": told.code});
        if let Some(hint) = told.hint {
            body["hint"] = json!(hint);
        }
        for (name, value) in told.more {
            body[name] = value;
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = told.again_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ConnectionName, ProviderId};
    use crate::http::problem::{INSUFFICIENT_SCOPE, MISSING_TOKEN, SYNC_IN_PROGRESS};

    #[tokio::test]
    async fn clients_find_the_words_they_know_and_people_what_to_do() {
        let oslo = ConnectionName::parse("oslo").unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let soon = Timestamp::from_millisecond(1_500).unwrap();
        for (problem, status, expected, again) in [
            (
                Problem::new(MISSING_TOKEN, "send one").into(),
                401,
                json!({"error": "unauthorized", "code": "missing_token", "hint": "send one"}),
                None,
            ),
            (
                Problem::new(INSUFFICIENT_SCOPE, "m").into(),
                403,
                json!({"error": "forbidden", "code": "insufficient_scope", "hint": "m"}),
                None,
            ),
            (
                AdminProblem::new(SYNC_IN_PROGRESS, "sync already running").with("runId", "r"),
                409,
                json!({"error": "sync already running", "code": "sync_in_progress", "runId": "r"}),
                None,
            ),
            (
                NotMeant::Several(ProviderId::DOORLOOP, vec![oslo]).into(),
                409,
                json!({"error": "the tenant has several connections to doorloop, and the call names none",
                    "code": "connection_not_named", "hint": "name one with ?connection=, such as oslo"}),
                None,
            ),
            (
                AdminProblem::rests("busy", soon, now).code("source_busy"),
                503,
                json!({"error": "busy", "code": "source_busy"}),
                Some("2"),
            ),
        ] {
            let problem: AdminProblem = problem;
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let found = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(found.as_deref(), again);
            let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
            let mut expected: Value = expected;
            expected["ok"] = json!(false);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        }
    }
}
