//! The queues: [`sync`] carries runs to `sync-worker`, a message per slice; [`webhook`] deliveries to `webhook-worker`.

pub mod sync;
pub mod webhook;
