//! What the mirror of categories stores.

pub mod categories;
