//! Runs: catalogues to sync, and what is stored in the end.

pub mod catalogue;
pub mod stored;
