//! The embedded stand-ins for AWS services, each behind HTTP on loopback, so that functions reach them with the
//! SDK that they use in AWS.

pub mod dynamodb;
pub mod events;
pub(crate) mod guard;
pub mod journal;
pub(crate) mod json;
pub(crate) mod kms;
mod message;
pub mod queues;
pub mod ses;
pub mod ssm;
pub(crate) mod tables;

/// Why an engine does not start, or refuses its stored data.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A loopback port could not be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The tables' file is unusable.
    #[error("{table}: {reason}")]
    Table {
        /// The table, or the file.
        table: String,
        /// What is wrong.
        reason: String,
    },
    /// The journal of the queues is unusable.
    #[error("the queues' journal is unusable: {0}")]
    Journal(#[from] rusqlite::Error),
    /// A queue could not be set up.
    #[error("queue {queue}: {reason}")]
    Queue {
        /// The queue.
        queue: String,
        /// What is wrong.
        reason: String,
    },
    /// A bus, rule or target could not be set up.
    #[error("event bus: {0}")]
    Events(String),
}
