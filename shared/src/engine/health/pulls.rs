//! What is known of pulls: when the last one went well, how many did, and whether the vendor may be asked. All of it comes from what runs
//! and breakers have written anyway.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::datasets::snapshots::SnapshotStore;
use crate::aws::faults::AwsFault;
use crate::aws::runs::RunReads;
use crate::aws::runs::reads::Wanted;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, Dataset};
use crate::domain::runs::pulls::{Checkpoint, Pulls};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::Providers;

/// Reads it. Clones are the same.
#[derive(Clone, Debug)]
pub struct PullReads {
    /// The runs.
    pub runs: RunReads,
    /// What they left.
    pub snapshots: SnapshotStore,
    /// Whether vendors are asked.
    pub breakers: Breakers,
    providers: Providers,
}

impl PullReads {
    /// The tables that `RUNS_TABLE`, `SNAPSHOTS_TABLE` and `CONNECTIONS_TABLE` name; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            runs: RunReads::connect(clients, environment)?,
            snapshots: SnapshotStore::connect(clients, environment)?,
            breakers: Breakers::connect(clients, environment)?,
            providers: outside.providers.clone(),
        })
    }

    /// Whether a connection's vendor is pulled.
    #[must_use]
    pub fn are_of(&self, stored: &StoredConnection) -> bool {
        stored.is_pulled(self.providers.of(&stored.connection.provider))
    }

    /// What is known of some connections, none of them twice, of those whose vendors have an API that is pulled: three batches for a
    /// hundred of them.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn read(
        &self,
        connections: &[StoredConnection],
        now: Timestamp,
    ) -> Result<HashMap<Connection, Pulls>, AwsFault> {
        let has_api = |stored: &&StoredConnection| self.providers.of(&stored.connection.provider).pull.is_some();
        let asked: Vec<&StoredConnection> = connections.iter().filter(has_api).collect();
        let pulled: Vec<&StoredConnection> = asked.iter().copied().filter(|stored| self.are_of(stored)).collect();
        let (mut synced, mut days, mut breakers) = futures::future::try_join3(
            self.snapshots.synced_at(pulled.iter().copied()),
            self.runs.of_a_day(pulled.iter().copied(), now),
            self.breakers.some(asked.iter().map(|stored| &stored.connection)),
        )
        .await?;
        let pulls = asked.iter().map(|stored| {
            let connection = &stored.connection;
            let pulls = Pulls {
                synced_at: synced.remove(connection),
                day: days.remove(connection).unwrap_or_default(),
                breaker: breakers.remove(connection).unwrap_or_default(),
            };
            (connection.clone(), pulls)
        });
        Ok(pulls.collect())
    }

    /// How far each entity of a connection is; none where nothing is pulled of it.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn checkpoints(&self, stored: &StoredConnection) -> Result<Vec<Checkpoint>, AwsFault> {
        let connection = &stored.connection;
        let api = self.providers.of(&connection.provider).pull.filter(|_| self.are_of(stored));
        let Some(api) = api else { return Ok(Vec::new()) };
        let datasets: Vec<Dataset> = api.entities.iter().map(|one| connection.dataset(one.entity.clone())).collect();
        let newest = Wanted { limit: 1, ..Wanted::default() };
        let (mut pulled, newest) =
            futures::future::try_join(self.snapshots.pulled(datasets.iter()), self.runs.page(connection, &newest))
                .await?;
        // Of one that was removed, and had its name, nothing is told.
        let newest = newest.into_iter().next().filter(|run| stored.has_run(&run.id));
        let checkpoints = datasets.into_iter().map(|dataset| {
            let pulled = pulled.remove(&dataset).filter(|pulled| stored.has_run(&pulled.run_id));
            Checkpoint::of(dataset, pulled, newest.as_ref())
        });
        Ok(checkpoints.collect())
    }
}
