//! Replays: many dead letters sent through again. [`at_once`] does up to a hundred within a call. All others are jobs: [`set`]
//! freezes what is meant, [`start`] begins, and a worker goes on with [`advance`], a chunk a message, until it is done or
//! somebody [`stop`]s it.

pub mod advance;
pub mod at_once;
mod context;
pub mod set;
pub mod start;
pub mod stop;

pub use context::Replays;
