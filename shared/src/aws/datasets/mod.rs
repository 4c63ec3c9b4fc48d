//! Datasets: their snapshots with the manifest, and their records.

pub mod records;
pub mod snapshots;
