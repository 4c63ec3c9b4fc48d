//! What a webhook costs from its door to its effect: CPU of the door and of the worker behind the queue, and what both write; and what its
//! duplicates cost.

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::line::Line;
use crate::report::{Report, Target, median, note};
use crate::sales::{Sales, Services, WEBHOOKS, WORKER, keys};
use crate::{Result, events};

const WARM: usize = 2_000;
const ROUNDS: usize = 7;
const EVENTS_A_ROUND: usize = 500;
/// For what is the same with every event, but for what is counted once a batch, or once a second.
const COUNTED: usize = 200;
/// Of each, of which the first is thrown away: it reads the program from the disk.
const STARTS: usize = 12;
/// What share of what is sent may be duplicates.
const SHARES: [f64; 3] = [0.0, 0.05, 0.5];

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    cpu(build, report).await?;
    units(build, report).await
}

async fn cpu(build: &Build, report: &mut Report) -> Result<()> {
    let sales = Sales::set().await?;
    let mut polls = Vec::new();
    for number in 0..STARTS {
        let mut worker = spawn(build, &sales, WORKER).await?;
        worker.polled().await?;
        let polled = worker.spawn_to_first_poll().filter(|_| number > 0);
        polls.extend(polled.map(|after| after.as_secs_f64() * 1e3));
    }
    report.add(format!("{WORKER}: spawn to first poll"), median(polls), "ms", Target::AtMost(6.0));

    let (door, worker) = (spawn(build, &sales, WEBHOOKS).await?, spawn(build, &sales, WORKER).await?);
    let mut line = Line::new(&sales, door, worker)?;
    let (mut doors, mut workers, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let count = if round == 0 { WARM } else { EVENTS_A_ROUND };
        let events = sales.events(&keys(&format!("end-{round}"), count))?;
        let before = (line.door.cpu()?, line.worker.cpu()?);
        line.take_in(&events, 201).await?;
        let applied = line.apply().await?;
        if applied.messages != count {
            return Err(format!("{count} events became {applied:?}").into());
        }
        let after = (line.door.cpu()?, line.worker.cpu()?);
        if round > 0 {
            let each = |took: std::time::Duration| took.as_secs_f64() * 1e3 / count as f64;
            let (door, worker) = (each(after.0 - before.0), each(after.1 - before.1));
            doors.push(door);
            workers.push(worker);
            both.push(door + worker);
        }
    }
    report.add(format!("{WEBHOOKS}: CPU per new event, with a worker behind it"), median(doors), "ms", Target::None);
    report.add(format!("{WORKER}: CPU per event, in batches of ten"), median(workers), "ms", Target::AtMost(0.3));
    report.add("end to end: CPU per new event", median(both), "ms", Target::AtMost(0.5));
    let (peak, _) = line.worker.memory()?;
    report.add(format!("{WORKER}: peak memory"), peak, "MB", Target::AtMost(25.0));
    Ok(())
}

async fn spawn(build: &Build, sales: &Sales, function: &'static str) -> Result<FunctionProcess> {
    let command = tokio::process::Command::new(build.binary(function));
    // With its log, as it is deployed.
    FunctionProcess::spawn(command, &sales.stage.host.environment(function)).await
}

type Event = fn(&str, &str) -> Result<serde_json::Value>;

/// What is written of new events, of a first duplicate of each, and of another one, each time after all that came before is applied.
async fn units(build: &Build, report: &mut Report) -> Result<()> {
    for (size, event, target) in [
        ("", events::small_sale as Event, Target::AtMost(2.3)),
        // Its body alone fills the unit of 1 KB that the effect is written in.
        (" of 1 KB", events::sale as Event, Target::None),
    ] {
        let sales = Sales::set().await?;
        let mut of_door = sales.stage.host.environment(WEBHOOKS);
        let mut of_worker = sales.stage.host.environment(WORKER);
        let before_door = Services::between(&sales.stage, None, &mut of_door).await?;
        let before_worker = Services::between(&sales.stage, None, &mut of_worker).await?;
        let start = |function, environment| {
            FunctionProcess::spawn(tokio::process::Command::new(build.binary(function)), environment)
        };
        let (door, worker) = (start(WEBHOOKS, &of_door).await?, start(WORKER, &of_worker).await?);
        let mut line = Line::new(&sales, door, worker)?;
        let names = keys("units", COUNTED);
        let events = names.iter().map(|key| event(&sales.secret, key)).collect::<Result<Vec<_>>>()?;
        let mut each = Vec::new();
        for (kind, status) in [("new event", 201), ("first duplicate", 204), ("later duplicate", 204)] {
            line.take_in(&events, status).await?;
            let (written, sent) = before_door.units();
            let applied = line.apply().await?;
            let (applied_by, _) = before_worker.units();
            note(&format!("{COUNTED} times a {kind}{size}: {applied:?}"));
            let of = |number: f64| number / COUNTED as f64;
            let what = format!("{kind}{size}");
            report.add(format!("door: write units per {what}"), of(written), "WCU", Target::None);
            report.add(format!("worker: write units per {what}"), of(applied_by), "WCU", Target::None);
            report.add(format!("messages sent per {what}"), of(sent as f64), "", Target::None);
            each.push(of(written + applied_by));
        }
        report.add(format!("end to end: write units per new event{size}"), each[0], "WCU", target);
        for share in SHARES {
            // So many duplicates come with each new event; each is the first one of its event.
            let with = each[0] + each[1] * share / (1.0 - share);
            let figure = format!(
                "end to end: write units per event{size} with its duplicates, {:.0} % of what comes",
                share * 100.0
            );
            report.add(figure, with, "WCU", Target::None);
        }
    }
    Ok(())
}
