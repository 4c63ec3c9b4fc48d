//! Try a new version of a function before traffic comes to it: CodeDeploy asks, samples that write nothing are sent to that very version,
//! and the verdict is given. Whatever is in doubt is refused: the version before it goes on serving.

pub mod samples;
pub mod target;

use std::time::Duration;

use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::releases::Releases;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::{Clock, Outside};

use crate::samples::Refused;
use crate::target::{Target, Unreadable};

/// How long a version is tried: what the function's timeout leaves beside it is for the verdict, without which CodeDeploy waits for an
/// hour.
const TRIED_MAX: Duration = Duration::from_secs(70);

/// What CodeDeploy sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    deployment_id: String,
    lifecycle_event_hook_execution_id: String,
}

/// Why a version is not let in.
#[derive(Debug, thiserror::Error)]
enum Doubt {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("it did not answer all within {} s", TRIED_MAX.as_secs())]
    Late,
    #[error("there are no samples of {0}")]
    NoSamples(String),
    #[error(transparent)]
    Unasked(#[from] AwsFault),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let releases = Releases::connect(&Clients::connect(environment, outside)?, outside);
    let clock = outside.clock.clone();
    let stack = environment.require("STACK_NAME")?.to_owned();
    Ok(Function::event(move |event: Value, _context| {
        let (releases, stack, clock) = (releases.clone(), stack.clone(), clock.clone());
        async move { handle(&releases, &stack, &clock, serde_json::from_value(event)?).await }
    }))
}

async fn handle(releases: &Releases, stack: &str, clock: &Clock, asked: Asked) -> Result<(), Error> {
    let Asked { deployment_id, lifecycle_event_hook_execution_id } = asked;
    let judged = clock.within(TRIED_MAX, judge(releases, stack, &deployment_id)).await.unwrap_or(Err(Doubt::Late));
    match &judged {
        Ok(target) => {
            let Target { function, version, .. } = target;
            tracing::info!(deployment_id, function, version, "the version may have traffic");
        }
        Err(doubt) => tracing::error!(deployment_id, %doubt, "the version is not let in"),
    }
    Ok(releases.tell(&deployment_id, &lifecycle_event_hook_execution_id, judged.is_ok()).await?)
}

async fn judge(releases: &Releases, stack: &str, deployment: &str) -> Result<Target, Doubt> {
    let target = Target::read(&releases.specification(deployment).await?, stack)?;
    let samples = samples::of(&target.logical_id).ok_or_else(|| Doubt::NoSamples(target.logical_id.clone()))?;
    for sample in samples {
        let invoked = releases.invoke(&target.function, target.version, &sample.event).await?;
        sample.judge(invoked.error.as_deref(), &invoked.payload)?;
    }
    Ok(target)
}
