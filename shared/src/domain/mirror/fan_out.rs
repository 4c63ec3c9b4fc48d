//! A fan-out: a mirror of all tenants that have the feature on. It is an item of counters, to which each child's own start and end
//! transaction adds, and a place in the list of connections up to which children were started. It has no lease and no slice.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::{Connection, RunId};
use crate::domain::mirror::log::{MirrorLog, job_id};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::run::Trigger;

/// How many connections a message looks at.
pub const PART: usize = 50;
/// How long a fan-out that stands still is given, before another message is sent for it.
pub const LATE: SignedDuration = SignedDuration::from_mins(2);

/// How long children are started in all.
pub const IN_ALL: SignedDuration = SignedDuration::from_hours(24);

/// A fan-out, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOut {
    /// Sorts by start.
    pub id: RunId,
    /// Which way.
    pub strategy: Strategy,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Who asked for it.
    pub actor: String,
    /// What did.
    pub trigger: Trigger,
    /// The trace.
    pub correlation_id: String,
    /// When it started.
    #[serde(with = "crate::domain::time")]
    pub started_at: Timestamp,
    /// When children were last started.
    #[serde(with = "crate::domain::time")]
    pub moved_at: Timestamp,
    /// The last connection that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Connection>,
    /// Whether all were looked at.
    #[serde(default)]
    pub listed: bool,
    /// Whether it was given up before all were.
    #[serde(default)]
    pub cut_short: bool,
    /// How many children there are.
    #[serde(default)]
    pub children: u64,
    /// How many of them are over.
    #[serde(default)]
    pub over: u64,
    /// How many failed.
    #[serde(default)]
    pub failed: u64,
    /// How many never began.
    #[serde(default)]
    pub skipped: u64,
    /// Why one of those was passed over, the last that was: a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What they found, together.
    #[serde(default)]
    pub created: u64,
    /// What they found, together.
    #[serde(default)]
    pub updated: u64,
    /// What they found, together.
    #[serde(default)]
    pub deleted: u64,
    /// When one of them was last over.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub last_over_at: Option<Timestamp>,
}

impl FanOut {
    /// One of which nothing was looked at.
    #[must_use]
    pub fn new(id: RunId, strategy: Strategy, dry_run: bool, at: Timestamp) -> Self {
        Self {
            id,
            strategy,
            dry_run,
            actor: String::new(),
            trigger: Trigger::Manual,
            correlation_id: String::new(),
            started_at: at,
            moved_at: at,
            cursor: None,
            listed: false,
            cut_short: false,
            children: 0,
            over: 0,
            failed: 0,
            skipped: 0,
            reason: None,
            created: 0,
            updated: 0,
            deleted: 0,
            last_over_at: None,
        }
    }

    /// When it was over: all were looked at, and all children are.
    #[must_use]
    pub fn completed_at(&self) -> Option<Timestamp> {
        let is_over = self.listed && self.over >= self.children;
        is_over.then(|| self.last_over_at.map_or(self.moved_at, |last| last.max(self.moved_at)))
    }

    /// Whether nobody seems to be at it.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        !self.listed && self.moved_at.checked_add(LATE).is_ok_and(|late| now >= late)
    }

    /// Whether it has stood still for so long that it is left as it is.
    #[must_use]
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        !self.listed && self.started_at.checked_add(IN_ALL).is_ok_and(|end| now >= end)
    }

    /// Its row: the sums of its children. It was skipped where all of them were.
    #[must_use]
    pub fn row(&self) -> MirrorLog {
        let skipped = self.children > 0 && self.skipped == self.children && self.listed;
        let error = match self.failed {
            _ if self.cut_short => Some("not all tenants were looked at within a day".to_owned()),
            0 => None,
            failed => Some(format!("{failed} of {} tenants failed", self.children)),
        };
        MirrorLog {
            id: self.id.clone(),
            tenant_id: None,
            strategy: self.strategy,
            dry_run: self.dry_run,
            created: self.created,
            updated: self.updated,
            deleted: self.deleted,
            pending: 0,
            unmapped: 0,
            skipped,
            reason: self.reason.clone().filter(|_| skipped),
            code: error.is_some().then(|| "tenants_failed".to_owned()),
            error,
            job_id: job_id(&self.id),
            started_at: self.started_at,
            completed_at: self.completed_at(),
        }
    }
}

/// The child of a connection: the same one however often its start is tried.
#[must_use]
pub fn child_id(parent: &RunId, connection: &Connection) -> RunId {
    let hash = Sha256::digest(format!("{parent} {connection}"));
    let mut random = [0; 16];
    random.copy_from_slice(&hash[..16]);
    RunId::new(parent.started_at().unwrap_or(Timestamp::UNIX_EPOCH), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
    }

    fn fan_out() -> FanOut {
        FanOut::new(RunId::new(at(0), [1; 16]), Strategy::PlatformToGbp, false, at(0))
    }

    #[test]
    fn it_is_over_once_all_were_looked_at_and_all_children_are_over() {
        let begun = FanOut { children: 2, over: 2, ..fan_out() };
        assert_eq!(begun.completed_at(), None);
        let listed = FanOut { listed: true, over: 1, moved_at: at(5), ..begun };
        assert_eq!(listed.completed_at(), None);
        let over = FanOut { over: 2, last_over_at: Some(at(9)), ..listed };
        assert_eq!(over.completed_at(), Some(at(9)));
        let none = FanOut { listed: true, moved_at: at(5), ..fan_out() };
        assert_eq!(none.completed_at(), Some(at(5)));
    }

    #[test]
    fn one_that_stands_still_is_late_and_one_that_is_listed_never() {
        let late = LATE.as_millis() as i64;
        assert!(!fan_out().is_late(at(late - 1)) && fan_out().is_late(at(late)));
        assert!(!FanOut { listed: true, ..fan_out() }.is_late(at(late)));
    }

    #[test]
    fn its_row_is_the_sum_of_its_children() {
        let row = FanOut { children: 3, over: 3, failed: 1, created: 4, listed: true, ..fan_out() }.row();
        assert_eq!((row.tenant_id, row.created, row.error.as_deref()), (None, 4, Some("1 of 3 tenants failed")));
        let row =
            FanOut { children: 2, over: 2, skipped: 2, listed: true, reason: Some("cooldown".into()), ..fan_out() };
        let row = row.row();
        assert_eq!((row.skipped, row.reason.as_deref(), row.error), (true, Some("cooldown"), None));
        assert!(!FanOut { listed: true, ..fan_out() }.row().skipped);
        let cut = FanOut { listed: true, cut_short: true, ..fan_out() }.row();
        assert_eq!(cut.error.as_deref(), Some("not all tenants were looked at within a day"));
    }

    #[test]
    fn a_connections_child_is_the_same_however_often_it_is_started() {
        let parent = RunId::new(at(0), [1; 16]);
        let [acme, bolt]: [Connection; 2] = ["acme/gbp/main", "bolt/gbp/main"].map(|text| text.parse().unwrap());
        assert_eq!(child_id(&parent, &acme), child_id(&parent, &acme));
        assert_ne!(child_id(&parent, &acme), child_id(&parent, &bolt));
        assert_eq!(child_id(&parent, &acme).started_at(), Some(at(0)));
    }
}
