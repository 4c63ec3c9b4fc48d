//! What an import came to: of each connection, and in all.

use super::ImportError;
use crate::domain::connections::import::Entry;
use crate::domain::connections::provider::WrongSetting;
use crate::domain::connections::stored::ChangeError;
use crate::domain::ids::Connection;
use crate::engine::connections::desk::Refused;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Of which source.
    pub source: String,
    /// How many were made.
    pub made: usize,
    /// How many were changed.
    pub changed: usize,
    /// How many were removed.
    pub removed: usize,
    /// How many were so already.
    pub left: usize,
    /// What was not taken, each with the reason.
    pub refused: Vec<String>,
    /// Whether there is more to do, for which there was no time, or somebody was in the way.
    pub unfinished: bool,
}

/// What became of one connection.
pub(super) enum Came {
    Made,
    Changed,
    Removed,
    Left,
    Refused(String),
    /// One of its addresses leads to another connection.
    Taken(String),
    /// Somebody else changed it, or there was no time for it.
    Later,
}

impl Outcome {
    /// Counts what became of some.
    pub(super) fn add(&mut self, all: Vec<Came>) {
        for came in all {
            match came {
                Came::Made => self.made += 1,
                Came::Changed => self.changed += 1,
                Came::Removed => self.removed += 1,
                Came::Left => self.left += 1,
                Came::Refused(why) | Came::Taken(why) => self.refused.push(why),
                Came::Later => self.unfinished = true,
            }
        }
        self.refused.sort();
    }
}

impl Came {
    /// That it is a channel to which nothing could ever be sent: all else that its provider does not take, the plan has found.
    pub(super) fn untold(entry: &Entry, wrong: &[WrongSetting]) -> Self {
        let named: Vec<String> = wrong.iter().map(|one| format!("{}.{} {}", entry.place, one.name, one.why)).collect();
        Self::Refused(format!("{}: {}", entry.connection, named.join("; ")))
    }
}

/// What a change came to. What is in the way of one connection keeps no other waiting, unless AWS is down.
///
/// # Errors
/// When AWS failed, or it is nothing that another try would change.
pub(super) fn came(connection: &Connection, done: Result<Came, Refused>) -> Result<Came, ImportError> {
    match done {
        Ok(came) => Ok(came),
        Err(Refused::Change(ChangeError::Stale(_) | ChangeError::Gone | ChangeError::Exists(_)))
        | Err(Refused::Contended | Refused::NotFound) => Ok(Came::Later),
        Err(Refused::AddressTaken(address)) => {
            Ok(Came::Taken(format!("{connection}: {address} leads to another connection")))
        }
        Err(Refused::Fault(fault)) => Err(fault.into()),
        Err(refused) => Err(ImportError::Refused { connection: connection.clone(), refused: Box::new(refused) }),
    }
}
