//! The access token of a connection, which all instances share: who uses it, and who asks for the next one.
//!
//! One asks at a time, behind a lease that is longer than the question may take. Whoever comes meanwhile goes on with the token that is
//! there, while it lasts. A crash leaves a lease that runs out, and a token at most that nobody knows: the vendor gives another one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::connections::sealed::Sealed;

/// How long a question may take. It is given up then.
pub const ASK_MAX: SignedDuration = SignedDuration::from_secs(10);
/// How long nobody else asks: longer than a question, and what comes after it.
pub const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How long before its end a token is replaced.
const REFRESH_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// How long a token must last to be used: longer than a request may take.
const USABLE_FOR: SignedDuration = SignedDuration::from_secs(45);
/// How long a refusal is believed. Who comes meanwhile is told the same, and the vendor is not asked.
const REFUSED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// As it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessToken {
    /// What the token was given for: it is another connection's business, or another secret's, where this differs.
    credentials: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Refusal>,
    /// One more with each write.
    #[serde(default)]
    pub version: u64,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Who asked for it: a random name.
    pub id: String,
    /// It.
    pub sealed: Sealed,
    /// When it ends.
    expires_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    by: String,
    until_ms: i64,
}

/// Why the vendor gave none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// A code of docs/errors.md.
    pub code: String,
    /// For people, without a secret.
    pub detail: String,
    #[serde(default)]
    until_ms: i64,
}

impl Refusal {
    /// One that is told now.
    #[must_use]
    pub fn new(code: &str, detail: &str) -> Self {
        Self { code: code.to_owned(), detail: detail.to_owned(), until_ms: 0 }
    }
}

/// What whoever needs a token does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Uses this one.
    Use(Token),
    /// Stores this, and asks for one; meanwhile the other will do, where there is one.
    Ask(Box<AccessToken>, Option<Token>),
    /// Looks again, until then at the latest: somebody asks.
    Look(Timestamp),
    /// Nothing: the vendor refuses.
    Refused(Refusal),
}

fn ms(now: Timestamp, later: SignedDuration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX))
}

impl AccessToken {
    /// Decides what somebody does who needs a token for these credentials. `by` is a random name of this one try, `unusable` the id of a token
    /// that the vendor has just not taken.
    #[must_use]
    pub fn next(&self, credentials: &str, by: &str, unusable: Option<&str>, now: Timestamp) -> Next {
        let is_same = self.credentials == credentials;
        let lasts = |token: &&Token, long: SignedDuration| token.expires_ms > ms(now, long);
        let token = self.token.as_ref().filter(|token| is_same && Some(token.id.as_str()) != unusable);
        let token = token.filter(|token| lasts(token, USABLE_FOR));
        if let Some(token) = token.filter(|token| lasts(token, REFRESH_BEFORE)) {
            return Next::Use(token.clone());
        }
        let refused = self.refused.as_ref().filter(|refused| is_same && refused.until_ms > now.as_millisecond());
        let leased = self.lease.as_ref().filter(|lease| lease.until_ms > now.as_millisecond() && lease.by != by);
        match (token, refused, leased) {
            (Some(token), Some(_), _) | (Some(token), _, Some(_)) => Next::Use(token.clone()),
            (None, Some(refused), _) => Next::Refused(refused.clone()),
            (None, None, Some(lease)) => Next::Look(Timestamp::from_millisecond(lease.until_ms).unwrap_or(now)),
            (token, None, None) => {
                let lease = Some(Lease { by: by.to_owned(), until_ms: ms(now, LEASE) });
                let kept = self.token.clone().filter(|_| is_same);
                let asking = Self {
                    credentials: credentials.to_owned(),
                    token: kept,
                    lease,
                    refused: None,
                    version: self.version + 1,
                };
                Next::Ask(Box::new(asking), token.cloned())
            }
        }
    }

    /// Who asks, if somebody does.
    #[must_use]
    pub fn asked_by(&self) -> Option<&str> {
        self.lease.as_ref().map(|lease| lease.by.as_str())
    }

    /// Once a token came.
    #[must_use]
    pub fn granted(&self, by: &str, sealed: Sealed, seconds: u64, asked_at: Timestamp) -> Self {
        let long = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let token = Token { id: by.to_owned(), sealed, expires_ms: ms(asked_at, long) };
        Self { token: Some(token), lease: None, refused: None, version: self.version + 1, ..self.clone() }
    }

    /// Once none came: with a reason, where that holds for whoever asks next.
    #[must_use]
    pub fn ended(&self, refusal: Option<Refusal>, now: Timestamp) -> Self {
        let refused = refusal.map(|refusal| Refusal { until_ms: ms(now, REFUSED_FOR), ..refusal });
        Self { lease: None, refused, version: self.version + 1, ..self.clone() }
    }

    /// When nothing of it is of use any more, in seconds of the epoch.
    #[must_use]
    pub fn ends_at(&self, now: Timestamp) -> i64 {
        let token = self.token.as_ref().map_or(0, |token| token.expires_ms / 1_000);
        token.max(now.as_second()) + 3_600
    }
}
