//! Access tokens: what a refresh token is exchanged for at Google (<https://developers.google.com/identity/protocols/oauth2/web-server#offline>).

use http::Method;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::domain::redact;
use crate::domain::secret::Secret;
use crate::vendors::client::Request;

/// How long a token lasts that says nothing of it, in seconds: as Google's do.
const SECONDS_DEFAULT: u64 = 3_600;
/// The longest that a token is believed to last.
const SECONDS_MAX: u64 = 86_400;
/// The longest token, in bytes: twice what Google says is the most.
const TOKEN_BYTES_MAX: usize = 4_096;
const TOLD_MAX: usize = 200;

/// What a connection's secret is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The OAuth client's.
    pub client_secret: Secret,
    /// Of whoever agreed.
    pub refresh_token: Secret,
}

impl Credentials {
    /// Reads a connection's secret: two words.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(secret: &Secret) -> Result<Self, &'static str> {
        let text = String::from_utf8_lossy(secret.expose());
        let mut words = text.split_whitespace();
        let (Some(client), Some(refresh), None) = (words.next(), words.next(), words.next()) else {
            return Err("its secret must be the OAuth client's secret and the refresh token, with a space between");
        };
        Ok(Self { client_secret: Secret::new(client), refresh_token: Secret::new(refresh) })
    }
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// It.
    pub token: Secret,
    /// How long it lasts, in seconds.
    pub seconds: u64,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Consent was revoked, or ran out.
    Revoked(String),
    /// The client is not who it says.
    Client(String),
    /// What came is no answer of a token endpoint.
    Strange(String),
}

/// Asks for an access token.
#[must_use]
pub fn refresh(token_url: &Url, client_id: &str, credentials: &Credentials) -> Request {
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", &text(&credentials.client_secret))
        .append_pair("refresh_token", &text(&credentials.refresh_token))
        .finish();
    Request { method: Method::POST, form: Some(Secret::new(form)), ..Request::get(token_url.clone()) }
}

/// Reads an answer that no other try would better.
///
/// # Errors
/// Why there is no token in it.
pub fn granted(host: &str, status: u16, body: &[u8]) -> Result<Granted, Refused> {
    #[derive(Deserialize)]
    struct Fine {
        access_token: String,
        #[serde(default)]
        expires_in: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Error {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    if (200..300).contains(&status) {
        let fine = serde_json::from_slice::<Fine>(body).ok();
        let is_plain = |token: &str| {
            (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let fine = fine.filter(|fine| is_plain(&fine.access_token));
        let fine = fine.ok_or_else(|| Refused::Strange(format!("{host} answered with no access token")))?;
        let seconds = fine.expires_in.unwrap_or(SECONDS_DEFAULT).min(SECONDS_MAX);
        return Ok(Granted { token: Secret::new(fine.access_token), seconds });
    }
    let Ok(error) = serde_json::from_slice::<Error>(body) else {
        return Err(Refused::Strange(format!("{host} answered {status}, and does not say why")));
    };
    let said = redact::error_text(&format!("{} ({})", error.error, error.error_description));
    let said: String = said.chars().take(TOLD_MAX).collect();
    let told = format!("{host} gives no access: {said}");
    Err(if error.error == "invalid_grant" { Refused::Revoked(told) } else { Refused::Client(told) })
}
