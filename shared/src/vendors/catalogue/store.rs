//! Opens the store a location lies in.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::files::RegularFiles;
use super::https::Document;
use super::{Location, SourceError};
use crate::domain::redact;
use crate::environment::Environment;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two pieces of a document, not for all of it: that is what a run's budget is for.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

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
        environment: &Environment,
    ) -> Result<(Arc<dyn ObjectStore>, Path), SourceError> {
        let (store, path) = open(location, environment).map_err(|error| {
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
        Location::Http { url, .. } => redact::source(url.as_str()),
    }
}

fn open(
    location: &Location,
    environment: &Environment,
) -> Result<(Arc<dyn ObjectStore>, Path), Box<dyn std::error::Error + Send + Sync>> {
    let options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled();
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: 2, retry_timeout: Duration::from_secs(15) };
    Ok(match location {
        Location::File { root, path } => (Arc::new(RegularFiles::below(root.clone())), as_given(path)?),
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
            (Arc::new(builder.build()?), as_given(key)?)
        }
        Location::Http { url, hosts } => {
            let document = Document::at(url.clone(), hosts, CONNECT_TIMEOUT, READ_TIMEOUT)?;
            (Arc::new(document), Path::default())
        }
    })
}

/// A path that is read as it is written: a store's own takes a slash away at either end, and something else may lie there.
fn as_given(text: &str) -> Result<Path, Box<dyn std::error::Error + Send + Sync>> {
    let path = Path::parse(text)?;
    if path.as_ref() == text { Ok(path) } else { Err("the path would be read as another".into()) }
}
