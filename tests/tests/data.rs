//! What operators do to all tables: exports, imports, and erasing a tenant.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod data {
    mod erase;
    mod export;
    mod kit;
    mod samples;
}
