//! Catalogues outside of a run: which vendors are configured, and whether a vendor's source can be read.

pub mod credentials;
pub mod test_all;
pub mod test_vendor;
pub mod vendors;
