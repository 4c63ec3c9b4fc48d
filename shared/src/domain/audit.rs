//! What operators did.

use serde::{Deserialize, Serialize};

/// What operators did is kept this long, in seconds.
pub const AUDIT_SECONDS: i64 = 400 * 86_400;

/// What operators can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send a dead letter through again.
    #[serde(rename = "dead_letter.requeue")]
    Requeue,
    /// Forget a dead letter.
    #[serde(rename = "dead_letter.drop")]
    Drop,
    /// Verify a rejected delivery again, and let it in.
    #[serde(rename = "delivery.admit")]
    Admit,
    /// Stop a run.
    #[serde(rename = "run.stop")]
    Stop,
    /// Make a connection, or change it.
    #[serde(rename = "connection.put")]
    PutConnection,
    /// Remove a connection.
    #[serde(rename = "connection.delete")]
    DeleteConnection,
    /// Pause a connection.
    #[serde(rename = "connection.pause")]
    PauseConnection,
    /// Let a paused connection go on.
    #[serde(rename = "connection.resume")]
    ResumeConnection,
    /// Change a connection's secrets, or the data keys that they are sealed with.
    #[serde(rename = "connection.rotate")]
    RotateSecrets,
    /// Test a connection.
    #[serde(rename = "connection.test")]
    TestConnection,
}

/// What an operator was about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Who.
    pub actor: String,
    /// What.
    pub action: Action,
    /// To what.
    pub target: String,
    /// SHA-256 of the body it was about, lower hex; none where it was about none.
    #[serde(default)]
    pub body_hash: Option<String>,
    /// The names of what it changes, and never a value: one may be a secret, or hold one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// The trace.
    pub correlation_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_did_is_kept_for_four_hundred_days() {
        assert_eq!(AUDIT_SECONDS / 86_400, 400);
    }
}
