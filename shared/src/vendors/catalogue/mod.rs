//! Catalogue files: where they may come from, and how they are read.

pub mod document;
mod files;
mod https;
mod location;
pub mod provider;
mod reader;
mod store;
mod unpacked;

#[cfg(test)]
mod served;

pub use location::{Location, SourceRules, never_readable};
pub use reader::CatalogueReader;
pub use store::StoreFactory;

use crate::domain::catalogue::rows::RowError;
use crate::domain::pull::asked::RetryAfter;
use crate::domain::runs::failure::Failure;

/// Why a catalogue could not be read. Texts name the source as the client named it, never a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text names no place that may be read.
    #[error("{0}")]
    NotAllowed(String),
    /// It leads to an address that is not public.
    #[error("{0}")]
    NotPublic(String),
    /// Nothing is there.
    #[error("there is no catalogue at {0}")]
    NotFound(String),
    /// It is there, but reading failed.
    #[error("the catalogue {source_path} could not be read: {reason}")]
    Unreadable {
        /// As the client named it.
        source_path: String,
        /// What happened.
        reason: String,
        /// Whether trying again later makes sense.
        transient: bool,
    },
    /// Its vendor asks to be left alone for a while (RFC 9110, section 10.2.3).
    #[error("the catalogue {source_path} could not be read yet: the vendor asks to wait")]
    Busy {
        /// As the client named it.
        source_path: String,
        /// For how long.
        retry_after: RetryAfter,
    },
    /// It is not the version that was planned with.
    #[error("the catalogue changed while it was being read")]
    Changed,
    /// It is not a catalogue.
    #[error(transparent)]
    Invalid(#[from] RowError),
}

impl SourceError {
    /// The reason that a run is given.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::NotAllowed(_) => Failure::SourceNotAllowed,
            Self::NotPublic(_) => Failure::SourceNotPublic,
            Self::NotFound(_) => Failure::SourceNotFound,
            Self::Unreadable { .. } => Failure::SourceUnreadable,
            Self::Busy { .. } => Failure::SourceBusy,
            Self::Changed => Failure::SourceChanged,
            Self::Invalid(_) => Failure::SourceInvalid,
        }
    }

    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreadable { transient: true, .. } | Self::Busy { .. } | Self::Changed)
    }
}
