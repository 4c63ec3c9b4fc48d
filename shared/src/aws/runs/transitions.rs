//! The transactions of a run's life. Each either moves run, lease, counters and snapshot together, or none of them.
//!
//! Each writes what its caller owns and nothing else: the holder its part of the run, the lease's fields of its own. So a
//! request to stop, which is another's, outlives every commit.

use aws_sdk_dynamodb::types::{ConditionCheck, Update};
use jiff::Timestamp;

use super::RunStore;
use super::failed::ATTENTION;
use super::items::{holders_update, run_item};
use super::leases::{lease_key, until};
use crate::aws::connections::due::DueMove;
use crate::aws::faults::AwsFault;
use crate::aws::items::{number, text, value};
use crate::aws::meter;
use crate::aws::mirror::categories::Beside;
use crate::aws::transaction::{Declined, OLD, Transaction, built};
use crate::domain::datasets::snapshot::{Manifest, SnapshotState};
use crate::domain::ids::{Connection, Dataset, RunId};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::lease::{COOLDOWN_MS, Hold, Lease, StopRequest, Wait};
use crate::domain::runs::run::{Run, RunStatus, SeenStatus};

/// What became of a start.
#[derive(Debug)]
pub enum Started {
    /// The run is stored, and held if a fence was given.
    Yes,
    /// The connection is reserved for another run.
    Busy(RunId),
    /// The time it was to be started for has been seen to.
    SeenTo,
    /// It was started before.
    Known,
    /// A mirror this way went well less than a minute before.
    Cools(Timestamp),
    /// Its id is not later than that of the run before it: it is to be given another.
    TooEarly(RunId),
}

/// Why a commit was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else holds the run now, or it is over: this holder must stop (I3).
    #[error("the lease was lost")]
    LeaseLost,
    /// The run was asked to stop, and goes no further.
    #[error("the run was stopped by {}", .0.by)]
    Stop(StopRequest),
    /// The call failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

impl CommitError {
    /// Reads why a transaction was declined whose first item is the lease.
    fn of(declined: Declined, hold: &Hold) -> Self {
        let lease = declined.at(0).and_then(|old| value::<Lease>(old.clone()).ok());
        let stop = lease.filter(|lease| lease.fence.as_ref() == Some(&hold.fence)).and_then(|lease| lease.stop());
        match (declined, stop) {
            (Declined::Fault(fault), _) => Self::Fault(fault),
            (Declined::Condition(_), Some(stop)) => Self::Stop(stop),
            (Declined::Condition(_), None) => Self::LeaseLost,
        }
    }
}

/// What the end of a run does to the snapshot.
#[derive(Debug, Default)]
pub struct SnapshotChange {
    /// The new state, after a successful apply.
    pub state: Option<SnapshotState>,
    /// The error to show beside the old state, after a failed apply.
    pub error: Option<String>,
    /// The new manifest of a dataset, where it changed.
    pub manifest: Option<(Dataset, Manifest)>,
}

impl SnapshotChange {
    /// What the end does to the mark of a connection whose last apply failed: the lease's item has it, which is written anyway. An
    /// apply that went well takes it off, and that costs nothing where it was not there.
    fn mark(&self) -> (&'static str, &'static str) {
        match (&self.state, &self.error) {
            (Some(_), _) => ("", ", attention, failedRun"),
            (None, Some(_)) => (", attention = :attention, failedRun = :run", ""),
            (None, None) => ("", ""),
        }
    }
}

/// Where the lease keeps when a mirror last went well.
fn mirrored(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::PlatformToGbp => "mirroredToGbpMs",
        Strategy::GbpToPlatform => "mirroredToPlatformMs",
    }
}

fn moved(due: Option<DueMove>) -> Transaction {
    due.into_iter().fold(Transaction::default(), |transaction, DueMove(put)| transaction.put(put))
}

impl RunStore {
    /// The holder's right to go on, as a condition on the lease.
    fn may_go_on(&self, connection: &Connection, hold: &Hold) -> Result<ConditionCheck, AwsFault> {
        built(
            self.control
                .check(lease_key(connection))
                .condition_expression("fence = :fence AND attribute_not_exists(stopBy)")
                .expression_attribute_values(":fence", text(&hold.fence))
                .return_values_on_condition_check_failure(OLD)
                .build(),
        )
    }

    fn counted(&self, run: &Run, from: Option<SeenStatus>) -> Result<Transaction, AwsFault> {
        let spent = meter::spent().or_else(|| run.spent.clone()).filter(|_| run.status.is_over());
        let nano = spent.map_or(0, |spent| spent.nano_dollars());
        let took = (run.duration_ms.unwrap_or(0), nano);
        let counts = self.reads.count(&run.connection, run.started_at, from, run.status.seen(), took)?;
        Ok(counts.into_iter().fold(Transaction::default(), Transaction::update))
    }

    fn new_run(&self, run: &Run) -> Result<Transaction, AwsFault> {
        Ok(Transaction::default().put(built(self.runs().put(run_item(run, self.reads.1)?).build())?))
    }

    /// Stores a new run and reserves its connection: of two starts at once, one wins. With a fence the starter holds
    /// the run at once; without one the first worker takes it.
    ///
    /// A run that is started as it is due moves the due time with it: so each time is started once, whoever looks, and no crash
    /// lies between the two.
    ///
    /// A crash after this leaves an open run whose lease runs out, or whose message is late: the watchdog sends it on.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn start_run(
        &self,
        run: &Run,
        fence: Option<&str>,
        now: Timestamp,
        due: Option<DueMove>,
    ) -> Result<Started, AwsFault> {
        let is_due = due.is_some();
        // Free, whether it was never taken or given back. Of runs that are watched each has a later id than the one before.
        let (newest, free) = match run.log.sealed() {
            Some(_) => (
                ", newestRun = :run",
                "attribute_not_exists(runId) AND (attribute_not_exists(newestRun) OR newestRun < :run)",
            ),
            None => ("", "attribute_not_exists(runId)"),
        };
        let cooled = run.work.mirror().map(|work| (mirrored(work.strategy), work.strategy));
        let cool = cooled
            .map_or_else(String::new, |(name, _)| format!(" AND (attribute_not_exists({name}) OR {name} <= :cool)"));
        let (set, removed) = if fence.is_some() { (", fence = :fence", "") } else { ("", " REMOVE fence") };
        let reserve = self
            .control
            .update(lease_key(&run.connection))
            .update_expression(format!("SET runId = :run, untilMs = :until, queuedMs = :queued{newest}{set}{removed}"))
            .condition_expression(format!("{free}{cool}"))
            .return_values_on_condition_check_failure(OLD);
        let mut values = std::collections::HashMap::from([
            (":run".to_owned(), text(run.id.as_str())),
            (":until".to_owned(), number(fence.map_or(0, |_| until(now)))),
            (":queued".to_owned(), number(now.as_millisecond())),
        ]);
        values.extend(fence.map(|fence| (":fence".to_owned(), text(fence))));
        values.extend(cooled.map(|_| (":cool".to_owned(), number(now.as_millisecond() - COOLDOWN_MS))));
        let reserve = built(reserve.set_expression_attribute_values(Some(values)).build())?;
        let transaction = Transaction::default().update(reserve).and(moved(due));
        let transaction = transaction.and(self.new_run(run)?).and(self.counted(run, None)?).and(self.logged(run)?);
        let row = transaction.len();
        let transaction = transaction.and(self.mirror_started(run)?);
        match transaction.commit(&self.control.client, "start run").await {
            Ok(()) => Ok(Started::Yes),
            Err(declined) => {
                if declined.at(row).is_some() {
                    return Ok(Started::Known);
                }
                // Whoever has the connection may be the run of this very time.
                if is_due && declined.at(1).is_some() {
                    return Ok(Started::SeenTo);
                }
                if let Some(old) = declined.at(0) {
                    let lease: Lease = value(old.clone())?;
                    let cools_until = cooled.and_then(|(_, strategy)| lease.cools_until(strategy, now));
                    if let (Some(until), None) = (cools_until, &lease.run_id) {
                        return Ok(Started::Cools(until));
                    }
                    return match (lease.run_id, lease.newest_run) {
                        // The SDK gave up on a lost reply and a second call of ours met the first.
                        (Some(holder), _) if holder == run.id => Ok(Started::Yes),
                        (Some(holder), _) => Ok(Started::Busy(holder)),
                        (None, Some(newest)) if newest >= run.id => Ok(Started::TooEarly(newest)),
                        (None, _) => Err(AwsFault { operation: "start run", detail: "raced".into(), transient: true }),
                    };
                }
                match declined {
                    Declined::Fault(fault) => Err(fault),
                    Declined::Condition(_) => Err(AwsFault::damaged("start run", "unexpected condition")),
                }
            }
        }
    }

    /// Stores a run that was over before it began: skipped, with its reason. It takes no lease. False where it was due, and
    /// somebody else has seen to that time.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn record_run(&self, run: &Run, due: Option<DueMove>) -> Result<bool, AwsFault> {
        let is_due = due.is_some();
        let transaction = moved(due).and(self.new_run(run)?).and(self.counted(run, None)?);
        let row = transaction.len();
        let transaction = transaction.and(self.mirror_started(run)?);
        match transaction.commit(&self.control.client, "record run").await {
            Ok(()) => Ok(true),
            Err(declined) if is_due && declined.at(0).is_some() => Ok(false),
            // It was recorded, or started, before.
            Err(declined) if declined.at(row).is_some() => Ok(false),
            Err(Declined::Fault(fault)) => Err(fault),
            Err(Declined::Condition(_)) => Err(AwsFault::damaged("record run", "unexpected condition")),
        }
    }

    /// Makes a plan durable, before any record is written: from here on the manifest says which records may be ahead
    /// of the snapshot.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now, [`CommitError::Stop`] when it was asked to stop.
    pub async fn commit_plan(&self, dataset: &Dataset, hold: &Hold, manifest: &Manifest) -> Result<(), CommitError> {
        let check = self.may_go_on(&dataset.connection, hold)?;
        let transaction = Transaction::default().check(check).put(self.snapshots.put_manifest(dataset, manifest)?);
        let done = transaction.commit(&self.control.client, "commit plan").await;
        done.map_err(|declined| CommitError::of(declined, hold))
    }

    /// Makes a page of a pull durable: how far the run got, and, where it names any, the records that are about to be put. So a page
    /// that is read twice counts once.
    ///
    /// # Errors
    /// As [`Self::commit_plan`].
    pub async fn commit_page(
        &self,
        run: &Run,
        hold: &Hold,
        named: Option<(&Dataset, &Manifest)>,
    ) -> Result<(), CommitError> {
        let check = self.may_go_on(&run.connection, hold)?;
        let mut transaction = Transaction::default().check(check).update(self.holders(run)?);
        if let Some((dataset, manifest)) = named {
            transaction = transaction.put(self.snapshots.put_manifest(dataset, manifest)?);
        }
        let transaction = transaction.and(self.logged(run)?);
        let done = transaction.commit(&self.control.client, "commit page").await;
        done.map_err(|declined| CommitError::of(declined, hold))
    }

    /// Stores how far the run got and lets go of it, so that the next worker can take it: at once, or after a wait. Its
    /// message is due at `queued`.
    ///
    /// # Errors
    /// As [`Self::commit_plan`].
    pub async fn hand_on(
        &self,
        run: &Run,
        hold: &Hold,
        wait: Option<Wait>,
        queued: Timestamp,
    ) -> Result<(), CommitError> {
        let mut release = self
            .control
            .update(lease_key(&run.connection))
            .condition_expression("fence = :fence AND attribute_not_exists(stopBy)")
            .return_values_on_condition_check_failure(OLD)
            .expression_attribute_values(":fence", text(&hold.fence))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":queued", number(queued.as_millisecond()));
        release = match wait {
            None => release.update_expression("SET untilMs = :zero, queuedMs = :queued REMOVE fence"),
            Some(wait) => {
                let reason = serde_dynamo::to_attribute_value(wait.reason)
                    .map_err(|error| AwsFault::damaged("hand run on", error.to_string()))?;
                release
                    .update_expression(
                        "SET untilMs = :zero, queuedMs = :queued, waitsUntilMs = :waits, waitsFor = :for REMOVE fence",
                    )
                    .expression_attribute_values(":waits", number(wait.until.as_millisecond()))
                    .expression_attribute_values(":for", reason)
            }
        };
        let transaction = Transaction::default().update(built(release.build())?).update(self.holders(run)?);
        let transaction = transaction.and(self.logged(run)?);
        let done = transaction.commit(&self.control.client, "hand run on").await;
        done.map_err(|declined| CommitError::of(declined, hold))
    }

    /// Ends a run: its result, the snapshot, the counters and the lease change together, or not at all. After this,
    /// all that the run still owes is the event that tells of it.
    ///
    /// A request to stop that comes this late is no reason not to: all is done.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now, or has ended it.
    pub async fn end_run(&self, run: &Run, hold: &Hold, change: &SnapshotChange) -> Result<(), CommitError> {
        let (mark, removed) = change.mark();
        let cools = change.state.is_some() || run.mode.is_dry() && run.status == RunStatus::Success;
        let cooled = run.work.mirror().filter(|_| cools).map(|work| mirrored(work.strategy));
        let cool = cooled.map_or_else(String::new, |name| format!(", {name} = :now"));
        let mut release = self
            .control
            .update(lease_key(&run.connection))
            .update_expression(format!(
                "SET untilMs = :zero{mark}{cool} REMOVE fence, runId, waitsUntilMs, waitsFor, queuedMs, stopBy, stopMs, \
                 approvedBy, approvedMs, approvedMax{removed}"
            ))
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", text(&hold.fence))
            .expression_attribute_values(":zero", number(0));
        if cooled.is_some() {
            release = release.expression_attribute_values(":now", number(run.updated_at.as_millisecond()));
        }
        if !mark.is_empty() {
            release = release
                .expression_attribute_values(":attention", text(ATTENTION))
                .expression_attribute_values(":run", text(run.id.as_str()));
        }
        let release = built(release.build())?;
        let mut transaction = Transaction::default()
            .update(release)
            .update(self.holders(run)?)
            .and(self.counted(run, Some(SeenStatus::Running))?);
        if let Some(state) = &change.state {
            transaction = transaction.update(self.snapshots.update_state(&run.connection, state)?);
        }
        if let Some(error) = &change.error {
            let update = self.snapshots.update_state_error(&run.connection, error, run.updated_at)?;
            transaction = transaction.update(update);
        }
        if let Some((dataset, manifest)) = &change.manifest {
            transaction = transaction.put(self.snapshots.put_manifest(dataset, manifest)?);
        }
        let transaction = transaction.and(self.logged(run)?).and(self.mirror_ended(run)?);
        let done = transaction.commit(&self.control.client, "end run").await;
        done.map_err(|declined| CommitError::of(declined, hold))
    }

    /// What is stored with a change of a tenant's categories that a run makes: that it is held still, and how far it got with it.
    ///
    /// # Errors
    /// When the run cannot be written.
    pub fn beside(&self, run: &Run, hold: &Hold) -> Result<Beside, AwsFault> {
        let check = self.may_go_on(&run.connection, hold)?;
        Ok(Beside(Transaction::default().check(check).update(self.holders(run)?)))
    }

    fn holders(&self, run: &Run) -> Result<Update, AwsFault> {
        built(holders_update(self.runs(), run, self.reads.1)?.build())
    }
}
