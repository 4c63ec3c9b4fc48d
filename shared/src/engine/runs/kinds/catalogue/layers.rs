//! The manifest's layers: a run's own on top, and all of them merged into a new base when that pays.

use crate::domain::datasets::manifest::{Layer, LayerRef, Merger, Overlay, merge_is_due};
use crate::domain::ids::Dataset;
use crate::engine::runs::slice::{Slice, SliceFault};

/// The layers with the run's own on top, and those that they no longer name. A new base is stored before anything names it, so
/// a crash here leaves segments that nothing reads.
///
/// # Errors
/// When a step fails.
pub(super) async fn with(
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
            let merged = merge(slice, dataset, base, upper).await?;
            std::mem::replace(&mut layers, vec![merged])
        }
        _ => Vec::new(),
    };
    Ok((layers, replaced))
}

async fn merge(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    base: &LayerRef,
    upper: &[LayerRef],
) -> Result<LayerRef, SliceFault> {
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
    let layer = Layer { puts: merger.finish(), removals: Vec::new() };
    slice.store_layer(dataset, "base", &layer).await
}
