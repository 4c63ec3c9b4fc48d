//! A running Signalbox, seen from outside over HTTP: on this machine, in AWS, or the service that it replaces.

pub mod connections;
pub mod gate;
pub mod health;
pub mod load;
pub mod point_of_sale;
pub mod smoke;
pub mod smoke_mirror;

use std::time::Duration;

use reqwest::{Client, Method};
use url::Url;

/// The longest that a caller waits for an answer, unless it is told otherwise.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// More than any answer that is looked at has.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// The longest code of an answer that is shown: answers are counted by them, and may come from anybody.
const CODE_BYTES_MAX: usize = 40;

/// A base URL and a client for it.
#[derive(Debug, Clone)]
pub struct Remote {
    base: Url,
    client: Client,
}

/// Why a caller cannot even start.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The URL.
    #[error("{0:?} is no URL to call: it must begin with http:// or https:// and name a host")]
    Url(String),
    /// The client.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The secret.
    #[error("the secret cannot sign: {0}")]
    Secret(#[from] signalbox::domain::deliveries::signature::Refused),
    /// A number that makes no sense.
    #[error("{0}")]
    Argument(String),
}

/// Why there was no answer. The texts are short and few: answers are counted by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It took too long.
    #[error("timeout")]
    Timeout,
    /// Nobody is there.
    #[error("no connection")]
    Connection,
    /// The answer broke off.
    #[error("broken answer")]
    Broken,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text; cut where it is very long.
    pub text: String,
}

impl Answer {
    /// The status, and the stable code of a refusal: `403 bad_signature`.
    #[must_use]
    pub fn told(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.text).unwrap_or_default();
        // Some routes have a sentence for people in `error`.
        let is_code = |text: &&str| {
            let of_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            !text.is_empty() && text.len() <= CODE_BYTES_MAX && text.bytes().all(of_code)
        };
        let code = ["code", "error"].iter().find_map(|name| body[*name].as_str().filter(is_code));
        code.map_or_else(|| self.status.to_string(), |code| format!("{} {code}", self.status))
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// `GET` where none is given.
    pub method: Method,
    /// Below the base.
    pub path: &'a str,
    /// Names and values.
    pub query: &'a [(&'a str, &'a str)],
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// A JSON text.
    pub body: Option<String>,
}

impl Remote {
    /// The URL below which everything is asked for.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// A client of whatever answers under the URL.
    ///
    /// # Errors
    /// When the URL cannot be read as one.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, RemoteError> {
        let base = Url::parse(url.trim()).ok();
        let base = base.filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host());
        let base = base.ok_or_else(|| RemoteError::Url(url.to_owned()))?;
        // No redirects: a signed event must not be answered by somebody else.
        let client = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
        // This machine is not behind its own proxy.
        let client = if is_here(&base) { client.no_proxy() } else { client };
        Ok(Self { base, client: client.build()? })
    }

    /// Whether it answers on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        is_here(&self.base)
    }

    /// Where a path is. The base may have a path of its own, as the stages of an API Gateway have.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let root = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{root}{path}"));
        url
    }

    /// Reads a path, with a token where there is one.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Result<Answer, NoAnswer> {
        let mut request = self.client.get(self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        answer(request).await
    }

    /// Asks with a method, a query and headers; a body is JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, asked: Asked<'_>, token: &str) -> Result<Answer, NoAnswer> {
        let mut url = self.url(asked.path);
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(asked.query);
        }
        let mut request = self.client.request(asked.method, url).bearer_auth(token);
        for (name, value) in asked.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = asked.body {
            request = request.header("content-type", "application/json").body(body);
        }
        answer(request).await
    }

    /// Posts a JSON text to a path.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_json(&self, path: &str, token: &str, body: &str) -> Result<Answer, NoAnswer> {
        let request = self.client.post(self.url(path)).header("content-type", "application/json");
        answer(request.bearer_auth(token).body(body.to_owned())).await
    }
}

fn is_here(base: &Url) -> bool {
    match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, NoAnswer> {
    let why = |error: reqwest::Error| match error {
        error if error.is_timeout() => NoAnswer::Timeout,
        error if error.is_connect() => NoAnswer::Connection,
        _ => NoAnswer::Broken,
    };
    let mut response = request.send().await.map_err(why)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]);
    }
    Ok(Answer { status, text: String::from_utf8_lossy(&body).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_with_its_code() {
        for (text, told) in [
            (r#"{"error":"Invalid signature","code":"bad_signature"}"#, "403 bad_signature"),
            (r#"{"ok":false,"error":"bad_signature","detail":"why"}"#, "403 bad_signature"),
            (r#"{"error":"Forbidden"}"#, "403"),
            (r#"{"message":"Forbidden"}"#, "403"),
            (r#"{"error":{"code":"x"}}"#, "403"),
            ("<html>", "403"),
            ("", "403"),
        ] {
            assert_eq!(Answer { status: 403, text: text.into() }.told(), told, "{text}");
        }
    }

    #[test]
    fn paths_go_below_the_base() {
        for (base, url) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/livez"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/livez"),
            ("https://api.example.com/prod", "https://api.example.com/prod/livez"),
            (" https://api.example.com/prod/ ", "https://api.example.com/prod/livez"),
        ] {
            assert_eq!(Remote::new(base, TIMEOUT_DEFAULT).unwrap().url("/livez").as_str(), url);
        }
        for base in ["", "localhost:9000", "ftp://example.com", "/healthz"] {
            assert!(Remote::new(base, TIMEOUT_DEFAULT).is_err(), "{base}");
        }
    }
}
