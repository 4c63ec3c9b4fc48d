//! One door and many connections, each with a sealed secret: what an event costs in CPU and reads while it is known to the instance, and while
//! it is not, and the memory of what the instance keeps of them.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use signalbox::outside::Clock;
use signalbox_local::token::{self, Grant};
use tokio::process::Command;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::report::{Report, Target, note};
use crate::sales::{Sales, Services, WEBHOOKS, expect};
use crate::{Result, events};

const SECRET: &str = "a-secret-of-the-benchmark";
const TENANTS: usize = 500;
const WRITES_AT_ONCE: usize = 4;
/// Few enough that an instance knows all of them.
const FEW: usize = 100;
/// Events of those.
const EVENTS_OF_FEW: usize = 2_000;

fn name(number: usize) -> String {
    format!("hub-{number}")
}

pub(crate) async fn measure(build: &Build, count: usize, report: &mut Report) -> Result<()> {
    let sales = Sales::set().await?;
    note(&format!("storing {count} connections with a secret each"));
    connect(&sales, count).await?;

    let mut environment = sales.stage.host.environment(WEBHOOKS);
    let services = Services::between(&sales.stage, None, &mut environment).await?;
    let mut door = FunctionProcess::spawn(Command::new(build.binary(WEBHOOKS)), &environment).await?;
    door.polled().await?;
    let (_, idle) = door.memory()?;
    report.add("before the first event: resident memory", idle, "MB", Target::None);
    let turns: [(&str, Vec<usize>); 4] = [
        ("first event of each of 100 connections", (0..FEW.min(count)).collect()),
        ("events of the same 100 in turn", (0..EVENTS_OF_FEW).map(|number| number % FEW.min(count)).collect()),
        ("first event of each connection", (0..count).collect()),
        ("second event of each connection", (0..count).collect()),
    ];
    for (turn, (what, numbers)) in turns.iter().enumerate() {
        services.take();
        let before = door.cpu()?;
        for (at, number) in numbers.iter().enumerate() {
            let event = events::push(&name(*number), SECRET, &format!("turn-{turn}-{at}"));
            expect(WEBHOOKS, &door.invoke(&event).await?, 200)?;
        }
        let each = |number: f64| number / numbers.len() as f64;
        let cpu = (door.cpu()? - before).as_secs_f64() * 1e3;
        let counted = services.take();
        let calls = |of: &[&str]| {
            let all = counted.values().flat_map(|written| &written.operations);
            all.filter(|(name, _)| of.contains(&name.as_str())).map(|(_, calls)| *calls).sum::<u64>() as f64
        };
        report.add(format!("{what}: CPU each"), each(cpu), "ms", Target::None);
        report.add(format!("{what}: reads of the table each"), each(calls(&["GetItem", "Query"])), "", Target::None);
        let units = counted.values().map(|written| written.read_units).sum::<f64>();
        report.add(format!("{what}: read units each"), each(units), "RCU", Target::None);
        report.add(format!("{what}: calls of KMS each"), each(calls(&["Decrypt"])), "", Target::None);
        let (peak, resident) = door.memory()?;
        report.add(format!("{what}: resident memory after it"), resident, "MB", Target::None);
        report.add(format!("{what}: peak memory until then"), peak, "MB", Target::None);
    }
    Ok(())
}

/// Connections of GitHub's, of some tenants in turn, stored as an operator stores them.
async fn connect(sales: &Sales, count: usize) -> Result<()> {
    let host = &sales.stage.host;
    let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
    let grant = Grant { scopes: token::scopes("connections:read,connections:write"), ..Grant::default() };
    let token = token::mint(Grant { life_seconds: 86_400, ..grant }, &secret, Clock::default().now())?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let body = json!({"settings": {}, "secrets": {"current": SECRET}}).to_string();
    let puts = (0..count).map(|number| {
        let path = format!("tenant-{}/github/{}", number % TENANTS, name(number));
        let put = client.put(format!("{}/api/admin/connections/{path}", host.url())).bearer_auth(&token);
        let put = put.body(body.clone());
        async move { put.send().await?.error_for_status() }
    });
    stream::iter(puts).buffer_unordered(WRITES_AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(())
}
