//! The mirror of categories, on the local engines and over a simulated Google.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod mirror {
    mod google;
    mod google_kit;
    mod google_tokens;
}
