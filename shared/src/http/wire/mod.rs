//! Shapes on the wire, a file for each of the systems whose clients read them.

pub mod vendor_sync;
