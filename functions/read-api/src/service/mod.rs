//! The service itself: its documents, probes, metrics, and a browser's session.

pub(crate) mod documents;
mod memory;
pub(crate) mod metrics;
pub(crate) mod probes;
pub(crate) mod session;
