//! What a webhook costs to take in, beside what it costs the functions that people would write for it: all verify the
//! signature over the raw body, claim the key in DynamoDB, send the body to SQS and answer, on the same endpoints.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::peers::{self, Contender};
use crate::proxy::Proxy;
use crate::report::{Report, Target, median, note};
use crate::sales::{Sales, WEBHOOKS as OURS, expect, keys};
use crate::{Result, end_to_end, events, instructions};

const TABLE: &str = "IdempotencyTable";
/// Of each, of which the first is thrown away: it reads the program from the disk.
const STARTS: usize = 12;
/// Until then Node compiles; thrown away.
const WARM: usize = 6_000;
const ROUNDS: usize = 10;
const EVENTS_A_ROUND: usize = 1_000;
/// For what is the same with every event.
const COUNTED: usize = 100;
const ENDPOINT_MILLISECONDS_MAX: f64 = 1.0;
/// Its secrets are read by then.
const POLL_MILLISECONDS_MAX: f64 = 6.0;

/// A running contender, and its CPU time in milliseconds per event, by round.
struct Running<'a> {
    contender: &'a Contender,
    function: FunctionProcess,
    new: Vec<f64>,
    duplicate: Vec<f64>,
}

pub(crate) async fn measure(build: &Build, with_peers: bool, report: &mut Report) -> Result<()> {
    let sales = Sales::set().await?;
    // With its log, as it is deployed; the peers write none.
    let environment = sales.stage.host.environment(OURS);
    endpoint(&sales, report).await?;

    let mut contenders = vec![Contender::ours(OURS, build.binary(OURS), environment.clone())];
    if with_peers {
        // They read the secret from a variable, where ours asks Parameter Store.
        let secret = sales.stage.host.parameters().get("/signalbox/WEBHOOK_SECRET").ok_or("the host has no secret")?;
        let mut of_peers = environment.clone();
        of_peers.extend([("WEBHOOK_SECRET".to_owned(), secret)]);
        contenders.extend(peers::install(&of_peers, TABLE)?);
    }
    starts(&sales, &contenders, report).await?;
    writes(&sales, &contenders, report).await?;
    cpu(&sales, &contenders, report).await?;
    end_to_end::measure(build, report).await?;
    instructions::measure(build, report).await
}

/// From the start of the process to the answer to an event that waits for it.
async fn starts(sales: &Sales, contenders: &[Contender], report: &mut Report) -> Result<()> {
    let mut milliseconds = vec![Vec::new(); contenders.len()];
    let mut polls = Vec::new();
    for number in 0..STARTS {
        for (contender, milliseconds) in contenders.iter().zip(&mut milliseconds) {
            let event = events::sale(&sales.secret, &format!("start-{}-{number}", contender.name))?;
            let mut function = FunctionProcess::spawn(contender.command(), &contender.environment).await?;
            let answer = function.invoke(&event).await?;
            expect(contender.name, &answer, 201)?;
            if number > 0 {
                milliseconds.push(answer.after_spawn.as_secs_f64() * 1e3);
                let polled = function.spawn_to_first_poll().filter(|_| contender.name == OURS);
                polls.extend(polled.map(|after| after.as_secs_f64() * 1e3));
            }
        }
    }
    report.add(format!("{OURS}: spawn to first poll"), median(polls), "ms", Target::AtMost(POLL_MILLISECONDS_MAX));
    let milliseconds: Vec<f64> = milliseconds.into_iter().map(median).collect();
    beside(report, contenders, "spawn to first event answered", &milliseconds, "ms", 20.0, 8.0);
    Ok(())
}

/// What is written and sent, counted at the endpoints.
async fn writes(sales: &Sales, contenders: &[Contender], report: &mut Report) -> Result<()> {
    let endpoints = sales.stage.host.endpoints();
    for contender in contenders {
        let (tables, queue) = (Proxy::start(&endpoints.dynamodb).await?, Proxy::start(&endpoints.sqs).await?);
        let mut environment = contender.environment.clone();
        let url = environment.require("WEBHOOK_QUEUE_URL")?.replace(&endpoints.sqs, &queue.url);
        let through = [
            ("AWS_ENDPOINT_URL_DYNAMODB", tables.url.clone()),
            ("AWS_ENDPOINT_URL_SQS", queue.url.clone()),
            ("WEBHOOK_QUEUE_URL", url),
        ];
        environment.extend(through.map(|(name, value)| (name.to_owned(), value)));
        let mut function = FunctionProcess::spawn(contender.command(), &environment).await?;
        let keys = keys("count", COUNTED);
        for (kind, status, units, sends) in [
            ("new event", 201, Target::Exactly(1.0), Target::Exactly(1.0)),
            ("duplicate", 204, Target::None, Target::Exactly(0.0)),
        ] {
            for key in &keys {
                expect(contender.name, &function.invoke(&events::sale(&sales.secret, key)?).await?, status)?;
            }
            let (written, sent) = (tables.take(), queue.take().sent as f64 / COUNTED as f64);
            note(&format!("{}, {COUNTED} times a {kind}: {written:?}", contender.name));
            // A write that was refused costs its unit, which its answer does not name.
            let written = (written.units + written.refused as f64) / COUNTED as f64;
            let ours = contender.name == OURS;
            let target = |target| if ours { target } else { Target::None };
            report.add(format!("{}: write units per {kind}", contender.name), written, "WCU", target(units));
            report.add(format!("{}: messages sent per {kind}", contender.name), sent, "", target(sends));
            settle(sales, contender, &keys).await?;
        }
    }
    Ok(())
}

/// CPU of the process, by round in turn so that whatever else the machine does falls on all of them.
async fn cpu(sales: &Sales, contenders: &[Contender], report: &mut Report) -> Result<()> {
    let mut running = Vec::new();
    for contender in contenders {
        let function = FunctionProcess::spawn(contender.command(), &contender.environment).await?;
        running.push(Running { contender, function, new: Vec::new(), duplicate: Vec::new() });
    }
    for round in 0..=ROUNDS {
        let count = if round == 0 { WARM } else { EVENTS_A_ROUND };
        let keys = keys(&format!("cpu-{round}"), count);
        let events = sales.events(&keys)?;
        for running in &mut running {
            let new = running.milliseconds_each(&events, 201).await?;
            settle(sales, running.contender, &keys).await?;
            let duplicate = running.milliseconds_each(&events, 204).await?;
            if round > 0 {
                running.new.push(new);
                running.duplicate.push(duplicate);
            }
        }
    }
    let new: Vec<f64> = running.iter().map(|running| median(running.new.clone())).collect();
    let duplicate: Vec<f64> = running.iter().map(|running| median(running.duplicate.clone())).collect();
    beside(report, contenders, "CPU per new event", &new, "ms", 0.20, 10.0);
    beside(report, contenders, "CPU per duplicate", &duplicate, "ms", 0.13, 7.0);
    for running in &running {
        let (peak, _) = running.function.memory()?;
        let target = if running.contender.name == OURS { Target::AtMost(25.0) } else { Target::None };
        report.add(format!("{}: peak memory", running.contender.name), peak, "MB", target);
    }
    Ok(())
}

impl Running<'_> {
    async fn milliseconds_each(&mut self, events: &[Value], status: u16) -> Result<f64> {
        let before = self.function.cpu()?;
        for event in events {
            expect(self.contender.name, &self.function.invoke(event).await?, status)?;
        }
        let took = self.function.cpu()? - before;
        Ok(took.as_secs_f64() * 1e3 / events.len() as f64)
    }
}

/// Lets what was taken in be applied. A peer's claim is complete with its answer.
async fn settle(sales: &Sales, contender: &Contender, keys: &[String]) -> Result<()> {
    if contender.name == OURS { sales.settle(keys).await } else { Ok(()) }
}

/// Makes the peers' table, and looks how soon the endpoint answers: one that is slow would hide what is measured.
async fn endpoint(sales: &Sales, report: &mut Report) -> Result<()> {
    let dynamodb = sales.stage.host.dynamodb();
    let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let create = dynamodb
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(attribute.build()?)
        .key_schema(KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build()?)
        .billing_mode(BillingMode::PayPerRequest);
    create.send().await?;
    let mut milliseconds = Vec::new();
    for number in 0..200 {
        let put = dynamodb.put_item().table_name(TABLE);
        let asked = Instant::now();
        put.item("id", AttributeValue::S(format!("endpoint-{number}"))).send().await?;
        milliseconds.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    let figure = "the endpoint: a write, as the benchmark sees it";
    report.add(figure, median(milliseconds), "ms", Target::AtMost(ENDPOINT_MILLISECONDS_MAX));
    Ok(())
}

/// Adds a figure of each contender: ours with its target, then the others, and how much less ours is than each.
fn beside(
    report: &mut Report,
    contenders: &[Contender],
    figure: &str,
    values: &[f64],
    unit: &'static str,
    at_most: f64,
    times: f64,
) {
    for (contender, value) in contenders.iter().zip(values) {
        let target = if contender.name == OURS { Target::AtMost(at_most) } else { Target::None };
        report.add(format!("{}: {figure}", contender.name), *value, unit, target);
    }
    for (contender, value) in contenders.iter().zip(values).skip(1) {
        report.add(format!("{} to {OURS}: {figure}", contender.name), value / values[0], "×", Target::AtLeast(times));
    }
}
