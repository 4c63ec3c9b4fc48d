//! The mirror of categories, on the local engines and over a simulated Google.
#![expect(clippy::print_stdout, reason = "what was counted is in the report of a test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod mirror {
    mod alerts;
    mod all_tenants;
    mod asks;
    mod both_ways;
    mod categories;
    mod category_crashes;
    mod category_google;
    mod crash_matrix;
    mod flags;
    mod google;
    mod google_kit;
    mod google_tokens;
    mod held;
    mod mirror_routes;
    mod mirrored;
    mod told;
}
