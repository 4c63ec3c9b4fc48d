//! Alerts: what of all connections somebody should be told of, without being asked.
//!
//! What is stored decides, not what was announced: the [`rules`] look at what is known of a connection now, and the [`life`] of an alert
//! compares that with what was known before. So an event that comes twice, late or never changes when something is noticed, and
//! nothing else. What is told of a change is a note, written with the change; the [`outbox`] makes few messages of many notes, and the
//! [`delivery`] says what becomes of a message. Of what is wrong with the service itself an [`alarm`] tells.

pub mod alarm;
pub mod card;
pub mod channel;
pub mod delivery;
pub mod life;
pub mod mirrors;
pub mod outbox;
pub mod quiet;
pub mod rules;

#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod outbox_tests;
#[cfg(test)]
mod rules_tests;
