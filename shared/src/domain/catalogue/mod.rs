//! Catalogues: their rows, the hash over all of them, and the configured vendors.

pub mod aggregate;
pub mod rows;
pub mod vendor;
