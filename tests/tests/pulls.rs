//! Pulls of vendors' APIs, on the local engines and against simulated vendors.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

mod pulls {
    mod by_hand;
    mod control_centre;
    mod control_crashes;
    mod crash_matrix;
    mod doorloop;
    mod drift;
    mod held;
    mod holders;
    mod kit;
    mod large;
    mod letters;
    mod links;
    mod live_logs;
    mod log;
    mod made_anew;
    mod nightly;
    mod pages;
    mod set_aside;
    mod sync_health;
    mod told;
    mod trackstar;
    mod variables;
    mod waits;
}
