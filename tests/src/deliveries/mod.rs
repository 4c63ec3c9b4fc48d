//! Deliveries: what senders send, a host that knows them, and what came of it.

pub mod delivery;
pub mod hooks;
