//! A slice: what one invocation does of a run, and why it may stop short.

use jiff::Timestamp;

use crate::aws::datasets::records::BATCH_MS_MAX;
use crate::aws::faults::AwsFault;
use crate::aws::runs::transitions::CommitError;
use crate::domain::canonical::VolatilePath;
use crate::domain::datasets::guard::RemovalRefused;
use crate::domain::datasets::manifest::{Layer, LayerRef};
use crate::domain::ids::Connection;
use crate::domain::runs::lease::{Hold, LEASE_MS};
use crate::domain::runs::run::{Checkpoint, Run};
use crate::engine::runs::context::Engine;
use crate::vendors::catalogue::SourceError;

/// Why a slice stopped short.
#[derive(Debug, thiserror::Error)]
pub enum SliceFault {
    /// The slice's time is used up; the next one goes on from the checkpoint.
    #[error("the slice's time is used up")]
    OutOfTime,
    /// Somebody else holds the run now.
    #[error("the lease was lost")]
    LeaseLost,
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The removal guard holds.
    #[error(transparent)]
    Removal(#[from] RemovalRefused),
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsFault),
}

impl From<CommitError> for SliceFault {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::LeaseLost => Self::LeaseLost,
            CommitError::Fault(fault) => Self::Aws(fault),
        }
    }
}

impl SliceFault {
    /// Whether another slice may do better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::OutOfTime => true,
            Self::Source(error) => error.is_transient(),
            Self::Aws(fault) => fault.transient,
            Self::LeaseLost | Self::Removal(_) => false,
        }
    }

    /// The code that a run fails with.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfTime => "run_too_slow",
            Self::LeaseLost => "lease_lost",
            Self::Source(error) => error.code(),
            Self::Removal(_) => "removals_refused",
            Self::Aws(_) => "storage_failed",
        }
    }
}

/// The state of a slice: the run, the right to advance it, and how long it may take.
pub struct Slice<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The run; its checkpoint moves as the slice gets on.
    pub run: Run,
    /// The lease.
    pub hold: Hold,
    /// When the slice must hand on.
    pub until: Timestamp,
    /// The run's checkpoint when the slice began: a slice that does not move it counts as an attempt.
    pub begun: Option<Checkpoint>,
}

impl<'a> Slice<'a> {
    /// The run's connection.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.run.connection()
    }

    /// The fields of the vendor's items that stay out of the hash.
    #[must_use]
    pub fn volatile(&self) -> &'a [VolatilePath] {
        let engine = self.engine;
        engine.vendors.find(&self.run.tenant, &self.run.vendor).map_or(&[], |vendor| &vendor.volatile)
    }

    /// Called between steps: renews the lease when it is time, and stops the slice when its time is used up.
    ///
    /// # Errors
    /// [`SliceFault::OutOfTime`] or [`SliceFault::LeaseLost`], or what renewing failed with.
    pub async fn breathe(&mut self) -> Result<(), SliceFault> {
        let now = self.engine.now();
        // First of all: a slice that stops for lack of time still settles what it has sent, as the holder.
        if self.hold.wants_renewal(now) {
            let connection = self.connection();
            self.engine.aws.renew_lease(&connection, &mut self.hold, now).await?;
        }
        if now >= self.until { Err(SliceFault::OutOfTime) } else { Ok(()) }
    }

    /// Whether there is time enough on the lease for one more batch, all its attempts included.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.engine.now().as_millisecond() - self.hold.since.as_millisecond() < LEASE_MS - BATCH_MS_MAX
    }

    /// Stores a layer's segments under an id of its own: the run's, the holder's and `name`. With the holder's token in it,
    /// one that was overtaken in the middle of a call cannot write over the layer of the one that overtook it.
    ///
    /// # Errors
    /// When a step fails: what was stored by then, nothing names.
    pub async fn store_layer(&mut self, name: &str, layer: &Layer) -> Result<LayerRef, SliceFault> {
        let connection = self.connection();
        let id = format!("{}.{}.{name}", self.run.id, self.hold.fence);
        let mut stored = LayerRef { id, segments: 0, rows: layer.rows() };
        for segment in layer.segments() {
            self.breathe().await?;
            self.engine.aws.put_segment(&connection, &stored, stored.segments, segment).await?;
            stored.segments += 1;
        }
        Ok(stored)
    }
}
