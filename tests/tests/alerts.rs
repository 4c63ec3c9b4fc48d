//! Alerts, on the local engines and over simulated channels.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

mod alerts {
    mod alarms;
    mod cards;
    mod channels;
    mod counted;
    mod crash_matrix;
    mod kit;
    mod life;
    mod routes;
    mod rules;
}
