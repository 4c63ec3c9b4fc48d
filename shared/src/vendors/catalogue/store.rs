//! Opens the store a location lies in.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::files::RegularFiles;
use super::retry_after::AskedToWait;
use super::{Location, RetryAfter, SourceError, SourceRules};
use crate::environment::Environment;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two pieces of a document, not for all of it: that is what a run's budget is for.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const REDIRECTS_MAX: usize = 3;

type Wrap = dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync;

/// Makes stores. A test may wrap each of them, to cut a connection or to turn a file over.
#[derive(Clone, Default)]
pub struct StoreFactory(Option<Arc<Wrap>>);

impl StoreFactory {
    /// A factory whose stores are wrapped.
    pub fn wrapped(wrap: impl Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(wrap)))
    }

    /// The store of a location, and the path in it.
    pub(super) fn open(
        &self,
        location: &Location,
        rules: &SourceRules,
        environment: &Environment,
    ) -> Result<(Arc<dyn ObjectStore>, Path), SourceError> {
        let (store, path) = open(location, rules, environment).map_err(|error| {
            let source_path = describe(location);
            tracing::warn!(source_path, %error, "source cannot be opened");
            SourceError::Unreadable { source_path, reason: "the path cannot be used".to_owned(), transient: false }
        })?;
        Ok((self.0.as_ref().map_or_else(|| store.clone(), |wrap| wrap(store.clone())), path))
    }
}

pub(super) fn describe(location: &Location) -> String {
    match location {
        Location::File { path, .. } => path.clone(),
        Location::S3 { bucket, key } => format!("s3://{bucket}/{key}"),
        Location::Http(url) => url.to_string(),
    }
}

fn open(
    location: &Location,
    rules: &SourceRules,
    environment: &Environment,
) -> Result<(Arc<dyn ObjectStore>, Path), Box<dyn std::error::Error + Send + Sync>> {
    let options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled();
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: 2, retry_timeout: Duration::from_secs(15) };
    Ok(match location {
        Location::File { root, path } => (Arc::new(RegularFiles::below(root.clone())), Path::parse(path)?),
        Location::S3 { bucket, key } => {
            let mut builder = AmazonS3Builder::new()
                .with_bucket_name(bucket)
                .with_retry(retry)
                .with_client_options(options.with_read_timeout(READ_TIMEOUT));
            for (name, set) in [
                ("AWS_REGION", AmazonS3Builder::with_region as fn(AmazonS3Builder, String) -> AmazonS3Builder),
                ("AWS_ACCESS_KEY_ID", AmazonS3Builder::with_access_key_id),
                ("AWS_SECRET_ACCESS_KEY", AmazonS3Builder::with_secret_access_key),
                ("AWS_SESSION_TOKEN", AmazonS3Builder::with_token),
                ("AWS_ENDPOINT_URL_S3", AmazonS3Builder::with_endpoint),
            ] {
                if let Some(value) = environment.get(name) {
                    builder = set(builder, value.to_owned());
                }
            }
            builder = builder.with_allow_http(environment.is_local());
            (Arc::new(builder.build()?), Path::parse(key)?)
        }
        Location::Http(url) => {
            let mut base = url.clone();
            base.set_path("");
            let store = HttpBuilder::new()
                .with_url(base)
                .with_retry(retry)
                .with_client_options(options.with_allow_http(rules.plain_http()))
                .with_http_connector(AllowedHosts(rules.clone()))
                .build()?;
            (Arc::new(store), Path::from_url_path(url.path())?)
        }
    })
}

/// Follows a redirect only to a host that may be read anyway: a vendor's open redirect must not lead into our network.
#[derive(Debug)]
struct AllowedHosts(SourceRules);

/// The place that a redirect leads to may not be read, or there are too many of them.
#[derive(Debug, thiserror::Error)]
#[error("the source redirects to a host that is not among the allowed ones (CATALOG_HOSTS), or too often")]
pub(super) struct RedirectRefused;

impl HttpConnector for AllowedHosts {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let rules = self.0.clone();
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            let allowed = rules.may_fetch(attempt.url()).is_ok();
            if allowed && attempt.previous().len() <= REDIRECTS_MAX {
                attempt.follow()
            } else {
                attempt.error(RedirectRefused)
            }
        });
        let client = reqwest::Client::builder()
            .redirect(policy)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .https_only(!self.0.plain_http())
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| object_store::Error::Generic { store: "HTTP", source: Box::new(error) })?;
        Ok(HttpClient::new(Polite(client)))
    }
}

/// Hands on what a vendor asks for. The store itself would try again after a second, three times.
#[derive(Debug)]
struct Polite(reqwest::Client);

#[async_trait]
impl HttpService for Polite {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.call(request).await?;
        match RetryAfter::of(response.status(), response.headers()) {
            Some(retry_after) => Err(HttpError::new(HttpErrorKind::Unknown, AskedToWait(retry_after))),
            None => Ok(response),
        }
    }
}
