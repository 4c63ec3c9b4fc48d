//! The one client for vendors' APIs: a request goes out with its key in a header, and an answer comes back that is bounded in size and
//! time. What may be asked, and what an answer comes to, is the same for all vendors.
//!
//! A key is in no URL, log or error: keys are [`Secret`]s and can only be given as headers, an URL that has one in it is refused, and
//! errors name the host alone.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use url::Url;

use super::hosts::{Forbidden, Hosts};
use super::web::{self, Redirects, Unreached};
use crate::domain::pull::answer::Class;
use crate::domain::pull::asked::Asked;
use crate::domain::pull::breaker::Outcome;
use crate::domain::secret::Secret;

/// The most bytes of an answer.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a request may take, with its answer: shorter than a probe of the breaker is waited for.
pub const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Asks one connection's hosts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct VendorClient {
    client: reqwest::Client,
    hosts: Hosts,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Of whom; nothing secret is in it.
    pub url: Url,
    /// Keys and tokens, by header.
    pub secrets: Vec<(HeaderName, Secret)>,
    /// What is sent, as JSON.
    pub body: Option<Bytes>,
    /// What is sent in its place, as a form: where a vendor takes a secret in a body alone (OAuth 2.0, RFC 6749, section 6).
    pub form: Option<Secret>,
}

impl Request {
    /// A read.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, secrets: Vec::new(), body: None, form: None }
    }

    /// With a key in a header.
    #[must_use]
    pub fn secret(mut self, name: HeaderName, value: Secret) -> Self {
        self.secrets.push((name, value));
        self
    }
}

/// What a vendor answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body: whole, and at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
    headers: HeaderMap,
}

impl Answer {
    /// The text of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What it comes to.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::of_status(self.status.as_u16())
    }

    /// What the vendor asks for beside it.
    #[must_use]
    pub fn asked(&self, now: Timestamp) -> Asked {
        Asked::read(|name| self.header(name), now)
    }

    /// What it says to the connection's breaker.
    #[must_use]
    pub fn outcome(&self, now: Timestamp) -> Outcome {
        Outcome::of(self.class(), self.asked(now).not_before(self.class()))
    }
}

/// Why no answer came. Texts name the host, and no path, query or key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It was not asked: the connection says a place or a key that cannot be used.
    #[error("{0}")]
    Misconfigured(String),
    /// It could not be reached, or was cut off.
    #[error("{host} did not answer: {why}")]
    Down {
        /// Who.
        host: String,
        /// What happened.
        why: &'static str,
    },
    /// It answered more than is read.
    #[error("{host} answered with more than {} MB: ask for smaller pages", BODY_BYTES_MAX >> 20)]
    TooLarge {
        /// Who.
        host: String,
    },
}

impl NoAnswer {
    /// What it comes to.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Misconfigured(_) => Class::Misconfigured,
            Self::Down { .. } => Class::Down,
            Self::TooLarge { .. } => Class::Refused,
        }
    }

    /// What it says to the connection's breaker.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Misconfigured(_) => Outcome::Unasked,
            Self::Down { .. } | Self::TooLarge { .. } => Outcome::of(self.class(), None),
        }
    }
}

impl VendorClient {
    /// One that asks these hosts, and no others.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(hosts: Hosts) -> Result<Self, NoAnswer> {
        let client = web::client(&hosts, Redirects::None).connect_timeout(CONNECT_MAX).timeout(REQUEST_MAX).build();
        let client = client.map_err(|_| NoAnswer::Misconfigured("no TLS client can be made".into()))?;
        Ok(Self { client, hosts })
    }

    /// Sends a request, once: a redirect is not followed.
    ///
    /// # Errors
    /// When there is no answer. One with any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Answer, NoAnswer> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        self.check(&request, &host)?;
        let mut call = self.client.request(request.method, request.url).header(header::ACCEPT, "application/json");
        for (name, secret) in &request.secrets {
            let value = HeaderValue::from_bytes(secret.expose());
            let mut value = value.map_err(|_| {
                NoAnswer::Misconfigured(
                    "the connection's key has a line break, or another character that no header can have".into(),
                )
            })?;
            value.set_sensitive(true);
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            call = call.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(form) = request.form {
            let kind = "application/x-www-form-urlencoded";
            call = call.header(header::CONTENT_TYPE, kind).body(form.expose().to_vec());
        }
        let no_answer = |error| no_answer(&host, web::unreached(error));
        let response = call.send().await.map_err(no_answer)?;
        let too_large = || NoAnswer::TooLarge { host: host.clone() };
        if response.content_length().is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let (mut pieces, mut body) = (response.bytes_stream(), BytesMut::new());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(no_answer)?;
            if body.len() + piece.len() > BODY_BYTES_MAX {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }

    fn check(&self, request: &Request, host: &str) -> Result<(), NoAnswer> {
        let url = &request.url;
        let misconfigured = |why: String| Err(NoAnswer::Misconfigured(why));
        let written = percent_decode_str(url.as_str()).collect::<Vec<u8>>();
        let has = |secret: &Secret| {
            let secret = secret.expose();
            let within = |text: &[u8]| !secret.is_empty() && text.windows(secret.len()).any(|part| part == secret);
            within(&written) || within(url.as_str().as_bytes())
        };
        if !url.username().is_empty() || url.password().is_some() || request.secrets.iter().any(|(_, one)| has(one)) {
            return misconfigured(format!(
                "the address at {host} has the connection's key in it, where logs would have it too: it belongs into the secret alone"
            ));
        }
        match self.hosts.may_fetch(url) {
            Ok(()) => Ok(()),
            Err(Forbidden::Plain | Forbidden::Downgraded) => misconfigured(format!("{host} must be asked over https")),
            Err(Forbidden::Unnamed(host) | Forbidden::NarrowedOut(host)) => {
                misconfigured(format!("{host} is not among the hosts of this connection"))
            }
            Err(Forbidden::Address) => misconfigured(not_public(host)),
        }
    }
}

fn not_public(host: &str) -> String {
    format!("{host} has no public address, and others are not connected to")
}

fn no_answer(host: &str, unreached: Unreached) -> NoAnswer {
    match unreached {
        Unreached::Connection(why) => NoAnswer::Down { host: host.to_owned(), why },
        Unreached::Address { redirected: false } => NoAnswer::Misconfigured(not_public(host)),
        Unreached::Address { redirected: true } | Unreached::Redirect => NoAnswer::Misconfigured(format!(
            "{host} redirects elsewhere, where nobody is asked: set the connection's address to that of the API itself"
        )),
        Unreached::Certificate => NoAnswer::Misconfigured(format!(
            "the certificate of {host} is not trusted: it is expired, for another host, or of an authority that is not known"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::server::Server;

    const KEY: &str = "a-key-of-a-vendor";

    fn client(server: &Server, local: bool) -> VendorClient {
        VendorClient::new(Hosts::named(&[&server.address, "10.0.0.1"], local).unwrap()).unwrap()
    }

    fn get(url: &str) -> Request {
        Request::get(url.parse().unwrap()).secret(header::AUTHORIZATION, Secret::new(KEY))
    }

    async fn ask(server: &Server, path: &str) -> Result<Answer, NoAnswer> {
        client(server, true).send(get(&format!("http://{}{path}", server.address))).await
    }

    fn of_length(status: &str, more: &str, body: &str) -> String {
        format!("{status}\r\n{more}content-length: {}", body.len())
    }

    #[tokio::test]
    async fn a_request_goes_out_with_its_key_and_any_status_is_an_answer() {
        let server = Server::start();
        for (status, class) in [
            ("200 OK", Class::Fine),
            ("429 Wait", Class::Busy),
            ("500 Oh", Class::Down),
            ("405 No", Class::Misconfigured),
        ] {
            server.answer(&of_length(status, "Retry-After: 60\r\nx-ratelimit-remaining: 3\r\n", "{}"), b"{}");
            let answer = ask(&server, "/owners?page_number=1").await.unwrap();
            assert_eq!((answer.class(), &answer.body[..]), (class, &b"{}"[..]), "{status}");
            let asked = answer.asked(Timestamp::UNIX_EPOCH);
            assert_eq!((asked.remaining, asked.retry_at.map(Timestamp::as_second)), (Some(3), Some(60)));
            let minute = Timestamp::from_second(60).ok();
            let outcome = match class {
                Class::Busy => Outcome::Busy(minute),
                Class::Down => Outcome::Failed(minute),
                _ => Outcome::Answered,
            };
            assert_eq!(answer.outcome(Timestamp::UNIX_EPOCH), outcome);
        }
        let heads = server.take_heads();
        assert_eq!(heads.len(), 4, "each is sent once");
        assert!(heads[0].starts_with("GET /owners?page_number=1 ") && heads[0].contains(KEY), "{}", heads[0]);
        let post = Request {
            method: Method::POST,
            body: Some("{\"a\":1}".into()),
            ..get(&format!("http://{}/link", server.address))
        };
        server.answer(&of_length("200 OK", "", "{}"), b"{}");
        client(&server, true).send(post).await.unwrap();
        assert!(server.take_heads()[0].contains("content-type: application/json"));
    }

    #[tokio::test]
    async fn a_body_is_bounded_and_whole() {
        let server = Server::start();
        let body = vec![b'x'; BODY_BYTES_MAX + 1];
        for head in [format!("200 OK\r\ncontent-length: {}", body.len()), "200 OK".to_owned()] {
            server.answer(&head, &body);
            let error = ask(&server, "/").await.unwrap_err();
            assert!(matches!(error, NoAnswer::TooLarge { .. }) && error.class() == Class::Refused, "{error}");
        }
        server.answer("200 OK\r\ncontent-length: 9", b"{}");
        let error = ask(&server, "/").await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (Class::Down, Outcome::Failed(None)), "{error}");
    }

    #[tokio::test]
    async fn nobody_else_is_asked_and_no_redirect_is_followed() {
        let (server, other) = (Server::start(), Server::start());
        let (here, there) = (&server.address, &other.address);
        other.answer(&of_length("200 OK", "", "{}"), b"{}");
        let hosts = Hosts::named(&[here, there, "10.0.0.1"], true).unwrap();
        let both = VendorClient::new(hosts).unwrap();
        for location in [
            format!("http://{here}/b"),
            format!("http://{there}/a"),
            "http://10.0.0.1/latest".into(),
            "http://elsewhere.example/".into(),
        ] {
            server.answer(&of_length("302 Found", &format!("location: {location}\r\n"), ""), b"");
            let error = both.send(get(&format!("http://{here}/a"))).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (Class::Misconfigured, Outcome::Unasked), "{location}");
            assert!(error.to_string().contains("redirects"), "{error}");
        }
        assert!(other.take_heads().is_empty(), "the key went nowhere else");
        assert_eq!(server.take_heads().len(), 4, "one request is one");

        for (url, local, expected) in [
            (format!("http://{there}/"), true, "is not among the hosts"),
            (format!("http://{here}/"), false, "over https"),
            (format!("https://{here}/"), false, "no public address"),
            ("http://10.0.0.1/".into(), true, "no public address"),
            (format!("http://user@{here}/"), true, "key in it"),
            (format!("http://{here}/?key={KEY}"), true, "key in it"),
            (format!("http://{here}/?key={}", KEY.replace('-', "%2D")), true, "key in it"),
        ] {
            let error = client(&server, local).send(get(&url)).await.unwrap_err();
            assert!(error.to_string().contains(expected) && !error.to_string().contains(KEY), "{url}: {error}");
            assert_eq!(error.outcome(), Outcome::Unasked, "{url}");
        }
        let broken = Request::get(format!("http://{here}/").parse().unwrap())
            .secret(header::AUTHORIZATION, Secret::new("a\nkey"));
        assert!(client(&server, true).send(broken).await.unwrap_err().to_string().contains("line break"));
        assert!(server.take_heads().is_empty() && other.take_heads().is_empty(), "nobody was connected to");
    }

    #[tokio::test]
    async fn who_refuses_connections_is_down() {
        let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string();
        let client = VendorClient::new(Hosts::named(&[&gone], true).unwrap()).unwrap();
        let error = client.send(get(&format!("http://{gone}/owners"))).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (Class::Down, Outcome::Failed(None)));
        assert!(!error.to_string().contains("owners"), "{error}");
    }
}
