//! Catalogues that are larger than any vendor's known to us: 200,000 rows beside dlt, and millions in slices as in AWS, each by an invocation
//! of the worker with the budget that the template has.

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::queues::sync::SliceMessage;
use signalbox::domain::ids::Connection;
use signalbox::domain::runs::run::{CatalogueWork, Mode, RunStatus, Trigger, Work};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::start::{StartRequest, start_in_background};
use signalbox::outside::{Clock, Outside};

use crate::build::Build;
use crate::catalogue::dlt;
use crate::function::FunctionProcess;
use crate::proxy::Proxy;
use crate::report::{Report, Target, note};
use crate::stage::{Stage, vendor};
use crate::{Result, rows};

const EVENT: &str = include_str!("../../events/sync-worker/slice.json");
/// As many as dlt merges in some minutes; fewer where all are fewer.
const BESIDE_DLT: usize = 200_000;
const CHANGED: usize = 200;
/// More slices than any run here takes.
const SLICES_MAX: u32 = 400;

pub(crate) async fn measure(build: &Build, count: usize, with_dlt: bool, report: &mut Report) -> Result<()> {
    let few = BESIDE_DLT.min(count);
    let beside = Stage::set().await?;
    rows::write(&beside.file("rows.ndjson"), few, 0)?;
    for (name, counted) in [("first load", "created"), ("nothing changed", "unchanged")] {
        let expected = json!({counted: few});
        run(build, &beside, "rows.ndjson", (name, &expected), few, report).await?;
    }
    if with_dlt {
        dlt(&beside.file("rows.ndjson"), few, report)?;
    }
    drop(beside);

    let stage = Stage::set().await?;
    let bytes = rows::write_small(&stage.file("0.ndjson"), count, 0)?;
    rows::write_small(&stage.file("changed.ndjson"), count, CHANGED)?;
    report.add(format!("{count} rows: bytes of a row"), bytes.round(), "B", Target::None);
    for (name, source, expected) in [
        ("first load", "0.ndjson", json!({"created": count})),
        ("nothing changed", "0.ndjson", json!({"unchanged": count})),
        ("200 changed", "changed.ndjson", json!({"updated": CHANGED})),
    ] {
        run(build, &stage, source, (name, &expected), count, report).await?;
    }
    Ok(())
}

/// A run from its start to its end, by a worker of its own, as its peak is never forgotten.
async fn run(
    build: &Build,
    stage: &Stage,
    source: &str,
    (name, expected): (&str, &Value),
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let name = format!("{count} rows, {name}");
    let (environment, outside) = (stage.host.environment("sync-control"), Outside::default());
    let runs = Runs::connect(&Clients::connect(&environment, &outside)?, &environment, &outside)?;
    let proxy = Proxy::start(&stage.host.endpoints().dynamodb).await?;
    let through = [("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url.clone())];
    let mut worker: FunctionProcess = stage.function_with(build, "sync-worker", through).await?;
    let connection: Connection = format!("default/catalogue/{}", vendor(0)).parse()?;
    let work = CatalogueWork { source_path: Some(source.to_owned()), ..CatalogueWork::default() };
    let request = StartRequest {
        connection: connection.clone(),
        work: Work::Catalogue(work),
        mode: Mode::Apply,
        actor: "benchmark".into(),
        trigger: Trigger::Manual,
        correlation_id: "benchmark".into(),
    };
    let mut run = start_in_background(&runs, &request, None).await?.ok_or("nothing was started")?;
    let mut event: Value = serde_json::from_str(EVENT)?;
    event["Records"][0]["body"] = json!(serde_json::to_string(&SliceMessage::of(&run))?);
    let (mut cpu, mut seconds, mut slices) = (0.0, 0.0, 0_u32);
    while run.status == RunStatus::Pending {
        slices += 1;
        if slices > SLICES_MAX {
            return Err(format!("{name} does not end: {:?}", run.wait).into());
        }
        if let Some(wait) = run.wait {
            note(&format!("{name} waits until {} ({})", wait.until, wait.reason.text()));
            let pause = wait.until.duration_since(Clock::default().now());
            tokio::time::sleep(std::time::Duration::try_from(pause).unwrap_or_default()).await;
        }
        let (answer, used) = worker.invoke_counting_cpu(&event).await?;
        (cpu, seconds) = (cpu + used.as_secs_f64(), seconds + answer.took.as_secs_f64());
        let (peak, _) = worker.memory()?;
        note(&format!("{name}: slice {slices}, {seconds:.0} s, peak {peak:.0} MB"));
        run = runs.store.reads.one(&connection, &run.id).await?.ok_or("the run is gone")?;
    }
    let Work::Catalogue(work) = &run.work else { return Err("the run is none of a catalogue".into()) };
    let counts = work.counts.map(serde_json::to_value).transpose()?.unwrap_or_default();
    let is_expected = expected.as_object().into_iter().flatten().all(|(what, value)| counts[what] == *value);
    if run.status != RunStatus::Success || !is_expected {
        return Err(format!("{name}: expected {expected}: {counts}, {:?}", run.error).into());
    }
    let (peak, _) = worker.memory()?;
    let written = proxy.take();
    report.add(format!("{name}: time of all slices"), seconds, "s", Target::None);
    report.add(format!("{name}: slices"), f64::from(slices), "", Target::None);
    report.add(format!("{name}: CPU per row"), cpu * 1e6 / count as f64, "µs", Target::None);
    report.add(format!("{name}: peak memory"), peak, "MB", Target::None);
    report.add(format!("{name}: write units"), written.units, "WCU", Target::None);
    report.add(format!("{name}: read units"), written.read_units, "RCU", Target::None);
    Ok(())
}
