//! Pure decisions: no tokio, AWS, HTTP, clock or randomness.

pub mod secret;
