//! Pure decisions: no tokio, AWS, HTTP, clock or randomness. Everything here can be tested as a table.

pub mod aggregate;
pub mod audit;
pub mod canonical;
pub mod claim;
pub mod correlation;
pub mod counters;
pub mod dead_letter;
pub mod delivery;
pub mod diff;
pub mod guard;
pub mod ids;
pub mod lease;
pub mod manifest;
pub mod place;
pub mod redact;
pub mod rejected;
pub mod rows;
pub mod run;
pub mod secret;
pub mod sender;
pub mod signature;
pub mod snapshot;
pub mod time;
pub mod vendor;
pub mod window;
