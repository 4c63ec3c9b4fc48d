//! Connections: how they are read, how operators change, test and remove them, and how they are started when they are due.

pub mod active;
pub mod ask;
pub mod brands;
pub mod breaker;
pub mod change;
pub mod delete;
pub mod desk;
pub mod due;
pub mod hand_out;
pub mod import;
pub mod link;
pub mod pull_schedule;
pub mod pulled;
pub mod readers;
pub mod secrets;
pub mod test;
pub(in crate::engine) mod tries;
pub mod uses;
