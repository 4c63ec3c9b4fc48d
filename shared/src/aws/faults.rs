//! What can go wrong in a call to AWS, reduced to what the caller does about it.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::domain::service_secrets::TooOld;

/// A call to AWS that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {detail}")]
pub struct AwsFault {
    /// What was called.
    pub operation: &'static str,
    /// The service's code, or how the call failed; no request data.
    pub detail: String,
    /// Whether trying again later makes sense. If so, the call may have taken effect all the same.
    pub transient: bool,
}

impl AwsFault {
    /// A call that was given up after this long.
    #[must_use]
    pub fn unanswered(operation: &'static str, within: Duration) -> Self {
        Self { operation, detail: format!("no answer within {} ms", within.as_millis()), transient: true }
    }

    pub(super) fn damaged(operation: &'static str, detail: impl Into<String>) -> Self {
        Self { operation, detail: detail.into(), transient: false }
    }
}

impl From<TooOld> for AwsFault {
    fn from(too_old: TooOld) -> Self {
        Self { operation: "GetParameters", detail: too_old.to_string(), transient: true }
    }
}

/// Codes that the SDK has already retried, and that pass with time.
const TRANSIENT: [&str; 12] = [
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "ThrottlingException",
    "ThrottlingError",
    "TransactionConflictException",
    "TransactionInProgressException",
];

pub(super) fn fault<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsFault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("unknown");
            // A validation message of ours says what to mend; others may quote the request.
            let detail = match (code, service.err().message()) {
                ("ValidationException", Some(message)) => format!("{code}: {message}"),
                _ => code.to_owned(),
            };
            // What stands in front of a service answers without a code of ours, and services have codes of their own.
            let transient = TRANSIENT.contains(&code) || service.raw().status().is_server_error();
            AwsFault { operation, detail, transient }
        }
        SdkError::TimeoutError(_) => AwsFault { operation, detail: "timed out".into(), transient: true },
        SdkError::DispatchFailure(_) => AwsFault { operation, detail: "could not be reached".into(), transient: true },
        SdkError::ResponseError(_) => AwsFault { operation, detail: "unreadable answer".into(), transient: true },
        SdkError::ConstructionFailure(_) => AwsFault { operation, detail: "unusable request".into(), transient: false },
        _ => AwsFault { operation, detail: "unknown".into(), transient: true },
    }
}
