//! Completion webhooks: whoever a tenant names is told of each of its runs that is over.
//!
//! What one receiver is told of one run is a [`notice`]. Its [`payload`] is made once, of the stored run, so that each attempt says the
//! same; what a [`receiver`] is told of, and when it is left alone for good, stands beside it.

pub mod notice;
pub mod payload;
pub mod receiver;

#[cfg(test)]
mod notice_tests;
