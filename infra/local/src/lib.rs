//! The local host: `template.yaml` run in one process, on embedded stand-ins for DynamoDB, SQS and EventBridge.
//!
//! [`Host::start`](host::Host::start) is what `signalbox local` and the system tests call.

pub mod cost;
pub mod data;
pub mod engines;
pub mod gateway;
pub mod host;
pub mod remote;
mod server;
pub mod template;
pub mod token;

pub use self::host::Host;
pub use self::host::data::Storage;
pub use self::host::options::{HostError, Options};
