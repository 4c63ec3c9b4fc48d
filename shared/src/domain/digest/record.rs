//! A record: that a recipient is to be told of a week, and what became of it.
//!
//! It is claimed before it is sent, and by itself it is never sent again: whoever dies in between leaves one of which nobody knows whether it
//! came. That is shown, and somebody may send it by hand.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::figures::Week;
use super::recipient::{Address, Recipient, Scope};
use crate::domain::ids::{Connection, RunId};

/// How often one is sent that was surely not taken, because too many were sent at once.
pub const TRIES_MAX: u32 = 5;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordState {
    /// It is to be sent.
    Wanted,
    /// It is being sent, or whoever did died, or nothing was answered: nobody knows whether it came.
    Claimed,
    /// It was taken.
    Sent,
    /// It surely was not.
    Failed,
}

impl RecordState {
    /// Its name in answers, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Claimed => "claimed",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// A record, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The same for the same week and recipient; sorts by week.
    pub id: String,
    /// The connection that names the recipient.
    pub connection: Connection,
    /// Whose mirrors it is of.
    pub scope: Scope,
    /// Who is told.
    pub address: Address,
    /// Of which week.
    pub week: Week,
    /// Where it stands.
    pub state: RecordState,
    /// How often it was claimed.
    #[serde(default)]
    pub tries: u32,
    /// When it was claimed last.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// When it was taken.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it was called where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What it said, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What came of sending one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken, and is called this.
    Taken(String),
    /// It surely was not, and may be later.
    Busy(String),
    /// It surely was not.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

impl Record {
    /// That a recipient is to be told of a week.
    #[must_use]
    pub fn new(recipient: &Recipient, week: Week) -> Self {
        let Recipient { connection, scope, address } = recipient;
        let kind = match address {
            Address::Mail(_) => "mail",
            Address::Teams(_) => "teams",
        };
        // By the recipient, whichever of a tenant's connections names it.
        let digest = Sha256::digest(format!("{}#{}#{kind}#{}", connection.tenant, scope.as_str(), address.text()));
        let mut random = [0; 16];
        random.copy_from_slice(&digest[..16]);
        Self {
            id: RunId::new(week.end(), random).to_string(),
            connection: connection.clone(),
            scope: *scope,
            address: address.clone(),
            week,
            state: RecordState::Wanted,
            tries: 0,
            claimed_at: None,
            sent_at: None,
            error: None,
            message: None,
            text: None,
        }
    }

    /// The record, about to be sent.
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Self {
        Self { state: RecordState::Claimed, tries: self.tries + 1, claimed_at: Some(now), error: None, ..self.clone() }
    }

    /// The record that was claimed, with what came of it.
    #[must_use]
    pub fn answered(&self, outcome: Outcome, now: Timestamp) -> Self {
        let with = |state, error| Self { state, error: Some(error), ..self.clone() };
        match outcome {
            Outcome::Taken(message) => {
                Self { state: RecordState::Sent, sent_at: Some(now), message: Some(message), ..self.clone() }
            }
            Outcome::Busy(why) if self.tries < TRIES_MAX => with(RecordState::Wanted, why),
            Outcome::Busy(why) | Outcome::Refused(why) => with(RecordState::Failed, why),
            Outcome::Unknown(why) => with(RecordState::Claimed, why),
        }
    }

    /// The record, to be sent by hand; none where it was sent, or is about to be.
    #[must_use]
    pub fn by_hand(&self) -> Option<Self> {
        let may = matches!(self.state, RecordState::Claimed | RecordState::Failed);
        may.then(|| Self { state: RecordState::Wanted, tries: 0, ..self.clone() })
    }

    /// The record of somebody who is not told.
    #[must_use]
    pub fn dropped(&self, why: &str) -> Self {
        Self { state: RecordState::Failed, error: Some(why.to_owned()), ..self.clone() }
    }
}
