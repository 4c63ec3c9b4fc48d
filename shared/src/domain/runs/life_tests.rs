//! Tables and properties of [`super`].

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::ids::Connection;
use crate::domain::mirror::plan;
use crate::domain::runs::held::Held;
use crate::domain::runs::mirror::MirrorWork;
use crate::domain::runs::run::{CatalogueWork, Mode, Trigger, Work};
use crate::domain::runs::slices::Slices;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// A run that started at 0, and whose deadline is counted from `deadline_from_ms`.
fn run(deadline_from_ms: i64, attempts: u32) -> Run {
    Run {
        id: RunId::new(at(0), [1; 16]),
        connection: "acme/catalogue/moscot".parse::<Connection>().unwrap(),
        status: RunStatus::Pending,
        mode: Mode::Apply,
        actor: "ann".into(),
        trigger: Trigger::Manual,
        started_at: at(0),
        updated_at: at(0),
        deadline_from: at(deadline_from_ms),
        completed_at: None,
        wait: None,
        slices: Slices::default(),
        spent: None,
        held: None,
        held_ms: 0,
        duration_ms: None,
        error: None,
        attempts,
        unconnected: 0,
        log: Default::default(),
        correlation_id: "trace".into(),
        work: Work::Catalogue(CatalogueWork::default()),
    }
}

fn wait(until_ms: i64, reason: WaitReason) -> Wait {
    Wait { until: at(until_ms), reason }
}

const FAULT: CameTo = CameTo::Failed { failure: Failure::StorageFailed, may_pass: true };

#[test]
fn only_a_vendor_that_cannot_be_connected_to_counts_as_unconnected() {
    let failed = |failure| CameTo::Failed { failure, may_pass: true };
    let waits = CameTo::Waits(wait(MINUTE, WaitReason::Breaker));
    for (before, came_to, moved, after) in [
        (0, failed(Failure::SourceUnreadable), false, 1),
        (1, failed(Failure::SourceUnreadable), false, 2),
        // Our own fault is none of the vendor's, and does not make it well again.
        (0, FAULT, false, 0),
        (2, FAULT, false, 2),
        (2, waits, false, 2),
        (2, CameTo::OutOfTime, false, 2),
        // It answered before it was gone again.
        (2, failed(Failure::SourceUnreadable), true, 1),
        (2, CameTo::OutOfTime, true, 0),
    ] {
        let run = Run { unconnected: before, ..run(0, 5) };
        assert_eq!(unconnected(&run, came_to, moved), after, "{before} {came_to:?} {moved}");
    }
}

#[test]
fn a_mirror_is_tried_five_times_soon_after_one_another_and_keeps_the_reason() {
    let work = Work::Mirror(MirrorWork::new(plan::Strategy::PlatformToGbp, None));
    let mirror = |attempts| Run { work: work.clone(), ..run(0, attempts) };
    let fault = CameTo::Failed { failure: Failure::SourceUnreadable, may_pass: true };
    for (attempts, ms) in [(0, 500), (1, 1_000), (2, 2_000), (3, 4_000)] {
        let after = after_slice(&mirror(attempts), fault, false, at(MINUTE));
        let Then::GoOn(Some(Wait { until, reason: WaitReason::Backoff })) = after.then else { panic!("{after:?}") };
        let waited = until.as_millisecond() - at(MINUTE).as_millisecond();
        assert!((ms..ms + 250).contains(&waited), "{waited} ms after {attempts}");
    }
    let after = after_slice(&mirror(4), fault, false, at(MINUTE));
    assert_eq!(after.then, Then::End(RunStatus::Failed, Some(Failure::SourceUnreadable)));
    let held = after_slice(&mirror(0), CameTo::AwaitsApproval, false, at(30 * HOUR));
    let waits = |since| Held { why: String::new(), removals: 1, of: 1, going: BTreeSet::new(), since: at(since) };
    let mut asked = Run { deadline_from: held.deadline_from, held: Some(waits(30 * HOUR)), ..mirror(0) };
    // Three days of waiting are not part of its own time, however often it waits.
    assert_eq!(deadline(&asked), at(96 * HOUR));
    asked.let_go(at(100 * HOUR));
    (asked.deadline_from, asked.held) = (at(999 * HOUR), Some(waits(100 * HOUR)));
    assert_eq!(deadline(&asked), at((24 + 70 + 72) * HOUR));
    asked.let_go(at(101 * HOUR));
    assert_eq!(deadline(&asked), at((24 + 70 + 1) * HOUR));
}

fn for_good(failure: Failure) -> CameTo {
    CameTo::Failed { failure, may_pass: false }
}

#[test]
fn what_comes_after_a_slice() {
    use CameTo::{AwaitsApproval, CutShort, Done, OutOfTime, Stopped, Waits};
    use Then::{End, GoOn, Leave};
    let failed = |failure| End(RunStatus::Failed, Some(failure));
    let backoff = |ms| GoOn(Some(wait(ms, WaitReason::Backoff)));
    let vendor = |ms| wait(ms, WaitReason::RetryAfter);
    let now = 10 * MINUTE;
    let late = HOUR;
    // The run's attempts, what its slice came to, whether it moved, when; then attempts, deadline from, what is done.
    for (attempts, came_to, moved, now, expected) in [
        (2, Done, false, now, (2, 0, End(RunStatus::Success, None))),
        (2, Done, true, late, (0, late, End(RunStatus::Success, None))),
        (2, Stopped, false, now, (2, 0, End(RunStatus::Cancelled, Some(Failure::Stopped)))),
        (0, OutOfTime, true, now, (0, now, GoOn(None))),
        (3, OutOfTime, true, now, (0, now, GoOn(None))),
        (3, OutOfTime, false, now, (4, 0, GoOn(None))),
        (5, OutOfTime, false, now, (6, 0, failed(Failure::RunTooSlow))),
        (0, OutOfTime, false, late - 1, (1, 0, GoOn(None))),
        (0, OutOfTime, false, late, (0, 0, failed(Failure::RunTooSlow))),
        (0, OutOfTime, true, late, (0, late, GoOn(None))),
        // No attempt: somebody who stops the host six times while it reads must not fail the run.
        (5, CutShort, false, now, (5, 0, GoOn(None))),
        (5, CutShort, true, now, (0, now, GoOn(None))),
        (0, CutShort, false, late, (0, 0, failed(Failure::RunTooSlow))),
        (0, FAULT, false, now, (1, 0, backoff(now + 4_000))),
        (1, FAULT, false, now, (2, 0, backoff(now + 8_000))),
        (4, FAULT, false, now, (5, 0, backoff(now + 64_000))),
        (5, FAULT, false, now, (6, 0, failed(Failure::StorageFailed))),
        (5, FAULT, true, now, (1, now, backoff(now + 4_000))),
        (0, FAULT, false, late, (0, 0, failed(Failure::RunTooSlow))),
        (0, for_good(Failure::StorageFailed), false, now, (0, 0, failed(Failure::StorageFailed))),
        (0, for_good(Failure::SourceInvalid), false, now, (0, 0, failed(Failure::SourceInvalid))),
        (0, for_good(Failure::VendorNotConfigured), false, late, (0, 0, failed(Failure::VendorNotConfigured))),
        (0, for_good(Failure::LeaseLost), true, now, (0, now, Leave)),
        // A wait is no attempt, and time that the vendor takes is not the run's.
        (
            3,
            Waits(vendor(now + 30 * MINUTE)),
            false,
            now,
            (3, now + 30 * MINUTE, GoOn(Some(vendor(now + 30 * MINUTE)))),
        ),
        // A vendor whose clock is behind ours, or that asks for no wait at all, is not asked without a pause.
        (3, Waits(vendor(now - 1)), true, now, (0, now + 30_000, GoOn(Some(vendor(now + 30_000))))),
        (3, Waits(vendor(24 * HOUR - 31_000)), false, 24 * HOUR - 30_000, (3, 0, failed(Failure::SourceBusy))),
        (0, Waits(vendor(24 * HOUR - 1)), false, late, (0, 24 * HOUR - 1, GoOn(Some(vendor(24 * HOUR - 1))))),
        (0, Waits(vendor(24 * HOUR)), false, now, (0, 0, failed(Failure::SourceBusy))),
        (1, AwaitsApproval, false, now, (1, now + 72 * HOUR, GoOn(Some(wait(now + 72 * HOUR, WaitReason::Approval))))),
    ] {
        let after = after_slice(&run(0, attempts), came_to, moved, at(now));
        let (attempts, deadline_from, then) = expected;
        let expected = AfterSlice { attempts, deadline_from: at(deadline_from), then };
        assert_eq!(after, expected, "{came_to:?}, moved: {moved}");
    }
}

#[test]
fn a_deadline_is_counted_from_the_last_progress_and_ends_with_the_last_of_all() {
    for (from, expected) in [(0, HOUR), (10 * MINUTE, HOUR + 10 * MINUTE), (23 * HOUR + 1, 24 * HOUR)] {
        assert_eq!(deadline(&run(from, 0)), at(expected), "{from}");
    }
}

fn lease() -> Lease {
    Lease { run_id: Some(run(0, 0).id), ..Lease::default() }
}

#[test]
fn what_the_watchdog_does() {
    let over = Run { status: RunStatus::Success, ..run(0, 0) };
    let queued = Lease { queued_ms: 5 * MINUTE, ..lease() };
    let silent = Lease { fence: Some("f".into()), until_ms: 6 * MINUTE, queued_ms: 5 * MINUTE, ..lease() };
    let sent_on = Lease { queued_ms: 7 * MINUTE, ..silent.clone() };
    let waits = Lease { waits_until_ms: Some(30 * MINUTE), waits_for: Some(WaitReason::RetryAfter), ..queued.clone() };
    let approval = Lease { waits_for: Some(WaitReason::Approval), ..waits.clone() };
    let stop = |lease: &Lease| Lease { stop_by: Some("ann".into()), ..lease.clone() };
    let hops = Lease { queued_ms: 20 * MINUTE, stop_ms: Some(6 * MINUTE), ..stop(&waits) };
    let sent_again = Lease { queued_ms: 8 * MINUTE, ..hops.clone() };
    let another = Lease { run_id: Some(RunId::new(at(0), [2; 16])), ..lease() };
    let (second, many) = (Lease { queued_ms: 9 * MINUTE, ..lease() }, Lease { queued_ms: 40 * MINUTE, ..lease() });
    let run = Run { updated_at: at(5 * MINUTE), ..run(0, 0) };
    for (name, lease, now, expected) in [
        ("nothing is reserved", None, 30 * MINUTE, Look::Leave),
        ("another run's", Some(another), 30 * MINUTE, Look::Leave),
        ("its message is under way", Some(queued.clone()), 7 * MINUTE - 1, Look::Leave),
        ("its message is late", Some(queued.clone()), 7 * MINUTE, Look::SendOn),
        ("so is the second, not yet given up", Some(second.clone()), 13 * MINUTE - 1, Look::Leave),
        ("so is the second", Some(second), 13 * MINUTE, Look::SendOn),
        ("so is one of many, not yet given up", Some(many.clone()), 56 * MINUTE - 1, Look::Leave),
        ("so is one of many", Some(many), 56 * MINUTE, Look::SendOn),
        ("it is held", Some(silent.clone()), 6 * MINUTE, Look::Leave),
        ("its holder is silent", Some(silent.clone()), 6 * MINUTE + 1, Look::SendOn),
        ("its holder is silent, and a message is under way", Some(sent_on.clone()), 9 * MINUTE - 1, Look::Leave),
        ("its holder is silent, and the message is late", Some(sent_on), 9 * MINUTE, Look::SendOn),
        ("it is held past its deadline", Some(Lease { until_ms: HOUR, ..silent.clone() }), HOUR, Look::Leave),
        ("it is past its deadline", Some(silent.clone()), HOUR, Look::GiveUp(Failure::RunTooSlow)),
        ("it waits", Some(waits.clone()), 30 * MINUTE - 1, Look::Leave),
        ("its wait is over", Some(waits.clone()), 30 * MINUTE, Look::Leave),
        ("its wait is long over", Some(waits.clone()), 32 * MINUTE, Look::SendOn),
        (
            "it waits past its deadline",
            Some(Lease { waits_until_ms: Some(2 * HOUR), ..waits.clone() }),
            HOUR,
            Look::Leave,
        ),
        ("it waits for approval", Some(approval.clone()), 30 * MINUTE - 1, Look::Leave),
        ("nobody approved", Some(approval.clone()), 30 * MINUTE, Look::GiveUp(Failure::ApprovalExpired)),
        ("it is to stop instead of waiting", Some(stop(&waits)), 7 * MINUTE, Look::SendOn),
        ("it is to stop, and its message is under way", Some(stop(&waits)), 7 * MINUTE - 1, Look::Leave),
        ("it is to stop instead of being approved of", Some(stop(&approval)), 30 * MINUTE, Look::SendOn),
        ("it is to stop, and a message of its wait is under way", Some(hops.clone()), 8 * MINUTE - 1, Look::Leave),
        ("it is to stop, and the message of that is late", Some(hops), 8 * MINUTE, Look::SendOn),
        ("it is to stop, and another message was sent just now", Some(sent_again), 8 * MINUTE, Look::Leave),
        ("it is to stop, and nobody did", Some(stop(&waits)), HOUR, Look::GiveUp(Failure::Stopped)),
    ] {
        assert_eq!(on_watch(&run, lease.as_ref(), at(now)), expected, "{name}");
    }
    assert_eq!(on_watch(&over, None, at(0)), Look::Tell);
}

#[test]
fn what_a_host_takes_up_that_starts_again() {
    let over = Run { status: RunStatus::Success, ..run(0, 0) };
    let held = Lease { fence: Some("f".into()), until_ms: HOUR, ..lease() };
    let waits = Lease { waits_until_ms: Some(MINUTE), waits_for: Some(WaitReason::Backoff), ..lease() };
    let stopped = Lease { stop_by: Some("ann".into()), ..waits.clone() };
    let another = Lease { run_id: Some(RunId::new(at(0), [2; 16])), ..held.clone() };
    for (name, run, lease, expected) in [
        ("its holder is gone, whatever the lease says", run(0, 0), &held, true),
        ("nobody held it, and nobody knows whether its message was sent", run(0, 0), &lease(), true),
        ("it waits", run(0, 0), &waits, false),
        ("it waits, and is to stop", run(0, 0), &stopped, true),
        ("it is over", over, &held, false),
        ("another run's", run(0, 0), &another, false),
    ] {
        assert_eq!(on_restart(&run, lease, at(MINUTE - 1)), expected, "{name}");
    }
    assert!(on_restart(&run(0, 0), &waits, at(MINUTE)), "its wait is over");
}

#[test]
fn a_run_may_start_where_none_is_in_the_way_or_one_that_is_given_up() {
    let (late, young) = (at(HOUR), at(MINUTE));
    let (run, lease) = (run(0, 0), lease());
    let over = Run { status: RunStatus::Failed, ..run.clone() };
    let id = run.id.clone();
    for (in_the_way, now, expected) in [
        (None, young, MayStart::Now),
        (Some((&over, Some(&lease))), young, MayStart::Now),
        (Some((&run, Some(&lease))), young, MayStart::Busy(id.clone())),
        (Some((&run, None)), late, MayStart::Busy(id.clone())),
        (Some((&run, Some(&lease))), late, MayStart::AfterGivingUp(id.clone(), Failure::RunTooSlow)),
    ] {
        assert_eq!(may_start(in_the_way, now), expected);
    }
}

#[test]
fn reasons_end_runs_as_their_disposition_says() {
    assert_eq!(status_of(Failure::SyncInProgress), RunStatus::Skipped);
    assert_eq!(status_of(Failure::Stopped), RunStatus::Cancelled);
    assert_eq!(status_of(Failure::StorageFailed), RunStatus::Failed);
}

fn came_to() -> impl Strategy<Value = CameTo> {
    prop_oneof![
        Just(CameTo::OutOfTime),
        Just(CameTo::CutShort),
        (proptest::sample::select(Failure::ALL.to_vec()), any::<bool>())
            .prop_map(|(failure, may_pass)| CameTo::Failed { failure, may_pass }),
        (0..30 * HOUR).prop_map(|ms| CameTo::Waits(wait(ms, WaitReason::RetryAfter))),
    ]
}

proptest! {
    /// Whatever its slices come to, a run is over after so many of them without progress, and by its last deadline.
    #[test]
    fn every_run_comes_to_an_end(slices in prop::collection::vec((came_to(), any::<bool>(), 0..HOUR), 200)) {
        let mut run = run(0, 0);
        let patience = run.work.patience();
        let (mut now, mut in_a_row) = (0, 0);
        for (came_to, moved, took) in slices {
            now += took;
            let after = after_slice(&run, came_to, moved, at(now));
            in_a_row = match came_to {
                _ if moved => 0,
                CameTo::Waits(_) => 0,
                CameTo::CutShort => in_a_row,
                _ => in_a_row + 1,
            };
            let Then::GoOn(wait) = after.then else { return Ok(()) };
            prop_assert!(after.attempts < patience.attempts_max);
            prop_assert!(wait.is_none_or(|wait| wait.until < latest_end(&run) || wait.reason == WaitReason::Backoff));
            prop_assert!(in_a_row <= patience.attempts_max);
            run.attempts = after.attempts;
            run.deadline_from = after.deadline_from;
            let pause = matches!(came_to, CameTo::Waits(_)).then_some(30_000);
            prop_assert!(wait.map(|wait| wait.until.as_millisecond() - now) >= pause, "asked again without a pause");
            // The worker obeys the wait.
            now = now.max(wait.map_or(0, |wait| wait.until.as_millisecond()));
            if now >= latest_end(&run).as_millisecond() {
                prop_assert_ne!(after_slice(&run, CameTo::OutOfTime, false, at(now)).then, Then::GoOn(None));
                return Ok(());
            }
        }
        prop_assert!(false, "still going on after 200 slices");
    }

    /// The watchdog never gives up or doubles a run that somebody holds or that waits, and never leaves one for ever.
    #[test]
    fn the_watchdog_leaves_what_moves_and_nothing_else(
        until_ms in 0..HOUR, held in any::<bool>(), waits_ms in prop::option::of(0..2 * HOUR), queued_ms in 0..HOUR,
        stopped in any::<bool>(), now in 0..3 * HOUR,
    ) {
        let lease = Lease {
            fence: held.then(|| "f".into()),
            until_ms: if held { until_ms } else { 0 },
            waits_until_ms: waits_ms,
            waits_for: waits_ms.map(|_| WaitReason::RetryAfter),
            queued_ms,
            stop_by: stopped.then(|| "ann".into()),
            ..lease()
        };
        let run = run(0, 0);
        let looks = on_watch(&run, Some(&lease), at(now));
        if lease.is_held(at(now)) || lease.waits_until(at(now)).is_some() {
            prop_assert_eq!(looks, Look::Leave);
        }
        let settled = until_ms.max(queued_ms).max(waits_ms.unwrap_or(0)) + MESSAGE_LATE_MS_MAX;
        if now > settled {
            prop_assert_ne!(looks, Look::Leave);
        }
    }
}
