//! Pulling a vendor's API: what keeps a vendor from being asked too much, and what is believed of what it answers.
//!
//! Each file stands by itself. A pull asks [`breaker`] and [`quota`] whether it may ask, [`answer`] and [`asked`] what the answer
//! means, [`backoff`] when to try again, [`pages`] whether the list is whole, [`basis`] from when on a delta asks, [`drift`] whether rows are
//! what they were, and [`merge`] which of two versions of a row is newer. People are told by [`heard`], [`pace`] and [`health_score`].

pub mod answer;
pub mod asked;
pub mod backoff;
pub mod basis;
pub mod breaker;
pub mod drift;
pub mod fingerprint;
pub mod health_score;
pub mod heard;
pub mod merge;
pub mod pace;
pub mod pages;
pub mod quota;
pub mod rows;
