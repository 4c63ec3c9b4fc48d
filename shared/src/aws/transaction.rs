//! One transaction: all of its writes, or none.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use super::faults::{AwsFault, fault};
use super::items::Item;

/// A transaction that met another one on the same item is tried this often.
const ATTEMPTS_MAX: u32 = 6;

/// Why a transaction was not done.
pub(super) enum Declined {
    /// A condition failed; the items as they are, by position, where one failed.
    Condition(Vec<Option<Item>>),
    /// The call failed.
    Fault(AwsFault),
}

impl Declined {
    /// The item whose condition failed, when `position` was the one.
    pub(super) fn at(&self, position: usize) -> Option<&Item> {
        match self {
            Self::Condition(items) => items.get(position)?.as_ref(),
            Self::Fault(_) => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Transaction(Vec<TransactWriteItem>);

impl Transaction {
    pub(super) fn put(mut self, put: Put) -> Self {
        self.0.push(TransactWriteItem::builder().put(put).build());
        self
    }

    pub(super) fn update(mut self, update: Update) -> Self {
        self.0.push(TransactWriteItem::builder().update(update).build());
        self
    }

    pub(super) fn check(mut self, check: ConditionCheck) -> Self {
        self.0.push(TransactWriteItem::builder().condition_check(check).build());
        self
    }

    pub(super) fn delete(mut self, delete: Delete) -> Self {
        self.0.push(TransactWriteItem::builder().delete(delete).build());
        self
    }

    /// How many writes it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Commits. The SDK sends a client request token with it, so that its own retry of a commit whose reply was lost
    /// commits nothing twice. A conflict with another transaction is not among what the SDK retries: nothing was
    /// written then, and it is tried again here.
    pub(super) async fn commit(self, client: &Client, operation: &'static str) -> Result<(), Declined> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let call = client
                .transact_write_items()
                .set_transact_items(Some(self.0.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let Err(error) = call.send().await else { return Ok(()) };
            let reasons = match error.as_service_error() {
                Some(service) if service.is_transaction_canceled_exception() => reasons(service),
                _ => return Err(Declined::Fault(fault(operation, &error))),
            };
            let failed = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
            if failed("ConditionalCheckFailed") {
                let old = |reason: CancellationReason| match reason.code() {
                    Some("ConditionalCheckFailed") => Some(reason.item.unwrap_or_default()),
                    _ => None,
                };
                return Err(Declined::Condition(reasons.into_iter().map(old).collect()));
            }
            let transient =
                failed("TransactionConflict") || failed("ThrottlingError") || failed("ProvisionedThroughputExceeded");
            if !transient || attempt == ATTEMPTS_MAX {
                let codes: Vec<&str> = reasons.iter().filter_map(CancellationReason::code).collect();
                let detail = format!("transaction cancelled: {}", codes.join(", "));
                return Err(Declined::Fault(AwsFault { operation, detail, transient }));
            }
            tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
        }
    }
}

fn reasons(
    error: &aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
) -> Vec<CancellationReason> {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException;
    match error {
        TransactionCanceledException(cancelled) => cancelled.cancellation_reasons().to_vec(),
        _ => Vec::new(),
    }
}

/// A single write that meets a transaction on its item writes nothing. The SDK does not try it again; this does.
pub(super) async fn past_conflicts<T, E, R, F>(call: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut attempt = 0;
    loop {
        attempt += 1;
        match call().await {
            Err(error) if error.code() == Some("TransactionConflictException") && attempt < ATTEMPTS_MAX => {
                tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
            }
            done => return done,
        }
    }
}

/// Asks for the item back when its condition fails: the answer explains itself without another read.
pub(super) const OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

/// A builder that can only miss what this crate itself leaves out.
pub(super) fn built<T>(result: Result<T, aws_sdk_dynamodb::error::BuildError>) -> Result<T, AwsFault> {
    result.map_err(|error| AwsFault::damaged("build request", error.to_string()))
}
