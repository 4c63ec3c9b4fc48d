//! The mirror of categories between a tenant's own, which are a tree of [`categories`], and those of its locations at Google: one [`plan`]
//! for both directions, what a [`log`] of mirrors says, and what a [`fan_out`] to all tenants adds up to.

pub mod backoff;
pub mod categories;
pub mod fan_out;
pub mod filter;
pub mod log;
mod names;
pub mod plan;
