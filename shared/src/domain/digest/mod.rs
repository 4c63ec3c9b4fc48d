//! The weekly digest: how the mirrors of a week did, told to whoever wants to know, once.
//!
//! What one recipient is told of one week is a [`record`]. What it says is made of [`figures`] when it is sent, as a [`letter`]; who does not
//! want it any more follows a link that is signed ([`unsubscribe`]).

pub mod figures;
pub mod letter;
pub mod recipient;
pub mod record;
pub mod unsubscribe;

#[cfg(test)]
mod tests;
