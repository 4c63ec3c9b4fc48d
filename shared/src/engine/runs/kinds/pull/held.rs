//! What a pull holds of a dataset while it reads it: what is known of its rows, and which records are about to be put.
//!
//! A page is a tiny plan, and what makes a catalogue's counts survive a crash holds for it: one transaction names what page n is about
//! to put, says how far the run got, and takes for arrived what page n−1 named; then the records are put; then the next page. At the
//! end a layer is made of all pages.
//!
//! What another run left half-way is made a layer first. Of its last page nobody knows what arrived: those rows are unsure, and
//! whatever page has them puts them again.

use crate::domain::datasets::known::{Known, PageChanges};
use crate::domain::datasets::manifest::{Fingerprint, Layer, LayerRef};
use crate::domain::datasets::snapshot::{Manifest, Pages, Pulled};
use crate::domain::ids::Dataset;
use crate::engine::runs::end;
use crate::engine::runs::layers;
use crate::engine::runs::slice::{Slice, SliceFault};

/// What this run has done with a dataset before.
#[derive(Clone, Copy, Default)]
pub(super) struct Ours {
    /// Whether it has begun with it.
    pub is_begun: bool,
    /// How many of its commits are known to have arrived.
    pub arrived: u64,
    /// How many pages it had read before it began the list anew.
    pub first_pass: Option<u32>,
}

/// A dataset in the hands of a pull.
pub(super) struct Held {
    /// Which.
    pub dataset: Dataset,
    /// What is known of its rows.
    pub known: Known,
    /// What an earlier try of the page that is next had named, and may have put.
    pub touched: Layer,
    /// How many segments that try has.
    again: u32,
    manifest: Manifest,
    /// Whether the manifest is another than the stored one.
    is_changed: bool,
    /// Layers that it names no more.
    replaced: Vec<LayerRef>,
}

impl Held {
    /// Reads what is known.
    ///
    /// # Errors
    /// When a step fails, or there are too many rows.
    pub(super) async fn load(slice: &mut Slice<'_>, dataset: Dataset, ours: Ours) -> Result<Self, SliceFault> {
        let snapshots = &slice.worker.runs.store.snapshots;
        let manifest = snapshots.manifest(&dataset).await?;
        let known = Known::new(layers::merged(slice, &dataset, &manifest.layers).await?);
        let (touched, replaced) = (Layer::default(), Vec::new());
        let mut held = Self { dataset, known, touched, again: 0, manifest, is_changed: false, replaced };
        let Some(pages) = held.manifest.pages.clone() else { return Ok(held) };
        // An entity that was held and is read anew has begun nothing: what it left before is as another run's.
        let is_ours = pages.run_id == slice.run.id && ours.is_begun;
        held.read_pages(slice, &pages, is_ours, ours).await?;
        if !is_ours {
            held.adopt(slice, pages).await?;
        }
        Ok(held)
    }

    async fn read_pages(
        &mut self,
        slice: &mut Slice<'_>,
        pages: &Pages,
        is_ours: bool,
        Ours { arrived, first_pass, .. }: Ours,
    ) -> Result<(), SliceFault> {
        let snapshots = &slice.worker.runs.store.snapshots;
        let in_all: u32 = pages.parts.iter().map(|part| part.segments).sum();
        let has_arrived = is_ours && pages.commit <= arrived;
        let sure = if has_arrived { in_all } else { in_all - pages.unsure.min(in_all) };
        let segments = pages.parts.iter().flat_map(|part| (0..part.segments).map(move |number| (part, number)));
        for ((part, number), index) in segments.zip(0..) {
            slice.breathe().await?;
            self.begin_pass(is_ours && first_pass == Some(index));
            let (layer, seen) = snapshots.page(&self.dataset, part, number).await?;
            match (index < sure, is_ours) {
                (true, true) => self.known.add(&layer, &seen),
                // What another run saw says nothing about what is there now.
                (true, false) => self.known.add(&layer, &[]),
                (false, false) => self.known.add_unsure(&layer),
                (false, true) => {
                    self.again += 1;
                    self.touched.puts.extend(layer.puts);
                    self.touched.removals.extend(layer.removals);
                }
            }
        }
        // It was begun anew, and no page of it was committed.
        self.begin_pass(is_ours && first_pass == Some(in_all));
        Ok(())
    }

    fn begin_pass(&mut self, begins: bool) {
        if begins {
            self.known.begin_again();
        }
    }

    /// Takes over what another run left. It is stored with the first page that is committed; a crash before leaves segments that
    /// nothing names.
    async fn adopt(&mut self, slice: &mut Slice<'_>, pages: Pages) -> Result<(), SliceFault> {
        let layer = self.known.layer();
        self.known = std::mem::take(&mut self.known).settled();
        if slice.run.mode.is_dry() {
            return Ok(());
        }
        self.lay(slice, "left", &layer).await?;
        self.manifest.pages = None;
        self.is_changed = true;
        self.replaced.extend(pages.parts);
        Ok(())
    }

    async fn lay(&mut self, slice: &mut Slice<'_>, name: &str, layer: &Layer) -> Result<(), SliceFault> {
        if layer.is_empty() {
            return Ok(());
        }
        let own = slice.store_layer(&self.dataset, name, layer).await?;
        let before = std::mem::take(&mut self.manifest.layers);
        let (layers, replaced) = layers::with(slice, &self.dataset, before, own).await?;
        self.manifest.layers = layers;
        self.replaced.extend(replaced);
        Ok(())
    }

    /// The last pull of it that went well.
    pub(super) fn pulled(&self) -> Option<&Pulled> {
        self.manifest.pulled.as_ref()
    }

    /// Commits a page as the entity's commit of this number, with the run's work as it is: from here on the manifest says which records may be ahead of it.
    ///
    /// # Errors
    /// When somebody else has the run, it was asked to stop, or a step fails.
    pub(super) async fn commit(
        &mut self,
        slice: &mut Slice<'_>,
        commit: u64,
        layer: &Layer,
        seen: &[Fingerprint],
    ) -> Result<(), SliceFault> {
        if !layer.is_empty() || !seen.is_empty() {
            self.name(slice, layer, seen).await?;
            self.manifest.pages.as_mut().into_iter().for_each(|pages| pages.commit = commit);
        } else if let Some(pages) = self.manifest.pages.as_mut().filter(|pages| pages.unsure > 0) {
            pages.unsure = 0;
            self.is_changed = true;
        }
        self.store(slice).await?;
        self.touched = Layer::default();
        Ok(())
    }

    /// Commits how far a dry run got, with what it says of it: the run is all that it writes (I5).
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(super) async fn tell(&self, slice: &mut Slice<'_>) -> Result<(), SliceFault> {
        slice.run.updated_at = slice.now();
        slice.run.log.seal(slice.run.updated_at);
        Ok(slice.worker.runs.store.commit_page(&slice.run, &slice.hold, None).await?)
    }

    /// Stores what a page puts, and names it in the manifest, which is not stored yet.
    async fn name(&mut self, slice: &mut Slice<'_>, layer: &Layer, seen: &[Fingerprint]) -> Result<(), SliceFault> {
        let run_id = slice.run.id.clone();
        let pages = self.manifest.pages.get_or_insert(Pages { run_id, parts: Vec::new(), unsure: 0, commit: 0 });
        // What is named now has the place of what an earlier try of the page named.
        for _ in 0..std::mem::take(&mut self.again) {
            let Some(last) = pages.parts.last_mut() else { break };
            last.segments -= 1;
            if last.segments == 0 {
                pages.parts.pop();
            }
        }
        // With the holder's token in it, as in all layers.
        let id = format!("{}.{}.pages", slice.run.id, slice.hold.fence);
        if pages.parts.last().is_none_or(|part| part.id != id) {
            pages.parts.push(LayerRef { id, segments: 0, rows: 0 });
        }
        let Some(part) = pages.parts.last_mut() else { return Ok(()) };
        let mut segments: Vec<Vec<u8>> = layer.segments().collect();
        if segments.is_empty() {
            segments.push(Layer::empty_segment());
        }
        pages.unsure = 0;
        for (segment, seen) in segments.into_iter().zip(std::iter::once(seen).chain(std::iter::repeat(&[][..]))) {
            let snapshots = &slice.worker.runs.store.snapshots;
            snapshots.put_page(&self.dataset, part, part.segments, segment, seen).await?;
            part.segments += 1;
            pages.unsure += 1;
        }
        part.rows += layer.rows();
        self.is_changed = true;
        Ok(())
    }

    /// The end of a pull that went well: a layer of all its pages, and from where the next one goes on; as before where none is given.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(super) async fn finish(&mut self, slice: &mut Slice<'_>, pulled: Option<Pulled>) -> Result<(), SliceFault> {
        let layer = self.known.layer();
        self.lay(slice, "pulled", &layer).await?;
        self.replaced.extend(self.manifest.pages.take().into_iter().flat_map(|pages| pages.parts));
        self.manifest.pulled = pulled.or(self.manifest.pulled.take());
        self.is_changed = true;
        self.store(slice).await
    }

    async fn store(&mut self, slice: &mut Slice<'_>) -> Result<(), SliceFault> {
        let runs = &slice.worker.runs;
        slice.run.updated_at = slice.now();
        slice.run.log.seal(slice.run.updated_at);
        let named = self.is_changed.then_some((&self.dataset, &self.manifest));
        runs.store.commit_page(&slice.run, &slice.hold, named).await?;
        self.is_changed = false;
        let replaced = std::mem::take(&mut self.replaced);
        if !replaced.is_empty() {
            end::expire(runs, Some((self.dataset.clone(), replaced)), slice.now()).await;
        }
        Ok(())
    }

    /// Takes a page for arrived.
    pub(super) fn arrived(&mut self, changes: &PageChanges) {
        self.known.add(&changes.layer, &changes.seen);
    }
}
