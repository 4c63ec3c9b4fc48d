//! Leases: who may advance a run, until when it waits, and that it is to stop.

use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;

use super::RunStore;
use super::transitions::CommitError;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, key, number, text, value};
use crate::aws::transaction::{OLD, past_conflicts};
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::lease::{Approval, Hold, LEASE_MS, Lease, Standing, StopRequest, standing};

/// A lease that was taken.
#[derive(Debug)]
pub struct Taken {
    /// The right to act.
    pub hold: Hold,
    /// What was asked of the run meanwhile.
    pub stop: Option<StopRequest>,
    /// What of it somebody approved of.
    pub approval: Option<Approval>,
}

pub(super) fn lease_key(connection: &Connection) -> Item {
    key(connection.to_string(), "lease")
}

pub(super) fn until(now: Timestamp) -> i64 {
    now.as_millisecond() + LEASE_MS
}

impl RunStore {
    /// Takes the lease of a run that nobody holds and that does not wait, or whose holder has been silent for too long.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take_lease(
        &self,
        connection: &Connection,
        run: &RunId,
        fence: &str,
        now: Timestamp,
    ) -> Result<Result<Taken, Standing>, AwsFault> {
        let hold = Hold { run_id: run.clone(), fence: fence.to_owned(), since: now };
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET fence = :fence, untilMs = :until REMOVE waitsUntilMs, waitsFor")
            // A stop ends every wait.
            .condition_expression(
                "runId = :run AND untilMs < :now \
                 AND (attribute_not_exists(waitsUntilMs) OR waitsUntilMs <= :now OR attribute_exists(stopBy))",
            )
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OLD)
            .expression_attribute_values(":fence", text(fence))
            .expression_attribute_values(":until", number(until(now)))
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let error = match past_conflicts(|| call.clone().send()).await {
            Ok(done) => {
                let lease: Lease = value(done.attributes.unwrap_or_default())?;
                return Ok(Ok(Taken { hold, stop: lease.stop(), approval: lease.approval() }));
            }
            Err(error) => error,
        };
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
        let Some(ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(fault("take lease", &error));
        };
        let lease: Option<Lease> = refused.item.clone().map(value).transpose()?;
        match standing(lease.as_ref(), run, fence, now) {
            Standing::Ours => {
                let lease = lease.unwrap_or_default();
                Ok(Ok(Taken { hold, stop: lease.stop(), approval: lease.approval() }))
            }
            other => Ok(Err(other)),
        }
    }

    /// Holds on for longer.
    ///
    /// # Errors
    /// [`CommitError::LeaseLost`] when somebody else holds the run now, [`CommitError::Stop`] when it was asked to stop; it is
    /// held all the same then.
    pub async fn renew_lease(
        &self,
        connection: &Connection,
        hold: &mut Hold,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET untilMs = :until")
            .condition_expression("fence = :fence")
            .return_values(ReturnValue::AllNew)
            .expression_attribute_values(":fence", text(&hold.fence))
            .expression_attribute_values(":until", number(until(now)));
        let renewed = conditional(past_conflicts(|| call.clone().send()).await, "renew lease")?;
        let lease: Lease = value(renewed.ok_or(CommitError::LeaseLost)?.attributes.unwrap_or_default())?;
        hold.since = now;
        lease.stop().map_or(Ok(()), |stop| Err(CommitError::Stop(stop)))
    }

    /// Asks a run to stop: the lease as it is now, or none where nothing is reserved for the run. The first who asks is
    /// remembered.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn request_stop(
        &self,
        connection: &Connection,
        run: &RunId,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Lease>, AwsFault> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET stopBy = if_not_exists(stopBy, :by), stopMs = if_not_exists(stopMs, :now)")
            .condition_expression("runId = :run")
            .return_values(ReturnValue::AllNew)
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":run", text(run.as_str()));
        let asked = conditional(past_conflicts(|| call.clone().send()).await, "request stop")?;
        asked.map(|asked| value(asked.attributes.unwrap_or_default())).transpose()
    }

    /// Asks a run to stop that waits for approval, and none that somebody approved of meanwhile: false where none waits for that.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn reject(
        &self,
        connection: &Connection,
        run: &RunId,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, AwsFault> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET stopBy = :by, stopMs = :now")
            .condition_expression(
                "runId = :run AND attribute_not_exists(fence) AND attribute_not_exists(stopBy) AND waitsFor = :approval",
            )
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":approval", text("approval"));
        Ok(conditional(past_conflicts(|| call.clone().send()).await, "reject a run")?.is_some())
    }

    /// Ends a run's wait for its breaker, and notes that a message for it is sent: which run it is. None where none waits for that.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end_breaker_wait(&self, connection: &Connection, now: Timestamp) -> Result<Option<RunId>, AwsFault> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET queuedMs = :now REMOVE waitsUntilMs, waitsFor")
            .condition_expression("attribute_exists(runId) AND attribute_not_exists(fence) AND waitsFor = :breaker")
            .return_values(ReturnValue::AllNew)
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":breaker", text("breaker"));
        let ended = conditional(past_conflicts(|| call.clone().send()).await, "end wait")?;
        let lease: Option<Lease> = ended.map(|ended| value(ended.attributes.unwrap_or_default())).transpose()?;
        Ok(lease.and_then(|lease| lease.run_id))
    }

    /// Approves of what a run would remove that waits for that, and ends its wait. False where none waits for it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn approve(&self, connection: &Connection, run: &RunId, approval: &Approval) -> Result<bool, AwsFault> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression(
                "SET queuedMs = :now, approvedBy = :by, approvedMs = :now, approvedMax = :max REMOVE waitsUntilMs, waitsFor",
            )
            .condition_expression(
                "runId = :run AND attribute_not_exists(fence) AND attribute_not_exists(stopBy) AND waitsFor = :approval",
            )
            .expression_attribute_values(":now", number(approval.at_ms))
            .expression_attribute_values(":by", text(&approval.by))
            .expression_attribute_values(":max", number(approval.removals_max))
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":approval", text("approval"));
        Ok(conditional(past_conflicts(|| call.clone().send()).await, "approve of a run")?.is_some())
    }

    /// Notes that a message for the run's next slice was sent, so that the next look does not send another at once.
    ///
    /// # Errors
    /// When the table cannot be written. A message too many does no harm.
    pub async fn note_queued(&self, connection: &Connection, run: &RunId, now: Timestamp) -> Result<(), AwsFault> {
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET queuedMs = :now")
            .condition_expression("runId = :run")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":run", text(run.as_str()));
        conditional(past_conflicts(|| call.clone().send()).await, "note message").map(drop)
    }

    /// Lets go of a run in the name of a holder that is known to be gone, and notes that a message for it was sent. False
    /// where the lease is no longer as it was seen: somebody has the run.
    ///
    /// The token goes with the lease: should that holder live after all, nothing of it commits (I3).
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn free_lease(&self, connection: &Connection, seen: &Lease, now: Timestamp) -> Result<bool, AwsFault> {
        let Some(run) = &seen.run_id else { return Ok(false) };
        let call = self
            .control
            .update_item(lease_key(connection))
            .update_expression("SET untilMs = :zero, queuedMs = :now REMOVE fence")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":run", text(run.as_str()));
        let call = match &seen.fence {
            Some(fence) => call
                .condition_expression("runId = :run AND fence = :fence")
                .expression_attribute_values(":fence", text(fence)),
            None => call.condition_expression("runId = :run AND attribute_not_exists(fence)"),
        };
        let freed = conditional(past_conflicts(|| call.clone().send()).await, "free lease")?;
        Ok(freed.is_some())
    }

    /// Takes the token from whoever holds a run, and leaves the run reserved until the time by which a holder may have a call under way:
    /// nothing of it commits any more (I3), and nobody writes beside it. False where the lease is no longer as it was seen.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn cut_off(&self, connection: &Connection, seen: &Lease) -> Result<bool, AwsFault> {
        let (Some(run), Some(fence)) = (&seen.run_id, &seen.fence) else { return Ok(false) };
        let call = self
            .control
            .update_item(lease_key(connection))
            // Until then no message is missed.
            .update_expression("SET queuedMs = untilMs REMOVE fence")
            .condition_expression("runId = :run AND fence = :fence")
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":fence", text(fence));
        let cut = conditional(past_conflicts(|| call.clone().send()).await, "cut holder off")?;
        Ok(cut.is_some())
    }

    /// The lease of a connection, to see who holds it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn lease_of(&self, connection: &Connection) -> Result<Option<Lease>, AwsFault> {
        self.control.read(lease_key(connection), "read lease").await?.map(value).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::items::item;

    #[test]
    fn a_lease_item_without_optional_fields_is_read() {
        let stored = item(&Lease::default(), key("c", "lease")).unwrap();
        assert!(!stored.contains_key("runId") && !stored.contains_key("fence") && !stored.contains_key("stopBy"));
        assert_eq!(value::<Lease>(stored).unwrap(), Lease::default());
        let bare = Item::from([("untilMs".to_owned(), number(7))]);
        assert_eq!(value::<Lease>(bare).unwrap(), Lease { until_ms: 7, ..Lease::default() });
    }
}
