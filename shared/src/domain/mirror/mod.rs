//! The mirror of categories.

pub mod categories;
mod names;
