//! Connections that a deployment's configuration names: what it says of each, and what an import of it makes of those that are
//! stored. Nothing here reads or writes anything.

mod file;
mod plan;

use std::fmt;

pub use file::{Limits, OF_A_DEPLOYMENT, read_file};
pub use plan::{Kept, Others, Plan, Planned, Verdict, plan};

use super::provider::{Settings, WrongSetting};
use super::schedule::Schedule;
use crate::domain::ids::Connection;
use crate::domain::secret::Secret;

/// The name of the source that the variables `VENDORS`, `WEBHOOK_SENDERS`, `TRACKSTAR_CONNECTIONS` and those of DoorLoop are together.
pub const ENVIRONMENT: &str = "environment";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretAt {
    /// In an environment variable, on somebody's own machine.
    Variable(String),
    /// In Parameter Store, among those of connections.
    Parameter(String),
    /// In the configuration itself, as `WEBHOOK_SENDERS` has them.
    Given(Secret),
}

/// Where the secrets of a connection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsAt {
    /// The one to sign and to ask with.
    pub current: SecretAt,
    /// The one that still is good for what others sign.
    pub previous: Option<SecretAt>,
}

/// What a configuration says of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, for people: `connections[3]`.
    pub place: String,
    /// Which.
    pub connection: Connection,
    /// The name people read; that of the connection where none is given.
    pub display_name: Option<String>,
    /// What its provider is told.
    pub settings: Settings,
    /// When it is synced by itself.
    pub schedule: Option<Schedule>,
    /// Whether it stands still. Where nobody says so, a pause is an operator's all the same, and stays.
    pub paused: bool,
    /// Where its secrets are. Those that are stored stay where none are named.
    pub secrets: Option<SecretsAt>,
}

/// What is wrong with a configuration, by place: nothing of it is imported then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Wrong(Vec<WrongSetting>);

impl Wrong {
    /// One thing that is wrong.
    pub fn at(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self(vec![WrongSetting::new(place, why)])
    }

    fn of(wrong: Vec<WrongSetting>) -> Result<(), Self> {
        if wrong.is_empty() { Ok(()) } else { Err(Self(wrong)) }
    }
}

/// How many of them are told: whoever mends these finds the others.
const SHOWN_MAX: usize = 10;

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, WrongSetting { name, why }) in self.0.iter().take(SHOWN_MAX).enumerate() {
            let before = if number == 0 { "" } else { "; " };
            write!(formatter, "{before}{name} {why}")?;
        }
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}
