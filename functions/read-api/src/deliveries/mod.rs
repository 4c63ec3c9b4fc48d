//! Webhooks: what was not let in, and what was given up on.

pub(crate) mod dead_letters;
pub(crate) mod rejected;
