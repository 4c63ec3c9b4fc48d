//! Something between the AWS SDK and the network.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// A client that hands each request to `send`, together with the connector that would have sent it.
pub fn layer<F>(below: SharedHttpClient, send: F) -> SharedHttpClient
where
    F: Fn(SharedHttpConnector, HttpRequest) -> HttpConnectorFuture + Clone + Send + Sync + 'static,
{
    SharedHttpClient::new(Layer { below, send })
}

struct Layer<B, F> {
    below: B,
    send: F,
}

impl<B: fmt::Debug, F> fmt::Debug for Layer<B, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Layer").field("below", &self.below).finish_non_exhaustive()
    }
}

impl<F> HttpClient for Layer<SharedHttpClient, F>
where
    F: Fn(SharedHttpConnector, HttpRequest) -> HttpConnectorFuture + Clone + Send + Sync + 'static,
{
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let below = self.below.http_connector(settings, components);
        SharedHttpConnector::new(Layer { below, send: self.send.clone() })
    }
}

impl<F> HttpConnector for Layer<SharedHttpConnector, F>
where
    F: Fn(SharedHttpConnector, HttpRequest) -> HttpConnectorFuture + Send + Sync,
{
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.send)(self.below.clone(), request)
    }
}
