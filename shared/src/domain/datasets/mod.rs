//! Datasets: what is stored of one, what changed, and what may be removed.

pub mod diff;
pub mod guard;
pub mod known;
pub mod manifest;
pub mod placement;
pub mod snapshot;
