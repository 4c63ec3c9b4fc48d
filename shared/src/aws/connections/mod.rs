//! Connections, and what is stored of them beside their runs.

pub mod access_token;
pub mod breaker;
pub mod due;
pub mod imports;
pub mod last_test;
pub mod last_used;
pub mod linking;
pub mod lists;
pub mod quota;
pub mod store;
