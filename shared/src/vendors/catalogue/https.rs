//! A catalogue on a web server.
//!
//! Not object_store's own store of URLs: that takes a URL's path apart and writes it anew, so that `%2F` or a last `/` is
//! another document. Here the URL goes on the wire as it was given ([`SourceRules::locate`] refuses what cannot), and what
//! a server says without a length is read where the end is told otherwise.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{HeaderMap, StatusCode, header};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::RetryAfter;
use super::hosts::{Forbidden, Hosts};
use super::location::NO_PUBLIC_ADDRESS;
use crate::domain::redact;

const REDIRECTS_MAX: usize = 3;

/// Where a document ends that has no length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLength {
    /// The server says when it is over (RFC 9112, section 7.1).
    Chunked,
    /// With the connection, which may also have been cut.
    Connection,
}

/// Why a server gave no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It asks to wait.
    #[error("the vendor asks to wait")]
    Busy(RetryAfter),
    /// The place that a redirect leads to may not be read, or there are too many of them.
    #[error(
        "the source redirects to a host that is not among the allowed ones (those that its connection names, or CATALOG_HOSTS), from https to http, or too often"
    )]
    Redirect,
    /// It has no address that is public, or what it redirects to has none.
    #[error("{}{NO_PUBLIC_ADDRESS}", if *redirected { "the source redirects: " } else { "" })]
    Address {
        /// Whether a redirect says so.
        redirected: bool,
    },
    /// It answered with something else than a document.
    #[error("its host answered {}", .0.as_u16())]
    Status(StatusCode),
    /// Nobody vouches for it, or what vouches is over.
    #[error(
        "its host's certificate is not trusted: it is expired, for another host, or of an authority that is not known"
    )]
    Certificate,
    /// Nothing came, or not all of it.
    #[error("{0}")]
    Connection(&'static str),
}

impl Refused {
    /// Whether trying again later makes sense.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Busy(_) | Self::Connection(_) => true,
            Self::Redirect | Self::Address { .. } | Self::Certificate => false,
            Self::Status(status) => may_pass(status.as_u16()),
        }
    }
}

/// Whether a status says that it may be another later.
pub(super) fn may_pass(status: u16) -> bool {
    // Accepted, Request Timeout, Too Early, Too Many Requests; and what is wrong at the server, but that it does not know how.
    matches!(status, 202 | 408 | 425 | 429 | 500..=599) && !matches!(status, 501 | 505)
}

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    client: reqwest::Client,
    url: Url,
}

impl Document {
    pub(super) fn at(
        url: Url,
        hosts: &Hosts,
        connect_timeout: Duration,
        read_timeout: Duration,
    ) -> reqwest::Result<Self> {
        let places = hosts.clone();
        // A vendor's open redirect must not lead into our network.
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            let from = attempt.previous().last();
            match from.map_or(Ok(()), |from| places.may_follow(from, attempt.url())) {
                Err(Forbidden::Address) => attempt.error(Refused::Address { redirected: true }),
                Err(Forbidden::Place(_)) => attempt.error(Refused::Redirect),
                Ok(()) if attempt.previous().len() > REDIRECTS_MAX => attempt.error(Refused::Redirect),
                Ok(()) => attempt.follow(),
            }
        });
        let client = reqwest::Client::builder()
            .redirect(policy)
            // The query of a configured source is told to nobody else.
            .referer(false)
            .dns_resolver(Arc::new(Names(hosts.clone())))
            // A proxy would look names up by itself, and connect to what it finds.
            .no_proxy()
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
            .https_only(!hosts.plain_http())
            // Of a stream of HTTP/2 that a server resets without an error, hyper makes one that was ended: there, an end that
            // proves the document whole cannot be told from a cut one.
            .http1_only()
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, url })
    }

    fn absent<T>(&self, operation: &str) -> Result<T> {
        Err(Error::NotImplemented { operation: operation.into(), implementer: self.to_string() })
    }
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document on a web server")
    }
}

fn refused(refused: Refused) -> Error {
    Error::Generic { store: "https", source: Box::new(refused) }
}

fn failed(error: reqwest::Error) -> Error {
    // Its query may be a credential.
    let error = error.without_url();
    let causes = || std::iter::successors(Some(&error as &dyn StdError), |error| (*error).source());
    if let Some(found) = causes().find_map(|cause| cause.downcast_ref::<Refused>()) {
        return refused(*found);
    }
    let cause = causes().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::warn!(cause = redact::error_text(&cause), "a source's server could not be read from");
    if causes().any(is_certificate) {
        return refused(Refused::Certificate);
    }
    let is_refused = |cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    refused(Refused::Connection(match () {
        () if error.is_timeout() => "it did not answer in time",
        () if causes().any(is_refused) => "its host refused the connection",
        () if error.is_connect() => "no connection could be made",
        () if error.is_body() || error.is_decode() => "the connection was cut, or its answer is damaged",
        () => "the request failed",
    }))
}

/// Whether a server's certificate was refused. An I/O error hides what it was made of from whoever walks its causes, and here one
/// is in another.
fn is_certificate(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => is_certificate(inside),
        None => matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}

/// Looks names up as the client would by itself, but says so where there is none, and hands on only what may be connected to.
#[derive(Debug)]
struct Names(Hosts);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let hosts = self.0.clone();
        Box::pin(async move {
            // The client puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| {
                tracing::warn!(
                    cause = redact::error_text(&error.to_string()),
                    "a source's host could not be looked up"
                );
                Refused::Connection("there is no host of its name, or names cannot be looked up")
            })?;
            let reachable = hosts.reachable(found);
            if reachable.is_empty() {
                return Err(Refused::Address { redirected: false }.into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn no_length(headers: &HeaderMap) -> NoLength {
    let codings = text(headers, header::TRANSFER_ENCODING).unwrap_or_default();
    let last = codings.rsplit(',').next().unwrap_or_default().trim();
    if last.eq_ignore_ascii_case("chunked") { NoLength::Chunked } else { NoLength::Connection }
}

#[async_trait]
impl ObjectStore for Document {
    /// The document, whatever path is named: it has one address, and nobody asks for a part of it.
    async fn get_opts(&self, location: &Path, _whole: GetOptions) -> Result<GetResult> {
        let response = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers());
        if status != StatusCode::OK {
            let busy = RetryAfter::of(status, headers).map(Refused::Busy);
            return Err(refused(busy.unwrap_or(Refused::Status(status))));
        }
        let mut attributes = Attributes::new();
        // One header with a list and several are the same (RFC 9110, section 5.3). What is no text is no coding that is known.
        let encodings = headers.get_all(header::CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?"));
        let encodings: Vec<&str> = encodings.collect();
        if !encodings.is_empty() {
            attributes.insert(Attribute::ContentEncoding, encodings.join(",").into());
        }
        let mut extensions = Extensions::new();
        let length = response.content_length();
        if length.is_none() {
            extensions.insert(no_length(headers));
        }
        // One that cannot be read says nothing, as one that is not there.
        let changed = text(headers, header::LAST_MODIFIED).and_then(|text| httpdate::parse_http_date(text).ok());
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: DateTime::<Utc>::from(changed.unwrap_or(SystemTime::UNIX_EPOCH)),
            size: length.unwrap_or_default(),
            e_tag: text(headers, header::ETAG).map(str::to_owned),
            version: None,
        };
        let pieces = response.bytes_stream().map(|piece| piece.map_err(failed));
        let (range, payload) = (0..meta.size, GetResultPayload::Stream(pieces.boxed()));
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    async fn put_opts(&self, _location: &Path, _payload: PutPayload, _options: PutOptions) -> Result<PutResult> {
        self.absent("put")
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.absent("put_multipart")
    }

    fn delete_stream(&self, _locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([self.absent("delete")]).boxed()
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::iter([self.absent("list")]).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        self.absent("list")
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        self.absent("copy")
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_refused_is_found_inside_of_io_errors() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert!(is_certificate(&expired()));
        assert!(is_certificate(&io::Error::other(io::Error::other(expired()))));
        assert!(!is_certificate(&io::Error::other(rustls::Error::DecryptError)));
        assert!(!is_certificate(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
