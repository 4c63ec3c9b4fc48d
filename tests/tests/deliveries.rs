//! Webhooks, from the door to their effect.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

mod deliveries {
    mod costs;
    mod crash_matrix;
    mod dead_letters;
    mod decided;
    mod driver;
    mod extremes;
    mod fairness;
    mod faults;
    mod flood;
    mod health;
    mod hours;
    mod listed;
    mod listed_bounds;
    mod load;
    mod measured;
    mod metrics;
    mod one;
    mod pos;
    mod preview;
    mod probes;
    mod rejected;
    mod replay_crashes;
    mod replays;
    mod retried;
    mod retries;
    mod sender;
    mod syncs;
    mod trackstar;
    mod walk;
    mod wire;
}
