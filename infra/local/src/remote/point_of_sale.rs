//! A point of sale that signs its events, as a client of the door `/pos/{source}/ingest`.

use jiff::Timestamp;
use signalbox::domain::deliveries::signature::{schemes, sign};
use signalbox::domain::secret::Secret;

use super::{Answer, NoAnswer, Remote, RemoteError, answer};

/// A point of sale.
#[derive(Debug, Clone)]
pub struct PointOfSale {
    remote: Remote,
    source: String,
    tenant: String,
    secret: Secret,
    signs_headers: bool,
}

/// A signed event. Sending it again is sending the same event.
#[derive(Debug, Clone)]
pub struct Event {
    headers: Vec<(String, String)>,
    body: String,
}

impl Event {
    /// The same with another body, as whatever writes bodies anew on their way makes it: the signature stays that of the first.
    #[must_use]
    pub fn rewritten(self, body: String) -> Self {
        Self { body, ..self }
    }
}

impl PointOfSale {
    /// A point of sale of a tenant.
    #[must_use]
    pub fn new(remote: Remote, source: &str, tenant: &str, secret: Secret) -> Self {
        Self { remote, source: source.to_owned(), tenant: tenant.to_owned(), secret, signs_headers: false }
    }

    /// The same, whose signatures cover path, tenant and key as well where `signs_headers` says so.
    #[must_use]
    pub fn signing_headers(self, signs_headers: bool) -> Self {
        Self { signs_headers, ..self }
    }

    /// Where it sends its events, and who else is there.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Signs a body; without a key the content names the event.
    ///
    /// # Errors
    /// When the secret cannot be used as a key.
    pub fn event(&self, body: String, idempotency_key: Option<String>) -> Result<Event, RemoteError> {
        let text = match self.signs_headers {
            true => {
                let (source, tenant, key) =
                    (&self.source, &self.tenant, idempotency_key.as_deref().unwrap_or_default());
                &format!("/pos/{source}/ingest\n{tenant}\n{key}\n{body}")
            }
            false => &body,
        };
        // The scheme signs this text alone: no id, no time, no URL.
        let signed = sign(&schemes::POS, &self.secret, None, Timestamp::UNIX_EPOCH, None, text.as_bytes())?;
        // The scheme has a header for the key, empty here: two of one name would be joined on their way.
        let signed = signed.into_iter().filter(|(_, value)| !value.is_empty());
        let mut headers: Vec<(String, String)> = signed.map(|(name, value)| (name.to_string(), value)).collect();
        headers.push(("content-type".into(), "application/json".into()));
        headers.push(("x-tenant-id".into(), self.tenant.clone()));
        headers.extend(idempotency_key.map(|key| ("idempotency-key".into(), key)));
        Ok(Event { headers, body })
    }

    /// Sends an event, once.
    ///
    /// # Errors
    /// When there is no answer; whether it was taken in is then not known.
    pub async fn send(&self, event: &Event) -> Result<Answer, NoAnswer> {
        let mut url = self.remote.url("/pos");
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([self.source.as_str(), "ingest"]);
        }
        let mut request = self.remote.client.post(url);
        for (name, value) in &event.headers {
            request = request.header(name, value);
        }
        answer(request.body(event.body.clone())).await
    }
}
