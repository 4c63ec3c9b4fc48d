//! Shapes on the wire, by who reads them. They are apart from what is stored and from what the domain computes with: a change
//! there is no change for clients until it is made here.

pub mod alerts;
pub mod breaker;
pub mod categories;
pub mod checkpoints;
pub mod completions;
pub mod connections;
pub mod digests;
pub mod entity_runs;
pub mod flags;
pub mod health;
pub mod held;
pub mod integrations;
pub mod links;
pub mod log_line;
pub mod mirror;
pub mod one_delivery;
pub mod operations;
pub mod parameters;
pub mod providers;
pub mod pull_control;
pub mod pull_schedule;
pub mod record;
pub mod replays;
pub mod requeue;
pub mod service;
pub mod set_aside;
pub mod sync_status;
pub mod vendor_sync;
