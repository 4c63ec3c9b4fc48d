//! The registry of problems: every stable code, its status, and what it means. `docs/errors.md` lists the same codes, and
//! those that runs carry ([`crate::domain::runs::failure`]); a test compares the two both ways.
//!
//! What clients read and what went wrong inside are of different types. A [`Kind`] is refused with a text of the handler's. A
//! [`ServerError`] has one sentence, which never changes: a fault can only be handed over as its cause, and goes to the log.

use std::collections::BTreeMap;
use std::error::Error;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::runs::run::Run;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
}

/// A kind of problem that is ours to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerError {
    /// Its code and status.
    pub kind: Kind,
    /// All that a client is told of it.
    sentence: &'static str,
}

macro_rules! kinds {
    (
        refused { $($(#[doc = $doc:literal])+ $name:ident = $status:literal $code:literal;)+ }
        failed { $($failure:ident = $failure_status:literal $failure_code:literal $sentence:literal;)+ }
    ) => {
        $($(#[doc = $doc])+ pub const $name: Kind = Kind { code: $code, status: $status };)+
        $(
            #[doc = $sentence]
            pub const $failure: ServerError =
                ServerError { kind: Kind { code: $failure_code, status: $failure_status }, sentence: $sentence };
        )+
        /// All of them.
        pub const ALL: &[Kind] = &[$($name,)+ $($failure.kind),+];
    };
}

kinds! {
    refused {
        /// The vendor parameter is there but blank.
        MISSING_VENDOR = 400 "missing_vendor";
        /// The path names no vendor.
        MISSING_VENDOR_SLUG = 400 "missing_vendor_slug";
        /// A parameter or the body is not of the documented form.
        INVALID_REQUEST = 400 "invalid_request";
        /// The body names no way in which categories are mirrored.
        INVALID_STRATEGY = 400 "invalid_strategy";
        /// The vendor in the path cannot be used here.
        INVALID_VENDOR = 400 "invalid_vendor";
        /// The tenant has no channel of Teams.
        TEAMS_NOT_CONFIGURED = 400 "teams_not_configured";
        /// The body says not whether a flag is to be on, off, or as it is without anybody's word.
        VALUE_REQUIRED = 400 "value_required";
        /// Others are below the category.
        CATEGORY_HAS_CHILDREN = 400 "category_has_children";
        /// No token was sent.
        MISSING_TOKEN = 401 "missing_token";
        /// The token is malformed, expired, or not signed by us.
        INVALID_TOKEN = 401 "invalid_token";
        /// No token was sent, in the words of the mirror's clients.
        AUTHENTICATION_REQUIRED = 401 "authentication_required";
        /// The token has expired, in the words of the mirror's clients.
        TOKEN_EXPIRED = 401 "token_expired";
        /// The route is for the platform's administrators.
        PLATFORM_ADMIN_REQUIRED = 403 "platform_admin_required";
        /// The token is for another audience, or lacks what the route asks for.
        FORBIDDEN = 403 "forbidden";
        /// The token lacks the scope that the route asks for.
        INSUFFICIENT_SCOPE = 403 "insufficient_scope";
        /// The ticket of a stream is none of ours, is over, or was used before.
        INVALID_TICKET = 403 "invalid_ticket";
        /// A session was sent along by a page that is none of ours.
        CROSS_SITE_REQUEST = 403 "cross_site_request";
        /// Nothing is there.
        NOT_FOUND = 404 "not_found";
        /// The path is there, and not with this method.
        METHOD_NOT_ALLOWED = 405 "method_not_allowed";
        /// The vendor is not in the configuration.
        VENDOR_NOT_CONFIGURED = 404 "vendor_not_configured";
        /// Another run of this vendor is not over yet.
        SYNC_IN_PROGRESS = 409 "sync_in_progress";
        /// The tenant has several connections to the provider, and the call names none.
        CONNECTION_NOT_NAMED = 409 "connection_not_named";
        /// The same key came with another body before.
        CONFLICT = 409 "conflict";
        /// Somebody else decided at the same time, and was first.
        ALREADY_DECIDED = 409 "already_decided";
        /// The run does not wait for approval.
        RUN_NOT_HELD = 409 "run_not_held";
        /// Another replay of the tenant's dead letters runs.
        REPLAY_IN_PROGRESS = 409 "replay_in_progress";
        /// A brand's link is being made or taken away.
        LINK_IN_PROGRESS = 409 "link_in_progress";
        /// The connection is kept by a deployment's configuration.
        KEPT_BY_CONFIGURATION = 409 "kept_by_configuration";
        /// A name by which others look for the connection leads to another one.
        ADDRESS_TAKEN = 409 "address_taken";
        /// What the deployment's environment sets is changed there.
        ENVIRONMENT_LOCKED = 409 "environment_locked";
        /// The feature is off.
        FEATURE_DISABLED = 409 "feature_disabled";
        /// No tenant may differ from the platform.
        OVERRIDE_NOT_ALLOWED = 409 "override_not_allowed";
        /// Another category of the tenant has the slug.
        DUPLICATE_SLUG = 409 "duplicate_slug";
        /// Others changed it each time that it was tried.
        CONTENDED = 409 "contended";
        /// It is not at the version that the request names.
        PRECONDITION_FAILED = 412 "precondition_failed";
        /// The body is larger than the route takes.
        PAYLOAD_TOO_LARGE = 413 "payload_too_large";
        /// It is understood, and cannot be done with what is stored.
        UNPROCESSABLE = 422 "unprocessable";
        /// What is to be changed of a vendor is not of the documented form, or cannot be so.
        INVALID_PAYLOAD = 422 "invalid_payload";
        /// The delivery was verified again, and is still refused.
        VERIFICATION_FAILED = 422 "verification_failed";
        /// A channel was tried more often than it may be.
        TOO_OFTEN = 429 "too_often";
        /// What it takes is not configured.
        NOT_CONFIGURED = 500 "not_configured";
        /// A channel that alerts are told over does not take a message.
        CHANNEL_FAILED = 500 "channel_failed";
        /// The vendor's kind of integration cannot be synced.
        INTEGRATION_NOT_SUPPORTED = 501 "integration_not_supported";
        /// The vendor's kind of integration cannot be tested.
        NOT_IMPLEMENTED = 501 "not_implemented";
        /// The vendor cannot be reached, or what it answers is not what was asked for.
        VENDOR_FAILED = 502 "vendor_failed";
        /// The vendor is not asked for now, by its breaker, its quota or its own word.
        VENDOR_RESTS = 503 "vendor_rests";
    }
    failed {
        ERROR = 500 "error" "the run could not be started or taken further; try again later";
        FAILED_TO_FETCH_STATE = 500 "failed_to_fetch_state" "the state could not be read; try again later";
        FAILED_TO_FETCH_RUNS = 500 "failed_to_fetch_runs" "the runs could not be read; try again later";
        FAILED_TO_LOAD_OBSERVABILITY = 500 "failed_to_load_observability" "the window could not be read; try again later";
        FAILED_TO_LIST_VENDORS = 500 "failed_to_list_vendors" "the registry could not be read; try again later";
        FAILED_TO_LOAD_VENDOR = 500 "failed_to_load_vendor" "the vendor could not be read; try again later";
        FAILED_TO_LOAD_OVERVIEW = 500 "failed_to_load_overview" "the overview could not be read; try again later";
        FAILED_TO_GET_EFFECTIVE_FLAGS = 500 "failed_to_get_effective_flags" "the flags could not be read; try again later";
        TEST_FAILED = 500 "test_failed" "the result of the test could not be stored; try again later";
        FAILED_TO_TEST_INTEGRATIONS = 500 "failed_to_test_integrations" "the tests could not be made, or a result not be stored; try again later";
        REQUEUE_FAILED = 500 "requeue_failed" "Requeue failed after retries";
        INTERNAL_ERROR = 500 "internal_error" "something failed that is ours to mend; try again later";
        UNAVAILABLE = 503 "unavailable" "what is stored of the connection could not be read, and nothing was done; try again in a few seconds";
    }
}

/// After how many seconds whoever was answered with [`UNAVAILABLE`] or [`CONTENDED`] may come again. Nothing is read for a second after
/// a read that failed, and who contends is through in six.
pub const RETRY_AFTER: &str = "5";

/// The field with the same, where it is no fixed time.
pub(super) const AGAIN: &str = "retryAfter";

/// The whole seconds up to a time.
pub(super) fn seconds_until(until: Timestamp, now: Timestamp) -> i64 {
    let ms = (until.as_millisecond() - now.as_millisecond()).max(0);
    (ms + 999) / 1_000
}

/// What people are told of a problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Detail {
    /// A sentence.
    Text(String),
    /// What is wrong with each field.
    Fields(FieldErrors),
}

/// What is wrong with each field, as clients of the observability window read it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldErrors {
    /// Of the whole request; no route says any.
    pub form_errors: Vec<String>,
    /// By field.
    pub field_errors: BTreeMap<String, Vec<String>>,
}

/// A problem to answer with, in the envelope of the vendor sync: `{ok: false, error, detail}`.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Option<Detail>,
    more: Vec<(&'static str, Value)>,
    /// For the log alone.
    cause: Option<String>,
}

impl Problem {
    /// A problem with a text for people.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: Some(Detail::Text(detail.into())), more: Vec::new(), cause: None }
    }

    /// A problem that its code says all about.
    #[must_use]
    pub fn bare(kind: Kind) -> Self {
        Self { kind, detail: None, more: Vec::new(), cause: None }
    }

    /// A problem of one or more fields.
    #[must_use]
    pub fn fields(fields: &[(&str, &str)]) -> Self {
        let mut errors = FieldErrors::default();
        for (field, text) in fields {
            errors.field_errors.entry((*field).to_owned()).or_default().push((*text).to_owned());
        }
        Self { kind: INVALID_REQUEST, detail: Some(Detail::Fields(errors)), more: Vec::new(), cause: None }
    }

    /// A failure of ours: its sentence for the client, its cause for the log.
    #[must_use]
    pub fn internal(failure: ServerError, cause: &dyn Error) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(failure.kind, failure.sentence) }
    }

    /// What is stored of a connection could not be read: nothing is known of it, and nothing was done.
    #[must_use]
    pub fn unread(cause: &dyn Error) -> Self {
        Self::internal(UNAVAILABLE, cause)
    }

    /// A run that did not go well: the text and the code that are stored with it, which are meant for clients.
    #[must_use]
    pub fn of_run(run: &Run) -> Self {
        let (code, detail) = match &run.error {
            Some(error) => (error.code(), error.detail.as_str()),
            None => (ERROR.kind.code, "the run failed"),
        };
        Self::new(ERROR.kind, detail).with("code", code).with("runId", run.id.as_str())
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// With the time before which it is the same, in the answer and in `Retry-After`.
    #[must_use]
    pub fn again(self, until: Timestamp, now: Timestamp) -> Self {
        self.with(AGAIN, seconds_until(until, now))
    }

    /// After how many seconds whoever was refused may come again.
    pub(super) fn again_after(&self) -> Option<i64> {
        if [UNAVAILABLE.kind, CONTENDED].contains(&self.kind) {
            return RETRY_AFTER.parse().ok();
        }
        self.more.iter().find(|(name, _)| *name == AGAIN)?.1.as_i64()
    }

    /// What people are told of it.
    pub(super) fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }

    /// What it says to people, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.detail {
            None => self.kind.code.to_owned(),
            Some(Detail::Text(text)) => text.clone(),
            Some(Detail::Fields(fields)) => {
                let texts = |(field, texts): (&String, &Vec<String>)| format!("{field} {}", texts.join(", "));
                fields.field_errors.iter().map(texts).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// Logs what is ours to mend, with its cause.
    pub(super) fn log(&self) {
        if self.kind.status >= 500 {
            tracing::error!(code = self.kind.code, detail = self.sentence(), cause = self.cause, "request failed");
        }
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
    /// For people; null where the code says all.
    pub detail: Option<Detail>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.log();
        let again_after = self.again_after();
        let mut body = json!({"ok": false, "error": self.kind.code, "detail": self.detail});
        for (name, value) in self.more {
            body[name] = value;
        }
        let mut response = (status, axum::Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = again_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
