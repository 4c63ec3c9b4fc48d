//! Size of each binary, and how long it takes from its start to its first poll for an event.

use crate::Result;
use crate::build::Build;
use crate::report::{Report, Target, median};
use crate::sales::{WEBHOOKS, WORKER};
use crate::stage::Stage;

const STARTS: usize = 15;

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    let stage = Stage::set().await?;
    for name in &build.functions {
        let megabytes = std::fs::metadata(build.binary(name))?.len() as f64 / 1e6;
        report.add(format!("{name}: size"), megabytes, "MB", Target::AtMost(6.0));
    }
    for name in &build.functions {
        let mut starts = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            let function = stage.function(build, name).await?;
            let start = function.spawn_to_first_poll().ok_or("a function that was started has not polled")?;
            starts.push(start.as_secs_f64() * 1e3);
        }
        // Of those that each webhook goes through more is asked.
        let at_most = if [WEBHOOKS, WORKER].contains(&name.as_str()) { 6.0 } else { 10.0 };
        report.add(format!("{name}: spawn to first poll"), median(starts), "ms", Target::AtMost(at_most));
    }
    Ok(())
}
