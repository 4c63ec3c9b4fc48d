//! A request that is signed already, sent by what sends for the SDK's clients: once, as it is.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;

/// What sends.
#[derive(Clone, Debug)]
pub(super) struct Through {
    pub(super) service: &'static str,
    pub(super) endpoint: String,
    /// None for the SDK's own.
    pub(super) http: Option<SharedHttpClient>,
    pub(super) sleep: Option<SharedAsyncSleep>,
}

/// A signed call: always a `POST`.
pub(super) struct SignedRequest {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// The header `x-amz-function-error`.
    pub(super) function_error: Option<String>,
    pub(super) body: Bytes,
}

impl Through {
    /// Sends it, within `limit`.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        sent: SignedRequest,
        limit: Duration,
    ) -> Result<Answered, SdkError<Infallible, HttpResponse>> {
        let mut call = Operation::builder()
            .service_name(self.service)
            .operation_name(operation)
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            // It is signed already, and whoever tries again signs anew.
            .no_auth()
            .no_retry()
            .timeout_config(TimeoutConfig::builder().operation_timeout(limit).build());
        if let Some(http) = self.http.clone() {
            call = call.http_client(http);
        }
        if let Some(sleep) = self.sleep.clone() {
            call = call.sleep_impl(sleep);
        }
        let call = call
            .serializer(|sent: SignedRequest| sent.into_request())
            .deserializer::<Answered, Infallible>(|response| {
                let body = Bytes::copy_from_slice(response.body().bytes().unwrap_or_default());
                let function_error = response.headers().get("x-amz-function-error").map(str::to_owned);
                Ok(Answered { status: response.status().as_u16(), function_error, body })
            })
            .build();
        call.invoke(sent).await
    }
}

/// Without what it is signed with.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignedRequest").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SignedRequest {
    fn into_request(self) -> Result<HttpRequest, BoxError> {
        let length = self.body.len().to_string();
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method("POST")?;
        request.set_uri(self.path)?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        request.headers_mut().try_insert("content-length", length)?;
        Ok(request)
    }
}

/// The code of a service's error; no request data.
pub(super) fn code(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let named = ["__type", "code", "Code", "Type"].iter().find_map(|name| body[*name].as_str());
    let code = named.unwrap_or_default().rsplit('#').next().unwrap_or_default();
    code.chars().filter(char::is_ascii_alphanumeric).take(80).collect()
}
