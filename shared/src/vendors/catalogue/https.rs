//! A catalogue on a web server.
//!
//! Not object_store's own store of URLs: that takes a URL's path apart and writes it anew, so that `%2F` or a last `/` is
//! another document. Here the URL goes on the wire as it was given ([`SourceRules::locate`] refuses what cannot), and what
//! a server says without a length is read where the end is told otherwise.

use std::fmt;
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
use url::Url;

use super::location::{NO_PUBLIC_ADDRESS, REDIRECTS_TO_NO_PUBLIC_ADDRESS};
use crate::domain::pull::asked::RetryAfter;
use crate::vendors::hosts::Hosts;
use crate::vendors::web::{self, Redirects, Unreached};

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
    /// No answer came.
    #[error("{}", said(*.0))]
    Unreached(Unreached),
    /// It answered with something else than a document.
    #[error("its host answered {}", .0.as_u16())]
    Status(StatusCode),
}

/// Why no answer came, as it is said of a source.
fn said(unreached: Unreached) -> &'static str {
    match unreached {
        Unreached::Redirect => {
            "the source redirects to a host that is not among the allowed ones (those that its connection names, or CATALOG_HOSTS), from https to http, or too often"
        }
        Unreached::Address { redirected: false } => NO_PUBLIC_ADDRESS,
        Unreached::Address { redirected: true } => REDIRECTS_TO_NO_PUBLIC_ADDRESS,
        Unreached::Certificate => {
            "its host's certificate is not trusted: it is expired, for another host, or of an authority that is not known"
        }
        Unreached::Connection(why) => why,
    }
}

impl Refused {
    /// Whether trying again later makes sense.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Busy(_) | Self::Unreached(Unreached::Connection(_)) => true,
            Self::Unreached(_) => false,
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
        let client = web::client(hosts, Redirects::WhereMayBeAsked)
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
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
    refused(Refused::Unreached(web::unreached(error)))
}

/// How long a vendor asks to wait, by an answer that says that there is none yet.
fn busy(status: StatusCode, headers: &HeaderMap) -> Option<Refused> {
    let says_so = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let asked = text(headers, header::RETRY_AFTER).filter(|_| says_so)?;
    RetryAfter::parse(asked).map(Refused::Busy)
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
            return Err(refused(busy(status, headers).unwrap_or(Refused::Status(status))));
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
