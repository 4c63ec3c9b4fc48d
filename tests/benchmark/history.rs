//! Latency of the two reads that look into history, over a short and over a long one.
//!
//! The two are read in turn, request by request, so that whatever else the machine does falls on both alike.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signalbox::domain::ids::{Connection, ConnectionName, TenantId};
use signalbox::outside::Clock;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::history_data::{Stored, check_shape, store};
use crate::report::{Report, Target, median, note, p95};
use crate::stage::{Stage, expect, vendor};
use crate::{Result, events};

/// How many runs the short history has.
const SHORT: usize = 1_000;
const REQUESTS: usize = 1_000;
const WARM: usize = 50;

struct History {
    runs: usize,
    /// Lives as long as the function that uses it.
    _stage: Stage,
    function: FunctionProcess,
    stored: Stored,
    milliseconds: Vec<f64>,
}

pub(crate) async fn measure(build: &Build, long: usize, report: &mut Report) -> Result<()> {
    let now = Clock::default().now();
    let mut histories = Vec::new();
    for runs in [SHORT, long] {
        note(&format!("storing {runs} runs"));
        histories.push(history(build, runs, now).await?);
    }
    for (name, path, query) in [
        ("/runs", "/api/catalog/vendor-sync/runs", runs_query as Query),
        ("/observability", "/api/catalog/vendor-sync/observability", observability_query as Query),
    ] {
        for number in 0..WARM + REQUESTS {
            for history in &mut histories {
                let event = events::read(path, &query(number, &history.stored, now))?;
                let answer = history.function.invoke(&event).await?;
                events::body(&answer.value)?;
                if number >= WARM {
                    history.milliseconds.push(answer.took.as_secs_f64() * 1e3);
                }
            }
        }
        let mut slow = Vec::new();
        for history in &mut histories {
            let taken = std::mem::take(&mut history.milliseconds);
            let figure = format!("GET {name}, {} runs", history.runs);
            report.add(format!("{figure}, median"), median(taken.clone()), "ms", Target::None);
            slow.push(p95(taken));
            report.add(format!("{figure}, p95"), slow[slow.len() - 1], "ms", Target::AtMost(10.0));
        }
        report.add(format!("GET {name}, p95, long to short history"), slow[1] / slow[0], "×", Target::AtMost(1.2));
    }
    Ok(())
}

async fn history(build: &Build, runs: usize, now: Timestamp) -> Result<History> {
    let stage = Stage::set().await?;
    let connection = |number| -> Result<Connection> {
        let name = ConnectionName::parse(&vendor(number)).map_err(|error| error.to_string())?;
        Ok(Connection::catalogue(TenantId::default(), name))
    };
    let table = stage.host.environment("read-api").require("RUNS_TABLE")?.to_owned();
    let client = stage.host.dynamodb();
    let stored = store(client, &table, &connection(0)?, runs, now).await?;

    let mut control = stage.function(build, "sync-control").await?;
    let answer = control.invoke(&stage.sync(&vendor(1), "warm.ndjson", "apply")?).await?;
    expect(&answer.value, &json!({"created": 1}))?;
    check_shape(client, &table, &connection(1)?, &connection(0)?).await?;

    let mut function = stage.function(build, "read-api").await?;
    let whole = events::read("/api/catalog/vendor-sync/observability", &format!("vendorId={}", vendor(0)))?;
    let answer = events::body(&function.invoke(&whole).await?.value)?;
    let expected = json!({"success": stored.success, "error": stored.error, "running": stored.running});
    if answer["aggregates"]["counts"] != expected || answer["aggregates"]["totalRuns"] != json!(runs) {
        return Err(format!("{runs} runs were stored, read back are {}", answer["aggregates"]).into());
    }
    Ok(History { runs, _stage: stage, function, stored, milliseconds: Vec::new() })
}

type Query = fn(usize, &Stored, Timestamp) -> String;

/// Any place in the history, another one for every number.
fn somewhere(number: usize, stored: &Stored) -> &str {
    let at = (number.wrapping_mul(2_654_435_761) % 1_000) * stored.ids.len() / 1_000;
    stored.ids[at].as_str()
}

fn runs_query(number: usize, stored: &Stored, _now: Timestamp) -> String {
    let vendor = vendor(0);
    match number % 6 {
        0 => format!("vendor={vendor}"),
        1 => format!("vendor={vendor}&status=error&limit=20"),
        2 => format!("vendor={vendor}&status=success,error&limit=50"),
        3 => format!("vendor={vendor}&limit=100"),
        4 => format!("vendor={vendor}&status=success&limit=20"),
        _ => format!("vendor={vendor}&limit=20&cursor={}", somewhere(number, stored)),
    }
}

/// Windows of a month and more hold a full page in either history; all begin and end inside an hour.
fn observability_query(number: usize, stored: &Stored, now: Timestamp) -> String {
    let vendor = vendor(0);
    let window = |days: i64, back: i64| {
        let end = now.checked_sub(SignedDuration::from_hours(24 * back)).unwrap_or(now);
        let start = end.checked_sub(SignedDuration::from_secs(86_400 * days + 1_234)).unwrap_or(end);
        let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.123Z").to_string();
        format!("start={}&end={}", text(start), text(end))
    };
    let back = (number % 40) as i64;
    match number % 6 {
        0 => format!("vendorId={vendor}"),
        1 => format!("vendorId={vendor}&{}", window(7, back)),
        2 => format!("vendorId={vendor}&{}&status=error", window(180, back)),
        3 => format!("vendorId={vendor}&{}&limit=50", window(30, back)),
        4 => format!("vendorId={vendor}&{}&status=success,error", window(90, back)),
        _ => format!("vendorId={vendor}&limit=20&cursor={}", somewhere(number, stored)),
    }
}
