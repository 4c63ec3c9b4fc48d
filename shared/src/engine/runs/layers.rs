//! A manifest's layers: all of them read as one, a run's own on top, and a new base of them when that pays. Any kind of run keeps its
//! index through this.

use crate::domain::datasets::manifest::{Entry, Layer, LayerRef, Merger, Overlay, merge_is_due};
use crate::domain::ids::Dataset;
use crate::engine::runs::slice::{Slice, SliceFault};

/// The layers with the run's own on top, and those that they no longer name. A new base is stored before anything names it, so
/// a crash here leaves segments that nothing reads.
///
/// # Errors
/// When a step fails.
pub async fn with(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    mut layers: Vec<LayerRef>,
    own: LayerRef,
) -> Result<(Vec<LayerRef>, Vec<LayerRef>), SliceFault> {
    if own.rows > 0 {
        layers.push(own);
    }
    let replaced = match layers.split_first() {
        Some((base, upper)) if !upper.is_empty() && merge_is_due(base.rows, upper) => {
            let layer = Layer { puts: merged(slice, dataset, &layers).await?, removals: Vec::new() };
            let merged = slice.store_layer(dataset, "base", &layer).await?;
            std::mem::replace(&mut layers, vec![merged])
        }
        _ => Vec::new(),
    };
    Ok((layers, replaced))
}

/// What the layers say together, sorted by fingerprint.
///
/// # Errors
/// When a step fails.
pub async fn merged(slice: &mut Slice<'_>, dataset: &Dataset, layers: &[LayerRef]) -> Result<Vec<Entry>, SliceFault> {
    let Some((base, upper)) = layers.split_first() else { return Ok(Vec::new()) };
    let snapshots = &slice.worker.runs.store.snapshots;
    let mut overlay = Overlay::default();
    for layer in upper {
        overlay.lay(&snapshots.layer(dataset, layer).await?);
    }
    let mut merger = Merger::new(overlay);
    for number in 0..base.segments {
        slice.breathe().await?;
        merger.base(&snapshots.segment(dataset, base, number).await?.puts);
    }
    Ok(merger.finish())
}
