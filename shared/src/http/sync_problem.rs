//! Problems in the envelope of the warehouse API's clients, `{error, message}`: a sentence as `error`, and our stable code
//! beside it.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::problem::{
    CONTENDED, FORBIDDEN, INTERNAL_ERROR, INVALID_REQUEST, MISSING_TOKEN, NOT_FOUND, Problem, RETRY_AFTER, UNAVAILABLE,
};

/// A problem of these routes.
#[derive(Debug, Clone)]
pub struct SyncProblem {
    // Boxed, as it is what most results of these routes could have been.
    problem: Box<Problem>,
    error: &'static str,
    /// After how many seconds another try may help.
    retry_after: Option<i64>,
}

/// The error envelope, for the API's description.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncProblemView {
    /// What clients know it by.
    pub error: String,
    /// For people: what is wrong, and what to do.
    pub message: String,
    /// A stable code, see `docs/errors.md`.
    pub code: String,
}

impl SyncProblem {
    /// Nothing is there.
    #[must_use]
    pub fn missing(error: &'static str, message: &str) -> Self {
        Self { problem: Problem::new(NOT_FOUND, message).into(), error, retry_after: None }
    }

    /// It is somebody else's.
    #[must_use]
    pub fn denied(message: &str) -> Self {
        Self { problem: Problem::new(FORBIDDEN, message).into(), error: "Access denied", retry_after: None }
    }

    /// It was not asked for as it must be.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Problem::new(INVALID_REQUEST, message).into()
    }

    /// It failed, and that is ours to mend: its cause is for the log.
    #[must_use]
    pub fn failed(error: &'static str, cause: &dyn std::error::Error) -> Self {
        Self { problem: Problem::internal(INTERNAL_ERROR, cause).into(), error, retry_after: None }
    }

    /// A failure by the words that clients know it by; what is theirs to mend is called what it is.
    #[must_use]
    pub fn called(self, failed: &'static str) -> Self {
        if self.problem.kind().status >= 500 { Self { error: failed, ..self } } else { self }
    }

    /// Where another try may help once this time has come.
    #[must_use]
    pub fn after(self, time: Timestamp, now: Timestamp) -> Self {
        Self { retry_after: Some((time.as_second() - now.as_second()).max(1)), ..self }
    }
}

impl From<Problem> for SyncProblem {
    fn from(problem: Problem) -> Self {
        let kind = problem.kind();
        let error = match kind.status {
            401 if kind == MISSING_TOKEN => "Access token required",
            401 => "Invalid token",
            403 => "Insufficient permissions",
            404 => "Not found",
            400..=499 => "Invalid request",
            _ => "Internal error",
        };
        Self { problem: problem.into(), error, retry_after: None }
    }
}

impl IntoResponse for SyncProblem {
    fn into_response(self) -> Response {
        let kind = self.problem.kind();
        let status = StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.problem.log();
        let body = json!({"error": self.error, "message": self.problem.sentence(), "code": kind.code});
        let mut response = (status, axum::Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if [UNAVAILABLE.kind, CONTENDED].contains(&kind) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{INSUFFICIENT_SCOPE, INVALID_TOKEN};

    #[tokio::test]
    async fn clients_find_the_words_they_know_and_people_the_reason() {
        for (problem, expected) in [
            (Problem::new(MISSING_TOKEN, "m").into(), (401, "Access token required", "m", "missing_token")),
            (Problem::new(INVALID_TOKEN, "m").into(), (401, "Invalid token", "m", "invalid_token")),
            (
                Problem::new(INSUFFICIENT_SCOPE, "m").into(),
                (403, "Insufficient permissions", "m", "insufficient_scope"),
            ),
            (SyncProblem::denied("m"), (403, "Access denied", "m", "forbidden")),
            (SyncProblem::missing("Brand not found", "m"), (404, "Brand not found", "m", "not_found")),
            (
                Problem::fields(&[("a", "is wrong"), ("b", "is bad")]).into(),
                (400, "Invalid request", "a is wrong; b is bad", "invalid_request"),
            ),
        ] {
            let problem: SyncProblem = problem;
            let response = problem.into_response();
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
            let (expected_status, error, message, code) = expected;
            let expected = json!({"error": error, "message": message, "code": code});
            assert_eq!((status, serde_json::from_slice(&body).unwrap()), (expected_status, expected));
        }
    }
}
