//! A tenant's connections to providers: what a provider takes, what is stored, and when a connection is synced by itself.

pub mod access_token;
pub mod again;
pub mod changes;
pub mod import;
pub mod last_used;
pub mod linking;
pub mod meant;
pub mod provider;
pub mod pull_api;
pub mod schedule;
pub mod sealed;
pub mod stored;
pub mod times;
