//! HTTP: who asks, what they ask for, and how they are answered. No use case, no storage.

pub mod admin_problem;
pub mod auth;
pub mod correlation;
pub mod event;
pub mod headers;
pub mod mirror_problem;
pub mod problem;
pub mod query;
pub mod recorded;
pub mod same_origin;
pub mod session;
pub mod stream_ticket;
pub mod sync_problem;
pub mod unrouted;
pub mod wire;
