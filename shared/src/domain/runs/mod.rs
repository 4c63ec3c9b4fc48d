//! Runs: what one is, what comes next for it, who may advance it, why it ends, and how runs are counted over time.
//!
//! Deliberately absent: anything that happens. [`life`] says what comes next; the engine does it.

pub mod failure;
pub mod held;
pub mod lease;
pub mod life;
pub mod log;
pub mod mirror;
pub mod pull;
pub mod pulls;
pub mod run;
pub mod said;
pub mod slices;
pub mod spent;
pub mod window;
