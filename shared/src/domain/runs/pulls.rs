//! What is known of a connection's pulls, whichever run they are of.

use jiff::Timestamp;

use crate::domain::datasets::snapshot::Pulled;
use crate::domain::ids::{Dataset, RunId};
use crate::domain::pull::breaker::Breaker;
use crate::domain::runs::pull::EntityState;
use crate::domain::runs::run::Run;
use crate::domain::runs::window::Tally;

/// What is known of the pulls of one connection.
#[derive(Debug, Clone, Default)]
pub struct Pulls {
    /// When the last one that went well was over. One that failed moves nothing.
    pub synced_at: Option<Timestamp>,
    /// Those of a day, by status.
    pub day: Tally,
    /// Whether its vendor is asked.
    pub breaker: Breaker,
}

impl Pulls {
    /// How long ago the last one went well.
    #[must_use]
    pub fn lag_ms(&self, now: Timestamp) -> Option<i64> {
        self.synced_at.map(|synced| (now.as_millisecond() - synced.as_millisecond()).max(0))
    }
}

/// How far one entity of a connection is.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Which.
    pub dataset: Dataset,
    /// The last pull of it that went well.
    pub pulled: Option<Pulled>,
    /// Of a pull that works at it: the run, and where it goes on, by token or number of the page.
    pub under_way: Option<(RunId, String)>,
}

impl Checkpoint {
    /// That of a dataset: what its last pull left, and how far the connection's newest run is with it.
    #[must_use]
    pub fn of(dataset: Dataset, pulled: Option<Pulled>, newest: Option<&Run>) -> Self {
        let works_at = newest.filter(|run| !run.status.is_over()).and_then(|run| {
            let work = run.work.pull()?.entities.iter().find(|work| work.entity == dataset.entity)?;
            let progress = Some(&work.progress).filter(|_| work.state == EntityState::Running)?;
            let cursor = progress.token.clone().unwrap_or_else(|| progress.chain.next_number().to_string());
            Some((run.id.clone(), cursor))
        });
        Self { dataset, pulled, under_way: works_at }
    }
}
