//! TLS to AWS, over the certificates that the system trusts. An instance has one client below all of the SDK's: each
//! service's would make one of its own, and another to see that it can, each with all the certificates parsed anew and
//! connections that it shares with none.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, default_async_sleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take to come about: what the SDK has by itself.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// The settings of connections of our own, made when they are first asked for: before the first event is the time, as
/// an instance has a whole processor then.
///
/// They read the system's certificates a second time, which takes a millisecond. The SDK keeps what it read to itself,
/// and takes others as PEM alone: to write them for it, and have them parsed again, takes as long, and every function
/// would pay for it.
///
/// # Errors
/// When the processor's cryptography has no protocol that TLS would take, which is none of any build.
pub(super) fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

/// The client below all of the SDK's, of one instance: its connections live in that one's runtime. As the SDK's own but
/// for that.
pub(super) fn http_client(sleep: Option<SharedAsyncSleep>) -> SharedHttpClient {
    let mut connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .proxy_config(ProxyConfig::from_env());
    connector.set_sleep_impl(sleep.or_else(default_async_sleep));
    let connector = connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}
