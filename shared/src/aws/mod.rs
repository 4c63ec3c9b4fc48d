//! DynamoDB tables, the queues, the event bus and the keys of secrets. The only place that names `aws_sdk_*`.

pub mod alerts;
pub mod bus;
pub mod clients;
pub mod completions;
pub mod connections;
pub mod datasets;
pub mod deliveries;
pub mod digests;
pub mod faults;
pub mod flags;
pub mod inventory;
mod items;
pub mod journal;
pub mod keys;
pub mod mail;
pub mod mirror;
pub mod parameters;
pub mod queues;
pub mod replays;
mod retention;
pub mod runs;
pub mod service_secrets;
pub mod stream_tickets;
mod table;
mod transaction;
