//! A client that asks the local host over HTTP.

use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::answer::Answer;
use crate::system::System;

/// A request to be.
#[derive(Debug)]
pub struct Ask(reqwest::RequestBuilder);

impl System {
    /// A request to the host.
    pub fn request(&self, method: &str, path: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Ask(self.client.request(method, format!("{}{path}", self.host.url())))
    }

    /// A `GET`.
    pub fn get(&self, path: &str) -> Ask {
        self.request("GET", path)
    }

    /// A `POST`.
    pub fn post(&self, path: &str) -> Ask {
        self.request("POST", path)
    }
}

impl Ask {
    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// With a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a browser's session among its cookies.
    #[must_use]
    pub fn cookie(self, session: &str) -> Self {
        self.header("cookie", &format!("theme=dark; STORE_SESS={session}"))
    }

    /// With a body that says it is JSON.
    #[must_use]
    pub fn body(self, text: impl Into<String>) -> Self {
        self.header("content-type", "application/json").bytes(text.into())
    }

    /// With a body of any bytes.
    #[must_use]
    pub fn bytes(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.body(body.into()))
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn answer(self) -> Answer {
        let response = self.0.send().await.expect("an answer");
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Answer::new(response.status().as_u16(), headers, response.text().await.expect("a body"))
    }
}
