//! DynamoDB tables, the queue and the event bus. The only place that names `aws_sdk_*`.

pub mod bus;
pub mod claims;
pub mod clients;
pub mod effects;
pub mod faults;
pub mod fleet;
mod items;
pub mod journal;
mod probe;
pub mod queue;
pub mod records;
pub mod rejected;
pub mod run_log;
pub mod runs;
pub mod snapshots;
pub mod statistics;
mod transaction;
pub mod vendor_tests;
