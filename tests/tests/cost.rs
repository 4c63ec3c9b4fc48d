//! What the system uses, counted, and what that costs.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod cost {
    mod counted;
    mod documents;
    mod profile;
    mod runs;
    mod standing;
}
