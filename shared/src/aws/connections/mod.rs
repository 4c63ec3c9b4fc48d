//! What is stored of connections beside their runs.

pub mod last_test;
