//! Instructions of a webhook, at its door and in the worker behind it; and how many they were of other binaries.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::line::Line;
use crate::report::{Report, Target, median, note};
use crate::sales::{Sales, WEBHOOKS, WORKER, expect, keys};
use crate::{Result, callgrind, events};

/// Until all code has run and connections are open. A multiple of a batch, as all of them.
const WARM: usize = 100;
/// Of a window the figure is a mean, of all windows the median: what is done once a second falls into some of them.
const WINDOW: usize = 50;
const WINDOWS: usize = 5;
/// How often the first event is tried, and how long is waited in between: whom it is from is looked up anew after that.
const FIRST_MAX: usize = 20;
const FIRST_PAUSE: Duration = Duration::from_millis(1_500);

/// What is counted, in the order in which it is counted.
const FIGURES: [&str; 5] = [
    "webhooks: instructions per new event",
    "webhook-worker: instructions per event, in batches of ten",
    "webhooks: instructions per first duplicate",
    "webhook-worker: instructions per event whose first duplicate came",
    "webhooks: instructions per later duplicate",
];

/// Counts them; without valgrind it says so, and nothing else is lost by that.
pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    if !callgrind::is_there() {
        note("instructions are not counted: there is no valgrind");
        return Ok(());
    }
    for (figure, counted) in FIGURES.iter().zip(counted(build).await?) {
        report.add(*figure, counted, "", Target::None);
    }
    Ok(())
}

/// Counts those of both, and says how many times as many the second has.
pub(crate) async fn compare(before: &Path, build: &Build, report: &mut Report) -> Result<()> {
    if !callgrind::is_there() {
        return Err("instructions cannot be counted: there is no valgrind".into());
    }
    let before = counted(&Build::make(Some(before), &[WEBHOOKS, WORKER])?).await?;
    let after = counted(build).await?;
    for ((figure, before), after) in FIGURES.iter().zip(before).zip(after) {
        report.add(format!("{figure}, before"), before, "", Target::None);
        report.add(format!("{figure}, after"), after, "", Target::None);
        if before > 0.0 {
            report.add(format!("{figure}, after to before"), after / before, "×", Target::None);
        }
    }
    Ok(())
}

/// Hands the first event out again and again until it is taken in: so slow a processor may take longer for it than a sender is let wait.
async fn first(door: &mut FunctionProcess, event: &Value) -> Result<()> {
    for _ in 0..FIRST_MAX {
        let answer = door.invoke(event).await?;
        if answer.value["statusCode"] != 503 {
            return expect(WEBHOOKS, &answer, 201);
        }
        tokio::time::sleep(FIRST_PAUSE).await;
    }
    Err("the first event is not taken in".into())
}

async fn counted(build: &Build) -> Result<Vec<f64>> {
    let sales = Sales::set().await?;
    let of = async |function| {
        note(&format!("counting the instructions of {}", build.binary(function).display()));
        FunctionProcess::spawn_counted(&build.binary(function), &sales.stage.host.environment(function)).await
    };
    let mut line = Line::new(&sales, of(WEBHOOKS).await?, of(WORKER).await?)?;
    first(&mut line.door, &events::sale(&sales.secret, "first")?).await?;
    let warm = sales.events(&keys("warm", WARM))?;
    for status in [201, 204, 204] {
        line.take_in(&warm, status).await?;
        line.apply().await?;
    }
    line.door.instructions().await?;
    line.worker.instructions().await?;

    let mut windows = vec![Vec::new(); FIGURES.len()];
    for number in 0..WINDOWS {
        let events = sales.events(&keys(&format!("window-{number}"), WINDOW))?;
        let each = |instructions: u64| instructions as f64 / WINDOW as f64;
        line.take_in(&events, 201).await?;
        windows[0].push(each(line.door.instructions().await?));
        line.apply().await?;
        windows[1].push(each(line.worker.instructions().await?));
        line.take_in(&events, 204).await?;
        windows[2].push(each(line.door.instructions().await?));
        line.apply().await?;
        windows[3].push(each(line.worker.instructions().await?));
        line.take_in(&events, 204).await?;
        windows[4].push(each(line.door.instructions().await?));
        line.apply().await?;
        line.worker.instructions().await?;
    }
    for (figure, windows) in FIGURES.iter().zip(&windows) {
        note(&format!("{figure}, window by window: {windows:.0?}"));
    }
    Ok(windows.into_iter().map(median).collect())
}
