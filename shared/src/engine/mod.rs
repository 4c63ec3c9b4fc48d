//! Use cases, each a file that reads top to bottom as the steps it does: those of [`runs`], of [`deliveries`], and what is
//! asked of a [`catalogue`] outside of a run.

pub mod catalogue;
pub mod deliveries;
pub mod runs;
