//! The secrets of a source: while one is being rotated, two are live.

use std::fmt;

use crate::domain::secret::Secret;

/// Which of a source's live secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretLabel {
    /// The one that senders should use.
    Current,
    /// The one that is being rotated out.
    Previous,
}

impl SecretLabel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Current, Self::Previous];

    /// The label in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }
}

impl fmt::Display for SecretLabel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A secret of a source, and which one it is.
#[derive(Debug, Clone)]
pub struct LiveSecret {
    /// Which one.
    pub label: SecretLabel,
    /// Its value.
    pub secret: Secret,
}

impl LiveSecret {
    /// The one that senders should use.
    #[must_use]
    pub fn current(secret: Secret) -> Self {
        Self { label: SecretLabel::Current, secret }
    }

    /// The one that is being rotated out.
    #[must_use]
    pub fn previous(secret: Secret) -> Self {
        Self { label: SecretLabel::Previous, secret }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.secret.expose().trim_ascii().is_empty()
    }
}
