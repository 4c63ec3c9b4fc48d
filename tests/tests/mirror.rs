//! The mirror of categories, on the local engines and over a simulated Google.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod mirror {
    mod asks;
    mod categories;
    mod category_crashes;
    mod category_google;
    mod flags;
}
