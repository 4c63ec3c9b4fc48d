//! How much a sync writes, counted at the endpoint: items in requests, and units in `ConsumedCapacity`.

use serde_json::json;

use crate::build::Build;
use crate::proxy::{Proxy, Written};
use crate::report::{Report, Target, note};
use crate::stage::{Stage, expect, vendor};
use crate::{Result, rows};

const ROWS: usize = 20_000;

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    let proxy = Proxy::start(&stage.host.endpoints().dynamodb).await?;
    let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url.clone());
    let mut function = stage.function_with(build, "sync-control", [endpoint]).await?;
    stage.warm(&mut function).await?;

    // Each edition differs from the one before in as many rows as its name says.
    rows::write(&stage.file("0.ndjson"), ROWS, 0)?;
    rows::write(&stage.file("200.ndjson"), ROWS, 200)?;
    let mut apply = async |source: &str, expected| -> Result<Written> {
        proxy.take();
        expect(&function.invoke(&stage.sync(&vendor(0), source, "apply")?).await?.value, &expected)?;
        let written = proxy.take();
        note(&format!("{source}: {written:?}"));
        Ok(written)
    };
    let first = apply("0.ndjson", json!({"created": ROWS})).await?;
    let unchanged = apply("0.ndjson", json!({"unchanged": ROWS})).await?;
    let changed = apply("200.ndjson", json!({"updated": 200})).await?;
    let again = apply("200.ndjson", json!({"unchanged": ROWS})).await?;
    let back = apply("0.ndjson", json!({"updated": 200})).await?;
    if unchanged.items != again.items || changed.items != back.items {
        return Err("two runs of the same kind did not write the same number of items".into());
    }

    let beside = |written: &Written, records: usize| written.items as f64 - records as f64;
    report.add("items written, nothing changed", unchanged.items as f64, "items", Target::None);
    report.add("items written, 200 of 20,000 rows changed", changed.items as f64, "items", Target::None);
    report.add(
        "items written beside the changed rows",
        beside(&changed, 200),
        "items",
        Target::AtMost(beside(&unchanged, 0)),
    );
    report.add("items written beside the rows, first load", beside(&first, ROWS), "items", Target::None);
    report.add("write units, nothing changed", unchanged.units, "WCU", Target::None);
    report.add("write units, 200 of 20,000 rows changed", changed.units, "WCU", Target::None);
    report.add("write units, first load", first.units, "WCU", Target::None);
    Ok(())
}
