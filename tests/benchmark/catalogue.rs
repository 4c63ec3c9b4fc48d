//! CPU of a sync: per row when all rows are new and when none changed, and per megabyte of a real catalogue.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::build::{Build, root, target};
use crate::install::{self, run};
use crate::report::{Report, Target, median, note};
use crate::stage::{Stage, expect, vendor};
use crate::{Result, rows};

const ROWS: usize = 20_000;
const REPETITIONS: usize = 3;
/// Large enough that starting and ending the run do not show.
const CATALOGUE_BYTES: usize = 64_000_000;

pub(crate) async fn measure(build: &Build, original: Option<&Path>, with_dlt: bool, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    let bytes = rows::write(&stage.file("rows.ndjson"), ROWS, 0)?;
    report.add("bytes of a row", bytes.round(), "B", Target::None);
    let mut function = stage.function(build, "sync-control").await?;
    stage.warm(&mut function).await?;

    let per_row = 1e6 / ROWS as f64;
    let (mut scans, mut loads, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..REPETITIONS {
        let event = |mode| stage.sync(&vendor(number), "rows.ndjson", mode);
        let (answer, cpu) = function.invoke_counting_cpu(&event("dryRun")?).await?;
        expect(&answer.value, &json!({"created": ROWS, "dryRun": true}))?;
        scans.push(cpu.as_secs_f64() * per_row);
        let (answer, cpu) = function.invoke_counting_cpu(&event("apply")?).await?;
        expect(&answer.value, &json!({"created": ROWS}))?;
        loads.push(cpu.as_secs_f64() * per_row);
        let (answer, cpu) = function.invoke_counting_cpu(&event("apply")?).await?;
        expect(&answer.value, &json!({"unchanged": ROWS}))?;
        repeats.push(cpu.as_secs_f64() * per_row);
    }
    report.add("CPU per row, first load", median(loads), "µs", Target::AtMost(30.0));
    report.add("CPU per row, first load, of which read and hash", median(scans), "µs", Target::None);
    report.add("CPU per row, nothing changed", median(repeats), "µs", Target::AtMost(15.0));
    if with_dlt {
        dlt(&stage.file("rows.ndjson"), ROWS, report)?;
    }
    throughput(&stage, build, original, report).await
}

async fn throughput(stage: &Stage, build: &Build, original: Option<&Path>, report: &mut Report) -> Result<()> {
    let shipped = || root().join("infra/local/demo/moscot.catalog.json");
    let original = std::fs::read_to_string(original.map_or_else(shipped, PathBuf::from))?;
    let (items, bytes) = rows::repeat(&original, &stage.file("catalogue.json"), CATALOGUE_BYTES)?;
    note(&format!("the real catalogue, repeated: {items} items, {} MB", bytes / 1_000_000));
    let mut function = stage.function(build, "sync-control").await?;
    stage.warm(&mut function).await?;
    let event = stage.sync(&vendor(REPETITIONS), "catalogue.json", "apply")?;
    expect(&function.invoke(&event).await?.value, &json!({"created": items}))?;
    let mut rates = Vec::new();
    for _ in 0..REPETITIONS {
        let (answer, cpu) = function.invoke_counting_cpu(&event).await?;
        expect(&answer.value, &json!({"unchanged": items}))?;
        rates.push(bytes as f64 / 1e6 / cpu.as_secs_f64());
    }
    let figure = "real catalogue read, hashed and compared, per core";
    report.add(figure, median(rates), "MB/s", Target::AtLeast(150.0));
    Ok(())
}

/// The same rows, merged by dlt into DuckDB. Its CPU is that of the database too, which is in its process.
pub(crate) fn dlt(catalogue: &Path, rows: usize, report: &mut Report) -> Result<()> {
    let requirements = root().join("tests/benchmark/requirements.txt");
    let python = install::python(&requirements, &target()?.join("benchmark-venv"))?;
    let script = root().join("tests/benchmark/dlt_merge.py");
    let output = run(Command::new(&python).arg(script).arg(catalogue))?;
    let measured: Value = serde_json::from_slice(&output)?;
    for (figure, name) in [("first load", "first_load"), ("nothing changed", "nothing_changed")] {
        let seconds = measured[name].as_f64().ok_or_else(|| format!("dlt_merge.py printed {measured}"))?;
        report.add(
            format!("dlt merging {rows} rows into DuckDB, CPU per row, {figure}"),
            seconds * 1e6 / rows as f64,
            "µs",
            Target::None,
        );
    }
    let peak = measured["peak_megabytes"].as_f64().ok_or_else(|| format!("dlt_merge.py printed {measured}"))?;
    report.add(format!("dlt merging {rows} rows into DuckDB, peak memory"), peak, "MB", Target::None);
    Ok(())
}
