//! The registry of problems: every stable code, its status, and what it means. `docs/errors.md` lists the same codes; a
//! test compares the two both ways.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status; 0 for a code that only runs carry.
    pub status: u16,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal $code:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: Kind = Kind { code: $code, status: $status };)+
        /// All of them.
        pub const ALL: &[Kind] = &[$($name),+];
    };
}

kinds! {
    /// The vendor parameter is there but blank.
    MISSING_VENDOR = 400 "missing_vendor";
    /// The path names no vendor.
    MISSING_VENDOR_SLUG = 400 "missing_vendor_slug";
    /// A parameter or the body is not of the documented form.
    INVALID_REQUEST = 400 "invalid_request";
    /// The vendor in the path cannot be used here.
    INVALID_VENDOR = 400 "invalid_vendor";
    /// No token was sent.
    MISSING_TOKEN = 401 "missing_token";
    /// The token is malformed, expired, or not signed by us.
    INVALID_TOKEN = 401 "invalid_token";
    /// The token is for another audience, or lacks what the route asks for.
    FORBIDDEN = 403 "forbidden";
    /// The token lacks the scope that the route asks for.
    INSUFFICIENT_SCOPE = 403 "insufficient_scope";
    /// Nothing is there.
    NOT_FOUND = 404 "not_found";
    /// The vendor is not in the configuration.
    VENDOR_NOT_CONFIGURED = 404 "vendor_not_configured";
    /// Another run of this vendor is not over yet.
    SYNC_IN_PROGRESS = 409 "sync_in_progress";
    /// The same key came with another body before.
    CONFLICT = 409 "conflict";
    /// The body is larger than the route takes.
    PAYLOAD_TOO_LARGE = 413 "payload_too_large";
    /// It is understood, and cannot be done with what is stored.
    UNPROCESSABLE = 422 "unprocessable";
    /// The delivery was verified again, and is still refused.
    VERIFICATION_FAILED = 422 "verification_failed";
    /// The run failed; the detail says why.
    ERROR = 500 "error";
    /// The state could not be read.
    FAILED_TO_FETCH_STATE = 500 "failed_to_fetch_state";
    /// The runs could not be read.
    FAILED_TO_FETCH_RUNS = 500 "failed_to_fetch_runs";
    /// The window could not be read.
    FAILED_TO_LOAD_OBSERVABILITY = 500 "failed_to_load_observability";
    /// The registry could not be read.
    FAILED_TO_LIST_VENDORS = 500 "failed_to_list_vendors";
    /// The vendor could not be read.
    FAILED_TO_LOAD_VENDOR = 500 "failed_to_load_vendor";
    /// The overview could not be read.
    FAILED_TO_LOAD_OVERVIEW = 500 "failed_to_load_overview";
    /// The result of the connection test could not be stored.
    TEST_FAILED = 500 "test_failed";
    /// Something failed that is ours to mend.
    INTERNAL_ERROR = 500 "internal_error";
    /// The vendor's kind of integration cannot be synced.
    INTEGRATION_NOT_SUPPORTED = 501 "integration_not_supported";
    /// The vendor's kind of integration cannot be tested.
    NOT_IMPLEMENTED = 501 "not_implemented";
    /// A source that may not be read.
    SOURCE_NOT_ALLOWED = 0 "source_not_allowed";
    /// A source where nothing is.
    SOURCE_NOT_FOUND = 0 "source_not_found";
    /// A source that could not be read to its end.
    SOURCE_UNREADABLE = 0 "source_unreadable";
    /// A source that changed while it was being read.
    SOURCE_CHANGED = 0 "source_changed";
    /// A source that is not a catalogue.
    SOURCE_INVALID = 0 "source_invalid";
    /// A catalogue that lacks too much of the snapshot.
    REMOVALS_REFUSED = 0 "removals_refused";
    /// A run that was not over in time.
    RUN_TOO_SLOW = 0 "run_too_slow";
    /// Storage failed again and again.
    STORAGE_FAILED = 0 "storage_failed";
}

/// A problem to answer with, in the envelope of the vendor sync: `{ok: false, error, detail}`.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Value,
    more: Vec<(&'static str, Value)>,
}

impl Problem {
    /// A problem with a text for people.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: Value::String(detail.into()), more: Vec::new() }
    }

    /// A problem that its code says all about.
    #[must_use]
    pub fn bare(kind: Kind) -> Self {
        Self { kind, detail: Value::Null, more: Vec::new() }
    }

    /// A problem of one or more fields, as clients of the observability window read it.
    #[must_use]
    pub fn fields(fields: &[(&str, &str)]) -> Self {
        let mut errors = serde_json::Map::new();
        for (field, text) in fields {
            if let Value::Array(texts) = errors.entry(*field).or_insert_with(|| json!([])) {
                texts.push(json!(text));
            }
        }
        Self { kind: INVALID_REQUEST, detail: json!({"formErrors": [], "fieldErrors": errors}), more: Vec::new() }
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// The error envelope of a [`Problem`], for the API's description.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemView {
    /// Always false.
    pub ok: bool,
    /// A stable code, see `docs/errors.md`.
    pub error: String,
    /// For people: a text, an object with `formErrors` and `fieldErrors`, or null.
    #[schema(value_type = Option<Object>)]
    pub detail: Value,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(code = self.kind.code, detail = %self.detail, "request failed");
        }
        let mut body = json!({"ok": false, "error": self.kind.code, "detail": self.detail});
        for (name, value) in self.more {
            body[name] = value;
        }
        let mut response = (status, axum::Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
