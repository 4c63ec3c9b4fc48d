//! Calls to services that have no client here, as there are two or three operations of each: signed and sent by what signs and sends for
//! the clients.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::Region;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::SdkError;

use super::faults::AwsFault;
use super::through::{Answered, SignedRequest, Through, code};
use crate::outside::Outside;

/// How often a call is made that may be answered otherwise a moment later.
const ATTEMPTS_MAX: u32 = 4;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// A service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// As its host and its signatures name it.
    pub(super) name: &'static str,
    /// What `AWS_ENDPOINT_URL_` is followed by.
    pub(super) variable: &'static str,
}

/// What is sent: always a `POST`.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// For errors, and for whoever sees the call go by.
    pub(super) operation: &'static str,
    /// The path, with a query where there is one; encoded.
    pub(super) path: String,
    /// Names and values.
    pub(super) headers: Vec<(&'static str, String)>,
    /// JSON.
    pub(super) body: String,
}

/// Signs and sends.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) service: Service,
    /// None on a laptop, unless a variable names one.
    pub(super) endpoint: Option<String>,
    pub(super) region: Region,
    pub(super) credentials: Credentials,
    pub(super) http: Option<SharedHttpClient>,
    pub(super) sleep: Option<SharedAsyncSleep>,
    pub(super) outside: Outside,
}

/// Without what it signs with.
impl std::fmt::Debug for Signed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signed").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Signed {
    /// Makes a call, some times where it is refused for the moment, each within `limit`; the answer is one of 2xx.
    ///
    /// # Errors
    /// When there was none.
    pub(super) async fn send(&self, call: &Call, limit: Duration) -> Result<Answered, AwsFault> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS_MAX {
            match self.once(call, limit).await {
                Err(fault) if fault.transient => self.outside.pause(pause).await,
                answered => return answered,
            }
            pause *= 2;
        }
        self.once(call, limit).await
    }

    async fn once(&self, call: &Call, limit: Duration) -> Result<Answered, AwsFault> {
        let unusable = |detail: String| AwsFault { operation: call.operation, detail, transient: false };
        let endpoint = self.endpoint.as_deref().ok_or_else(|| unusable(format!("no {} here", self.service.name)))?;
        let request = self.signed(call, endpoint).map_err(|error| unusable(error.to_string()))?;
        let through = Through {
            service: self.service.name,
            endpoint: endpoint.to_owned(),
            http: self.http.clone(),
            sleep: self.sleep.clone(),
        };
        let answered = through.send(call.operation, request, limit).await.map_err(|error| {
            let detail = match error {
                SdkError::TimeoutError(_) => "timed out",
                SdkError::DispatchFailure(_) => "could not be reached",
                SdkError::ConstructionFailure(_) => return unusable("unusable request".to_owned()),
                _ => "unreadable answer",
            };
            AwsFault { operation: call.operation, detail: detail.to_owned(), transient: true }
        })?;
        match answered.status {
            200..300 => Ok(answered),
            status => Err(AwsFault {
                operation: call.operation,
                detail: format!("{status} {}", code(&answered.body)),
                transient: status == 429 || status >= 500 || code(&answered.body).starts_with("Throttling"),
            }),
        }
    }

    /// A call with its signature (Signature Version 4).
    fn signed(&self, call: &Call, endpoint: &str) -> Result<SignedRequest, BoxError> {
        let identity = self.credentials.clone().into();
        let milliseconds = u64::try_from(self.outside.clock.now().as_millisecond()).unwrap_or_default();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_ref())
            .name(self.service.name)
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds))
            .settings(SigningSettings::default())
            .build()?;
        let url = format!("{}{}", endpoint.trim_end_matches('/'), call.path);
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new("POST", url, headers, SignableBody::Bytes(call.body.as_bytes()))?;
        let (instructions, _) = sign(signable, &parameters.into())?.into_parts();
        let made = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Ok(SignedRequest {
            path: call.path.clone(),
            headers: given.chain(made).collect(),
            body: call.body.clone().into(),
        })
    }
}
