//! Use cases, each a file that reads top to bottom as the steps it does: those of [`runs`], and those of [`deliveries`].

pub mod deliveries;
pub mod runs;
