//! The lease: the right to advance a run, one per connection.
//!
//! It does three things. It **reserves** the connection for one run from start to end, so that two runs never
//! interleave. It names who **holds** the run now, for a short time that must be renewed. Each holder brings a
//! fencing token of its own, which every commit is checked against: a holder that lost its lease cannot commit (I3).
//! Martin Kleppmann, "How to do distributed locking" (2016), explains why the expiry alone is not enough. A random
//! token serves as well as a growing one, as the store that checks it is the store that holds the lease; and it
//! tells our own write whose reply was lost from a rival's.
//!
//! And it says what others ask of the run: until when it **waits**, and that it is to **stop**. These are here and not on the
//! run, as every take, renewal and commit looks at the lease anyway; and a holder's write of the run cannot undo them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RunId;
use crate::domain::mirror::plan::Strategy;

/// How long a holder may be silent before another may take over, in milliseconds.
pub const LEASE_MS: i64 = 60_000;
/// A holder renews when this much has passed since it took or renewed the lease, in milliseconds. What is left is
/// longer than any single call may take, so that no write of a holder lands after its lease ran out.
pub const RENEW_AFTER_MS: i64 = 20_000;
/// How long after a mirror that went well no other one this way starts, in milliseconds.
pub const COOLDOWN_MS: i64 = 60_000;

/// The lease of a connection, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The run the connection is reserved for; none when it is free.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// The holder's fencing token; none when nobody holds the run.
    #[serde(default)]
    pub fence: Option<String>,
    /// Until when the holder may act, epoch milliseconds; 0 when nobody holds the run.
    #[serde(default)]
    pub until_ms: i64,
    /// Before when nobody may take the run, epoch milliseconds; none or past when it does not wait.
    #[serde(default)]
    pub waits_until_ms: Option<i64>,
    /// What it waits for.
    #[serde(default)]
    pub waits_for: Option<WaitReason>,
    /// When its latest message is due, epoch milliseconds: one that is only late is not sent again at once.
    #[serde(default)]
    pub queued_ms: i64,
    /// Who asked for it to stop.
    #[serde(default)]
    pub stop_by: Option<String>,
    /// When, epoch milliseconds.
    #[serde(default)]
    pub stop_ms: Option<i64>,
    /// The newest run of the connection that has a log, also once it is over: the next one's id is later, whatever the clocks say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_run: Option<RunId>,
    /// When the last mirror of the platform's categories to Google went well, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored_to_gbp_ms: Option<i64>,
    /// When the last mirror of Google's to the platform did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored_to_platform_ms: Option<i64>,
    /// Who approved of what the run would remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_ms: Option<i64>,
    /// How many may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_max: Option<u64>,
}

impl Lease {
    /// Whether somebody may act as the holder.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.fence.is_some() && self.until_ms >= now.as_millisecond()
    }

    /// When the connection is free, where its holder was cut off and may have a call under way.
    #[must_use]
    pub fn free_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_cut_off = self.run_id.is_some() && self.fence.is_none() && self.until_ms >= now.as_millisecond();
        Timestamp::from_millisecond(self.until_ms).ok().filter(|_| is_cut_off)
    }

    /// The request to stop, if there is one.
    #[must_use]
    pub fn stop(&self) -> Option<StopRequest> {
        let by = self.stop_by.clone()?;
        Some(StopRequest { by, at_ms: self.stop_ms.unwrap_or_default() })
    }

    /// What was approved of, if somebody has.
    #[must_use]
    pub fn approval(&self) -> Option<Approval> {
        let (by, removals_max) = (self.approved_by.clone()?, self.approved_max?);
        Some(Approval { by, at_ms: self.approved_ms.unwrap_or_default(), removals_max })
    }

    /// Until when no other mirror this way starts.
    #[must_use]
    pub fn cools_until(&self, strategy: Strategy, now: Timestamp) -> Option<Timestamp> {
        let last_ms = match strategy {
            Strategy::PlatformToGbp => self.mirrored_to_gbp_ms,
            Strategy::GbpToPlatform => self.mirrored_to_platform_ms,
        };
        let until_ms = last_ms?.saturating_add(COOLDOWN_MS);
        Timestamp::from_millisecond(until_ms).ok().filter(|until| *until > now)
    }

    /// Until when the run waits, if it still does. A stop ends every wait.
    #[must_use]
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.waits_until_ms.filter(|until| *until > now.as_millisecond() && self.stop_by.is_none())?;
        Timestamp::from_millisecond(until).ok()
    }
}

/// That somebody approved of what a run would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// How many may go.
    pub removals_max: u64,
}

/// That somebody wants a run to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRequest {
    /// Who.
    pub by: String,
    /// When, epoch milliseconds.
    pub at_ms: i64,
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaitReason {
    /// For a fault to pass.
    Backoff,
    /// For the time that the vendor named.
    RetryAfter,
    /// For somebody to approve.
    Approval,
    /// For the quota of its connection.
    Quota,
    /// For the breaker of its connection to close, or to let somebody try.
    Breaker,
}

impl WaitReason {
    /// What it waits for, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Backoff => "waiting for a fault to pass",
            Self::RetryAfter => "waiting as long as the vendor asked for",
            Self::Approval => "waiting for approval",
            Self::Quota => "waiting for the quota of its connection",
            Self::Breaker => "waiting until the vendor may be asked again",
        }
    }
}

/// A time before which a run may not go on. Not an attempt, and not a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Until when.
    #[serde(with = "crate::domain::time")]
    pub until: Timestamp,
    /// For what.
    pub reason: WaitReason,
}

/// Proof that this process may act for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The run.
    pub run_id: RunId,
    /// The fencing token that every commit is checked against.
    pub fence: String,
    /// When it was taken or last renewed.
    pub since: Timestamp,
}

impl Hold {
    /// Whether it is time to renew.
    #[must_use]
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        now.as_millisecond() - self.since.as_millisecond() >= RENEW_AFTER_MS
    }
}

/// What somebody who was refused the lease finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Our own attempt had succeeded; only its reply was lost.
    Ours,
    /// The run waits: nobody may take it before then.
    Waits(Timestamp),
    /// Somebody else holds this run.
    Held,
    /// The connection is reserved for another run.
    Reserved(RunId),
    /// Nothing is reserved: the run is over.
    Free,
}

/// Reads a lease that refused us.
#[must_use]
pub fn standing(lease: Option<&Lease>, run: &RunId, fence: &str, now: Timestamp) -> Standing {
    let Some(lease) = lease else { return Standing::Free };
    match &lease.run_id {
        _ if lease.fence.as_deref() == Some(fence) => Standing::Ours,
        Some(holder) if holder == run => match lease.waits_until(now) {
            Some(until) if !lease.is_held(now) => Standing::Waits(until),
            _ => Standing::Held,
        },
        Some(holder) => Standing::Reserved(holder.clone()),
        None => Standing::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn id(random: u8) -> RunId {
        RunId::new(NOW, [random; 16])
    }

    fn held(run: u8, fence: &str) -> Lease {
        Lease { run_id: Some(id(run)), fence: Some(fence.into()), ..Lease::default() }
    }

    #[test]
    fn a_refusal_is_read_from_the_lease() {
        let waiting = Lease { fence: None, until_ms: 0, waits_until_ms: Some(5), ..held(1, "") };
        let stopped = Lease { stop_by: Some("ann".into()), ..waiting.clone() };
        let over = Lease { waits_until_ms: Some(0), ..waiting.clone() };
        let working = Lease { waits_until_ms: Some(5), ..held(1, "theirs") };
        for (lease, expected) in [
            (None, Standing::Free),
            (Some(held(1, "mine")), Standing::Ours),
            (Some(held(1, "theirs")), Standing::Held),
            (Some(held(2, "theirs")), Standing::Reserved(id(2))),
            (Some(Lease { run_id: None, ..held(1, "theirs") }), Standing::Free),
            (Some(waiting), Standing::Waits(at(5))),
            (Some(stopped), Standing::Held),
            (Some(over), Standing::Held),
            (Some(working), Standing::Held),
        ] {
            assert_eq!(standing(lease.as_ref(), &id(1), "mine", NOW), expected, "{lease:?}");
        }
    }

    #[test]
    fn a_holder_acts_until_its_time_is_up_and_renews_before() {
        let lease = Lease { until_ms: 10, ..held(1, "f") };
        assert!(lease.is_held(at(10)) && !lease.is_held(at(11)));
        assert_eq!(lease.free_at(at(10)), None);
        let cut_off = Lease { fence: None, ..lease };
        assert_eq!(
            (cut_off.is_held(at(0)), cut_off.free_at(at(10)), cut_off.free_at(at(11))),
            (false, Some(at(10)), None)
        );
        let hold = Hold { run_id: id(1), fence: "f".into(), since: at(100) };
        assert!(!hold.wants_renewal(at(100 + RENEW_AFTER_MS - 1)) && hold.wants_renewal(at(100 + RENEW_AFTER_MS)));
    }

    #[test]
    fn a_wait_ends_with_its_time_or_with_a_stop() {
        let lease = Lease { waits_until_ms: Some(10), ..Lease::default() };
        assert_eq!((lease.waits_until(at(9)), lease.waits_until(at(10)), lease.stop()), (Some(at(10)), None, None));
        let stopped = Lease { stop_by: Some("ann".into()), stop_ms: Some(3), ..lease };
        assert_eq!(stopped.waits_until(at(9)), None);
        assert_eq!(stopped.stop(), Some(StopRequest { by: "ann".into(), at_ms: 3 }));
        assert_eq!(Lease::default().waits_until(at(0)), None);
    }

    #[test]
    fn a_mirror_that_went_well_keeps_another_one_this_way_from_starting_for_a_minute() {
        let lease = Lease { mirrored_to_gbp_ms: Some(5), ..Lease::default() };
        let until = |strategy, ms| lease.cools_until(strategy, at(ms));
        assert_eq!(until(Strategy::PlatformToGbp, 5), Some(at(60_005)));
        assert_eq!(until(Strategy::PlatformToGbp, 60_004), Some(at(60_005)));
        assert_eq!(until(Strategy::PlatformToGbp, 60_005), None);
        assert_eq!(until(Strategy::GbpToPlatform, 5), None);
    }

    #[test]
    fn a_lease_is_stored_under_these_names() {
        let stored = serde_json::json!({
            "runId": id(1), "fence": "f", "untilMs": 1, "waitsUntilMs": 2, "waitsFor": "retryAfter", "queuedMs": 3,
            "newestRun": id(1), "stopBy": "ann", "stopMs": 4, "mirroredToGbpMs": 5, "mirroredToPlatformMs": 6,
            "approvedBy": "ann", "approvedMs": 7, "approvedMax": 8,
        });
        let lease: Lease = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&lease).unwrap(), stored);
    }
}
