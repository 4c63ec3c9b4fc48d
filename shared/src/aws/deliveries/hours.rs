//! A connection's counters by the hour, in the deliveries table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant/provider/name#hours`, `2026-01-15T12` | the counters of that hour, by [`HourCounter::name`], and when the last webhook came and was processed |

use super::DeliveryStore;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, key, number, text};
use crate::domain::deliveries::hours::{HourCounter, HourCounts, Hours, KEPT_SECONDS};
use crate::domain::deliveries::placement::Hour;
use crate::domain::ids::Connection;

const LAST_RECEIVED: &str = "lastReceivedMs";
const LAST_PROCESSED: &str = "lastProcessedMs";

/// No key of a claim: those have a colon behind the `#`.
const OF_HOURS: &str = "#hours";

fn partition(connection: &Connection) -> String {
    format!("{connection}{OF_HOURS}")
}

impl DeliveryStore {
    /// Adds to the counters of a connection's hour: one write unit, as their item stays below 1 KB.
    ///
    /// # Errors
    /// When the table cannot be written. The counts are lost then, or were added all the same if only the reply was lost.
    pub async fn count_hour(&self, connection: &Connection, hour: Hour, counts: &HourCounts) -> Result<(), AwsFault> {
        let mut call = self.0.update_item(key(partition(connection), hour.to_string()));
        let mut adds = Vec::new();
        for (index, (counter, step)) in counts.counters().enumerate() {
            adds.push(format!("#n{index} :v{index}"));
            call = call
                .expression_attribute_names(format!("#n{index}"), counter.name())
                .expression_attribute_values(format!(":v{index}"), number(step));
        }
        let mut sets = vec!["expires_at = :expires".to_owned()];
        call = call.expression_attribute_values(":expires", number(hour.start_ms() / 1000 + KEPT_SECONDS));
        // Not the later of the two, which would cost a condition and a second write: batches come nearly in order.
        let times = [(LAST_RECEIVED, counts.last_received_ms), (LAST_PROCESSED, counts.last_processed_ms)];
        for (name, ms) in times.into_iter().filter_map(|(name, ms)| Some((name, ms?))) {
            sets.push(format!("{name} = :{name}"));
            call = call.expression_attribute_values(format!(":{name}"), number(ms));
        }
        let call = call.update_expression(format!("SET {} ADD {}", sets.join(", "), adds.join(", ")));
        call.send().await.map(drop).map_err(|error| fault("count hour", &error))
    }

    /// The newest hours in which a connection had anything, so many at most, as of a moment ago: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn hours(&self, connection: &Connection, limit: usize) -> Result<Hours, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition(connection)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read hours", &error))?;
        Ok(Hours(page.items.unwrap_or_default().iter().filter_map(read).collect()))
    }

    /// Some hours of connections, none of them named twice, as of a moment ago: those in which they had anything, in no order.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn hours_at(
        &self,
        wanted: impl Iterator<Item = (&Connection, Hour)>,
    ) -> Result<Vec<(Connection, Hour, HourCounts)>, AwsFault> {
        let keys = wanted.map(|(connection, hour)| key(partition(connection), hour.to_string())).collect();
        let found = self.0.glance_at(keys, None, "read hours").await?;
        let of = |item: &Item| item.get("pk")?.as_s().ok()?.strip_suffix(OF_HOURS)?.parse().ok();
        let hour = |item: &Item| read(item).and_then(|(hour, counts)| Some((of(item)?, hour, counts)));
        Ok(found.iter().filter_map(hour).collect())
    }
}

/// An hour's counters. Names that this version does not count are passed over, and so is an hour that cannot be one.
fn read(item: &Item) -> Option<(Hour, HourCounts)> {
    let hour = Hour::parse(item.get("sk")?.as_s().ok()?)?;
    let integer = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let mut counts = HourCounts::default();
    counts.last_received_ms = integer(LAST_RECEIVED);
    counts.last_processed_ms = integer(LAST_PROCESSED);
    for (name, value) in item {
        let count = value.as_n().ok().and_then(|count| count.parse().ok());
        if let (Some(counter), Some(count)) = (HourCounter::parse(name), count) {
            counts.add(counter, count);
        }
    }
    Some((hour, counts))
}
