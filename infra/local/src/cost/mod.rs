//! What running Signalbox costs, and what it can take: arithmetic over a profile of what it was counted to use, over prices and over
//! the limits of the services. docs/cost.md and docs/scale.md say how to read it.

pub mod bill;
pub mod deployment;
pub mod profile;
pub mod report;
pub mod scale;
mod text;

pub use self::profile::{Profile, ProfileError};
