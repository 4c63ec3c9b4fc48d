//! A document behind https or in S3, as a store that can be read and nothing else.
//!
//! `object_store` has stores for both. With their multipart uploads, listings, checksums and HTTP client they made
//! each function that reads catalogues two megabytes larger, for what is one GET here.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::timeout;
use url::Url;

use crate::network::Network;
use crate::outside::Clock;

/// Until the answer begins, and then between two pieces of a document; not for all of it: that is what a run's budget
/// is for.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const REDIRECTS_MAX: usize = 3;
/// What fails before the document begins is tried this often; after that the run's slice is.
const ATTEMPTS_MAX: u32 = 3;
const STORE: &str = "remote";

/// One document.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) network: Network,
    pub(super) url: Url,
    pub(super) access: Access,
}

/// How a document may be reached.
#[derive(Debug)]
pub(super) enum Access {
    /// Openly. A redirect is followed only to a host that may be read anyway: a vendor's open redirect must not lead
    /// into our network.
    Open {
        /// These hosts may be read.
        hosts: Vec<String>,
        /// Without TLS too.
        plain: bool,
    },
    /// With a signature, as S3 wants it.
    Signed {
        /// Whose.
        credentials: Credentials,
        /// Where.
        region: String,
    },
}

impl std::fmt::Display for Remote {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Remote({})", self.url)
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn failed(source: impl Into<Failure>) -> Error {
    Error::Generic { store: STORE, source: source.into() }
}

impl Remote {
    fn request(&self, url: &Url) -> Result<Request<SdkBody>, Failure> {
        let mut request = Request::get(url.as_str())
            .header(header::USER_AGENT, concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .body(SdkBody::empty())?;
        if let Access::Signed { credentials, region } = &self.access {
            let identity = credentials.clone().into();
            let mut settings = SigningSettings::default();
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            // The real time whatever clock a test has set: S3 compares it with its own.
            let now = Clock::default().now();
            let parameters = v4::SigningParams::builder()
                .identity(&identity)
                .region(region)
                .name("s3")
                .time(SystemTime::from(now))
                .settings(settings)
                .build()?;
            let signable = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::Bytes(&[]))?;
            let (instructions, _signature) = sign(signable, &parameters.into())?.into_parts();
            instructions.apply_to_request_http1x(&mut request);
        }
        Ok(request)
    }

    /// Where a redirect leads, if that may be read.
    fn redirect(&self, from: &Url, response: &Response<Incoming>) -> Option<Url> {
        let Access::Open { hosts, plain } = &self.access else { return None };
        if !response.status().is_redirection() {
            return None;
        }
        let url = from.join(response.headers().get(header::LOCATION)?.to_str().ok()?).ok()?;
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let scheme = url.scheme() == "https" || (*plain && url.scheme() == "http");
        (scheme && hosts.contains(&with_port)).then_some(url)
    }

    async fn get(&self) -> Result<Response<Incoming>, Failure> {
        let mut url = self.url.clone();
        for redirects in 0.. {
            let request = self.request(&url)?;
            let response = timeout(READ_TIMEOUT, self.network.send(request)).await.map_err(|_| "no answer in time")??;
            match self.redirect(&url, &response) {
                Some(next) if redirects < REDIRECTS_MAX => url = next,
                _ => return Ok(response),
            }
        }
        Err("too many redirects".into())
    }

    /// The answer, tried again while the fault may be a passing one.
    async fn get_again(&self) -> Result<Response<Incoming>> {
        let mut attempt = 1;
        loop {
            let outcome = self.get().await;
            let passing = match &outcome {
                Ok(response) => {
                    response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS
                }
                Err(_) => true,
            };
            if !passing || attempt == ATTEMPTS_MAX {
                return outcome.map_err(failed);
            }
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
            attempt += 1;
        }
    }
}

fn meta(location: &Path, response: &Response<Incoming>) -> Result<ObjectMeta> {
    let text = |name| response.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    // Without it a document that was cut off could pass for a whole one.
    let size = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let size = size.ok_or_else(|| failed("the answer has no Content-Length"))?;
    let changed = text(header::LAST_MODIFIED).and_then(|date| {
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
    });
    Ok(ObjectMeta {
        location: location.clone(),
        last_modified: SystemTime::from(changed.unwrap_or(Timestamp::UNIX_EPOCH)).into(),
        size,
        e_tag: text(header::ETAG).map(String::from),
        version: None,
    })
}

/// The document's pieces; a silence that is too long ends it with an error.
fn pieces(body: Incoming) -> BoxStream<'static, Result<Bytes>> {
    futures::stream::unfold(Some(body), |body| async {
        let mut body = body?;
        loop {
            let piece = match timeout(READ_TIMEOUT, body.frame()).await {
                Ok(None) => return None,
                // Trailers say nothing that is needed.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => return Some((Ok(piece), Some(body))),
                    Err(_trailers) => continue,
                },
                Ok(Some(Err(error))) => failed(error),
                Err(_) => failed("the document stopped coming"),
            };
            return Some((Err(piece), None));
        }
    })
    .boxed()
}

#[async_trait]
impl ObjectStore for Remote {
    async fn get_opts(&self, location: &Path, _options: GetOptions) -> Result<GetResult> {
        let response = self.get_again().await?;
        let path = self.url.path().to_owned();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(Error::NotFound { path, source: "not there".into() });
            }
            StatusCode::UNAUTHORIZED => return Err(Error::Unauthenticated { path, source: "no access".into() }),
            StatusCode::FORBIDDEN => return Err(Error::PermissionDenied { path, source: "no access".into() }),
            status => return Err(failed(format!("the answer has status {status}"))),
        }
        let meta = meta(location, &response)?;
        Ok(GetResult {
            range: 0..meta.size,
            meta,
            payload: GetResultPayload::Stream(pieces(response.into_body())),
            attributes: object_store::Attributes::default(),
            extensions: http::Extensions::default(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only("put_opts"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put_multipart_opts"))
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        futures::stream::once(async { Err(read_only("delete_stream")) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        futures::stream::once(async { Err(read_only("list")) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(read_only("list_with_delimiter"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only("copy_opts"))
    }
}

fn read_only(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.into(), implementer: STORE.into() }
}
