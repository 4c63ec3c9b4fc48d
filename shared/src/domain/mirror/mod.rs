//! The mirror of categories.

pub mod categories;
pub mod filter;
mod names;
