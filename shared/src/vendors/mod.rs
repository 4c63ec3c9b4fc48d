//! One folder per provider; its wire types never leave it.

pub mod catalogue;
pub mod trackstar;
