//! The mirror of categories between a tenant's own, which are a tree of [`categories`], and those of its locations at Google: one [`plan`]
//! for both directions.

pub mod backoff;
pub mod categories;
mod names;
pub mod plan;
