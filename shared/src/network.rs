//! The one HTTP client: HTTP/1.1 over TCP or TLS, with the machine's own root certificates.
//!
//! The AWS SDK's own client brings HTTP/2 and proxies, `reqwest` a second client beside it; neither is used by anything
//! we call, and each is half a megabyte that every cold start would load.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector as SdkConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below what servers close idle connections after; Lambda may freeze the process for longer anyway.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

type Inner = Client<HttpsConnector<HttpConnector>, SdkBody>;

/// The client. Cheap to clone; clones share their connections. Its timeouts are its callers': only connecting has one
/// here.
#[derive(Clone, Default)]
pub struct Network(Arc<OnceLock<Inner>>);

impl Network {
    /// Sends a request.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, request: Request<SdkBody>) -> Result<Response<Incoming>, NetworkError> {
        Ok(self.client()?.request(request).await?)
    }

    /// The client as the AWS SDK takes it.
    #[must_use]
    pub fn for_sdk(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_settings, _components| connector.clone())
    }

    /// Made at the first request: reading root certificates takes milliseconds, which a start should not wait for.
    fn client(&self) -> Result<&Inner, NetworkError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider).map_err(NetworkError::Roots)?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(self.0.get_or_init(|| client))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

/// Why there is no answer. Every one of them may pass.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The machine's root certificates cannot be read.
    #[error("the root certificates cannot be read: {0}")]
    Roots(std::io::Error),
    /// The connection was refused, or broke.
    #[error("{}", innermost(.0))]
    Broken(#[from] Error),
}

/// The client's own text says only "client error (Connect)"; what happened lies below.
fn innermost(error: &Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(below) = error.source() {
        error = below;
    }
    error.to_string()
}

impl SdkConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The SDK tries again after what it is told was the connection's fault.
            let response = network.send(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
