//! Which places a catalogue may be read from. The original let a caller read any file of the server.

use std::path::{Component, Path, PathBuf};

use url::Url;

use super::SourceError;
use crate::environment::{Environment, StartError};

/// The places that may be read.
#[derive(Debug, Clone, Default)]
pub struct SourceRules {
    root: Option<PathBuf>,
    buckets: Vec<String>,
    hosts: Vec<String>,
    /// Plain http to an allowed host: for a vendor on the same machine, in local mode only.
    plain_http: bool,
}

/// A place that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, by its path below the root.
    File {
        /// The configured root.
        root: PathBuf,
        /// The path below it.
        path: String,
    },
    /// An object in an allowed bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// A document on an allowed host.
    Http(Url),
}

impl SourceRules {
    /// Reads `CATALOG_ROOT`, `CATALOG_BUCKETS` and `CATALOG_HOSTS`.
    ///
    /// # Errors
    /// When the root is relative: it would depend on where the process was started.
    pub fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let root = environment.get("CATALOG_ROOT").map(PathBuf::from);
        if root.as_ref().is_some_and(|root| !root.is_absolute()) {
            return Err(StartError::Invalid { name: "CATALOG_ROOT", reason: "it must be an absolute path".into() });
        }
        Ok(Self {
            root,
            buckets: environment.list("CATALOG_BUCKETS"),
            hosts: environment.list("CATALOG_HOSTS"),
            plain_http: environment.is_local(),
        })
    }

    /// Whether a document may be fetched: from an allowed host, over https unless it is somebody's own machine.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn may_fetch(&self, url: &Url) -> Result<(), String> {
        if url.scheme() != "https" && !self.plain_http {
            return Err("a source must be fetched over https".into());
        }
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if self.hosts.contains(&with_port) {
            return Ok(());
        }
        Err(format!("host {with_port:?} is not among the allowed ones (CATALOG_HOSTS)"))
    }

    /// Whether plain http is allowed at all.
    pub(super) fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// Finds the place that a source text names.
    ///
    /// # Errors
    /// [`SourceError::NotAllowed`], which says what would be.
    pub fn locate(&self, source: &str) -> Result<Location, SourceError> {
        let refuse = |why: String| Err(SourceError::NotAllowed(why));
        match source.split_once("://") {
            None | Some(("s3", _)) if source.contains('?') => {
                refuse("a source can have no query: it would be kept in the run history".into())
            }
            Some(("s3", rest)) => match rest.split_once('/') {
                Some((bucket, key)) if !key.is_empty() && self.buckets.iter().any(|allowed| allowed == bucket) => {
                    Ok(Location::S3 { bucket: bucket.into(), key: key.into() })
                }
                Some((bucket, key)) if !key.is_empty() => {
                    refuse(format!("bucket {bucket:?} is not among the allowed ones (CATALOG_BUCKETS)"))
                }
                _ => refuse("an S3 source is s3://bucket/key".into()),
            },
            Some(("https" | "http", _)) => self.locate_url(source),
            Some((scheme, _)) => {
                refuse(format!("{scheme}:// sources are not supported: use a path, s3:// or https://"))
            }
            None => self.locate_file(source),
        }
    }

    fn locate_url(&self, source: &str) -> Result<Location, SourceError> {
        let refuse = |why: &str| Err(SourceError::NotAllowed(why.to_owned()));
        let Ok(url) = Url::parse(source) else { return refuse("the source is not a URL") };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return refuse("a source URL can have no user, query or fragment: they would be kept in the run history");
        }
        self.may_fetch(&url).map_err(SourceError::NotAllowed)?;
        Ok(Location::Http(url))
    }

    fn locate_file(&self, source: &str) -> Result<Location, SourceError> {
        let outside = || SourceError::NotAllowed(format!("{source:?} is not below the catalogue root (CATALOG_ROOT)"));
        let Some(root) = &self.root else {
            return Err(SourceError::NotAllowed(
                "files cannot be read: no catalogue root is set (CATALOG_ROOT)".into(),
            ));
        };
        let below = Path::new(source).strip_prefix(root).unwrap_or_else(|_| Path::new(source));
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !below.components().all(plain) {
            return Err(outside());
        }
        // A link inside the root must not lead out of it. What does not exist is left for the reader to report.
        if let (Ok(root), Ok(real)) = (root.canonicalize(), root.join(below).canonicalize())
            && !real.starts_with(root)
        {
            return Err(outside());
        }
        let path = below.to_str().ok_or_else(outside)?.to_owned();
        Ok(Location::File { root: root.clone(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: Result<(), &str>) {
        let rules = SourceRules {
            root: Some("/srv/catalogs".into()),
            buckets: vec!["ours".into()],
            hosts: vec!["shop.example".into(), "shop.example:8443".into()],
            plain_http: false,
        };
        match (rules.locate(source), expected) {
            (Ok(_), Ok(())) => {}
            (Err(SourceError::NotAllowed(text)), Err(part)) => assert!(text.contains(part), "{source}: {text}"),
            (found, expected) => panic!("{source}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn only_configured_places_can_be_read() {
        check("moscot.catalog.json", Ok(()));
        check("nightly/moscot.json", Ok(()));
        check("/srv/catalogs/moscot.json", Ok(()));
        check("/etc/passwd", Err("not below the catalogue root"));
        check("../secrets.json", Err("not below the catalogue root"));
        check("a/../../b", Err("not below the catalogue root"));
        check("s3://ours/a/b.json", Ok(()));
        check("s3://theirs/a.json", Err("\"theirs\" is not among the allowed ones"));
        check("s3://ours", Err("s3://bucket/key"));
        check("s3://ours/a.json?X-Amz-Signature=1", Err("no query"));
        check("a.json?token=1", Err("no query"));
        check("https://shop.example/catalog.json", Ok(()));
        check("https://shop.example:8443/catalog.json", Ok(()));
        check("https://shop.example.evil/catalog.json", Err("not among the allowed ones"));
        check("https://169.254.169.254/latest", Err("not among the allowed ones"));
        check("http://shop.example/catalog.json", Err("over https"));
        check("https://me:pw@shop.example/c.json", Err("no user, query or fragment"));
        check("https://shop.example/c.json?token=1", Err("no user, query or fragment"));
        check("file:///etc/passwd", Err("file:// sources are not supported"));
    }
}
