//! What operators did.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::TenantId;
use crate::domain::place::{NoPlace, TIME_DIGITS, split_time};

/// What operators did is kept for so many days, unless it is said otherwise: a year, and what is late in it.
pub const AUDIT_DAYS: u64 = 400;
/// What may be said: as long as a dead letter that was decided on would have been kept at least, and ten years at most.
pub const AUDIT_DAYS_RANGE: RangeInclusive<u64> = 90..=3_650;

/// The last moment of so many digits, in the year 2286: what is later is no earlier for having more of them.
const MS_MAX: i64 = 9_999_999_999_999;

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
    /// Force a connection's breaker, or let it decide by itself.
    #[serde(rename = "connection.breaker")]
    ForceBreaker,
    /// Test a connection.
    #[serde(rename = "connection.test")]
    TestConnection,
    /// Make a brand's link at its vendor.
    #[serde(rename = "connection.connect")]
    Connect,
    /// Take a brand's link away, at its vendor first.
    #[serde(rename = "connection.disconnect")]
    Disconnect,
    /// See or change what is a tenant's that is not one's own.
    #[serde(rename = "tenant.enter")]
    EnterTenant,
    /// Do again what failed.
    #[serde(rename = "sync.replay")]
    Replay,
    /// Start a replay of dead letters.
    #[serde(rename = "replay.start")]
    StartReplay,
    /// Stop a replay of dead letters.
    #[serde(rename = "replay.stop")]
    StopReplay,
    /// Pull what changed. This one and those below have the names that clients of the control centre know.
    #[serde(rename = "SYNC_START")]
    StartPull,
    /// Pull everything.
    #[serde(rename = "SYNC_BACKFILL")]
    StartBackfill,
    /// Stop whatever pull of a connection runs.
    #[serde(rename = "SYNC_STOP")]
    StopPull,
    /// Take a connection's lease from whoever holds it.
    #[serde(rename = "SYNC_RESET_LOCK")]
    ResetLock,
    /// Apply a row that was set aside.
    #[serde(rename = "DLQ_REQUEUE")]
    RequeueRow,
    /// Forget a row that was set aside.
    #[serde(rename = "DLQ_DELETE")]
    DropRow,
    /// Change when a connection is pulled by itself.
    #[serde(rename = "SCHEDULER_CHANGE")]
    ChangeSchedule,
    /// Say that an alert was seen.
    #[serde(rename = "alert.acknowledge")]
    AcknowledgeAlert,
    /// Start a mirror of categories.
    #[serde(rename = "mirror.start")]
    StartMirror,
    /// Approve of what a run would remove.
    #[serde(rename = "run.approve")]
    ApproveRun,
    /// End a run that waits for approval.
    #[serde(rename = "run.reject")]
    RejectRun,
    /// Turn a feature on or off, or say who has it.
    #[serde(rename = "flag.change")]
    ChangeFlag,
    /// Make a category of a tenant, or change it.
    #[serde(rename = "category.put")]
    PutCategory,
    /// Delete a category of a tenant.
    #[serde(rename = "category.delete")]
    DeleteCategory,
    /// Send a weekly digest by hand.
    #[serde(rename = "digest.send")]
    SendDigest,
    /// Erase a tenant: of all that is on its record, this alone stays.
    #[serde(rename = "tenant.erase")]
    EraseTenant,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::Requeue,
        Self::Drop,
        Self::Admit,
        Self::Stop,
        Self::PutConnection,
        Self::DeleteConnection,
        Self::PauseConnection,
        Self::ResumeConnection,
        Self::RotateSecrets,
        Self::ForceBreaker,
        Self::TestConnection,
        Self::Connect,
        Self::Disconnect,
        Self::EnterTenant,
        Self::Replay,
        Self::StartReplay,
        Self::StopReplay,
        Self::StartPull,
        Self::StartBackfill,
        Self::StopPull,
        Self::ResetLock,
        Self::RequeueRow,
        Self::DropRow,
        Self::ChangeSchedule,
        Self::AcknowledgeAlert,
        Self::StartMirror,
        Self::ApproveRun,
        Self::RejectRun,
        Self::ChangeFlag,
        Self::PutCategory,
        Self::DeleteCategory,
        Self::SendDigest,
        Self::EraseTenant,
    ];

    /// The action in answers, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requeue => "dead_letter.requeue",
            Self::Drop => "dead_letter.drop",
            Self::Admit => "delivery.admit",
            Self::Stop => "run.stop",
            Self::PutConnection => "connection.put",
            Self::DeleteConnection => "connection.delete",
            Self::PauseConnection => "connection.pause",
            Self::ResumeConnection => "connection.resume",
            Self::RotateSecrets => "connection.rotate",
            Self::ForceBreaker => "connection.breaker",
            Self::TestConnection => "connection.test",
            Self::Connect => "connection.connect",
            Self::Disconnect => "connection.disconnect",
            Self::EnterTenant => "tenant.enter",
            Self::Replay => "sync.replay",
            Self::StartReplay => "replay.start",
            Self::StopReplay => "replay.stop",
            Self::StartPull => "SYNC_START",
            Self::StartBackfill => "SYNC_BACKFILL",
            Self::StopPull => "SYNC_STOP",
            Self::ResetLock => "SYNC_RESET_LOCK",
            Self::RequeueRow => "DLQ_REQUEUE",
            Self::DropRow => "DLQ_DELETE",
            Self::ChangeSchedule => "SCHEDULER_CHANGE",
            Self::AcknowledgeAlert => "alert.acknowledge",
            Self::StartMirror => "mirror.start",
            Self::ApproveRun => "run.approve",
            Self::RejectRun => "run.reject",
            Self::ChangeFlag => "flag.change",
            Self::PutCategory => "category.put",
            Self::DeleteCategory => "category.delete",
            Self::SendDigest => "digest.send",
            Self::EraseTenant => "tenant.erase",
        }
    }
}

/// An entry's id: when it was recorded, and a random part. Sorts by time; it is its own cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId(String);

impl AuditId {
    /// The id of an entry of this moment, epoch milliseconds.
    #[must_use]
    pub fn new(at_ms: i64, random: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = random;
        Self(format!("{at_ms:0TIME_DIGITS$}-{}", hex::encode([a, b, c, d, e, f, g, h])))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text from which on entries are of this moment or later, epoch milliseconds.
    #[must_use]
    pub fn lowest(ms: i64) -> String {
        format!("{:0TIME_DIGITS$}", ms.clamp(0, MS_MAX))
    }

    /// The text up to which entries are of this moment or earlier, epoch milliseconds.
    #[must_use]
    pub fn highest(ms: i64) -> String {
        format!("{:0TIME_DIGITS$}-~", ms.clamp(0, MS_MAX))
    }

    /// The text behind which all entries are older than this one, or its moment's others before it.
    #[must_use]
    pub fn below(&self) -> String {
        // The part behind the moment is of hexadecimal digits: without its last one it comes before all that go on with it.
        let mut text = self.0.clone();
        let last = text.pop().map_or('/', |last| char::from_u32(u32::from(last).saturating_sub(1)).unwrap_or('/'));
        text.push(last);
        text.push('~');
        text
    }
}

impl FromStr for AuditId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (_, random) = split_time(text).ok_or(NoPlace)?;
        let plain = random.len() == 16 && random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if plain { Ok(Self(text.to_owned())) } else { Err(NoPlace) }
    }
}

impl fmt::Display for AuditId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
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
    /// What came of it, where that was noted: the entry is written before, and again after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// The trace.
    pub correlation_id: String,
}

/// A call into a tenant's data by somebody whose own it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose data.
    pub tenant: TenantId,
    /// Who.
    pub actor: String,
    /// The trace.
    pub correlation_id: String,
    /// Method and path; a dash for a path that is no route.
    pub target: String,
}

/// What such calls are recorded by.
pub trait Recorder: Clone + Send + Sync + 'static {
    /// Why one was not.
    type Fault: std::error::Error;

    /// The time.
    fn now(&self) -> Timestamp;

    /// Records one. It must not be answered where that fails.
    fn entered(&self, entry: Entry) -> impl Future<Output = Result<(), Self::Fault>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_answered_as_it_is_stored() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }

    #[test]
    fn what_lies_below_an_entry_is_all_that_is_older_and_not_itself() {
        let id = |at_ms, last: u8| AuditId::new(at_ms, [0, 0, 0, 0, 0, 0, 0, last, 9, 9, 9, 9, 9, 9, 9, 9]);
        for (at, below) in [
            (id(5, 0x10), vec![id(5, 0x0f), id(5, 0), id(4, 0xff)]),
            (id(5, 0x1a), vec![id(5, 0x19), id(5, 0x10)]),
            (id(5, 0), vec![id(4, 0xff)]),
        ] {
            let edge = at.below();
            assert!(at.as_str() > edge.as_str(), "{at}");
            assert!(below.iter().all(|older| older.as_str() < edge.as_str()), "{at}");
            assert_eq!(at.to_string().parse(), Ok(at));
        }
        let bounds = (AuditId::lowest(5), AuditId::highest(5));
        assert!([id(5, 0), id(5, 0xff)].iter().all(|id| id.as_str() > &*bounds.0 && id.as_str() < &*bounds.1));
        assert!(id(4, 0xff).as_str() < &*bounds.0 && id(6, 0).as_str() > &*bounds.1);
        assert!(AuditId::highest(i64::MAX) > AuditId::lowest(MS_MAX - 1) && AuditId::lowest(-1) < AuditId::lowest(1));
        for text in ["", "5-00", "0000000000005-000000000000000g", "0000000000005-00000000000000000"] {
            assert_eq!(text.parse::<AuditId>(), Err(NoPlace), "{text}");
        }
    }
}
