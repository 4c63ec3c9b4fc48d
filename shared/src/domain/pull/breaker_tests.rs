//! Tables and properties of [`super`].

use proptest::prelude::*;

use super::*;

const FAILED: Outcome = Outcome::Failed(None);
const ANSWERED: Outcome = Outcome::Answered;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn usual() -> Pass {
    Pass::new(None, at(0))
}

fn probe(by: &str) -> Pass {
    Pass::new(Some(by), at(0))
}

/// After failures of usual requests at these times.
fn failed_at(times: &[i64]) -> Breaker {
    times.iter().fold(Breaker::default(), |breaker, ms| {
        breaker.after(&usual(), FAILED, FAILURES_MAX, at(*ms)).unwrap_or(breaker)
    })
}

/// Open since 0.
fn open() -> Breaker {
    failed_at(&[0; FAILURES_MAX])
}

/// Half open, with the probe of `by` on its way since the cooldown ended.
fn probed(by: &str) -> Breaker {
    match open().admit(at(COOLDOWN_MS), by) {
        Admission::Probe(_, breaker) => breaker,
        other => panic!("{other:?}"),
    }
}

#[test]
fn five_failures_within_five_minutes_open_it() {
    let minute = 60_000;
    for (times, opens) in [
        (vec![0; 4], false),
        (vec![0; 5], true),
        (vec![0, 1, 2, 3, WINDOW_MS - 1], true),
        (vec![0, 1, 2, 3, WINDOW_MS], false),
        (vec![0, 2 * minute, 4 * minute, 6 * minute, 8 * minute, 10 * minute, 12 * minute], false),
        (vec![0, minute, 2 * minute, 6 * minute, 6 * minute, 6 * minute], false),
        (vec![0, minute, 2 * minute, 6 * minute, 6 * minute, 6 * minute, 6 * minute], true),
    ] {
        let now = at(*times.last().unwrap());
        let breaker = failed_at(&times);
        assert_eq!(breaker.state(now) == State::Open, opens, "{times:?}");
        assert!(breaker.failures(now) <= FAILURES_MAX);
        assert_eq!(breaker.last_failure(), Some(now));
    }
}

#[test]
fn nothing_is_stored_while_all_is_well_and_what_the_vendor_refuses_counts_as_well() {
    let failing = failed_at(&[0, 0, 0, 0]);
    for class in [Class::Fine, Class::Refused, Class::Unsupported, Class::Misconfigured] {
        for breaker in [Breaker::default(), failing.clone()] {
            assert!(matches!(breaker.admit(at(1), "a"), Admission::Ask(_)));
            assert_eq!(
                breaker.after(&usual(), Outcome::of(class, Some(at(9))), FAILURES_MAX, at(1)),
                None,
                "{class:?}"
            );
        }
        // The probe shows a vendor that is well again, also by a refusal.
        let closed = probed("a").after(&probe("a"), Outcome::of(class, None), FAILURES_MAX, at(COOLDOWN_MS)).unwrap();
        assert_eq!((closed.state(at(COOLDOWN_MS)), closed.failures(at(COOLDOWN_MS))), (State::Closed, 0), "{class:?}");
    }
    for class in [Class::Busy, Class::Down] {
        let opened = failing.after(&usual(), Outcome::of(class, None), FAILURES_MAX, at(1)).unwrap();
        assert_eq!(opened.state(at(1)), State::Open, "{class:?}");
    }
}

#[test]
fn open_it_lets_nobody_through_and_half_open_one() {
    let until = COOLDOWN_MS;
    assert_eq!(open().admit(at(until - 1), "a"), Admission::Wait(at(until), Why::Failing));
    assert_eq!(open().asks_again_at(at(1)), Some(at(until)));
    let probed = probed("a");
    assert_eq!(probed.state(at(until)), State::HalfOpen);
    assert_eq!(probed.admit(at(until), "b"), Admission::Wait(at(until + PROBE_MS), Why::Probing));
    // Whoever sent it is gone.
    let Admission::Probe(_, other) = probed.admit(at(until + PROBE_MS), "b") else { panic!("another may") };
    assert!(other.is_probed_by("b"));
}

#[test]
fn a_pass_is_good_for_less_than_a_probe_is_waited_for() {
    assert!(usual().is_good(at(PASS_MS)) && !usual().is_good(at(PASS_MS + 1)));
    assert!(probe("a").is_probe() && !probe("a").is_good(at(PASS_MS + 1)) && !usual().is_probe());
}

#[test]
fn what_comes_of_a_probe() {
    let now = at(COOLDOWN_MS + 5);
    let later = at(COOLDOWN_MS + 5 + 3_600_000);
    for (outcome, state, waits) in [
        (ANSWERED, State::Closed, None),
        (Outcome::Unasked, State::HalfOpen, None),
        (FAILED, State::Open, Some(at(2 * COOLDOWN_MS + 5))),
        (Outcome::Busy(None), State::Open, Some(at(2 * COOLDOWN_MS + 5))),
        (Outcome::Busy(Some(later)), State::Open, Some(later)),
        // It asks for less than the cooldown.
        (Outcome::Busy(Some(at(COOLDOWN_MS + 6))), State::Open, Some(at(2 * COOLDOWN_MS + 5))),
    ] {
        let after = probed("a").after(&probe("a"), outcome, FAILURES_MAX, now).unwrap();
        assert_eq!((after.state(now), after.asks_again_at(now)), (state, waits), "{outcome:?}");
    }
    // One failure of a probe opens it, however many there were before.
    let later = at(COOLDOWN_MS + WINDOW_MS);
    let Admission::Probe(_, breaker) = open().admit(later, "b") else { panic!("half open") };
    assert_eq!(breaker.after(&probe("b"), FAILED, FAILURES_MAX, later).unwrap().state(later), State::Open);
}

#[test]
fn what_was_sent_before_it_opened_neither_closes_nor_holds_it_open() {
    for breaker in [open(), probed("a")] {
        for outcome in [ANSWERED, FAILED, Outcome::Busy(None), Outcome::Unasked] {
            for pass in [usual(), probe("another")] {
                assert_eq!(breaker.after(&pass, outcome, FAILURES_MAX, at(COOLDOWN_MS)), None, "{outcome:?} {pass:?}");
            }
        }
    }
    // Its probe took too long; by then another one has closed it, and the failure is one as any other.
    let closed = probed("b").after(&probe("b"), ANSWERED, FAILURES_MAX, at(COOLDOWN_MS)).unwrap();
    let failed = closed.after(&probe("a"), FAILED, FAILURES_MAX, at(COOLDOWN_MS)).unwrap();
    assert_eq!((failed.state(at(COOLDOWN_MS)), failed.failures(at(COOLDOWN_MS))), (State::Closed, 1));
}

#[test]
fn what_one_worker_was_asked_for_holds_for_all() {
    let asked = |until| Outcome::Busy(Some(at(until)));
    let rests = Breaker::default().after(&usual(), asked(5_000), FAILURES_MAX, at(0)).unwrap();
    assert_eq!(rests.state(at(0)), State::Closed);
    assert_eq!(rests.admit(at(4_999), "a"), Admission::Wait(at(5_000), Why::Asked));
    assert!(matches!(rests.admit(at(5_000), "a"), Admission::Ask(_)));
    // A shorter one does not shorten it; one of years is a day.
    let shorter = rests.after(&usual(), asked(2_000), FAILURES_MAX, at(1)).unwrap();
    assert_eq!(shorter.asks_again_at(at(1)), Some(at(5_000)));
    let absurd = rests.after(&usual(), asked(i64::from(u32::MAX) * 1_000), FAILURES_MAX, at(1)).unwrap();
    assert_eq!(absurd.asks_again_at(at(1)), Some(at(1 + 86_400_000)));
}

#[test]
fn an_operator_decides_until_one_says_otherwise() {
    let now = at(1_000);
    let force = |breaker: &Breaker, force| breaker.forced_by(force, "ann", now);
    let forced_open = force(&Breaker::default(), Force::Open).unwrap();
    let by = Forced { open: true, by: "ann".into(), since_ms: 1_000 };
    assert_eq!((forced_open.state(now), forced_open.forced()), (State::Open, Some(&by)));
    assert_eq!(forced_open.admit(at(9_000_000), "a"), Admission::Wait(at(9_060_000), Why::Forced));
    assert_eq!(forced_open.asks_again_at(now), None);
    // A probe that was on its way changes nothing.
    let stopped = force(&probed("a"), Force::Open).unwrap();
    assert_eq!(stopped.after(&probe("a"), ANSWERED, FAILURES_MAX, now), None);
    // "auto" asks once before all ask.
    let auto = force(&forced_open, Force::Auto).unwrap();
    assert_eq!(auto.state(now), State::HalfOpen);
    assert!(matches!(auto.admit(now, "a"), Admission::Probe(..)));

    let forced_closed = force(&open(), Force::Closed).unwrap();
    assert_eq!((forced_closed.state(now), forced_closed.failures(now)), (State::Closed, 0));
    assert_eq!(forced_closed.after(&usual(), FAILED, FAILURES_MAX, now), None, "nothing counts");
    let busy = forced_closed.after(&usual(), Outcome::Busy(Some(at(9_000))), FAILURES_MAX, now).unwrap();
    assert_eq!(busy.admit(now, "a"), Admission::Wait(at(9_000), Why::Asked), "the vendor's word does");
    let auto = force(&forced_closed, Force::Auto).unwrap();
    assert_eq!((auto.state(now), auto.forced()), (State::Closed, None));

    for (breaker, same) in
        [(&forced_open, Force::Open), (&forced_closed, Force::Closed), (&open(), Force::Auto), (&auto, Force::Auto)]
    {
        assert_eq!(force(breaker, same), None, "{same:?}");
    }
}

#[test]
fn a_breaker_is_stored_under_these_names() {
    let stored = serde_json::json!({
        "failures": [1], "lastFailureMs": 1, "openUntilMs": 2, "probe": {"by": "a", "untilMs": 3}, "restsUntilMs": 4,
        "forced": {"open": true, "by": "ann", "sinceMs": 5},
    });
    let breaker: Breaker = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&breaker).unwrap(), stored);
    assert_eq!(serde_json::from_str::<Breaker>("{}").unwrap(), Breaker::default());
}

#[derive(Debug, Clone)]
enum Deed {
    Pass(i64),
    Ask,
    Answer(usize, Outcome),
    Force(Force),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let outcome = prop_oneof![
        4 => Just(FAILED),
        2 => Just(ANSWERED),
        1 => Just(Outcome::Unasked),
        1 => Just(Outcome::Busy(None)),
        1 => (0i64..600_000).prop_map(|ms| Outcome::Busy(Some(at(ms)))),
    ];
    let force = prop_oneof![Just(Force::Open), Just(Force::Closed), Just(Force::Auto)];
    let deed = prop_oneof![
        4 => (0i64..40_000).prop_map(Deed::Pass),
        6 => Just(Deed::Ask),
        6 => (0usize..4, outcome).prop_map(|(which, outcome)| Deed::Answer(which, outcome)),
        1 => force.prop_map(Deed::Force),
    ];
    prop::collection::vec(deed, 0..80)
}

proptest! {
    /// However requests, answers and operators are ordered: no two probes at once, and nobody asks while it is open.
    #[test]
    fn there_is_one_probe_at_most_and_nobody_asks_while_it_is_open(deeds in deeds()) {
        let (mut breaker, mut now_ms, mut on_the_way) = (Breaker::default(), 0, Vec::new());
        for (number, deed) in deeds.into_iter().enumerate() {
            let now = at(now_ms);
            let changed = match deed {
                Deed::Pass(ms) => {
                    now_ms += ms;
                    None
                }
                Deed::Ask => {
                    let by = number.to_string();
                    let state = breaker.state(now);
                    match breaker.admit(now, &by) {
                        Admission::Wait(until, _) => {
                            prop_assert!(until > now);
                            None
                        }
                        Admission::Ask(pass) => {
                            prop_assert_eq!(state, State::Closed);
                            on_the_way.push((pass, now_ms));
                            None
                        }
                        Admission::Probe(pass, probed) => {
                            prop_assert_eq!(state, State::HalfOpen);
                            let others = on_the_way.iter().filter(|(pass, since)| {
                                pass.probe.as_ref().is_some_and(|by| breaker.is_probed_by(by)) && now_ms - since < PROBE_MS
                            });
                            prop_assert_eq!(others.count(), 0);
                            on_the_way.push((pass, now_ms));
                            Some(probed)
                        }
                    }
                }
                Deed::Answer(which, outcome) if which < on_the_way.len() => {
                    let (pass, _) = on_the_way.swap_remove(which);
                    breaker.after(&pass, outcome, FAILURES_MAX, now)
                }
                Deed::Answer(..) => None,
                Deed::Force(force) => breaker.forced_by(force, "ann", now),
            };
            breaker = changed.unwrap_or(breaker);
            prop_assert!(breaker.failures.len() <= FAILURES_MAX);
        }
    }
}
