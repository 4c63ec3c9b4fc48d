//! The functions that this binary contains: the one list to add a function to.

use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the function of a package; `None` when this binary contains no such function.
pub(crate) async fn build(
    package: &str,
    environment: &Environment,
    outside: &Outside,
) -> Option<Result<Function, StartError>> {
    Some(match package {
        "alerts" => signalbox_alerts::build(environment, outside).await,
        "completions" => signalbox_completions::build(environment, outside).await,
        "console" => signalbox_console::build(environment, outside).await,
        "dead-letters" => signalbox_dead_letters::build(environment, outside).await,
        "digests" => signalbox_digests::build(environment, outside).await,
        "live-logs" => signalbox_live_logs::build(environment, outside).await,
        "pre-traffic" => signalbox_pre_traffic::build(environment, outside).await,
        "read-api" => signalbox_read_api::build(environment, outside).await,
        "scheduler" => signalbox_scheduler::build(environment, outside).await,
        "sync-control" => signalbox_sync_control::build(environment, outside).await,
        "sync-worker" => signalbox_sync_worker::build(environment, outside).await,
        "webhook-worker" => signalbox_webhook_worker::build(environment, outside).await,
        "webhooks" => signalbox_webhooks::build(environment, outside).await,
        _ => return None,
    })
}
