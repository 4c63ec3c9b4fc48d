//! Weekly digests, on the local engines, whose mails are read from the outbox.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod digests {
    mod crashes;
    mod kit;
    mod told;
    mod unsubscribed;
}
