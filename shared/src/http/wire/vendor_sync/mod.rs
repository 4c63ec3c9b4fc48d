//! The vendor sync's shapes on the wire.

pub mod overview;
pub mod registry;
pub mod runs;
pub mod snapshot;
pub mod triggers;
pub mod window;
