//! Webhooks: deciding on what was not let in, and on what was given up.

pub(crate) mod dead_letters;
pub(crate) mod rejected;
