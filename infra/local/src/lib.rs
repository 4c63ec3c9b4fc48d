//! The local host: `template.yaml` run in one process, on embedded stand-ins for DynamoDB, SQS and EventBridge.
//!
//! [`Host::start`](host::Host::start) is what `signalbox local` and the system tests call.

pub mod clients;
pub mod data;
mod demo;
pub mod engines;
pub mod gateway;
pub mod host;
pub mod invoke;
pub mod options;
pub mod poller;
mod registry;
pub mod remote;
pub mod schedule;
pub mod settings;
pub mod template;
mod ticker;
pub mod token;

pub use self::data::Storage;
pub use self::host::Host;
pub use self::options::{HostError, Options};
