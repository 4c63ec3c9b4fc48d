//! Again: when a scheduled run that failed for a reason that passes is started once more.

use jiff::{SignedDuration, Timestamp};

use crate::domain::runs::failure::{Disposition, RunError};
use crate::domain::runs::run::Run;

/// How long after each start somebody looks what became of it. After the last, the schedule's next time is waited for.
const LOOKS: [SignedDuration; 3] =
    [SignedDuration::from_mins(5), SignedDuration::from_mins(15), SignedDuration::from_mins(45)];

/// What is to be done with a connection that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start a run. It is due then, after so many starts of this time.
    Start {
        /// When.
        then: Timestamp,
        /// After how many starts; none for another time of the schedule.
        starts: u32,
    },
    /// Nothing now. It is due then.
    Wait {
        /// When.
        then: Timestamp,
        /// After how many starts.
        starts: u32,
    },
}

/// What is to be done. `starts` is how often a run was started for this time of the schedule, `last` the run that was started
/// last for it, whatever others the connection has had since, `next` the schedule's next time.
#[must_use]
pub fn step(starts: u32, last: Option<&Run>, now: Timestamp, next: Timestamp) -> Step {
    let look = |starts: u32| {
        let place = usize::try_from(starts).ok().and_then(|starts| starts.checked_sub(1));
        let then = place.and_then(|place| now.checked_add(*LOOKS.get(place)?).ok());
        then.filter(|then| *then < next)
    };
    let start = |starts: u32| match look(starts) {
        Some(then) => Step::Start { then, starts },
        None => Step::Start { then: next, starts: 0 },
    };
    if starts == 0 {
        return start(1);
    }
    match last {
        Some(run) if !run.status.is_over() => match look(1) {
            Some(then) => Step::Wait { then, starts },
            None => Step::Wait { then: next, starts: 0 },
        },
        Some(run) if passes(run) => start(starts + 1),
        _ => Step::Wait { then: next, starts: 0 },
    }
}

/// Whether a run failed for a reason that may be gone by now.
fn passes(run: &Run) -> bool {
    run.error.as_ref().and_then(RunError::failure).is_some_and(|failure| failure.disposition() == Disposition::Retry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runs::failure::Failure;
    use crate::domain::runs::run::{CatalogueWork, Mode, RunStatus, Trigger, Work};
    use crate::domain::runs::slices::Slices;

    fn minutes(count: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_mins(count)).unwrap()
    }

    fn run(status: RunStatus, failure: Option<Failure>) -> Run {
        let at = Timestamp::UNIX_EPOCH;
        Run {
            id: crate::domain::ids::RunId::new(at, [7; 16]),
            connection: "acme/catalogue/shop".parse().unwrap(),
            status,
            mode: Mode::Apply,
            actor: "schedule".into(),
            trigger: Trigger::Schedule,
            started_at: at,
            updated_at: at,
            deadline_from: at,
            completed_at: None,
            duration_ms: None,
            error: failure.map(|failure| RunError::new(failure, "why")),
            attempts: 0,
            unconnected: 0,
            log: Default::default(),
            correlation_id: "t".into(),
            wait: None,
            slices: Slices::default(),
            spent: None,
            held: None,
            held_ms: 0,
            work: Work::Catalogue(CatalogueWork::default()),
        }
    }

    #[test]
    fn what_may_pass_is_started_again_after_5_15_and_45_minutes_and_then_at_its_next_time() {
        let next = minutes(24 * 60);
        let failed = run(RunStatus::Failed, Some(Failure::SourceUnreadable));
        let (mut now, mut starts, mut started) = (minutes(0), 0, Vec::new());
        loop {
            let Step::Start { then, starts: after } = step(starts, Some(&failed), now, next) else {
                panic!("it waits")
            };
            started.push(now);
            (now, starts) = (then, after);
            if starts == 0 {
                break;
            }
        }
        assert_eq!((started, now), (vec![minutes(0), minutes(5), minutes(20), minutes(65)], next));
    }

    #[test]
    fn what_is_to_be_done_follows_from_the_starts_the_last_run_and_the_schedules_next_time() {
        use Failure::{
            RemovalsRefused, SourceBusy, SourceInvalid, SourceUnreadable, Stopped, StorageFailed, SyncInProgress,
        };
        use RunStatus::{Cancelled, Failed, Pending, Skipped, Success};
        let day = 24 * 60;
        let start = |then: i64, starts: u32| Step::Start { then: minutes(then), starts };
        let wait = |then: i64, starts: u32| Step::Wait { then: minutes(then), starts };
        for (starts, last, now, next, expected) in [
            // The schedule's own time: whatever there was before it.
            (0, None, 0, day, start(5, 1)),
            (0, Some((Pending, None)), 0, day, start(5, 1)),
            (0, Some((Failed, Some(SourceUnreadable))), 0, day, start(5, 1)),
            // Its next one comes before anybody would look.
            (0, None, 0, 3, start(3, 0)),
            (0, None, 0, 5, start(5, 0)),
            // Over well, over for good, or nothing to be seen: the next time.
            (1, None, 5, day, wait(day, 0)),
            (1, Some((Success, None)), 5, day, wait(day, 0)),
            (1, Some((Failed, Some(SourceInvalid))), 5, day, wait(day, 0)),
            (1, Some((Failed, Some(RemovalsRefused))), 5, day, wait(day, 0)),
            (1, Some((Failed, None)), 5, day, wait(day, 0)),
            (1, Some((Skipped, Some(SyncInProgress))), 5, day, wait(day, 0)),
            (3, Some((Cancelled, Some(Stopped))), 65, day, wait(day, 0)),
            // Not over: another look, after as many starts.
            (1, Some((Pending, None)), 5, day, wait(10, 1)),
            (2, Some((Pending, None)), 20, day, wait(25, 2)),
            (2, Some((Pending, None)), 20, 24, wait(24, 0)),
            (4, Some((Pending, None)), 70, day, wait(75, 4)),
            // For a reason that passes: once more, and three times in all.
            (1, Some((Failed, Some(SourceBusy))), 5, day, start(20, 2)),
            (2, Some((Failed, Some(StorageFailed))), 20, day, start(65, 3)),
            (3, Some((Failed, Some(SourceUnreadable))), 65, day, start(day, 0)),
            (2, Some((Failed, Some(SourceUnreadable))), 20, 50, start(50, 0)),
        ] {
            let last = last.map(|(status, failure)| run(status, failure));
            let step = step(starts, last.as_ref(), minutes(now), minutes(next));
            assert_eq!(step, expected, "{starts} starts, {last:?}, at {now} before {next}");
        }
    }
}
