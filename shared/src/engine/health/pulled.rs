//! How a connection that is pulled does: what runs of it now, what became of its last runs, and what keeps it from asking. For people, who
//! look every few seconds: a query or two, a batch and some items, whatever its history.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::connections::breaker::Breakers;
use crate::aws::connections::quota::Quotas;
use crate::aws::connections::store::{ConnectionStore, Due};
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::runs::RunStore;
use crate::aws::runs::reads::Wanted;
use crate::domain::connections::pull_api::PullApi;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::connections::times::Times;
use crate::domain::datasets::snapshot::Pulled;
use crate::domain::ids::{Connection, Dataset, Entity};
use crate::domain::pull::breaker::Breaker;
use crate::domain::pull::health_score::{Evidence, Score, score};
use crate::domain::pull::quota::{Left, Paid};
use crate::domain::runs::lease::Lease;
use crate::domain::runs::pull::EntityState;
use crate::domain::runs::run::{Run, RunStatus, SeenStatus};
use crate::engine::runs::kinds::pull::letters::{self, Which};
use crate::environment::{Environment, StartError};
use crate::vendors::Providers;
use crate::vendors::pulled::{self, PullSettings};

/// How many of the newest runs are looked at, and by how many its success is judged.
const RUNS: usize = 20;
/// Of runs that failed.
const FAILED_RUNS: usize = 10;

/// What is read of connections that are pulled. Cheap to clone.
#[derive(Clone)]
pub struct PulledReads {
    /// Runs, leases and snapshots.
    pub runs: RunStore,
    connections: ConnectionStore,
    breakers: Breakers,
    quotas: Quotas,
    journal: Journal,
    providers: Providers,
}

/// What is known of an entity.
#[derive(Debug, Clone)]
pub struct EntityLooked {
    /// Which.
    pub entity: Entity,
    /// The last pull of it that went well.
    pub pulled: Option<Pulled>,
    /// The last run in which it failed, of those that are looked at: when, with which code, and why.
    pub failed: Option<(Timestamp, String, String)>,
}

/// How a connection does.
#[derive(Debug)]
pub struct PulledLooked {
    /// How it is pulled; none where its settings are another version's.
    pub settings: Option<PullSettings>,
    /// Who advances which run.
    pub lease: Option<Lease>,
    /// The run that is open.
    pub open: Option<Run>,
    /// When it is pulled by itself.
    pub times: Times,
    /// When it is due next.
    pub due: Option<Due>,
    /// The newest runs, newest first.
    pub runs: Vec<Run>,
    /// Each of its entities.
    pub entities: Vec<EntityLooked>,
    /// Whether its vendor is asked.
    pub breaker: Breaker,
    /// What is left of its quota; none where its settings cannot be read.
    pub left: Option<Left>,
    /// How it does; none where it never ran.
    pub score: Option<Score>,
}

impl PulledReads {
    /// The tables that the environment names; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment, providers: &Providers) -> Result<Self, StartError> {
        Ok(Self {
            runs: RunStore::connect(clients, environment)?,
            connections: ConnectionStore::connect(clients, environment)?,
            breakers: Breakers::connect(clients, environment)?,
            quotas: Quotas::connect(clients, environment)?,
            journal: Journal::connect(clients, environment)?,
            providers: providers.clone(),
        })
    }

    /// Looks at a connection.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn look(&self, stored: &StoredConnection, now: Timestamp) -> Result<PulledLooked, AwsFault> {
        let connection = &stored.connection;
        let api = self.providers.of(&connection.provider).pull;
        let settings = api.and_then(|api| pulled::read(api, &stored.settings).ok());
        let datasets = datasets(api, connection);
        let reads = &self.runs.reads;
        let start = reads.retention().edge(now);
        let newest = Wanted { limit: RUNS, start, ..Wanted::default() };
        let failed = Wanted { limit: FAILED_RUNS, statuses: vec![SeenStatus::Error], start, ..Wanted::default() };
        let (lease, due, mut runs, mut failed, mut pulled, breaker, paid) = tokio::try_join!(
            self.runs.lease_of(connection),
            self.connections.due_time(connection),
            reads.page(connection, &newest),
            reads.page(connection, &failed),
            self.runs.snapshots.pulled(datasets.iter()),
            self.breakers.of(connection),
            self.quotas.of(connection),
        )?;
        // Of one that was removed, and had its name.
        runs.retain(|run| stored.has_run(&run.id));
        failed.retain(|run| stored.has_run(&run.id));
        let open = self.open(connection, lease.as_ref(), &runs).await?;
        pulled.retain(|_, pulled| stored.has_run(&pulled.run_id));
        let score = score(&evidence(stored, &runs, &pulled, now));
        let entities = datasets.into_iter().map(|dataset| EntityLooked {
            pulled: pulled.get(&dataset).cloned(),
            failed: runs.iter().chain(&failed).find_map(|run| failure(run, &dataset.entity)),
            entity: dataset.entity,
        });
        Ok(PulledLooked {
            entities: entities.collect(),
            left: settings.as_ref().map(|settings| left(settings, paid, now)),
            settings,
            lease,
            open,
            times: Times::of(stored, now),
            due,
            runs,
            breaker,
            score,
        })
    }

    /// How many rows of a connection were set aside and wait for somebody, and whether there may be more: what the list of them says. A
    /// query for each 250 of the tenant's dead letters that are looked at, so it is no part of what anybody may look at.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn set_aside(&self, stored: &StoredConnection, now: Timestamp) -> Result<(usize, bool), AwsFault> {
        let listed = letters::list(&self.journal, now, Which { stored, entity: None }, None, 0).await?;
        Ok((listed.total, listed.next.is_some()))
    }

    async fn open(
        &self,
        connection: &Connection,
        lease: Option<&Lease>,
        runs: &[Run],
    ) -> Result<Option<Run>, AwsFault> {
        let Some(id) = lease.and_then(|lease| lease.run_id.as_ref()) else { return Ok(None) };
        let found = match runs.iter().find(|run| run.id == *id) {
            Some(run) => Some(run.clone()),
            None => self.runs.reads.one(connection, id).await?,
        };
        // One that ended between two reads is open no more.
        Ok(found.filter(|run| !run.status.is_over()))
    }
}

fn datasets(api: Option<&PullApi>, connection: &Connection) -> Vec<Dataset> {
    let entities = api.map(|api| api.entities).unwrap_or_default();
    entities.iter().map(|entity| connection.dataset(entity.entity.clone())).collect()
}

fn left(settings: &PullSettings, paid: Paid, now: Timestamp) -> Left {
    settings.limits.left(paid, now)
}

/// That an entity failed in a run.
fn failure(run: &Run, entity: &Entity) -> Option<(Timestamp, String, String)> {
    let at = run.completed_at?;
    if run.status != RunStatus::Failed {
        return None;
    }
    let pulled = run.work.pull()?.entities.iter().find(|pulled| pulled.entity == *entity)?;
    let error = match pulled.state {
        EntityState::Failed => pulled.error.as_ref().or(run.error.as_ref()),
        // At which the run ended, or before which.
        EntityState::Pending | EntityState::Running | EntityState::Removing | EntityState::Held => run.error.as_ref(),
        EntityState::Done | EntityState::NotSupported => None,
    }?;
    Some((at, error.code().to_owned(), error.detail.clone()))
}

/// What the newest runs say: those that were to change something, and ended by themselves.
fn evidence(stored: &StoredConnection, runs: &[Run], pulled: &HashMap<Dataset, Pulled>, now: Timestamp) -> Evidence {
    let judged: Vec<&Run> = runs
        .iter()
        .filter(|run| !run.mode.is_dry() && matches!(run.status, RunStatus::Success | RunStatus::Failed))
        .collect();
    let count = |status: RunStatus| judged.iter().filter(|run| run.status == status).count() as u64;
    let entities = || judged.iter().filter_map(|run| run.work.pull()).flat_map(|work| &work.entities);
    let bad_rows = entities().map(|entity| entity.progress.set_aside).sum();
    let rows: u64 = entities().map(|entity| entity.progress.counts.total).sum();
    let of_runs = judged.iter().find(|run| run.status == RunStatus::Success).and_then(|run| run.completed_at);
    // Of one whose last success lies further back, its entities know when that was.
    let last = of_runs.or(pulled.values().map(|pulled| pulled.ended_at).max());
    Evidence {
        since_success_ms: last.map(|last| (now.as_millisecond() - last.as_millisecond()).max(0)),
        cadence_ms: cadence_ms(stored, now),
        succeeded: count(RunStatus::Success),
        failed: count(RunStatus::Failed),
        rows: rows + bad_rows,
        bad_rows,
    }
}

/// How far two times of its schedule are apart; none where it has none, or is paused.
fn cadence_ms(stored: &StoredConnection, now: Timestamp) -> Option<i64> {
    let next = stored.due_after(now)?;
    let then = stored.due_after(next)?;
    Some(then.as_millisecond() - next.as_millisecond())
}
