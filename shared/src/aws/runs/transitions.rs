//! The transactions of a run's life. Each either moves run, lease, counters and snapshot together, or none of them.
//!
//! The lease item lies in the control table under `tenant/vendor/catalogue`, `lease`.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnConsumedCapacity, Update};
use jiff::Timestamp;

use crate::aws::clients::Aws;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{conditional, key, number, text, value};
use crate::aws::runs::reads::run_item;
use crate::aws::transaction::{OLD, Refusal, Transaction, built, past_conflicts};
use crate::domain::datasets::snapshot::{Manifest, SnapshotState};
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::lease::{Hold, LEASE_MS, Lease, Standing, standing};
use crate::domain::runs::run::{Run, SeenStatus};

/// What became of a start.
#[derive(Debug)]
pub enum Started {
    /// The run is stored, and held if a fence was given.
    Yes,
    /// The connection is reserved for another run.
    Busy(RunId),
}

/// Why a commit was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else holds the run now, or it is over: this holder must stop (I3).
    #[error("the lease was lost")]
    LeaseLost,
    /// The call failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Condition(_) => Self::LeaseLost,
            Refusal::Fault(fault) => Self::Fault(fault),
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
    /// The new manifest, where it changed.
    pub manifest: Option<Manifest>,
}

fn until(now: Timestamp) -> i64 {
    now.as_millisecond() + LEASE_MS
}

impl Aws {
    fn lease(&self, connection: &Connection) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder().table_name(&self.names.control).set_key(Some(key(connection.to_string(), "lease")))
    }

    /// The holder's right to commit, as a condition on the lease.
    fn held(&self, connection: &Connection, hold: &Hold) -> Result<ConditionCheck, AwsFault> {
        built(
            ConditionCheck::builder()
                .table_name(&self.names.control)
                .set_key(Some(key(connection.to_string(), "lease")))
                .condition_expression("fence = :fence")
                .expression_attribute_values(":fence", text(&hold.fence))
                .build(),
        )
    }

    fn release(&self, connection: &Connection, hold: &Hold, expression: &str) -> Result<Update, AwsFault> {
        built(
            self.lease(connection)
                .update_expression(expression)
                .condition_expression("fence = :fence")
                .expression_attribute_values(":fence", text(&hold.fence))
                .expression_attribute_values(":zero", number(0))
                .build(),
        )
    }

    fn put_run(&self, run: &Run) -> Result<Put, AwsFault> {
        built(Put::builder().table_name(&self.names.runs).set_item(Some(run_item(run)?)).build())
    }

    fn counted(&self, run: &Run, from: Option<SeenStatus>) -> Result<Transaction, AwsFault> {
        let counts =
            self.count(&run.connection(), run.started_at, from, run.status.seen(), run.duration_ms.unwrap_or(0))?;
        Ok(counts.into_iter().fold(Transaction::default(), Transaction::update))
    }

    /// Stores a new run and reserves its connection: of two starts at once, one wins. With a fence the starter holds
    /// the run at once; without one the first worker takes it.
    ///
    /// A crash after this leaves an open run whose lease runs out: the watchdog sends it on.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn start_run(&self, run: &Run, fence: Option<&str>, now: Timestamp) -> Result<Started, AwsFault> {
        let connection = run.connection();
        let reserve = self
            .lease(&connection)
            .update_expression(match fence {
                Some(_) => "SET runId = :run, untilMs = :until, fence = :fence",
                None => "SET runId = :run, untilMs = :until REMOVE fence",
            })
            // Free, whether it was never taken or given back.
            .condition_expression("attribute_not_exists(runId)")
            .return_values_on_condition_check_failure(OLD);
        let mut values = std::collections::HashMap::from([
            (":run".to_owned(), text(run.id.as_str())),
            (":until".to_owned(), number(fence.map_or(0, |_| until(now)))),
        ]);
        values.extend(fence.map(|fence| (":fence".to_owned(), text(fence))));
        let reserve = built(reserve.set_expression_attribute_values(Some(values)).build())?;
        let put = self.put_run(run)?;
        let transaction = Transaction::default().update(reserve).put(put).and(self.counted(run, None)?);
        match transaction.commit(self, "start run").await {
            Ok(()) => Ok(Started::Yes),
            Err(refusal) => {
                if let Some(old) = refusal.at(0) {
                    let lease: Lease = value(old.clone())?;
                    return match lease.run_id {
                        // The SDK gave up on a lost reply and a second call of ours met the first.
                        Some(holder) if holder == run.id => Ok(Started::Yes),
                        Some(holder) => Ok(Started::Busy(holder)),
                        None => Err(AwsFault { operation: "start run", detail: "raced".into(), transient: true }),
                    };
                }
                match refusal {
                    Refusal::Fault(fault) => Err(fault),
                    Refusal::Condition(_) => Err(AwsFault::damaged("start run", "unexpected condition")),
                }
            }
        }
    }

    /// Stores a run that was over before it began: skipped, with its reason. It takes no lease.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn record_run(&self, run: &Run) -> Result<(), AwsFault> {
        let put = self.put_run(run)?;
        match Transaction::default().put(put).and(self.counted(run, None)?).commit(self, "record run").await {
            Ok(()) => Ok(()),
            Err(Refusal::Fault(fault)) => Err(fault),
            Err(Refusal::Condition(_)) => Err(AwsFault::damaged("record run", "unexpected condition")),
        }
    }

    /// Takes the lease of a run that nobody holds, or whose holder has been silent for too long.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take_lease(
        &self,
        connection: &Connection,
        run: &RunId,
        fence: &str,
        now: Timestamp,
    ) -> Result<Result<Hold, Standing>, AwsFault> {
        let hold = Hold { run_id: run.clone(), fence: fence.to_owned(), since: now };
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.control)
            .set_key(Some(key(connection.to_string(), "lease")))
            .update_expression("SET fence = :fence, untilMs = :until")
            .condition_expression("runId = :run AND untilMs < :now")
            .return_values_on_condition_check_failure(OLD)
            .expression_attribute_values(":fence", text(fence))
            .expression_attribute_values(":until", number(until(now)))
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let Err(error) = past_conflicts(|| call.clone().send()).await else { return Ok(Ok(hold)) };
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
        let Some(ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(fault("take lease", &error));
        };
        let lease: Option<Lease> = refused.item.clone().map(value).transpose()?;
        match standing(lease.as_ref(), run, fence) {
            Standing::Ours => Ok(Ok(hold)),
            other => Ok(Err(other)),
        }
    }

    /// Holds on for longer.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now.
    pub async fn renew_lease(
        &self,
        connection: &Connection,
        hold: &mut Hold,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.control)
            .set_key(Some(key(connection.to_string(), "lease")))
            .update_expression("SET untilMs = :until")
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", text(&hold.fence))
            .expression_attribute_values(":until", number(until(now)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let renewed = conditional(past_conflicts(|| call.clone().send()).await, "renew lease")?;
        renewed.ok_or(CommitError::LeaseLost)?;
        hold.since = now;
        Ok(())
    }

    /// Makes a plan durable, before any record is written: from here on the manifest says which records may be ahead
    /// of the snapshot.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now.
    pub async fn commit_plan(
        &self,
        connection: &Connection,
        hold: &Hold,
        manifest: &Manifest,
    ) -> Result<(), CommitError> {
        let transaction =
            Transaction::default().put(self.put_manifest(connection, manifest)?).check(self.held(connection, hold)?);
        Ok(transaction.commit(self, "commit plan").await?)
    }

    /// Stores how far the run got and lets go of it, so that the next worker can take it at once.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now.
    pub async fn hand_on(&self, run: &Run, hold: &Hold) -> Result<(), CommitError> {
        let put = self.put_run(run)?;
        let release = self.release(&run.connection(), hold, "SET untilMs = :zero REMOVE fence")?;
        Ok(Transaction::default().put(put).update(release).commit(self, "hand run on").await?)
    }

    /// Ends a run: its result, the snapshot, the counters and the lease change together, or not at all. After this,
    /// all that the run still owes is the event that tells of it.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now, or has ended it.
    pub async fn end_run(&self, run: &Run, hold: &Hold, change: &SnapshotChange) -> Result<(), CommitError> {
        let connection = run.connection();
        let put = self.put_run(run)?;
        let release = self.release(&connection, hold, "SET untilMs = :zero REMOVE fence, runId")?;
        let mut transaction =
            Transaction::default().put(put).update(release).and(self.counted(run, Some(SeenStatus::Running))?);
        if let Some(state) = &change.state {
            transaction = transaction.update(self.update_state(&connection, state)?);
        }
        if let Some(error) = &change.error {
            transaction = transaction.update(self.update_state_error(&connection, error, run.updated_at)?);
        }
        if let Some(manifest) = &change.manifest {
            transaction = transaction.put(self.put_manifest(&connection, manifest)?);
        }
        Ok(transaction.commit(self, "end run").await?)
    }

    /// The lease of a connection, to see who holds it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn lease_of(&self, connection: &Connection) -> Result<Option<Lease>, AwsFault> {
        let key = key(connection.to_string(), "lease");
        self.get_item(&self.names.control, key, "read lease").await?.map(value).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::items::item;

    #[test]
    fn a_lease_item_without_optional_fields_is_read() {
        let stored = item(&Lease { run_id: None, fence: None, until_ms: 0 }, key("c", "lease")).unwrap_or_default();
        assert!(!stored.contains_key("runId") && !stored.contains_key("fence"));
        let read: Lease = value(stored).unwrap_or(Lease { run_id: None, fence: Some("x".into()), until_ms: 1 });
        assert_eq!(read, Lease { run_id: None, fence: None, until_ms: 0 });
    }
}
