//! The log of mirrors and the counters over it, kept by the runs' own transactions (I8), and fan-outs.
//!
//! | key | holds |
//! |---|---|
//! | `mirrors#all#strategy`, run id | a row of the log; of a fan-out that there is one |
//! | `mirrors#tenant/…#strategy`, run id | the same of one tenant |
//! | `mirrors#all#strategy`, `day#…` or `month#…`, each behind `#counters` | how many there were, with a slot an hour, or a day |
//! | `mirrors#errors`, run id | a row of one that failed, for nine days: the digest of a week comes up to two days after it |
//! | `mirrors#fan-out#strategy`, run id | a [`FanOut`]; in the index `open`, while not all of its children were started |
//!
//! So a page of the log costs itself, the months there are, and the rows of one hour at most, wherever it begins.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Put, Update};
use jiff::{SignedDuration, Timestamp};

use super::{RunReads, RunStore};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::transaction::{OLD, Transaction, built};
use crate::domain::ids::{RunId, TenantId};
use crate::domain::mirror::fan_out::FanOut;
use crate::domain::mirror::log::{MirrorLog, MirrorTally, row};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::run::Run;
use crate::domain::runs::window::{Cover, counters, hour_after, month_key};

const ERRORS: &str = "mirrors#errors";
/// How long what failed is among the newest that did, in seconds.
const ERRORS_SECONDS: i64 = 9 * 86_400;
/// How the counters' slots and totals are called.
const LETTERS: [&str; 6] = ["n", "r", "s", "f", "k", "o"];

/// Which mirrors.
#[derive(Debug, Clone, Default)]
pub struct MirrorsOf {
    /// Of one tenant; none means all, and fan-outs.
    pub tenant: Option<TenantId>,
    /// One way; none means both.
    pub strategy: Option<Strategy>,
}

pub(super) fn partition(tenant: Option<&TenantId>, strategy: Strategy) -> String {
    let whose = tenant.map_or_else(|| "all".to_owned(), |tenant| format!("tenant/{tenant}"));
    format!("mirrors#{whose}#{}", strategy.as_str())
}

pub(super) fn fan_outs(strategy: Strategy) -> String {
    format!("mirrors#fan-out#{}", strategy.as_str())
}

fn counter_key(partition: &str, counter: String) -> Item {
    key(format!("{partition}#counters"), counter)
}

impl MirrorsOf {
    fn partitions(&self) -> Vec<String> {
        let wanted = Strategy::ALL.into_iter().filter(|one| self.strategy.is_none_or(|strategy| strategy == *one));
        wanted.map(|strategy| partition(self.tenant.as_ref(), strategy)).collect()
    }
}

fn steps(tally: &MirrorTally) -> [u64; 6] {
    [tally.rows, tally.runs, tally.success, tally.failed, tally.skipped, tally.out_of_sync]
}

fn read(counter: &Item, slot: &str) -> MirrorTally {
    let [rows, runs, success, failed, skipped, out_of_sync] = LETTERS.map(|letter| {
        let count = counter.get(&format!("{slot}{letter}")).and_then(|value| value.as_n().ok());
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    });
    MirrorTally { rows, runs, success, failed, skipped, out_of_sync }
}

impl RunStore {
    /// Adds what `now` counts for and `before` did not.
    pub(super) fn count_mirror(
        &self,
        partition: &str,
        at: Timestamp,
        (before, now): (&MirrorTally, &MirrorTally),
    ) -> Result<Vec<Update>, AwsFault> {
        let added = steps(now).into_iter().zip(steps(before)).map(|(now, before)| now.saturating_sub(before));
        let added: Vec<(&str, u64)> = LETTERS.into_iter().zip(added).filter(|(_, step)| *step > 0).collect();
        if added.is_empty() {
            return Ok(Vec::new());
        }
        let update = |(counter, slot): (String, i8)| {
            let mut update = self.runs().update(counter_key(partition, counter.clone()));
            let mut adds = Vec::new();
            for (letter, step) in &added {
                adds.push(format!("#{letter} :{letter}, #s{letter} :{letter}"));
                update = update
                    .expression_attribute_names(format!("#{letter}"), *letter)
                    .expression_attribute_names(format!("#s{letter}"), format!("s{slot:02}{letter}"))
                    .expression_attribute_values(format!(":{letter}"), number(*step));
            }
            let (set, update) = self.reads.kept_for_a_day(&counter, at, update);
            built(update.update_expression(format!("{set}ADD {}", adds.join(", "))).build())
        };
        counters(at).into_iter().map(update).collect()
    }

    /// A row in a partition of the log. What it tells of goes once it is over, as runs do.
    pub(super) fn row_item(
        &self,
        row: &MirrorLog,
        partition: &str,
        over_at: Option<Timestamp>,
    ) -> Result<Item, AwsFault> {
        let mut keys = key(partition, row.id.as_str());
        let ends = over_at.and_then(|over_at| self.reads.1.ends(row.started_at, over_at));
        keys.extend(ends.map(|ends| ("expires_at".to_owned(), number(ends.as_second()))));
        item(row, keys)
    }

    /// The log's part of a run's start, or of one that was over before it began. Its first write is refused where the run is known.
    pub(super) fn mirror_started(&self, run: &Run) -> Result<Transaction, AwsFault> {
        let Some(row) = row(run) else { return Ok(Transaction::default()) };
        let mut transaction = Transaction::default();
        for partition in [partition(None, row.strategy), partition(row.tenant_id.as_ref(), row.strategy)] {
            let put = self.runs().put(self.row_item(&row, &partition, row.completed_at)?);
            let put =
                put.condition_expression("attribute_not_exists(pk)").return_values_on_condition_check_failure(OLD);
            transaction = transaction.put(built(put.build())?);
            let counted = (&MirrorTally::default(), &MirrorTally::of(&row));
            transaction = self
                .count_mirror(&partition, row.started_at, counted)?
                .into_iter()
                .fold(transaction, Transaction::update);
        }
        transaction = self.failed_row(run, &row)?.into_iter().fold(transaction, Transaction::put);
        match self.of_parent(run, &row, true)? {
            Some(update) => Ok(transaction.update(update)),
            None => Ok(transaction),
        }
    }

    /// The log's part of a run's end.
    pub(super) fn mirror_ended(&self, run: &Run) -> Result<Transaction, AwsFault> {
        let Some(row) = row(run) else { return Ok(Transaction::default()) };
        let mut transaction = Transaction::default();
        let begun = MirrorTally { rows: 1, runs: 1, ..MirrorTally::default() };
        for partition in [partition(None, row.strategy), partition(row.tenant_id.as_ref(), row.strategy)] {
            let put = self.runs().put(self.row_item(&row, &partition, row.completed_at)?);
            transaction = transaction.put(built(put.build())?);
            let counted = (&begun, &MirrorTally::of(&row));
            transaction = self
                .count_mirror(&partition, row.started_at, counted)?
                .into_iter()
                .fold(transaction, Transaction::update);
        }
        transaction = self.failed_row(run, &row)?.into_iter().fold(transaction, Transaction::put);
        match self.of_parent(run, &row, false)? {
            Some(update) => Ok(transaction.update(update)),
            None => Ok(transaction),
        }
    }

    /// The row among the newest that failed, where it did: also one that was over before it began.
    fn failed_row(&self, run: &Run, row: &MirrorLog) -> Result<Option<Put>, AwsFault> {
        if row.error.is_none() {
            return Ok(None);
        }
        let mut failed = item(row, key(ERRORS, row.id.as_str()))?;
        failed.insert("expires_at".into(), number(run.updated_at.as_second() + ERRORS_SECONDS));
        built(self.runs().put(failed).build()).map(Some)
    }

    /// What a child adds to the fan-out that it is one of.
    fn of_parent(&self, run: &Run, row: &MirrorLog, is_new: bool) -> Result<Option<Update>, AwsFault> {
        let Some(parent) = run.work.mirror().and_then(|work| work.parent.as_ref()) else { return Ok(None) };
        let over = row.completed_at.is_some();
        let one = |is: bool| u64::from(is);
        let adds = [
            ("children", one(is_new)),
            ("over", one(over)),
            ("failed", one(over && row.error.is_some())),
            ("skipped", one(over && row.skipped)),
            ("created", if over { row.created } else { 0 }),
            ("updated", if over { row.updated } else { 0 }),
            ("deleted", if over { row.deleted } else { 0 }),
        ];
        let mut update = self.runs().update(key(fan_outs(row.strategy), parent.as_str()));
        let mut added = Vec::new();
        for (name, step) in adds.into_iter().filter(|(_, step)| *step > 0) {
            added.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), number(step));
        }
        let mut sets = Vec::new();
        if let Some(at) = row.completed_at {
            sets.push("lastOverAt = :at");
            update = update.expression_attribute_values(":at", text(crate::domain::time::text(at)));
        }
        if let Some(reason) = row.reason.as_ref().filter(|_| over && row.skipped) {
            sets.push("reason = :reason");
            update = update.expression_attribute_values(":reason", text(reason));
        }
        let mut expression = format!("ADD {}", added.join(", "));
        if !sets.is_empty() {
            expression = format!("SET {} {expression}", sets.join(", "));
        }
        built(update.update_expression(expression).condition_expression("attribute_exists(pk)").build()).map(Some)
    }
}

impl RunReads {
    /// The newest mirror of a tenant, or the newest fan-out, of those that are kept.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn last_mirror(
        &self,
        tenant: Option<&TenantId>,
        strategy: Strategy,
        now: Timestamp,
    ) -> Result<Option<MirrorLog>, AwsFault> {
        let pk = tenant.map_or_else(|| fan_outs(strategy), |tenant| partition(Some(tenant), strategy));
        let newest = self.newest(&pk, (&self.lowest(now), "~"), 1).await?.pop();
        newest
            .map(
                |found| {
                    if tenant.is_some() { value(found) } else { value::<FanOut>(found).map(|fan_out| fan_out.row()) }
                },
            )
            .transpose()
    }

    /// The newest mirrors that failed, of those that started at or after a time.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn failed_mirrors(&self, since: Timestamp, limit: usize) -> Result<Vec<MirrorLog>, AwsFault> {
        let rows = self.newest(ERRORS, (&RunId::lowest(since), "~"), limit).await?;
        rows.into_iter().map(value).collect()
    }

    /// A page of the log, newest first, and how many rows are kept. What is passed over is counted and not read, but for the rows of one
    /// hour.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn mirror_log(
        &self,
        of: &MirrorsOf,
        offset: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<MirrorLog>, u64), AwsFault> {
        let partitions = of.partitions();
        let mut months: HashMap<String, Vec<Item>> = HashMap::new();
        for month in
            futures::future::try_join_all(partitions.iter().map(|partition| self.months(partition))).await?.concat()
        {
            let Some(name) = month.get("sk").and_then(|name| name.as_s().ok()).cloned() else { continue };
            months.entry(name).or_default().push(month);
        }
        let total = self.rows_kept(&months, now);
        if offset >= total {
            return Ok((Vec::new(), total));
        }
        let (high, behind) = self.place(&partitions, months, offset).await?;
        let wanted = limit.saturating_add(usize::try_from(behind).unwrap_or(usize::MAX));
        let low = self.lowest(now);
        let found = partitions.iter().map(|partition| self.newest(partition, (&low, &high), wanted));
        let found = futures::future::try_join_all(found).await?.concat();
        let mut rows: Vec<MirrorLog> = found.into_iter().map(value).collect::<Result<_, _>>()?;
        rows.sort_by(|a, b| b.id.cmp(&a.id));
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        let page: Vec<MirrorLog> = rows.into_iter().skip(behind).take(limit).collect();
        Ok((self.summed(page).await?, total))
    }

    /// Below all ids of what is kept.
    fn lowest(&self, now: Timestamp) -> String {
        // A sort key cannot be empty, and every id sorts after "0".
        self.1.edge(now).map_or_else(|| "0".to_owned(), RunId::lowest)
    }

    /// How many rows months count, without the days whose rows are kept no longer.
    fn rows_kept(&self, months: &HashMap<String, Vec<Item>>, now: Timestamp) -> u64 {
        let edge = self.1.edge(now).map(|edge| edge.to_zoned(jiff::tz::TimeZone::UTC).date());
        let first = edge.map(|edge| (month_key(edge), edge.day()));
        let of = |(name, items): (&String, &Vec<Item>)| -> u64 {
            let rows = |slot: &str| items.iter().map(|item| read(item, slot).rows).sum::<u64>();
            match &first {
                Some((month, _)) if name < month => 0,
                Some((month, day)) if name == month => (*day..=31).map(|day| rows(&format!("s{day:02}"))).sum(),
                _ => rows(""),
            }
        };
        months.iter().map(of).sum()
    }

    /// Where a page begins: at or before which id, and how many rows behind that.
    async fn place(
        &self,
        partitions: &[String],
        months: HashMap<String, Vec<Item>>,
        offset: u64,
    ) -> Result<(String, u64), AwsFault> {
        let mut left = offset;
        let mut names: Vec<&String> = months.keys().collect();
        names.sort_unstable_by(|a, b| b.cmp(a));
        for name in names {
            let of_month = months.get(name).map(Vec::as_slice).unwrap_or_default();
            let rows = |items: &[Item], slot: &str| items.iter().map(|item| read(item, slot).rows).sum::<u64>();
            let all = rows(of_month, "");
            if left >= all {
                left -= all;
                continue;
            }
            for day in (1..=31).rev() {
                let of_day = rows(of_month, &format!("s{day:02}"));
                if left >= of_day {
                    left -= of_day;
                    continue;
                }
                let date = format!("{}-{day:02}", name.trim_start_matches("month#"));
                let keys = partitions.iter().map(|partition| counter_key(partition, format!("day#{date}")));
                let days = self.0.glance_at(keys.collect(), None, "read counters of mirrors").await?;
                for hour in (0..24).rev() {
                    let of_hour = rows(&days, &format!("s{hour:02}"));
                    if left < of_hour {
                        return Ok((hour_after(&date, hour).map_or_else(|| "~".to_owned(), RunId::lowest), left));
                    }
                    left -= of_hour;
                }
            }
        }
        Ok(("~".to_owned(), left))
    }

    /// Fan-outs' rows with the sums of their children, as of now.
    async fn summed(&self, mut rows: Vec<MirrorLog>) -> Result<Vec<MirrorLog>, AwsFault> {
        let parents = rows.iter().filter(|row| row.tenant_id.is_none());
        let keys: Vec<Item> = parents.map(|row| key(fan_outs(row.strategy), row.id.as_str())).collect();
        if keys.is_empty() {
            return Ok(rows);
        }
        let found = self.0.glance_at(keys, None, "read fan-outs").await?;
        let found: Vec<FanOut> = found.into_iter().map(value).collect::<Result<_, _>>()?;
        for row in rows.iter_mut().filter(|row| row.tenant_id.is_none()) {
            if let Some(fan_out) = found.iter().find(|fan_out| fan_out.id == row.id) {
                *row = fan_out.row();
            }
        }
        Ok(rows)
    }

    async fn months(&self, partition: &str) -> Result<Vec<Item>, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :month)")
            .expression_attribute_values(":pk", text(format!("{partition}#counters")))
            .expression_attribute_values(":month", text("month#"));
        // A month's counter has about 2 KB: a page of 1 MB holds forty years.
        let page = call.send().await.map_err(|error| fault("read counters of mirrors", &error))?;
        Ok(page.items.unwrap_or_default())
    }

    /// Items between two sort keys, the last first.
    async fn newest(&self, pk: &str, (low, high): (&str, &str), limit: usize) -> Result<Vec<Item>, AwsFault> {
        // DynamoDB refuses such a range.
        if low > high {
            return Ok(Vec::new());
        }
        let (mut found, mut from): (Vec<Item>, Option<Item>) = (Vec::new(), None);
        loop {
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":low", text(low))
                .expression_attribute_values(":high", text(high))
                .scan_index_forward(false)
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from);
            let page = call.send().await.map_err(|error| fault("read log of mirrors", &error))?;
            found.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// How many mirrors a cover describes, of all tenants. The rows of its two partial hours are read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn mirror_tally(&self, of: &MirrorsOf, cover: &Cover) -> Result<MirrorTally, AwsFault> {
        let partitions = of.partitions();
        let mut tally = MirrorTally::default();
        let keys = partitions.iter().flat_map(|partition| {
            let mut names: Vec<&String> = cover.slots.iter().map(|slots| &slots.counter).collect();
            names.dedup();
            names.into_iter().map(|name| counter_key(partition, name.clone())).collect::<Vec<Item>>()
        });
        for counter in self.0.glance_at(keys.collect(), None, "read counters of mirrors").await? {
            let name = counter.get("sk").and_then(|name| name.as_s().ok());
            for slots in cover.slots.iter().filter(|slots| Some(&slots.counter) == name) {
                slots.slots.clone().for_each(|slot| tally += read(&counter, &format!("s{slot:02}")));
            }
        }
        for (from, to) in &cover.edges {
            let parts = partitions.iter().map(|partition| self.between(partition, *from, *to));
            futures::future::try_join_all(parts).await?.into_iter().for_each(|part| tally += part);
        }
        Ok(tally)
    }

    async fn between(&self, partition: &str, from: Timestamp, to: Timestamp) -> Result<MirrorTally, AwsFault> {
        let last = to.checked_sub(SignedDuration::from_millis(1)).unwrap_or(to);
        let (mut tally, mut start): (MirrorTally, Option<Item>) = (MirrorTally::default(), None);
        loop {
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(partition))
                .expression_attribute_values(":low", text(RunId::lowest(from)))
                .expression_attribute_values(":high", text(RunId::highest(last)))
                .set_exclusive_start_key(start);
            let page = call.send().await.map_err(|error| fault("read log of mirrors", &error))?;
            for found in page.items.unwrap_or_default() {
                tally += MirrorTally::of(&value(found)?);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(tally);
            }
        }
    }
}
