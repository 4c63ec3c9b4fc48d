//! Completion webhooks, on the local engines and to receivers that answer whatever they are told to.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

mod completions {
    mod answers;
    mod crash_matrix;
    mod disabled;
    mod kit;
    mod told;
}
