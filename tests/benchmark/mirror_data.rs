//! A log of mirrors, written in one go in the shape in which the runs' own transactions leave it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use signalbox::domain::ids::{RunId, TenantId};
use signalbox::domain::mirror::log::{MirrorLog, MirrorTally, job_id};
use signalbox::domain::mirror::plan::Strategy;
use signalbox::domain::runs::window::counters;
use signalbox::outside::Entropy;

use crate::Result;

type Item = HashMap<String, AttributeValue>;

/// How long the log is.
const DAYS: i64 = 365;
/// Whose mirrors they are.
const TENANTS: usize = 40;

/// The items of `count` mirrors, evenly spread over the year before `now`.
pub(crate) fn items(count: usize, now: Timestamp) -> Result<Vec<Item>> {
    let entropy = Entropy::seeded(11);
    let step = SignedDuration::from_hours(24 * DAYS).as_millis() as i64 / count as i64;
    let mut tallies: BTreeMap<(String, String), BTreeMap<String, u64>> = BTreeMap::new();
    let mut items = Vec::with_capacity(2 * count + 1_000);
    for number in 0..count {
        let at = Timestamp::from_millisecond(now.as_millisecond() - step * (count - number) as i64)?;
        let row = row(number, RunId::new(at, entropy.bytes16()), at)?;
        let tenant = row.tenant_id.as_ref().map_or_else(String::new, ToString::to_string);
        for whose in ["all".to_owned(), format!("tenant/{tenant}")] {
            let partition = format!("mirrors#{whose}#{}", row.strategy.as_str());
            items.push(item(&partition, row.id.as_str(), &row)?);
            let MirrorTally { rows, runs, success, failed, skipped, out_of_sync } = MirrorTally::of(&row);
            for (counter, slot) in counters(at) {
                let tally = tallies.entry((format!("{partition}#counters"), counter)).or_default();
                for (letter, by) in
                    [("n", rows), ("r", runs), ("s", success), ("f", failed), ("k", skipped), ("o", out_of_sync)]
                {
                    if by > 0 {
                        *tally.entry(letter.to_owned()).or_default() += by;
                        *tally.entry(format!("s{slot:02}{letter}")).or_default() += by;
                    }
                }
            }
        }
        if row.error.is_some() && at > now.checked_sub(SignedDuration::from_hours(24 * 7))? {
            items.push(item("mirrors#errors", row.id.as_str(), &row)?);
        }
    }
    for ((partition, counter), tally) in tallies {
        let mut item = key(&partition, &counter);
        item.extend(tally.into_iter().map(|(name, value)| (name, AttributeValue::N(value.to_string()))));
        items.push(item);
    }
    Ok(items)
}

/// The tenant whose part of the log is read.
pub(crate) fn tenant(number: usize) -> String {
    format!("mirrored-{}", number % TENANTS)
}

fn row(number: usize, id: RunId, at: Timestamp) -> Result<MirrorLog> {
    let failed = number.is_multiple_of(31);
    let job_id = job_id(&id);
    Ok(MirrorLog {
        id,
        tenant_id: Some(TenantId::parse(&tenant(number))?),
        strategy: if number.is_multiple_of(5) { Strategy::GbpToPlatform } else { Strategy::PlatformToGbp },
        dry_run: number.is_multiple_of(7),
        created: (number % 3) as u64,
        updated: 0,
        deleted: 0,
        pending: 0,
        unmapped: 0,
        skipped: false,
        reason: None,
        error: failed.then(|| "Google answered 503".to_owned()),
        code: failed.then(|| "source_unreadable".to_owned()),
        job_id,
        started_at: at,
        completed_at: Some(at.checked_add(SignedDuration::from_millis(900))?),
    })
}

fn key(pk: &str, sk: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn item(partition: &str, id: &str, row: &MirrorLog) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(row)?;
    item.extend(key(partition, id));
    Ok(item)
}
