//! What the fuzz targets check, one module a target. `cargo fuzz` makes up inputs for them; `tests/tests/fuzz.rs` runs the
//! committed ones through them with every `cargo test`, on any toolchain.
//!
//! An input is text that people can read and write, so that a finding says what it is about.
#![forbid(unsafe_code)]

pub mod bodies;
pub mod cursors;
pub mod lists;
pub mod signatures;

mod json;
mod reference;
