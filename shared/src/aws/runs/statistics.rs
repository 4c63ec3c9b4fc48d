//! Counters over runs, kept by the runs' own transactions (I8).
//!
//! A day's counter has totals and a slot per hour, a month's totals and a slot per day. Attribute `r`, `s`, `e` and
//! `m` count running, success, error and milliseconds; a slot's carry its number: `s07r`. A month's have `c` besides: what its runs cost,
//! in thousand millionths of a dollar. A day's have not: they would cost more than they tell.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Select, Update};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use super::RunReads;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, key, number, text, value};
use crate::aws::transaction::built;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::run::{RunStatus, SeenStatus};
use crate::domain::runs::window::{Cover, MONTHS, Slots, Tally, counters, day_before, is_of_a_day, month_key};

fn letter(status: SeenStatus) -> &'static str {
    match status {
        SeenStatus::Running => "r",
        SeenStatus::Success => "s",
        SeenStatus::Error => "e",
    }
}

const STATISTICS: &str = "#statistics";

fn partition(connection: &Connection) -> String {
    format!("{connection}{STATISTICS}")
}

impl RunReads {
    /// The writes that count a run of `started_at` out of one status and into another.
    pub(super) fn count(
        &self,
        connection: &Connection,
        started_at: Timestamp,
        from: Option<SeenStatus>,
        to: SeenStatus,
        (duration_ms, nano_dollars): (u64, u64),
    ) -> Result<Vec<Update>, AwsFault> {
        let whole = |number: u64| i64::try_from(number).unwrap_or(0);
        let mut of_all = vec![(letter(to), 1), ("m", whole(duration_ms))];
        of_all.extend(from.map(|from| (letter(from), -1)));
        let update = |(counter, slot): (String, i8)| {
            let mut update = self.0.update(key(partition(connection), counter.clone()));
            let mut steps = of_all.clone();
            steps.extend(counter.starts_with(MONTHS).then(|| ("c", whole(nano_dollars))));
            steps.retain(|(_, step)| *step != 0);
            let mut adds = Vec::new();
            for (index, (letter, step)) in steps.iter().enumerate() {
                adds.push(format!("#t{index} :v{index}, #s{index} :v{index}"));
                update = update
                    .expression_attribute_names(format!("#t{index}"), *letter)
                    .expression_attribute_names(format!("#s{index}"), format!("s{slot:02}{letter}"))
                    .expression_attribute_values(format!(":v{index}"), number(step));
            }
            let (set, update) = self.kept_for_a_day(&counter, started_at, update);
            built(update.update_expression(format!("{set}ADD {}", adds.join(", "))).build())
        };
        counters(started_at).into_iter().map(update).collect()
    }

    /// A counter with the hours of a day goes with the runs of that day, as no window has a part of a day then. Those of months stay:
    /// they are the totals.
    pub(super) fn kept_for_a_day(
        &self,
        counter: &str,
        started_at: Timestamp,
        update: UpdateBuilder,
    ) -> (&'static str, UpdateBuilder) {
        match self.1.ends(started_at, started_at).filter(|_| is_of_a_day(counter)) {
            Some(ends) => {
                ("SET expires_at = :ends ", update.expression_attribute_values(":ends", number(ends.as_second())))
            }
            None => ("", update),
        }
    }

    /// Counts the runs that a cover describes.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tally(&self, connection: &Connection, cover: &Cover) -> Result<Tally, AwsFault> {
        let edges = cover.edges.iter().map(|(from, to)| self.tally_edge(connection, *from, *to));
        let (months, slots, edges) = futures::future::try_join3(
            self.tally_months(connection, cover.months.as_ref()),
            self.tally_slots(connection, cover),
            futures::future::try_join_all(edges),
        )
        .await?;
        let mut tally = months;
        tally += slots;
        edges.into_iter().for_each(|edge| tally += edge);
        Ok(tally)
    }

    async fn tally_months(&self, connection: &Connection, range: Option<&(String, String)>) -> Result<Tally, AwsFault> {
        let mut tally = Tally::default();
        let Some((first, last)) = range else { return Ok(tally) };
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(connection)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .projection_expression("r, s, e, m");
        // A month's counter has about 1 KB: a page of 1 MB holds eighty years.
        let page = call.send().await.map_err(|error| fault("read statistics", &error))?;
        for item in page.items() {
            tally += read(item, "");
        }
        Ok(tally)
    }

    async fn tally_slots(&self, connection: &Connection, cover: &Cover) -> Result<Tally, AwsFault> {
        let mut tally = Tally::default();
        let found = self.counters(connection, cover.slots.iter().map(|slots| slots.counter.clone())).await?;
        for slots in &cover.slots {
            let Some(counter) = found.get(&slots.counter) else { continue };
            for slot in slots.slots.clone() {
                tally += read(counter, &format!("s{slot:02}"));
            }
        }
        Ok(tally)
    }

    /// Counts the runs of the last 24 hours, and of the hour in which they begin, of some connections, none of them named twice: of
    /// those that had any. What one that was removed ran under the name counts in the hour in which the name was taken, and no earlier.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of_a_day(
        &self,
        connections: impl Iterator<Item = &StoredConnection>,
        now: Timestamp,
    ) -> Result<HashMap<Connection, Tally>, AwsFault> {
        let slots: HashMap<&Connection, Vec<Slots>> =
            connections.map(|stored| (&stored.connection, day_before(now, stored.created.at).slots)).collect();
        let counters = slots.iter().flat_map(|(connection, slots)| {
            slots.iter().map(|slots| key(partition(connection), slots.counter.clone())).collect::<Vec<Item>>()
        });
        let found = self.0.glance_at(counters.collect(), None, "read statistics").await?;
        let mut tallies: HashMap<Connection, Tally> = HashMap::new();
        for counter in &found {
            let text = |name: &str| counter.get(name)?.as_s().ok();
            let whose = text("pk").and_then(|pk| pk.strip_suffix(STATISTICS)?.parse().ok());
            let (Some(connection), Some(name)) = (whose, text("sk")) else { continue };
            let asked = slots.get(&connection).into_iter().flatten();
            let tally = tallies.entry(connection).or_default();
            for slot in asked.filter(|slots| slots.counter == *name).flat_map(|slots| slots.slots.clone()) {
                *tally += read(counter, &format!("s{slot:02}"));
            }
        }
        Ok(tallies)
    }

    /// Counts the runs of each of some days. The days are at most [`crate::domain::runs::window::DAYS_MAX`].
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn daily(&self, connection: &Connection, days: &[Date]) -> Result<Vec<(Date, Tally)>, AwsFault> {
        let months = self.counters(connection, days.iter().map(|day| month_key(*day))).await?;
        let of = |day: &Date| {
            let month = months.get(&month_key(*day));
            month.map(|month| read(month, &format!("s{:02}", day.day()))).unwrap_or_default()
        };
        Ok(days.iter().map(|day| (*day, of(day))).collect())
    }

    /// Some counters by their keys; names that follow each other may be the same.
    async fn counters(
        &self,
        connection: &Connection,
        names: impl Iterator<Item = String>,
    ) -> Result<HashMap<String, Item>, AwsFault> {
        let mut keys: Vec<Item> = names.map(|name| key(partition(connection), name)).collect();
        keys.dedup();
        // A few items of 3 KB; a wrong number is worse than an error, so what is left unread is one.
        let found = self.0.glance_at(keys, None, "read statistics").await?.into_iter();
        Ok(found.filter_map(|item| Some((item.get("sk")?.as_s().ok()?.clone(), item))).collect())
    }

    async fn tally_edge(&self, connection: &Connection, from: Timestamp, to: Timestamp) -> Result<Tally, AwsFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Row {
            status: RunStatus,
            #[serde(default)]
            duration_ms: u64,
        }
        let last = to.checked_sub(1.millisecond()).unwrap_or(to);
        let mut tally = Tally::default();
        let mut start: Option<Item> = None;
        loop {
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(connection.to_string()))
                .expression_attribute_values(":low", text(RunId::lowest(from)))
                .expression_attribute_values(":high", text(RunId::highest(last)))
                .select(Select::SpecificAttributes)
                .projection_expression("#status, durationMs")
                .expression_attribute_names("#status", "status")
                .set_exclusive_start_key(start);
            let page = call.send().await.map_err(|error| fault("read runs", &error))?;
            for item in page.items.unwrap_or_default() {
                let row: Row = value(item)?;
                tally += Tally { duration_ms: row.duration_ms, ..one(row.status.seen()) };
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(tally);
            }
        }
    }
}

fn one(status: SeenStatus) -> Tally {
    match status {
        SeenStatus::Running => Tally { running: 1, ..Tally::default() },
        SeenStatus::Success => Tally { success: 1, ..Tally::default() },
        SeenStatus::Error => Tally { error: 1, ..Tally::default() },
    }
}

fn read(counter: &HashMap<String, aws_sdk_dynamodb::types::AttributeValue>, slot: &str) -> Tally {
    let count = |letter: &str| {
        let value = counter.get(&format!("{slot}{letter}")).and_then(|value| value.as_n().ok());
        value.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Tally {
        running: count("r"),
        success: count("s"),
        error: count("e"),
        duration_ms: count("m"),
        nano_dollars: count("c"),
    }
}
