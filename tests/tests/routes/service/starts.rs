//! A function refuses to start on an environment with which it could not do its work.

use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

use crate::routes::kit::World;

async fn build(function: &str, environment: &Environment) -> Result<Function, StartError> {
    let outside = Outside::default();
    match function {
        "sync-control" => signalbox_sync_control::build(environment, &outside).await,
        "sync-worker" => signalbox_sync_worker::build(environment, &outside).await,
        "scheduler" => signalbox_scheduler::build(environment, &outside).await,
        "webhooks" => signalbox_webhooks::build(environment, &outside).await,
        "webhook-worker" => signalbox_webhook_worker::build(environment, &outside).await,
        "dead-letters" => signalbox_dead_letters::build(environment, &outside).await,
        _ => signalbox_read_api::build(environment, &outside).await,
    }
}

/// It would take in what it cannot hand on, and answer 500 for ever.
#[tokio::test]
async fn without_the_address_of_a_queue_that_it_sends_to() {
    let world = World::local().await;
    for (function, queues) in [
        ("sync-control", &["SYNC_QUEUE_URL", "WEBHOOK_QUEUE_URL"][..]),
        ("sync-worker", &["SYNC_QUEUE_URL"]),
        ("scheduler", &["SYNC_QUEUE_URL"]),
        ("webhooks", &["WEBHOOK_QUEUE_URL"]),
        ("webhook-worker", &["WEBHOOK_QUEUE_URL"]),
        ("dead-letters", &[]),
        ("read-api", &[]),
    ] {
        for queue in ["SYNC_QUEUE_URL", "WEBHOOK_QUEUE_URL"] {
            let mut environment = world.host.environment(function);
            // The template names to each function the queues that it sends to, and no other.
            assert_eq!(environment.get(queue).is_some(), queues.contains(&queue), "{function} {queue}");
            assert!(build(function, &environment).await.is_ok(), "{function}");
            environment.extend([(queue.to_owned(), String::new())]);
            let refused = build(function, &environment).await.err().map(|error| error.to_string());
            let expected = queues.contains(&queue).then(|| format!("{queue} is not set"));
            assert_eq!(refused, expected, "{function}");
        }
    }
}
