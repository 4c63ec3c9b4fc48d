//! Advance one run by one slice, for each message of the queue.

use aws_lambda_events::sqs::SqsMessage;
use jiff::SignedDuration;
use signalbox::aws::clients::Clients;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::queues::sync::SliceMessage;
use signalbox::engine::runs::advance::{SliceEnd, take_and_advance};
use signalbox::engine::runs::context::RunWorker;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;
use tracing::Instrument as _;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let worker = RunWorker::connect(&Clients::connect(environment, outside)?, environment, outside)?;
    let slice =
        SignedDuration::from_millis(i64::try_from(environment.number("SLICE_BUDGET_MS", 240_000)?).unwrap_or(i64::MAX));
    Ok(Function::sqs(move |messages| {
        let worker = worker.clone();
        async move {
            let mut failed = Vec::new();
            for message in messages {
                let id = message.message_id.clone().unwrap_or_default();
                if let Err(error) = handle(&worker, &message, slice).await {
                    // Back to the queue: it comes again when its visibility ends, and at last as a dead letter.
                    tracing::error!(message_id = id, %error, "slice failed");
                    failed.push(id);
                }
            }
            failed
        }
    }))
}

async fn handle(worker: &RunWorker, message: &SqsMessage, slice: SignedDuration) -> Result<(), AwsFault> {
    let unreadable = |detail: String| AwsFault { operation: "read message", detail, transient: false };
    let body = message.body.as_deref().unwrap_or_default();
    let message: SliceMessage = serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?;
    let span = tracing::info_span!("slice", run_id = %message.run_id,
        connection = %message.connection, correlation_id = message.correlation_id);
    let until = worker.runs.now().checked_add(slice).map_err(|error| unreadable(error.to_string()))?;
    let end = take_and_advance(worker, &message, until).instrument(span).await?;
    match end {
        SliceEnd::Over(run) => tracing::debug!(run_id = %run.id, "slice ended the run"),
        SliceEnd::HandedOn(run) => tracing::debug!(run_id = %run.id, "slice handed the run on"),
        SliceEnd::Waits(until) => tracing::debug!(run_id = %message.run_id, %until, "the run waits"),
        SliceEnd::NotOurs => tracing::debug!(run_id = %message.run_id, "somebody else has the run, or it is over"),
    }
    Ok(())
}
