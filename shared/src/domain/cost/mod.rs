//! What things cost: list prices, and what a run has spent.

pub mod prices;
