//! Webhook signatures: is this delivery from whom it claims to be from?
//!
//! A [`Scheme`] is data; [`verify()`] is one function for all of them, over the raw bytes of the body and before anything
//! reads them. What it lets through becomes a [`VerifiedDelivery`], which nothing else can make. [`explain()`] is for the
//! operator whose sender and secret disagree.

mod content_key;
mod delivery;
mod explain;
mod generic;
mod id;
mod live_secret;
mod mac;
mod reformat;
mod refused;
mod scheme;
pub mod schemes;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use content_key::{packr_content_key, pos_content_key};
pub use delivery::{LocalBypass, Proof, VerifiedDelivery};
pub use explain::{Explanation, Finding, explain};
pub use generic::{GENERIC, InvalidScheme};
pub use id::{DeliveryId, bare_key};
pub use live_secret::{LiveSecret, SecretLabel};
pub use refused::{Flaw, Refused};
pub use scheme::{HeaderLookup, Scheme, Text};
pub use sign::sign;
pub use verify::{Verified, verify};
