//! Use cases, each a file that reads top to bottom as the steps it does: those of [`alerts`], of [`runs`], of [`deliveries`], of [`gbp`], of
//! [`connections`] and their [`health`], and what is asked of a [`catalogue`] outside of a run. What [`operators`] decide is on record, whatever it is about.

pub mod alerts;
pub mod catalogue;
pub mod categories;
pub mod completions;
pub mod connections;
pub mod deliveries;
pub mod digests;
pub mod flags;
pub mod gbp;
pub mod health;
pub mod mirror;
pub mod operators;
pub mod runs;
