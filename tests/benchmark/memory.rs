//! The most memory that a function holds, over catalogues of 20,000 and of 200,000 rows.

use serde_json::json;

use crate::build::Build;
use crate::report::{Report, Target};
use crate::stage::{Stage, expect, vendor};
use crate::{Result, rows};

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    let mut peaks = Vec::new();
    for (number, count) in [20_000, 200_000].into_iter().enumerate() {
        let name = format!("{count}.ndjson");
        rows::write(&stage.file(&name), count, 0)?;
        // A new process each, as the peak is never forgotten.
        let mut function = stage.function(build, "sync-control").await?;
        stage.warm(&mut function).await?;
        let (_, idle) = function.memory()?;
        let event = stage.sync(&vendor(number), &name, "apply")?;
        expect(&function.invoke(&event).await?.value, &json!({"created": count}))?;
        let (first, _) = function.memory()?;
        expect(&function.invoke(&event).await?.value, &json!({"unchanged": count}))?;
        let (peak, _) = function.memory()?;
        if number == 0 {
            report.add("sync-control, warm: resident memory", idle, "MB", Target::None);
        }
        report.add(format!("{count} rows: peak memory, first load"), first, "MB", Target::None);
        report.add(format!("{count} rows: peak memory, first load and unchanged"), peak, "MB", Target::AtMost(64.0));
        peaks.push(peak);
    }
    report.add("200,000 rows to 20,000 rows: peak memory", peaks[1] / peaks[0], "×", Target::AtMost(1.5));
    Ok(())
}
