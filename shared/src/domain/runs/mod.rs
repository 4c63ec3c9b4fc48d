//! Runs: what one is, who may advance it, and how they are counted over time.

pub mod lease;
pub mod run;
pub mod window;
