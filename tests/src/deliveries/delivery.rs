//! Deliveries as senders make them: signed, and sent again until they are answered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use signalbox::domain::deliveries::signature::{Scheme, schemes, sign};
use signalbox::domain::secret::Secret;

use crate::answer::Answer;
use crate::events::http_event;
use crate::process::{Crashed, Process};

/// The points of sale's secret.
pub const POS_SECRET: &str = "pos-secret-pos-secret-pos-secret-0";
/// The one before it.
pub const POS_SECRET_PREVIOUS: &str = "old-secret-old-secret-old-secret-0";
/// Trackstar's, a Svix key that is a plain text too.
pub const TRACKSTAR_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// GitHub's.
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";

/// One delivery, as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Where to.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// Whether the gateway hands the body on in base64.
    pub base64: bool,
}

impl Delivery {
    /// Not signed.
    #[must_use]
    pub fn unsigned(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        Self { path: path.to_owned(), headers, body: body.into(), base64: false }
    }

    /// Signed by a scheme.
    ///
    /// # Panics
    /// When the secret cannot be used as a key of the scheme.
    #[must_use]
    pub fn signed(
        path: &str,
        scheme: &Scheme,
        secret: &str,
        id: Option<&str>,
        at: Timestamp,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let mut delivery = Self::unsigned(path, body);
        let signed = sign(scheme, &Secret::new(secret), id, at, None, &delivery.body).expect("a signature");
        for (name, value) in signed.into_iter().filter(|(_, value)| !value.is_empty()) {
            delivery.headers.insert(name.to_lowercase(), value);
        }
        delivery
    }

    /// An event of a point of sale, signed.
    #[must_use]
    pub fn pos(tenant: &str, body: impl Into<Vec<u8>>) -> Self {
        let path = "/pos/demo/ingest";
        Self::signed(path, &schemes::POS, POS_SECRET, None, Timestamp::UNIX_EPOCH, body).header("x-tenant-id", tenant)
    }

    /// A GitHub delivery to `/webhooks/github/acme`, signed.
    #[must_use]
    pub fn github(id: &str, body: impl Into<Vec<u8>>) -> Self {
        let path = "/webhooks/github/acme";
        Self::signed(path, &schemes::GITHUB, GITHUB_SECRET, Some(id), Timestamp::UNIX_EPOCH, body)
    }

    /// A Trackstar event in the header scheme.
    #[must_use]
    pub fn trackstar(route: &str, body: &Value) -> Self {
        let path = format!("/api/webhooks/trackstar{route}");
        let at = Timestamp::UNIX_EPOCH;
        Self::signed(&path, &schemes::PACKR, TRACKSTAR_SECRET, None, at, body.to_string())
    }

    /// With a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// As API Gateway hands it to the function.
    #[must_use]
    pub fn event(&self) -> Value {
        let (body, encoded) = match std::str::from_utf8(&self.body) {
            Ok(text) if !self.base64 => (text.to_owned(), false),
            _ => (STANDARD.encode(&self.body), true),
        };
        http_event("POST", &self.path, &self.headers, &body, encoded)
    }
}

impl Process {
    /// Takes a delivery.
    ///
    /// # Errors
    /// When the process dies: the sender gets no answer.
    pub async fn send(&self, delivery: &Delivery) -> Result<Answer, Crashed> {
        Ok(Answer::of(&self.invoke("webhooks", delivery.event()).await?))
    }
}
