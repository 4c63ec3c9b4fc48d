//! The vendor sync: runs, their windows, snapshots, and the configured vendors.

pub(crate) mod observability;
pub(crate) mod overview;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod state;
