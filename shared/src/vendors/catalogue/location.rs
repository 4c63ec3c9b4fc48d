//! Which places a catalogue may be read from. The original let a caller read any file of the server.

use std::path::{Component, Path, PathBuf};

use url::Url;

use super::SourceError;
use crate::domain::catalogue::vendor::Asked;
use crate::domain::redact;
use crate::environment::{Environment, StartError};

/// The places that may be read.
#[derive(Debug, Clone, Default)]
pub struct SourceRules {
    root: Option<PathBuf>,
    buckets: Vec<String>,
    hosts: Vec<Host>,
    /// Plain http to an allowed host: for a vendor on the same machine, in local mode only.
    plain_http: bool,
}

/// A host that documents may be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    /// As URLs have it: a name in lower case, or an address.
    name: String,
    /// Where none is named, the scheme's own.
    port: Option<u16>,
}

impl Host {
    /// Reads `host` or `host:port`. What could never match is refused: whoever wrote it thinks that it does.
    fn parse(text: &str) -> Result<Self, String> {
        // What stands before an @ may be a credential, and this is shown at a start.
        if text.contains('@') {
            return Err("an entry has an @, and must be the host alone, as in shop.example or shop.example:8443".into());
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!(
                "{text:?} has a scheme ({scheme}), and must be the host alone, perhaps with its port: {:?}",
                rest.split('/').next().unwrap_or_default()
            ));
        }
        if let Some((host, _)) = text.split_once('/') {
            return Err(format!("{text:?} has a path, and must be the host alone, perhaps with its port: {host:?}"));
        }
        let no_host = || format!("{text:?} is no host, as in shop.example or shop.example:8443");
        // To a parser of URLs these are something else, or a host that nobody has.
        if text.contains(['?', '#', '\\', '*', '%']) || text.contains(char::is_whitespace) || text.ends_with(':') {
            return Err(no_host());
        }
        // Of a scheme that has no port of its own: one that is written is kept.
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| no_host())?;
        let port = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port.parse());
        let port = port.transpose().map_err(|_| no_host())?;
        Ok(Self { name: url.host_str().unwrap_or_default().to_owned(), port })
    }

    fn is_of(&self, url: &Url) -> bool {
        url.host_str() == Some(&self.name)
            && match self.port {
                Some(port) => url.port_or_known_default() == Some(port),
                None => url.port().is_none(),
            }
    }
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

impl Location {
    /// Whether its name says that it is packed.
    pub(super) fn is_packed(&self) -> bool {
        let path = match self {
            Self::File { path, .. } => path,
            Self::S3 { key, .. } => key,
            Self::Http(url) => url.path(),
        };
        Path::new(path).extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("gz"))
    }
}

impl SourceRules {
    /// Reads `CATALOG_ROOT`, `CATALOG_BUCKETS` and `CATALOG_HOSTS`.
    ///
    /// # Errors
    /// When the root is relative, as it would depend on where the process was started; or when a bucket or a host could never
    /// match.
    pub fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let root = environment.get("CATALOG_ROOT").map(PathBuf::from);
        if root.as_ref().is_some_and(|root| !root.is_absolute()) {
            return Err(StartError::Invalid { name: "CATALOG_ROOT", reason: "it must be an absolute path".into() });
        }
        let buckets = environment.list("CATALOG_BUCKETS");
        if let Some(bucket) = buckets.iter().find(|bucket| bucket.contains(['/', ':'])) {
            let reason = format!("{bucket:?} must be a bucket's name alone");
            return Err(StartError::Invalid { name: "CATALOG_BUCKETS", reason });
        }
        let hosts: Result<Vec<Host>, String> =
            environment.list("CATALOG_HOSTS").iter().map(|host| Host::parse(host)).collect();
        Ok(Self {
            root,
            buckets,
            hosts: hosts.map_err(|reason| StartError::Invalid { name: "CATALOG_HOSTS", reason })?,
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
        if self.hosts.iter().any(|host| host.is_of(url)) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Err(format!("host {with_port:?} is not among the allowed ones (CATALOG_HOSTS)"))
    }

    /// Whether plain http is allowed at all.
    pub(super) fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// Finds the place that a source text names. A URL that is configured may have a query, which is shown masked.
    ///
    /// # Errors
    /// [`SourceError::NotAllowed`], which says what would be.
    pub fn locate(&self, source: Asked<'_>) -> Result<Location, SourceError> {
        let (source, may_have_query) = match source {
            Asked::Configured(source) => (source, true),
            Asked::Named(source) => (source, false),
        };
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
            Some(("https" | "http", _)) => self.locate_url(source, may_have_query),
            Some((scheme, _)) => {
                refuse(format!("{scheme}:// sources are not supported: use a path, s3:// or https://"))
            }
            None => self.locate_file(source),
        }
    }

    fn locate_url(&self, source: &str, may_have_query: bool) -> Result<Location, SourceError> {
        let refuse = |why: &str| Err(SourceError::NotAllowed(why.to_owned()));
        let Ok(url) = Url::parse(source) else { return refuse("the source is not a URL") };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return refuse("a source URL can have no user, query or fragment: they would be kept in the run history");
        }
        if url.query().is_some() && !may_have_query {
            return refuse(
                "a source URL can have no user, query or fragment: they would be kept in the run history. A query can stand in the vendor's configured source (VENDORS) alone",
            );
        }
        self.may_fetch(&url).map_err(SourceError::NotAllowed)?;
        if !goes_as_given(source, &url) {
            let text = format!(
                "the source URL cannot be fetched as it is written; write what is meant: {}",
                redact::source(url.as_str())
            );
            return Err(SourceError::NotAllowed(text));
        }
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

/// Whether what goes on the wire of a URL is what is written: a parser takes `..` away, and writes some letters anew. A host is
/// the same in any case, and no path is that of the root.
fn goes_as_given(source: &str, url: &Url) -> bool {
    let Some((_, rest)) = source.split_once("://") else { return false };
    let written = rest.find(['/', '?', '#', '\\']).map_or("", |start| &rest[start..]);
    let sent = &url[url::Position::BeforePath..];
    let as_given = written == sent || !written.starts_with('/') && sent.strip_prefix('/') == Some(written);
    // What a client makes of it once more.
    as_given && url.as_str().parse::<http::Uri>().is_ok_and(|uri| uri.path_and_query().is_some_and(|path| path == sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str]) -> SourceRules {
        SourceRules {
            root: Some("/srv/catalogs".into()),
            buckets: vec!["ours".into()],
            hosts: hosts.iter().map(|host| Host::parse(host).unwrap()).collect(),
            plain_http: false,
        }
    }

    #[track_caller]
    fn check(source: &str, expected: Result<(), &str>) {
        match (rules(&["shop.example", "shop.example:8443"]).locate(Asked::Named(source)), expected) {
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

    #[test]
    fn a_url_goes_on_the_wire_as_it_is_written_or_is_refused_with_what_is_meant() {
        let rules = rules(&["shop.example"]);
        for path in [
            "/files/a%2Fb.json",
            "/a//b",
            "/a/",
            "/a%3Bb",
            "/%7Ejoe/%e6",
            "/a;b=1,2",
            "/a+b",
            "/c.json?limit=250&x=%2F+%20",
            "/?",
            "/a?b?c",
            "/a|b",
            "/[a]",
            "/a'b",
            "/%",
            "/%zz",
            "/a.json?x='",
        ] {
            let source = format!("https://shop.example{path}");
            match rules.locate(Asked::Configured(&source)) {
                Ok(Location::Http(url)) => assert_eq!(url.as_str(), source),
                Err(SourceError::NotAllowed(text)) => {
                    assert!(text.contains("write what is meant: https://shop.example/"), "{text}")
                }
                other => panic!("{source}: {other:?}"),
            }
        }
        for (written, meant) in [
            ("https://shop.example/a/../b.json", "https://shop.example/b.json"),
            ("https://shop.example/a/./b.json", "https://shop.example/a/b.json"),
            ("https://shop.example/%2e%2e/b.json", "https://shop.example/b.json"),
            ("https://shop.example/a\\b.json", "https://shop.example/a/b.json"),
            ("https://shop.example/our catalogue.json", "https://shop.example/our%20catalogue.json"),
            ("https://shop.example/brød.json", "https://shop.example/br%C3%B8d.json"),
            ("https://shop.example/a\tb.json", "https://shop.example/ab.json"),
            ("https://shop.example/a.json ", "https://shop.example/a.json"),
            ("https:///shop.example/a.json", "https://shop.example/a.json"),
        ] {
            let expected = format!("the source URL cannot be fetched as it is written; write what is meant: {meant}");
            check(written, Err(&expected));
        }
        // Neither the host's case nor a port that is the scheme's own makes another address, and no path is the root's.
        for same in ["https://Shop.Example/a%2Fb", "https://shop.example:443/a%2Fb", "https://shop.example"] {
            check(same, Ok(()));
        }
    }

    #[test]
    fn a_host_that_could_never_match_refuses_the_start() {
        let environment = |name: &str, value: &str| Environment::from_iter([(name.to_owned(), value.to_owned())]);
        for (entry, url) in [
            ("LocalHost:8080", "https://localhost:8080/"),
            ("shop.example", "https://SHOP.example/"),
            ("shop.example:443", "https://shop.example/"),
            ("shop.example:443", "https://shop.example:443/"),
            ("shop.example:80", "https://shop.example:80/"),
            ("[::1]:8080", "https://[0:0::1]:8080/"),
            ("[::1]", "https://[::1]/"),
            ("brød.example", "https://xn--brd-1na.example/"),
            ("127.0.0.1:1", "https://127.0.0.1:1/"),
        ] {
            let rules = SourceRules::from_environment(&environment("CATALOG_HOSTS", entry)).unwrap();
            assert_eq!(rules.may_fetch(&Url::parse(url).unwrap()), Ok(()), "{entry} and {url}");
            assert!(rules.may_fetch(&Url::parse("https://shop.example:8443/").unwrap()).is_err(), "{entry}");
        }
        for (entry, expected) in [
            (
                "http://localhost:8080",
                "has a scheme (http), and must be the host alone, perhaps with its port: \"localhost:8080\"",
            ),
            (
                "shop.example,https://a.example/b",
                "has a scheme (https), and must be the host alone, perhaps with its port: \"a.example\"",
            ),
            ("localhost:8080/", "has a path, and must be the host alone, perhaps with its port: \"localhost:8080\""),
            ("shop.example/files", "has a path"),
            ("*.shop.example", "is no host"),
            ("https://me:secret@shop.example", "has an @"),
            ("shop.example?x", "is no host"),
            ("shop example", "is no host"),
            ("shop.example:", "is no host"),
            ("shop.example:https", "is no host"),
            ("shop.example:99999", "is no host"),
            ("::1", "is no host"),
            ("[::1", "is no host"),
        ] {
            let error = SourceRules::from_environment(&environment("CATALOG_HOSTS", entry)).unwrap_err().to_string();
            assert!(error.starts_with("CATALOG_HOSTS is not usable: ") && error.contains(expected), "{entry}: {error}");
        }
        for bucket in ["s3://ours", "ours/a", "arn:aws:s3:::ours"] {
            let error = SourceRules::from_environment(&environment("CATALOG_BUCKETS", bucket)).unwrap_err().to_string();
            assert!(error.contains("must be a bucket's name alone"), "{error}");
        }
    }
}
