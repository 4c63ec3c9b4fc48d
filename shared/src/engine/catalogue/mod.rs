//! Catalogues outside of a run: which vendors are configured, and whether a vendor's source can be read.

pub mod test_vendor;
pub mod vendors;
