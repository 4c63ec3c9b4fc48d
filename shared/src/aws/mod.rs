//! DynamoDB tables, the queues and the event bus. The only place that names `aws_sdk_*`.

pub mod bus;
pub mod clients;
pub mod connections;
pub mod datasets;
pub mod deliveries;
pub mod faults;
mod items;
pub mod journal;
pub mod queues;
pub mod runs;
mod table;
mod transaction;
