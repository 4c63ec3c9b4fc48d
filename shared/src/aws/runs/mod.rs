//! Runs: reading them, the transactions of their life, and the counters over them.

pub mod reads;
pub mod statistics;
pub mod transitions;
