//! Catalogue files: where they may come from, and how they are read.

mod location;
mod reader;
mod store;

pub use location::{Location, SourceRules};
pub use reader::CatalogueReader;
pub use store::StoreFactory;

use crate::domain::catalogue::rows::RowError;

/// Why a catalogue could not be read. Texts name the source as the client named it, never a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text names no place that may be read.
    #[error("{0}")]
    NotAllowed(String),
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
    /// It is not the version that was planned with.
    #[error("the catalogue changed while it was being read")]
    Changed,
    /// It is not a catalogue.
    #[error(transparent)]
    Invalid(#[from] RowError),
}

impl SourceError {
    /// The stable code, see `docs/errors.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "source_not_allowed",
            Self::NotFound(_) => "source_not_found",
            Self::Unreadable { .. } => "source_unreadable",
            Self::Changed => "source_changed",
            Self::Invalid(_) => "source_invalid",
        }
    }

    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreadable { transient: true, .. } | Self::Changed)
    }
}
