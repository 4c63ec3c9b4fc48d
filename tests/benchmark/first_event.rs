//! The first event of an instance, over TLS as in AWS and over plain HTTP: what the start takes before it, and what the event takes, in
//! time, CPU, connections and calls; of a point of sale, and of a connection whose secret is sealed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::outside::Clock;
use signalbox_local::token::{self, Grant};
use tokio::process::Command;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::proxy::{Weather, Written};
use crate::report::{Report, Target, median, note};
use crate::sales::{Sales, Services, WEBHOOKS, expect};
use crate::tls::Authority;
use crate::{Result, events};

/// Of each, of which the first is thrown away: it reads the program from the disk.
const STARTS: usize = 12;
/// Fewer, as they are only there to tell how many ways there are one after another.
const DISTANT_STARTS: usize = 5;
/// How long a way takes then: long, beside all that it is measured among.
const WAY: Duration = Duration::from_millis(40);
/// The connection whose secret is sealed.
const NAME: &str = "first";
const SECRET: &str = "a-secret-of-the-benchmark";

/// What one start came to: before the event, and of the event.
#[derive(Default)]
struct Phase {
    milliseconds: Vec<f64>,
    cpu: Vec<f64>,
    counted: BTreeMap<&'static str, Written>,
}

/// Who sends the event.
#[derive(Clone, Copy)]
enum From {
    PointOfSale,
    Connection,
}

pub(crate) async fn measure(build: &Build, report: &mut Report) -> Result<()> {
    let sales = Sales::set().await?;
    connect(&sales).await?;
    let authority = Authority::make()?;
    note(&format!("a function reads {} root certificates", authority.roots));
    for (kind, from) in [("point of sale", From::PointOfSale), ("connection, sealed", From::Connection)] {
        for (over, with_tls) in [("plain HTTP", None), ("TLS", Some(&authority))] {
            let (start, event) = starts(&sales, build, with_tls, from, (STARTS, Weather::Fair)).await?;
            let name = format!("{kind}, {over}");
            for (what, values) in [
                ("spawn to first poll", &start.milliseconds),
                ("CPU until then", &start.cpu),
                ("first event, handed out to answered", &event.milliseconds),
                ("CPU of it", &event.cpu),
            ] {
                report.add(format!("{name}: {what}"), median(values.clone()), "ms", Target::None);
            }
            let Some(_) = with_tls else { continue };
            for (phase, counted) in [("until the first poll", &start.counted), ("first event", &event.counted)] {
                let connections: u64 = counted.values().map(|written| written.connections).sum();
                let calls: u64 = counted.values().flat_map(|written| written.operations.values()).sum();
                report.add(format!("{name}, {phase}: TLS handshakes"), connections as f64, "", Target::None);
                report.add(format!("{name}, {phase}: calls"), calls as f64, "", Target::None);
                note(&format!("{name}, {phase}: {}", listed(counted)));
            }
            let distant = (DISTANT_STARTS, Weather::Distant(WAY));
            let (far_start, far_event) = starts(&sales, build, with_tls, from, distant).await?;
            // The quickest of each: what else the machine does makes none quicker.
            let quickest = |phase: &Phase| phase.milliseconds.iter().copied().fold(f64::INFINITY, f64::min);
            let ways = |far: &Phase, near: &Phase| (quickest(far) - quickest(near)) / (WAY.as_secs_f64() * 1e3);
            for (phase, ways) in
                [("until the first poll", ways(&far_start, &start)), ("first event", ways(&far_event, &event))]
            {
                report.add(format!("{name}, {phase}: round trips one after another"), ways, "", Target::None);
            }
        }
    }
    Ok(())
}

/// A connection of GitHub's with a secret, which is sealed as an operator's always is.
async fn connect(sales: &Sales) -> Result<()> {
    let host = &sales.stage.host;
    let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
    let scopes = token::scopes("connections:read,connections:write");
    let token = token::mint(Grant { scopes, ..Grant::default() }, &secret, Clock::default().now())?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let put = client.put(format!("{}/api/admin/connections/default/github/{NAME}", host.url())).bearer_auth(token);
    let body = json!({"settings": {}, "secrets": {"current": SECRET}}).to_string();
    put.body(body).send().await?.error_for_status()?;
    Ok(())
}

/// Starts the function anew so many times, each with an event once it has polled.
async fn starts(
    sales: &Sales,
    build: &Build,
    tls: Option<&Authority>,
    from: From,
    (count, weather): (usize, Weather),
) -> Result<(Phase, Phase)> {
    let mut environment = sales.stage.host.environment(WEBHOOKS);
    let acceptor = tls.map(Authority::acceptor);
    let services = Services::between(&sales.stage, acceptor.as_ref(), &mut environment).await?;
    services.set(weather);
    if let Some(authority) = tls {
        let roots = authority.roots_file().to_string_lossy().into_owned();
        environment.extend([("SSL_CERT_FILE".to_owned(), roots)]);
    }
    let (mut start, mut event) = (Phase::default(), Phase::default());
    for number in 0..count {
        services.take();
        let id = format!("first-{}-{count}-{number}-{}", u8::from(tls.is_some()), from as u8);
        let mut function = FunctionProcess::spawn(Command::new(build.binary(WEBHOOKS)), &environment).await?;
        function.polled().await?;
        let polled = function.spawn_to_first_poll().ok_or("a function that has polled has not")?;
        let (until, counted) = (function.cpu()?, services.take());
        let (sent, status) = sent(sales, from, &id)?;
        let answer = function.invoke(&sent).await?;
        expect(WEBHOOKS, &answer, status)?;
        let cpu = function.cpu()? - until;
        if number > 0 {
            start.add(polled, until, counted);
            event.add(answer.took, cpu, services.take());
        }
    }
    Ok((start, event))
}

fn sent(sales: &Sales, from: From, id: &str) -> Result<(Value, u16)> {
    match from {
        From::PointOfSale => Ok((events::sale(&sales.secret, id)?, 201)),
        From::Connection => Ok((events::push(NAME, SECRET, id), 200)),
    }
}

impl Phase {
    /// Adds one; what was counted is the same each time.
    fn add(&mut self, took: Duration, cpu: Duration, counted: BTreeMap<&'static str, Written>) {
        self.milliseconds.push(took.as_secs_f64() * 1e3);
        self.cpu.push(cpu.as_secs_f64() * 1e3);
        self.counted = counted;
    }
}

/// What was called of which service, over how many connections.
fn listed(counted: &BTreeMap<&'static str, Written>) -> String {
    let used = counted.iter().filter(|(_, written)| written.connections > 0 || !written.operations.is_empty());
    let one = |(service, written): (&&str, &Written)| {
        format!("{service}: {} connections, {:?}", written.connections, written.operations)
    };
    used.map(one).collect::<Vec<_>>().join("; ")
}
