//! Runs: catalogues to sync, a tenant for each case, and what is stored in the end.

pub mod catalogue;
pub mod process;
pub mod stored;
pub mod world;
