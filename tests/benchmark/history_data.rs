//! A history of runs, written in one go in the shape in which the runs' own transactions leave it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::{SignedDuration, Timestamp};
use signalbox::domain::datasets::diff::Counts;
use signalbox::domain::ids::{Connection, RunId};
use signalbox::domain::retention::{RUNS_DAYS, RUNS_DAYS_MIN, Retention};
use signalbox::domain::runs::failure::{Failure, RunError};
use signalbox::domain::runs::run::{CatalogueWork, Mode, Run, RunStatus, SeenStatus, Trigger, Work};
use signalbox::domain::runs::slices::Slices;
use signalbox::domain::runs::spent::Spent;
use signalbox::domain::runs::window::{MONTHS, counters, is_of_a_day};
use signalbox::outside::Entropy;
use signalbox_local::template::REGION;

use crate::Result;

type Item = HashMap<String, AttributeValue>;

/// How long the history is.
pub(crate) const DAYS: i64 = 365;
/// When an item goes.
const EXPIRY: &str = "expires_at";
/// What a run costs, and where, about.
const NANO_DOLLARS: i64 = 70_000;
/// Writes in flight at once.
const BATCHES_MAX: usize = 4;

/// A stored history.
pub(crate) struct Stored {
    /// Every run's id, oldest first.
    pub(crate) ids: Vec<RunId>,
    /// How many runs there are of each status.
    pub(crate) success: u64,
    pub(crate) error: u64,
    pub(crate) running: u64,
}

/// Stores `count` runs of the connection, evenly spread over the year before `now`.
pub(crate) async fn store(
    client: &Client,
    table: &str,
    connection: &Connection,
    count: usize,
    now: Timestamp,
) -> Result<Stored> {
    let entropy = Entropy::seeded(7);
    let kept = Retention::of_days(RUNS_DAYS, RUNS_DAYS_MIN)?;
    let step = SignedDuration::from_hours(24 * DAYS).as_millis() as i64 / count as i64;
    let mut stored = Stored { ids: Vec::with_capacity(count), success: 0, error: 0, running: 0 };
    let mut tallies: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    let mut batch = Vec::new();
    let mut under_way = tokio::task::JoinSet::new();
    for number in 0..count {
        let at = Timestamp::from_millisecond(now.as_millisecond() - step * (count - number) as i64)?;
        let run = run(connection, RunId::new(at, entropy.bytes16()), at, number, number + 2 >= count);
        let (letter, total) = match run.status.seen() {
            SeenStatus::Success => ("s", &mut stored.success),
            SeenStatus::Error => ("e", &mut stored.error),
            SeenStatus::Running => ("r", &mut stored.running),
        };
        *total += 1;
        for (counter, slot) in counters(run.started_at) {
            let has_cost = counter.starts_with(MONTHS) && run.status.is_over();
            // A counter with the hours of a day goes with its runs.
            let ends = kept.ends(run.started_at, run.started_at).filter(|_| is_of_a_day(&counter));
            let tally = tallies.entry(counter).or_default();
            tally.extend(ends.map(|ends| (EXPIRY.to_owned(), ends.as_second())));
            let mut add = |letter: &str, by: i64| {
                *tally.entry(letter.to_owned()).or_default() += by;
                *tally.entry(format!("s{slot:02}{letter}")).or_default() += by;
            };
            // A run counts as running until it is over: what is left of that is a zero.
            add("r", 0);
            add(letter, 1);
            if let Some(duration) = run.duration_ms {
                add("m", i64::try_from(duration)?);
            }
            if has_cost {
                add("c", NANO_DOLLARS);
            }
        }
        batch.push(run_item(connection, &run, kept)?);
        stored.ids.push(run.id);
        if batch.len() == 25 {
            send(client, table, std::mem::take(&mut batch), &mut under_way).await?;
        }
    }
    for (counter, tally) in tallies {
        let mut item = key(&format!("{connection}#statistics"), &counter);
        item.extend(tally.into_iter().map(|(name, value)| (name, AttributeValue::N(value.to_string()))));
        batch.push(item);
        if batch.len() == 25 {
            send(client, table, std::mem::take(&mut batch), &mut under_way).await?;
        }
    }
    send(client, table, batch, &mut under_way).await?;
    while let Some(sent) = under_way.join_next().await {
        sent??;
    }
    Ok(stored)
}

fn run(connection: &Connection, id: RunId, at: Timestamp, number: usize, open: bool) -> Run {
    let work = CatalogueWork { source_path: Some("moscot.catalog.json".into()), ..CatalogueWork::default() };
    let run = Run {
        id,
        connection: connection.clone(),
        status: RunStatus::Pending,
        mode: if number.is_multiple_of(4) { Mode::DryRun } else { Mode::Apply },
        actor: "service".into(),
        trigger: if number.is_multiple_of(3) { Trigger::Schedule } else { Trigger::Manual },
        started_at: at,
        updated_at: at,
        deadline_from: at,
        completed_at: None,
        wait: None,
        slices: Slices::default(),
        spent: None,
        duration_ms: None,
        error: None,
        attempts: 0,
        unconnected: 0,
        log: Default::default(),
        held: None,
        held_ms: 0,
        correlation_id: format!("01234567-89ab-cdef-0123-{number:012}"),
        work: Work::Catalogue(work.clone()),
    };
    if open {
        return run;
    }
    let spent = Spent { region: REGION.into(), slices: 1, write_tenths: 260, read_tenths: 50, ..Spent::default() };
    let run = Run { spent: Some(spent), ..run };
    let over = at.checked_add(SignedDuration::from_millis(200 + (number as i64 * 37) % 4_000)).unwrap_or(at);
    if number % 16 == 5 {
        let error = RunError::new(Failure::SourceNotFound, "there is no catalogue at gone.json");
        return run.ended(RunStatus::Failed, Some(error), over);
    }
    let counts = Counts { total: 642, created: 0, updated: (number % 7) as u64, removed: 0, unchanged: 635 };
    let work = CatalogueWork { counts: Some(counts), hash: Some("5f".repeat(32)), ..work };
    Run { work: Work::Catalogue(work), ..run }.ended(RunStatus::Success, None, over)
}

fn key(pk: &str, sk: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn run_item(connection: &Connection, run: &Run, kept: Retention) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(run)?;
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key(&connection.to_string(), run.id.as_str()));
    let status = format!("{connection}#{}", run.status.seen().as_str());
    item.insert("by_status".into(), AttributeValue::S(status));
    if !run.status.is_over() {
        item.insert("open".into(), AttributeValue::S("open".into()));
    } else if let Some(ends) = kept.ends(run.started_at, run.updated_at) {
        item.insert(EXPIRY.into(), AttributeValue::N(ends.as_second().to_string()));
    }
    Ok(item)
}

async fn send(
    client: &Client,
    table: &str,
    items: Vec<Item>,
    under_way: &mut tokio::task::JoinSet<Result<()>>,
) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    if under_way.len() >= BATCHES_MAX
        && let Some(sent) = under_way.join_next().await
    {
        sent??;
    }
    let put =
        |item| Ok(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build()?).build());
    let requests = items.into_iter().map(put).collect::<Result<Vec<_>>>()?;
    let call = client.batch_write_item().request_items(table, requests);
    under_way.spawn(async move {
        let left = call.send().await?.unprocessed_items.unwrap_or_default();
        if left.is_empty() { Ok(()) } else { Err("the embedded database refused a part of a batch".into()) }
    });
    Ok(())
}

/// Refuses to go on when a run that the functions themselves stored looks otherwise.
pub(crate) async fn check_shape(client: &Client, table: &str, real: &Connection, copied: &Connection) -> Result<()> {
    for suffix in ["", "#statistics"] {
        let (real, copied) = (
            newest(client, table, &format!("{real}{suffix}")).await?,
            newest(client, table, &format!("{copied}{suffix}")).await?,
        );
        if real != copied {
            return Err(format!("a stored run has {real:?}, one of the benchmark {copied:?}").into());
        }
    }
    Ok(())
}

/// The names and types of an item's attributes; a counter's slots, of which there are as many as hours or days that
/// had runs, by their letters.
async fn newest(client: &Client, table: &str, pk: &str) -> Result<BTreeMap<String, &'static str>> {
    let call = client
        .query()
        .table_name(table)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
        .filter_expression("attribute_not_exists(#open) AND attribute_not_exists(#error)")
        .expression_attribute_names("#open", "open")
        .expression_attribute_names("#error", "error")
        .scan_index_forward(false)
        .limit(20);
    let found = call.send().await?.items.unwrap_or_default();
    let item = found.first().ok_or_else(|| format!("nothing is stored under {pk}"))?;
    let kind = |value: &AttributeValue| match value {
        AttributeValue::S(_) => "S",
        AttributeValue::N(_) => "N",
        AttributeValue::M(_) => "M",
        AttributeValue::Bool(_) => "BOOL",
        _ => "other",
    };
    let name = |name: &String| match name.as_bytes() {
        [b's', tens, ones, letter] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            format!("slot {}", char::from(*letter))
        }
        _ => name.clone(),
    };
    // A counter of a year may count errors and a single real run none.
    let shape = item.iter().map(|(attribute, value)| (name(attribute), kind(value)));
    Ok(shape.filter(|(name, _)| name != "e" && name != "slot e").collect())
}
