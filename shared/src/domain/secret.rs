//! Secrets that cannot be printed by accident, and are overwritten once nobody needs them.

use zeroize::Zeroizing;

/// A secret value: `Debug` and `Display` show a mask, so that no log, error or panic can carry it (I9).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself, for the one place that signs or verifies with it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_given_to_whoever_asks_and_printed_for_nobody() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret.expose(), b"hunter2");
        assert_eq!((format!("{secret}"), format!("{secret:?}")), ("***".into(), "Secret(***)".into()));
    }
}
