//! Catalogues: how they are written, their rows, what was noticed on the way, the hash over all of them, and the configured
//! vendors.

pub mod aggregate;
pub mod findings;
pub mod form;
pub mod rows;
mod shape;
pub mod vendor;
