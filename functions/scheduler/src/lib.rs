//! Nightly syncs, and the watchdog over runs that have stopped moving.
//!
//! A schedule is known by the name of its rule, which `template.yaml` gives it.

use lambda_runtime::Error;
use serde_json::Value;
use signalbox::engine::runs::context::Engine;
use signalbox::engine::runs::{schedule, watchdog};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let engine = Engine::new(environment, outside)?;
    Ok(Function::event(move |event: Value, _context| {
        let engine = engine.clone();
        async move { handle(&engine, &event).await }
    }))
}

async fn handle(engine: &Engine, event: &Value) -> Result<(), Error> {
    let rule = event["resources"][0].as_str().unwrap_or_default();
    let id = event["id"].as_str().unwrap_or_default();
    match rule.rsplit('-').next() {
        Some("nightly") => {
            let runs = schedule::start_all(engine, id).await?;
            tracing::info!(runs = runs.len(), "nightly runs started");
        }
        Some("watchdog") => {
            let _logged = watchdog::watch(engine).await?;
        }
        _ => return Err(format!("no schedule of ours: {rule:?}").into()),
    }
    Ok(())
}
