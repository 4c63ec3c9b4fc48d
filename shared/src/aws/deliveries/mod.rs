//! Deliveries: claims, what they leave behind, what was not let in, and the counters over them.

pub mod claims;
pub mod effects;
pub mod fleet;
pub mod rejected;
