//! Tickets for the live log: what a caller may watch, decided where they are known, for a function that knows nobody. A ticket is good for a
//! minute and once, so that no lasting token is ever in a URL. It is a JWT, signed with a key of its own that is made of the sessions'
//! secret: no session passes for a ticket, and no ticket for a session.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::admin_problem::AdminProblem;
use super::auth::{Authority, check_times, mint, read};
use super::problem::{INTERNAL_ERROR, INVALID_REQUEST, INVALID_TICKET, Problem};
use super::query::Query;
use crate::domain::ids::Connection;
use crate::domain::runs::log::{LogFilter, LogPlace};
use crate::domain::secret::Secret;
use crate::domain::service_secrets::{SESSION_JWT, ServiceSecrets, Values};

/// How long a ticket is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(60);
/// What the key is made for.
const LABEL: &[u8] = b"signalbox live-logs ticket 1";
/// The parameter, and without regard to case the header, by which a client says which event it had last.
pub const LAST_EVENT_ID: &str = "lastEventId";

/// What somebody may watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamTicket {
    /// Whose runs.
    pub connection: Connection,
    /// Which lines.
    #[serde(default)]
    pub filter: LogFilter,
    /// Whether the stream goes on once all is sent that there is.
    pub follow: bool,
    /// From where on, as the client said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// What tells it from all others.
    jti: String,
    exp: i64,
}

fn key(values: &Values) -> Option<Secret> {
    let mut mac = Hmac::<Sha256>::new_from_slice(values.get(SESSION_JWT)?.expose()).ok()?;
    mac.update(LABEL);
    Some(Secret::new(hex::encode(mac.finalize().into_bytes())))
}

impl StreamTicket {
    /// A ticket for these lines. `random` tells it from all others.
    #[must_use]
    pub fn new(connection: Connection, filter: LogFilter, follow: bool, now: Timestamp, random: [u8; 16]) -> Self {
        let exp = now.checked_add(GOOD_FOR).unwrap_or(now).as_second();
        Self { connection, filter, follow, place: None, jti: hex::encode(random), exp }
    }

    /// From this place on.
    #[must_use]
    pub fn from(self, place: Option<&LogPlace>) -> Self {
        Self { place: place.map(ToString::to_string), ..self }
    }

    /// Its text.
    ///
    /// # Errors
    /// When the secrets are too old to go by, or it cannot be signed.
    pub fn signed(&self, secrets: &ServiceSecrets, now: Timestamp) -> Result<String, Problem> {
        let values = secrets.values(now).map_err(|too_old| Problem::internal(INTERNAL_ERROR, &too_old))?;
        let key = key(&values).ok_or_else(|| Problem::internal(INTERNAL_ERROR, &NoSecret))?;
        mint(self, &key).map_err(|error| Problem::internal(INTERNAL_ERROR, &error))
    }

    /// Reads one that was signed here.
    ///
    /// # Errors
    /// 403 where it is none of ours or is over, 500 where the secrets are too old to go by.
    pub fn read(text: &str, secrets: &ServiceSecrets, now: Timestamp) -> Result<Self, AdminProblem> {
        let values = secrets.values(now).map_err(|too_old| Problem::internal(INTERNAL_ERROR, &too_old))?;
        let ticket = read::<Self>(text, key(&values).as_ref());
        let ticket = ticket.and_then(|ticket| check_times(ticket.exp, None, now).map(|()| ticket));
        ticket.map_err(|_| {
            AdminProblem::new(INVALID_TICKET, "the ticket is none of ours, or its minute is over")
                .hint("GET /api/admin/sync/logs/stream gives one")
        })
    }

    /// From where on.
    #[must_use]
    pub fn place(&self) -> Option<LogPlace> {
        self.place.as_deref()?.parse().ok()
    }

    /// What tells it from all others.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.jti
    }

    /// When it is over.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MAX)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is no secret of sessions")]
struct NoSecret;

impl Authority {
    /// A ticket's text.
    ///
    /// # Errors
    /// As [`StreamTicket::signed`].
    pub fn stream_ticket(&self, ticket: &StreamTicket, now: Timestamp) -> Result<String, Problem> {
        ticket.signed(self.secrets(), now)
    }
}

/// Behind which event a client goes on: the header that browsers send when they come again, or a parameter for all others.
///
/// # Errors
/// 400 where it is no id of an event.
pub fn last_event_id(query: &Query, headers: &HeaderMap) -> Result<Option<LogPlace>, AdminProblem> {
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").trim());
    let said = header.filter(|text| !text.is_empty()).or_else(|| query.first(&[LAST_EVENT_ID]));
    let read = said.map(str::parse::<LogPlace>).transpose();
    read.map_err(|no_place| AdminProblem::new(INVALID_REQUEST, format!("{LAST_EVENT_ID}: {no_place}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service_secrets::Values;

    fn secrets(text: &str) -> ServiceSecrets {
        let values = Values::check(&[SESSION_JWT], |_| Some(text.to_owned())).unwrap();
        ServiceSecrets::given(values)
    }

    #[test]
    fn a_ticket_is_read_within_its_minute_by_whoever_has_the_secret_and_as_it_was_written() {
        let ours = secrets("session-secret-session-secret-00");
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let ticket = StreamTicket::new("acme/doorloop/main".parse().unwrap(), LogFilter::default(), true, now, [1; 16]);
        let ticket = ticket.from(Some(&LogPlace::Start));
        let text = ticket.signed(&ours, now).unwrap();
        assert_eq!(StreamTicket::read(&text, &ours, now).unwrap(), ticket);
        let after = |seconds: i64| now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        assert!(StreamTicket::read(&text, &ours, after(59)).is_ok());
        assert!(StreamTicket::read(&text, &ours, after(66)).is_err());
        assert!(StreamTicket::read(&text, &secrets("another-secret-another-secret-00"), now).is_err());
        // A session is signed with the secret itself.
        let session = mint(&ticket, &Secret::new("session-secret-session-secret-00")).unwrap();
        assert!(StreamTicket::read(&session, &ours, now).is_err());
        for place in 0..text.len() {
            let mut tampered = text.clone().into_bytes();
            tampered[place] = if tampered[place] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            // The last character of the signature has bits that say nothing.
            let same =
                StreamTicket::read(&tampered, &ours, now).is_ok_and(|read| read == ticket && place + 1 == text.len());
            assert!(same || StreamTicket::read(&tampered, &ours, now).is_err(), "{place}");
        }
        assert!(StreamTicket::read("", &ours, now).is_err());
    }
}
