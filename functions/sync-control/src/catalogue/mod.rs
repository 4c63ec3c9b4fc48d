//! The vendor sync: starting runs, testing vendors.

mod start;
pub(crate) mod sync_moscot;
pub(crate) mod sync_vendor;
pub(crate) mod test_vendor;
