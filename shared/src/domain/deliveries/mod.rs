//! Deliveries: what one is, who claims it, what becomes of it, and how senders sign.

pub mod claim;
pub mod completion;
pub mod counters;
pub mod delivery;
pub mod delivery_id;
pub mod flood;
pub mod hours;
pub mod partition;
pub mod placement;
pub mod rejected;
pub mod replay;
pub mod retry;
pub mod sender;
pub mod shown;
pub mod signature;
pub mod text;
pub mod version;
