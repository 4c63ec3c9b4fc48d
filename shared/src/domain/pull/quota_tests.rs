//! Tables and properties of [`super`].

use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// Reserves as often as it may at one moment.
fn all_at(limits: &Limits, mut paid: Paid, now_ms: i64) -> (u32, Paid) {
    let mut tokens = 0;
    while let Quota::Reserve(reservation) = reserve(limits, paid, BLOCK_MAX, at(now_ms)) {
        paid = reservation.of(paid, at(now_ms)).expect("the decision's own conditions hold");
        tokens += reservation.tokens;
    }
    (tokens, paid)
}

#[test]
fn a_burst_is_a_fifth_of_the_limit_and_the_rate_is_what_is_left() {
    for (minute, hour, burst, next_minute, first_hour) in
        [(50, 500, 10, 36, 500), (600, 36_000, 120, 428, 26_000), (1, 1, 1, 0, 1), (2, 1_000, 1, 1, 120)]
    {
        let limits = Limits::new(minute, hour);
        let (tokens, paid) = all_at(&limits, Paid::default(), HOUR_MS);
        assert_eq!(tokens, burst, "{minute}, {hour}");
        let sent = |window_ms: i64| {
            let mut paid = paid;
            (1..=window_ms / 100).map(|tick| HOUR_MS + tick * 100).fold(0, |sent, now_ms| {
                let (tokens, after) = all_at(&limits, paid, now_ms);
                paid = after;
                sent + tokens
            })
        };
        assert_eq!(sent(MINUTE_MS), next_minute, "{minute}, {hour}");
        // Whichever limit is the narrower one, most of it can be used.
        let in_all = burst + sent(HOUR_MS);
        assert!(in_all <= first_hour && in_all * 10 >= first_hour * 9, "{in_all} of {first_hour}");
    }
}

#[test]
fn who_must_wait_is_told_for_how_long_and_may_then() {
    let limits = Limits::new(50, 500);
    let (_, paid) = all_at(&limits, Paid::default(), 0);
    for wanted in [1, BLOCK_MAX] {
        let Quota::Wait(until) = reserve(&limits, paid, wanted, at(0)) else { panic!("the burst is used up") };
        let tokens = |now_ms| match reserve(&limits, paid, wanted, at(now_ms)) {
            Quota::Reserve(reservation) => reservation.tokens,
            Quota::Wait(_) => 0,
        };
        assert_eq!((tokens(until.as_millisecond() - 1), tokens(until.as_millisecond())), (wanted - 1, wanted));
    }
    // A number that cannot be: nobody waits for longer than the window.
    let absurd = Paid { minute_ms: 0, hour_ms: i64::MAX / 4 };
    assert_eq!(reserve(&limits, absurd, 1, at(0)), Quota::Wait(at(HOUR_MS)));
}

#[test]
fn of_two_who_reserve_at_once_both_do_or_the_conditions_refuse_one() {
    let limits = Limits::new(50, 500);
    let reservation = |paid| match reserve(&limits, paid, 5, at(1_000)) {
        Quota::Reserve(reservation) => reservation,
        Quota::Wait(until) => panic!("{until}"),
    };
    // Both see nothing reserved: one of them must look again, as its condition is that of the first.
    let first = reservation(Paid::default());
    let after_one = first.of(Paid::default(), at(1_000)).unwrap();
    assert_eq!(first.of(after_one, at(1_000)), None);
    // Both see that some are: the second adds to what the first has, and the third would be too many.
    let second = Reservation { tokens: 2, ..reservation(after_one) };
    let after_two = second.of(after_one, at(1_000)).unwrap();
    assert_eq!(second.of(after_two, at(1_000)), None);
}

#[test]
fn a_block_is_good_for_a_few_seconds_and_for_so_many() {
    let mut block = Block::new(2, at(0));
    assert!(block.take(at(0)) && block.take(at(BLOCK_MS)) && !block.take(at(BLOCK_MS)));
    assert!(!Block::new(2, at(0)).take(at(BLOCK_MS + 1)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever reserves when, and however late a block is used: in no window are more sent than the limit.
    #[test]
    fn no_window_has_more_than_its_limit(
        per_minute in 1u32..80,
        per_hour in 1u32..600,
        // Milliseconds until somebody asks, how many, how late they are sent, and by how much the vendor's clock or the way differs.
        asks in prop::collection::vec((0i64..4_000, 1u32..8, 0i64..BLOCK_MS, 0i64..SLACK_MS), 1..600),
        faster in prop_oneof![Just(1), Just(20), Just(200)],
    ) {
        let limits = Limits::new(per_minute, per_hour);
        let (mut paid, mut now_ms, mut seen) = (Paid::default(), 0, Vec::new());
        for (pause, wanted, late, way) in asks {
            now_ms += pause / faster;
            match reserve(&limits, paid, wanted, at(now_ms)) {
                Quota::Reserve(reservation) => {
                    paid = reservation.of(paid, at(now_ms)).expect("its own conditions hold");
                    seen.extend((0..reservation.tokens).map(|_| now_ms + late + way));
                }
                // Whoever waits comes back just then.
                Quota::Wait(until) => now_ms = until.as_millisecond(),
            }
        }
        seen.sort_unstable();
        for (limit, window_ms) in [(per_minute, MINUTE_MS), (per_hour, HOUR_MS)] {
            for (first, from) in seen.iter().enumerate() {
                let within = seen[first..].iter().take_while(|at| **at <= from + window_ms).count();
                prop_assert!(within <= limit as usize, "{within} of {limit} in {window_ms} ms from {from}");
            }
        }
    }
}
