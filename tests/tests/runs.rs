//! The whole system on the local engines, with a wire that can be cut at every call.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

mod runs {
    mod crash_matrix;
    mod datasets;
    mod delays;
    mod dry_run;
    mod faults;
    mod forms;
    mod leases;
    mod removals;
    mod restarts;
    mod retention;
    mod sources;
    mod stale_holders;
    mod stops;
    mod waiting;
    mod watchdog;
}
