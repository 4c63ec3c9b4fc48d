//! The kinds of run, a folder each.

pub mod catalogue;
