//! Opens the store a location lies in.

use std::sync::Arc;

use aws_credential_types::Credentials;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use super::remote::{Access, Remote};
use super::{Location, SourceError, SourceRules};
use crate::environment::Environment;
use crate::network::Network;

type Wrap = dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync;

/// Makes stores. A test may wrap each of them, to cut a connection or to turn a file over.
#[derive(Clone, Default)]
pub struct StoreFactory {
    network: Network,
    wrap: Option<Arc<Wrap>>,
}

impl StoreFactory {
    /// A factory whose stores are wrapped.
    pub fn wrapped(wrap: impl Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync + 'static) -> Self {
        Self { network: Network::default(), wrap: Some(Arc::new(wrap)) }
    }

    /// The store of a location, and the path in it.
    pub(super) fn open(
        &self,
        location: &Location,
        rules: &SourceRules,
        environment: &Environment,
    ) -> Result<(Arc<dyn ObjectStore>, Path), SourceError> {
        let (store, path) = open(location, rules, environment, &self.network).map_err(|error| SourceError::Unreadable {
            source_path: describe(location),
            reason: error.to_string(),
            passing: false,
        })?;
        Ok((self.wrap.as_ref().map_or_else(|| store.clone(), |wrap| wrap(store.clone())), path))
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
    network: &Network,
) -> Result<(Arc<dyn ObjectStore>, Path), Box<dyn std::error::Error + Send + Sync>> {
    let network = network.clone();
    Ok(match location {
        Location::File { root, path } => (Arc::new(LocalFileSystem::new_with_prefix(root)?), Path::parse(path)?),
        Location::S3 { bucket, key } => {
            let path = Path::parse(key)?;
            let region = environment.require("AWS_REGION")?.to_owned();
            let credentials = Credentials::new(
                environment.require("AWS_ACCESS_KEY_ID")?,
                environment.require("AWS_SECRET_ACCESS_KEY")?,
                environment.get("AWS_SESSION_TOKEN").map(String::from),
                None,
                "environment",
            );
            let regional = || format!("https://s3.{region}.amazonaws.com");
            let endpoint = environment.get("AWS_ENDPOINT_URL_S3").map_or_else(regional, String::from);
            let url = Url::parse(&format!("{}/{bucket}/{}", endpoint.trim_end_matches('/'), encoded(key)))?;
            if url.scheme() != "https" && !environment.is_local() {
                return Err("S3 must be reached over https".into());
            }
            (Arc::new(Remote { network, url, access: Access::Signed { credentials, region } }), path)
        }
        Location::Http(url) => {
            let access = Access::Open { hosts: rules.hosts().to_vec(), plain: environment.is_local() };
            (Arc::new(Remote { network, url: url.clone(), access }), Path::from_url_path(url.path())?)
        }
    })
}

/// A key as S3 signs it: all but unreserved characters and slashes as percent signs and hex (RFC 3986).
fn encoded(key: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_encoded_as_s3_signs_it() {
        assert_eq!(encoded("a/b c+d=æ~(1).json"), "a/b%20c%2Bd%3D%C3%A6~%281%29.json");
    }
}
