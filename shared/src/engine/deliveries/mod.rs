//! A delivery's way: [`take_in`] (verify) → [`claim`] (and enqueue) → the queue → [`apply`] → or [`give_up`]. What is not let in
//! goes to [`reject`]; an operator uses [`list`], [`one`], [`dead_letters`], [`preview`], [`requeue`], [`replay`] and
//! [`admit`].

pub mod admit;
pub mod apply;
pub mod arrival;
mod claim;
pub mod context;
pub mod counts;
pub mod dead_letters;
mod doors;
pub mod give_up;
pub mod headers;
pub mod list;
pub mod one;
pub mod preview;
pub mod refusal;
pub mod reject;
pub mod replay;
pub mod requeue;
pub mod senders;
pub mod take_in;
mod thing;
