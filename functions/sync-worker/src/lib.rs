//! Advance one run by one slice, or a replay by one chunk, for each message of the queue of runs; start what is due, for each
//! message of the queue of what is due.

use aws_lambda_events::sqs::SqsMessage;
use jiff::SignedDuration;
use signalbox::aws::clients::Clients;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::queues::WorkMessage;
use signalbox::aws::queues::sync::{ReplayMessage, SliceMessage};
use signalbox::engine::connections::due::start_due;
use signalbox::engine::deliveries::replay::Replays;
use signalbox::engine::deliveries::replay::advance::{Advanced, advance};
use signalbox::engine::flags::Flags;
use signalbox::engine::mirror::{Mirrors, fan_out};
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
    let clients = Clients::connect(environment, outside)?.counted();
    let worker = RunWorker::connect(&clients, environment, outside)?;
    let flags = Flags::connect(&clients, environment, outside)?;
    let mirrors = Mirrors::connect(&worker.runs, &flags, &clients, environment)?;
    let replays = Replays::connect(&clients, environment, outside)?;
    let slice =
        SignedDuration::from_millis(i64::try_from(environment.number("SLICE_BUDGET_MS", 240_000)?).unwrap_or(i64::MAX));
    Ok(Function::sqs(move |messages| {
        let (worker, mirrors, replays) = (worker.clone(), mirrors.clone(), replays.clone());
        async move {
            let mut failed = Vec::new();
            for message in messages {
                let id = message.message_id.clone().unwrap_or_default();
                if let Err(error) = handle(&worker, &mirrors, &replays, &message, slice).await {
                    // Back to the queue: it comes again when its visibility ends, and is at last a dead letter, or forgotten.
                    tracing::error!(message_id = id, %error, "message failed");
                    failed.push(id);
                }
            }
            failed
        }
    }))
}

async fn handle(
    worker: &RunWorker,
    mirrors: &Mirrors,
    replays: &Replays,
    message: &SqsMessage,
    slice: SignedDuration,
) -> Result<(), AwsFault> {
    let unreadable = |detail: String| AwsFault { operation: "read message", detail, transient: false };
    let body = message.body.as_deref().unwrap_or_default();
    match serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))? {
        WorkMessage::Slice(message) => {
            let span = tracing::info_span!("slice", run_id = %message.run_id,
                connection = %message.connection, correlation_id = message.correlation_id);
            let until = worker.runs.now().checked_add(slice).map_err(|error| unreadable(error.to_string()))?;
            told(&message, take_and_advance(worker, &message, until).instrument(span).await?);
        }
        // What fails of it is due still, and is no reason to have the others again.
        WorkMessage::Due(message) => {
            let begun = start_due(mirrors, message.due).await;
            tracing::info!(started = begun.started, failed = begun.failed, "what was due started");
        }
        // A crash or a fault brings the message again, and the watchdog sends another.
        WorkMessage::FanOut(message) => {
            let until = worker.runs.now().checked_add(slice).map_err(|error| unreadable(error.to_string()))?;
            Box::pin(fan_out::advance(mirrors, &message, until)).await?;
        }
        WorkMessage::Replay(message) => {
            // Boxed: it is a large part of what every slice would carry.
            let end = Box::pin(advance(replays, &message)).await?;
            told_of_replay(&message, &end);
        }
    }
    Ok(())
}

fn told_of_replay(message: &ReplayMessage, end: &Advanced) {
    let ReplayMessage { tenant, replay, chunk } = message;
    match end {
        Advanced::Through(now) => tracing::info!(
            %tenant, %replay, chunk, state = now.state.as_str(), through = now.counts.total(), total = now.total,
            "chunk of a replay is through"
        ),
        Advanced::SentOn => tracing::debug!(%tenant, %replay, chunk, "somebody else has the chunk, or had it"),
        Advanced::Over => tracing::debug!(%tenant, %replay, chunk, "the replay does not run"),
    }
}

fn told(message: &SliceMessage, end: SliceEnd) {
    match end {
        SliceEnd::Over(run) => tracing::debug!(run_id = %run.id, "slice ended the run"),
        SliceEnd::HandedOn(run) => tracing::debug!(run_id = %run.id, "slice handed the run on"),
        SliceEnd::Waits(until) => tracing::debug!(run_id = %message.run_id, %until, "the run waits"),
        SliceEnd::NotOurs => tracing::debug!(run_id = %message.run_id, "somebody else has the run, or it is over"),
    }
}
