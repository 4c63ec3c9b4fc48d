//! Which places a catalogue may be read from. The original let a caller read any file of the server.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::SourceError;
use crate::domain::catalogue::vendor::{Asked, Vendor};
use crate::domain::ids::TenantId;
use crate::domain::redact;
use crate::environment::{Environment, StartError};
use crate::vendors::hosts::{Forbidden, Host, Hosts};

/// What is said of a host that is none of the public's.
pub(super) const NO_PUBLIC_ADDRESS: &str = "the source's host has no public address, and others are not connected to";
/// And of one that a redirect leads to.
pub(super) const REDIRECTS_TO_NO_PUBLIC_ADDRESS: &str =
    "the source redirects: the source's host has no public address, and others are not connected to";

/// The places that may be read.
#[derive(Debug, Clone, Default)]
pub struct SourceRules {
    root: Option<PathBuf>,
    buckets: Vec<String>,
    /// Where some are named, a connection's own are asked only where they are among them.
    hosts: Arc<[Host]>,
    /// Somebody's own machine, where a vendor may be too.
    local: bool,
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
    Http {
        /// Where.
        url: Url,
        /// Which hosts are allowed, also for what it redirects to.
        hosts: Hosts,
    },
}

impl Location {
    /// Whether its name says that it is packed.
    pub(super) fn is_packed(&self) -> bool {
        let path = match self {
            Self::File { path, .. } => path,
            Self::S3 { key, .. } => key,
            Self::Http { url, .. } => url.path(),
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
        let hosts: Result<Arc<[Host]>, String> =
            environment.list("CATALOG_HOSTS").iter().map(|host| Host::parse(host)).collect();
        Ok(Self {
            root,
            buckets,
            hosts: hosts.map_err(|reason| StartError::Invalid { name: "CATALOG_HOSTS", reason })?,
            local: environment.is_local(),
        })
    }

    /// Finds the place that a vendor's source is shown as. A URL that is configured may have a query, which is shown masked.
    ///
    /// # Errors
    /// [`SourceError::NotAllowed`], which says what would be, or [`SourceError::NotPublic`].
    pub fn locate(&self, vendor: &Vendor, shown: &str) -> Result<Location, SourceError> {
        let source = vendor.source.as_deref().and_then(Host::of);
        let more = vendor.hosts.iter().filter_map(|host| Host::parse(host).ok());
        let asked = vendor.source_shown_as(shown);
        let own = source.into_iter().chain(more);
        // What the deployment configured, or one of its operators names, may be wherever it says. Another tenant names hosts of its
        // own alone: those of the deployment may be anybody's.
        let is_configured = matches!(asked, Asked::Configured(_)) || vendor.tenant == TenantId::default();
        self.find(
            asked,
            if vendor.is_configured && is_configured {
                Hosts::of_deployment(&self.hosts, own, self.local)
            } else {
                Hosts::new(&self.hosts, own, self.local)
            },
        )
    }

    /// Finds the place that a source text names, which may be on these hosts.
    pub(super) fn find(&self, source: Asked<'_>, hosts: Hosts) -> Result<Location, SourceError> {
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
            Some(("https" | "http", _)) => Self::locate_url(source, may_have_query, hosts),
            Some((scheme, _)) => {
                refuse(format!("{scheme}:// sources are not supported: use a path, s3:// or https://"))
            }
            None => self.locate_file(source),
        }
    }

    fn locate_url(source: &str, may_have_query: bool, hosts: Hosts) -> Result<Location, SourceError> {
        let refuse = |why: &str| Err(SourceError::NotAllowed(why.to_owned()));
        let Ok(url) = Url::parse(source) else { return refuse("the source is not a URL") };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return refuse("a source URL can have no user, query or fragment: they would be kept in the run history");
        }
        if url.query().is_some() && !may_have_query {
            return refuse(
                "a source URL can have no user, query or fragment: they would be kept in the run history. A query can stand in the vendor's configured source alone",
            );
        }
        hosts.may_fetch(&url).map_err(|forbidden| match forbidden {
            Forbidden::Plain | Forbidden::Downgraded => {
                SourceError::NotAllowed("a source must be fetched over https".into())
            }
            Forbidden::NarrowedOut(host) => {
                SourceError::NotAllowed(format!("host {host:?} is not among the allowed ones (CATALOG_HOSTS)"))
            }
            Forbidden::Unnamed(host) => SourceError::NotAllowed(format!(
                "host {host:?} is not among the allowed ones: that of the source in the connection's settings, and its hosts; or CATALOG_HOSTS, of a vendor of VENDORS"
            )),
            Forbidden::Address => SourceError::NotPublic(NO_PUBLIC_ADDRESS.into()),
        })?;
        if !goes_as_given(source, &url) {
            let text = format!(
                "the source URL cannot be fetched as it is written; write what is meant: {}",
                redact::source(url.as_str())
            );
            return Err(SourceError::NotAllowed(text));
        }
        Ok(Location::Http { url, hosts })
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

/// Why nobody ever reads a source, whatever is allowed and wherever its host's name leads; none where somebody may.
#[must_use]
pub fn never_readable(source: &str, local: bool) -> Option<String> {
    let is_path = !source.contains("://");
    if is_path && Path::new(source).components().any(|part| part == Component::ParentDir) {
        return Some("has a .., which could lead out of the catalogue root".into());
    }
    let bucket = source.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
    // All is allowed that can be.
    let rules = SourceRules { buckets: bucket.map(str::to_owned).into_iter().collect(), ..SourceRules::default() };
    let hosts = Hosts::new(&Arc::default(), Host::of(source).into_iter(), local);
    match rules.find(Asked::Configured(source), hosts) {
        Ok(_) => None,
        Err(_) if is_path && !source.contains('?') => None,
        Err(why) => Some(format!("can never be read: {why}")),
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
    use crate::domain::catalogue::vendor::parse_vendors;

    fn rules(hosts: &[&str]) -> SourceRules {
        SourceRules {
            root: Some("/srv/catalogs".into()),
            buckets: vec!["ours".into()],
            hosts: hosts.iter().map(|host| Host::parse(host).unwrap()).collect(),
            local: false,
        }
    }

    fn configured(rules: &SourceRules) -> Hosts {
        Hosts::of_deployment(&rules.hosts, std::iter::empty(), false)
    }

    #[test]
    fn only_the_deployment_s_own_vendors_are_on_any_host_of_the_deployment() {
        let rules = rules(&["shop.example", "cdn.example"]);
        for (tenant, is_configured, shown, allowed) in [
            ("default", true, "https://shop.example/a.json", true),
            ("default", true, "https://cdn.example/a.json", true),
            ("default", true, "https://own.example/a.json", false),
            ("globex", true, "https://shop.example/a.json", true),
            ("globex", true, "https://shop.example/b.json", true),
            ("globex", true, "https://cdn.example/a.json", false),
            ("default", false, "https://shop.example/a.json", true),
            ("default", false, "https://cdn.example/a.json", false),
            ("globex", false, "https://cdn.example/a.json", false),
            ("globex", false, "https://own.example/a.json", false),
        ] {
            let listed = format!(r#"[{{"slug":"a","tenant":"{tenant}","source":"https://shop.example/a.json"}}]"#);
            let listed = parse_vendors(&listed).unwrap().remove(0);
            let vendor = Vendor { is_configured, hosts: vec!["own.example".into()], ..listed };
            let found = rules.locate(&vendor, shown);
            assert_eq!(found.is_ok(), allowed, "{tenant} {is_configured} {shown}: {found:?}");
        }
    }

    #[test]
    fn a_source_that_nobody_can_ever_read_is_told_without_a_look() {
        for (source, local, readable) in [
            ("shop.json", false, true),
            ("/srv/catalogs/a..b.json", false, true),
            ("../shop.json", true, false),
            ("a/../../shop.json", false, false),
            ("shop.json?key=1", false, false),
            ("s3://ours/a.json", false, true),
            ("s3://ours", false, false),
            ("https://shop.example/p.json?limit=250", false, true),
            ("http://shop.example/p.json", false, false),
            ("http://shop.example/p.json", true, true),
            ("https://me:pw@shop.example/p.json", true, false),
            ("https://10.0.0.1/p.json", false, false),
            ("https://[::ffff:10.0.0.1]/p.json", true, false),
            ("http://127.0.0.1:80/p.json", true, true),
            ("https://127.0.0.1/p.json", false, false),
            ("ftp://shop.example/p.json", true, false),
            ("file:///etc/passwd", true, false),
            ("https://", true, false),
        ] {
            let why = never_readable(source, local);
            assert_eq!(why.is_none(), readable, "{source} {local}: {why:?}");
        }
    }

    #[track_caller]
    fn check(source: &str, expected: Result<(), &str>) {
        let rules = rules(&["shop.example", "shop.example:8443"]);
        match (rules.find(Asked::Named(source), configured(&rules)), expected) {
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
            match rules.find(Asked::Configured(&source), configured(&rules)) {
                Ok(Location::Http { url, .. }) => assert_eq!(url.as_str(), source),
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
            let hosts = Hosts::of_deployment(&rules.hosts, std::iter::empty(), true);
            assert_eq!(hosts.may_fetch(&Url::parse(url).unwrap()), Ok(()), "{entry} and {url}");
            assert!(hosts.may_fetch(&Url::parse("https://shop.example:8443/").unwrap()).is_err(), "{entry}");
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
