//! A slice: what one invocation does of a run, and why it may stop short.

use jiff::Timestamp;

use crate::aws::datasets::records::BATCH_MS_MAX;
use crate::aws::faults::AwsFault;
use crate::aws::runs::transitions::CommitError;
use crate::domain::datasets::guard::RemovalRefused;
use crate::domain::datasets::manifest::{Layer, LayerRef};
use crate::domain::ids::Dataset;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::{Approval, Hold, LEASE_MS, StopRequest, Wait};
use crate::domain::runs::run::{Run, Work};
use crate::engine::runs::context::RunWorker;
use crate::vendors::catalogue::SourceError;

/// Why a slice stopped short.
#[derive(Debug, thiserror::Error)]
pub enum SliceFault {
    /// The slice's time is used up, or its process is about to end; the next one goes on from the checkpoint.
    #[error("the slice's time is used up")]
    OutOfTime,
    /// Somebody asked the run to stop.
    #[error("stopped by {}", .0.by)]
    Stop(StopRequest),
    /// Somebody else holds the run now.
    #[error("the lease was lost")]
    LeaseLost,
    /// The vendor is no longer in the configuration. Without it nobody knows which fields are volatile: to go on would count
    /// every row as updated.
    #[error("the vendor is no longer configured (VENDORS)")]
    VendorGone,
    /// It may not go on before a time.
    #[error("{}", .0.reason.text())]
    Waits(Wait),
    /// Somebody must approve before it goes on.
    #[error("somebody must approve of what would be removed")]
    Unapproved,
    /// A vendor's API could not be pulled.
    #[error("{detail}")]
    Vendor {
        /// Why.
        failure: Failure,
        /// For people.
        detail: String,
        /// Whether another attempt may do better.
        may_pass: bool,
    },
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
            CommitError::Stop(stop) => Self::Stop(stop),
            CommitError::Fault(fault) => Self::Aws(fault),
        }
    }
}

impl SliceFault {
    /// Whether the cause may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::OutOfTime | Self::Waits(_) | Self::Unapproved => true,
            Self::Vendor { may_pass, .. } => *may_pass,
            Self::Source(error) => error.is_transient(),
            Self::Aws(fault) => fault.transient,
            Self::Stop(_) | Self::LeaseLost | Self::VendorGone | Self::Removal(_) => false,
        }
    }

    /// The reason that a run is given.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::OutOfTime => Failure::RunTooSlow,
            Self::Waits(_) => Failure::SourceBusy,
            Self::Unapproved => Failure::ApprovalExpired,
            Self::Vendor { failure, .. } => *failure,
            Self::Stop(_) => Failure::Stopped,
            Self::LeaseLost => Failure::LeaseLost,
            Self::VendorGone => Failure::VendorNotConfigured,
            Self::Source(error) => error.failure(),
            Self::Removal(_) => Failure::RemovalsRefused,
            Self::Aws(_) => Failure::StorageFailed,
        }
    }
}

/// The state of a slice: the run, the right to advance it, and how long it may take.
pub struct Slice<'a> {
    /// What advances it.
    pub worker: &'a RunWorker,
    /// The run; its work moves on as the slice does.
    pub run: Run,
    /// The lease.
    pub hold: Hold,
    /// When it began.
    pub since: Timestamp,
    /// When the slice must hand on.
    pub until: Timestamp,
    /// What of it somebody approved of.
    pub approval: Option<Approval>,
    /// The run's work when the slice began: a slice that does not move it on counts as an attempt.
    pub begun: Work,
}

impl Slice<'_> {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.worker.runs.now()
    }

    /// Called between steps: renews the lease when it is time, and stops the slice when its time is used up, the process is
    /// about to end, or the run was asked to stop.
    ///
    /// # Errors
    /// [`SliceFault::OutOfTime`], [`SliceFault::Stop`] or [`SliceFault::LeaseLost`], or what renewing failed with.
    pub async fn breathe(&mut self) -> Result<(), SliceFault> {
        let now = self.now();
        // First of all: a slice that stops for lack of time still settles what it has sent, as the holder.
        if self.hold.wants_renewal(now) {
            self.worker.runs.store.renew_lease(&self.run.connection, &mut self.hold, now).await?;
        }
        if now >= self.until || self.must_end() { Err(SliceFault::OutOfTime) } else { Ok(()) }
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn must_end(&self) -> bool {
        self.worker.runs.outside.shutdown.is_announced()
    }

    /// Whether there is time enough on the lease for one more batch, all its attempts included.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.now().as_millisecond() - self.hold.since.as_millisecond() < LEASE_MS - BATCH_MS_MAX
    }

    /// Stores a layer's segments under an id of its own: the run's, the holder's and `name`. With the holder's token in it,
    /// one that was overtaken in the middle of a call cannot write over the layer of the one that overtook it.
    ///
    /// # Errors
    /// When a step fails: what was stored by then, nothing names.
    pub async fn store_layer(&mut self, dataset: &Dataset, name: &str, layer: &Layer) -> Result<LayerRef, SliceFault> {
        let id = format!("{}.{}.{name}", self.run.id, self.hold.fence);
        let mut stored = LayerRef { id, segments: 0, rows: layer.rows() };
        for segment in layer.segments() {
            self.breathe().await?;
            self.worker.runs.store.snapshots.put_segment(dataset, &stored, stored.segments, segment).await?;
            stored.segments += 1;
        }
        Ok(stored)
    }
}
