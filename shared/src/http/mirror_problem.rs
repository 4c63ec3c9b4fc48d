//! Problems in the envelope of the mirror's clients, `{success: false, error}`: a stable code or the word that they know as `error`, and
//! a sentence as `message`. Whoever is not let in is told so without `success`, `{error, message}`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::EXPIRED;
use super::problem::{
    AUTHENTICATION_REQUIRED, CONTENDED, Detail, FEATURE_DISABLED, INVALID_REQUEST, INVALID_TOKEN, Kind, MISSING_TOKEN,
    Problem, RETRY_AFTER, TOKEN_EXPIRED, UNAVAILABLE,
};
use crate::domain::flags::Flag;

/// What these clients know wrong fields by.
const VALIDATION_ERROR: &str = "Validation error";

/// A problem of these routes.
#[derive(Debug, Clone)]
pub struct MirrorProblem(Box<Told>);

#[derive(Debug, Clone)]
struct Told {
    problem: Problem,
    kind: Kind,
    error: &'static str,
    more: Vec<(&'static str, Value)>,
}

/// The error envelope, for the API's description.
#[derive(Debug, Serialize, ToSchema)]
pub struct MirrorProblemView {
    /// Always false.
    pub success: bool,
    /// A stable code, see `docs/errors.md`; `Validation error` where fields are wrong.
    pub error: String,
    /// For people: what is wrong, and what to do.
    pub message: String,
}

/// What whoever is not let in is told, for the API's description.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotLetInView {
    /// A stable code, see `docs/errors.md`.
    pub error: String,
    /// For people: what is wrong, and what to do.
    pub message: String,
}

impl MirrorProblem {
    /// A problem with a text for people.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Problem::new(kind, message).into()
    }

    /// A feature is off.
    #[must_use]
    pub fn disabled(flag: Flag) -> Self {
        let name = flag.as_str();
        let message = format!("the feature is off: {name}; GET /api/admin/effective-flags says why");
        Self::new(FEATURE_DISABLED, message).with("flag", name)
    }

    /// Fields are wrong, each for its reason.
    #[must_use]
    pub fn invalid(fields: &[(&str, &str)]) -> Self {
        Problem::fields(fields).into()
    }

    /// With a field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.more.push((name, value.into()));
        self
    }
}

impl From<Problem> for MirrorProblem {
    fn from(problem: Problem) -> Self {
        let kind = match problem.kind() {
            MISSING_TOKEN => AUTHENTICATION_REQUIRED,
            INVALID_TOKEN if problem.sentence() == EXPIRED => TOKEN_EXPIRED,
            kind => kind,
        };
        let (mut error, mut more) = (kind.code, Vec::new());
        if let Some(Detail::Fields(fields)) = problem.detail() {
            error = VALIDATION_ERROR;
            let one = |field: &String, text: &String| json!({"path": [field], "message": text});
            let all =
                fields.field_errors.iter().flat_map(|(field, texts)| texts.iter().map(move |text| one(field, text)));
            more.push(("details", all.collect::<Vec<_>>().into()));
            more.push(("code", INVALID_REQUEST.code.into()));
        }
        Self(Box::new(Told { problem, kind, error, more }))
    }
}

impl IntoResponse for MirrorProblem {
    fn into_response(self) -> Response {
        let Told { problem, kind, error, more } = *self.0;
        problem.log();
        let status = StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let is_let_in = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        let mut body = json!({"error": error, "message": problem.sentence()});
        if is_let_in {
            body["success"] = false.into();
        }
        for (name, value) in more {
            body[name] = value;
        }
        let mut response = (status, axum::Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if [UNAVAILABLE.kind, CONTENDED].contains(&kind) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{PLATFORM_ADMIN_REQUIRED, VALUE_REQUIRED};

    #[tokio::test]
    async fn clients_find_the_words_they_know_and_people_the_reason() {
        let flag = Flag::CategoryMirroring;
        let off = MirrorProblem::disabled(flag).0.problem.sentence();
        for (problem, status, expected) in [
            (Problem::new(MISSING_TOKEN, "m").into(), 401, json!({"error": "authentication_required", "message": "m"})),
            (Problem::new(INVALID_TOKEN, EXPIRED).into(), 401, json!({"error": "token_expired", "message": EXPIRED})),
            (Problem::new(INVALID_TOKEN, "m").into(), 401, json!({"error": "invalid_token", "message": "m"})),
            (
                Problem::new(PLATFORM_ADMIN_REQUIRED, "m").into(),
                403,
                json!({"error": "platform_admin_required", "message": "m"}),
            ),
            (
                MirrorProblem::new(VALUE_REQUIRED, "m"),
                400,
                json!({"success": false, "error": "value_required", "message": "m"}),
            ),
            (
                MirrorProblem::disabled(flag),
                409,
                json!({"success": false, "error": "feature_disabled", "flag": flag.as_str(), "message": off}),
            ),
            (
                MirrorProblem::invalid(&[("a", "is wrong")]),
                400,
                json!({
                    "success": false, "error": "Validation error", "code": "invalid_request", "message": "a is wrong",
                    "details": [{"path": ["a"], "message": "is wrong"}],
                }),
            ),
        ] {
            let problem: MirrorProblem = problem;
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        }
    }
}
