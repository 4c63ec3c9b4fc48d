//! The vendor sync's shapes on the wire.

pub mod runs;
pub mod snapshot;
pub mod window;
