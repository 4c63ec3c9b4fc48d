//! A run of a catalogue: [`scan`] finds what changed, [`write`] makes the records equal to the plan.

pub mod scan;
pub mod write;
