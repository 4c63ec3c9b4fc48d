//! What connections hold, on the local engines, with a wire that can be cut at every call; and how operators change them.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod connections {
    mod admin;
    mod breaker;
    mod catalogues;
    mod commands;
    mod crash_matrix;
    mod desk;
    mod due;
    mod import;
    mod keys;
    mod kit;
    mod last_used;
    mod moved_keys;
    mod pages;
    mod paused;
    mod provider;
    mod quota;
    mod races;
    mod readers;
    mod record;
    mod registry;
    mod routes;
    mod secrets;
    mod service_secrets;
    mod store;
    mod tenants;
    mod unread;
    mod users;
}
