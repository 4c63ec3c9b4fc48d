//! What a flood of forged requests costs, and how long each waits for its answer, while storage is well, throttled, or hangs.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::proxy::{Proxy, Weather};
use crate::report::{Report, Target, note, p99};
use crate::stage::Stage;
use crate::{Result, events};

const FUNCTION: &str = "webhooks";
/// As large as a body is kept.
const BODY_BYTES: usize = 32 * 1024;
/// Lambda gives an instance one request at a time; what comes faster goes to others.
const A_SECOND: u32 = 100;
const SECONDS: u32 = 30;

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    let event = events::forged(BODY_BYTES)?;
    for (weather, name) in [
        (Weather::Fair, "storage well"),
        (Weather::Throttled, "storage throttled"),
        (Weather::Hanging, "storage hanging"),
    ] {
        let tables = Proxy::start(&stage.host.endpoints().dynamodb).await?;
        let mut environment = stage.host.environment(FUNCTION);
        environment.extend([("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), tables.url.clone())]);
        let mut function = FunctionProcess::start(&build.binary(FUNCTION), &environment).await?;
        tables.set(weather);
        let milliseconds = send(&mut function, &event).await?;
        let written = tables.take();
        note(&format!("{name}, {} forged requests: {written:?}", milliseconds.len()));
        if weather == Weather::Fair {
            let each = written.units / milliseconds.len() as f64;
            report.add(format!("forged, {SECONDS} s from the first: write units each"), each, "WCU", Target::None);
        }
        let longest = milliseconds.iter().copied().fold(0.0, f64::max);
        report.add(format!("forged, {name}: p99 of the answer"), p99(milliseconds), "ms", Target::AtMost(200.0));
        report.add(format!("forged, {name}: the longest"), longest, "ms", Target::None);
    }
    Ok(())
}

/// How long each took, in milliseconds.
async fn send(function: &mut FunctionProcess, event: &Value) -> Result<Vec<f64>> {
    let mut turn = interval(Duration::from_secs(1) / A_SECOND);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut milliseconds = Vec::new();
    for _ in 0..A_SECOND * SECONDS {
        turn.tick().await;
        let answer = function.invoke(event).await?;
        if answer.value["statusCode"] != 403 {
            return Err(format!("expected status 403: {}", answer.value).into());
        }
        milliseconds.push(answer.took.as_secs_f64() * 1e3);
    }
    Ok(milliseconds)
}
