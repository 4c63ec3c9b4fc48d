//! A simulation of the pure decisions: a run's life, its lease, breaker, quota, pages and claims, with time, crashes, duplicates and
//! reorderings, and the invariants looked at after each step (I1 to I4, docs/architecture.md).
//!
//! What happens is made of a seed, so a failure is replayed by it: `SIGNALBOX_SEED=… SIGNALBOX_STEPS=…`. With more steps than an episode
//! has, episodes of the seeds that follow are simulated as well.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod simulation {
    mod caller;
    mod deliveries;
    mod runs;
    mod store;
    mod vendor;
    mod worker;
    mod world;

    use self::world::{Broken, Bug, Seen, episode};

    /// How many steps an episode has.
    const EPISODE: u64 = 20_000;
    /// How many are simulated where nobody says otherwise: a second or two.
    const STEPS: u64 = 200_000;

    /// Simulates at least so many steps, from a seed on; what was seen in all of them.
    fn simulate(seed: u64, steps: u64, bug: Option<Bug>) -> Result<Seen, (u64, Broken)> {
        let mut seen = Seen::default();
        for seed in seed..seed + steps.div_ceil(EPISODE) {
            seen += episode(seed, steps.min(EPISODE), bug).map_err(|broken| (seed, broken))?;
        }
        Ok(seen)
    }

    fn variable(name: &str) -> Option<u64> {
        std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
    }

    #[test]
    fn what_is_decided_keeps_every_invariant() {
        let (seed, steps) = (variable("SIGNALBOX_SEED"), variable("SIGNALBOX_STEPS").unwrap_or(STEPS));
        let seen = simulate(seed.unwrap_or(1), steps, None).unwrap_or_else(|(seed, broken)| {
            panic!("{broken}\nreplay it with SIGNALBOX_SEED={seed} SIGNALBOX_STEPS={EPISODE}")
        });
        // What never happens is not shown to go well.
        if seed.is_none() {
            assert!(seen.has_all(), "too little was seen: {seen:?}");
        }
        println!("{seen:?}");
    }

    #[test]
    fn each_planted_bug_is_caught() {
        for bug in Bug::ALL {
            let found = simulate(1, 2_000_000, Some(bug)).map_err(|(seed, broken)| {
                println!("{bug:?}, seed {seed}: {broken}");
                broken.invariant
            });
            assert_eq!(found.err(), Some(bug.breaks()), "{bug:?}");
        }
    }

    #[test]
    fn a_seed_tells_the_same_story_again() {
        let told = |bug| episode(7, EPISODE, bug).map_err(|broken| broken.to_string());
        assert_eq!(told(None).unwrap(), told(None).unwrap());
        let broken =
            |seed| episode(seed, EPISODE, Some(Bug::CommitsWithoutFence)).map_err(|broken| broken.to_string()).err();
        assert_eq!((1..20).find_map(broken), (1..20).find_map(broken));
    }
}
