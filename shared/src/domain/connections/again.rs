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

/// What is to be done. `starts` is how often a run was started for this time of the schedule, `newest` the connection's newest
/// run, `next` the schedule's next time.
#[must_use]
pub fn step(starts: u32, newest: Option<&Run>, now: Timestamp, next: Timestamp) -> Step {
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
    match newest {
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
            correlation_id: "t".into(),
            wait: None,
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
    fn what_is_over_well_or_for_good_waits_for_its_next_time() {
        let next = minutes(24 * 60);
        for newest in [
            None,
            Some(run(RunStatus::Success, None)),
            Some(run(RunStatus::Failed, Some(Failure::SourceInvalid))),
            Some(run(RunStatus::Failed, Some(Failure::RemovalsRefused))),
            Some(run(RunStatus::Skipped, Some(Failure::SyncInProgress))),
            Some(run(RunStatus::Cancelled, Some(Failure::Stopped))),
        ] {
            assert_eq!(step(1, newest.as_ref(), minutes(5), next), Step::Wait { then: next, starts: 0 });
        }
        let open = run(RunStatus::Pending, None);
        assert_eq!(step(2, Some(&open), minutes(20), next), Step::Wait { then: minutes(25), starts: 2 });
        assert_eq!(step(2, Some(&open), minutes(20), minutes(24)), Step::Wait { then: minutes(24), starts: 0 });
    }

    #[test]
    fn a_schedule_that_comes_sooner_needs_no_second_look() {
        let soon = minutes(3);
        assert_eq!(step(0, None, minutes(0), soon), Step::Start { then: soon, starts: 0 });
    }
}
