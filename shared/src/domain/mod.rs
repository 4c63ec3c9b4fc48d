//! Pure decisions: no tokio, AWS, HTTP, clock or randomness. Everything here can be tested as a table.

pub mod alerts;
pub mod audit;
pub mod canonical;
pub mod catalogue;
pub mod completions;
pub mod connections;
pub mod correlation;
pub mod cost;
pub mod datasets;
pub mod dead_letter;
pub mod deliveries;
pub mod digest;
pub mod flags;
pub mod health;
pub mod ids;
pub mod members;
pub mod mirror;
pub mod number;
pub mod place;
pub mod pull;
pub mod redact;
pub mod retention;
pub mod runs;
pub mod secret;
pub mod service_secrets;
pub mod time;
