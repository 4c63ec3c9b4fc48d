//! The fleet's counters, in the deliveries table: instances come and go, and none knows of the others.
//!
//! | key | holds |
//! |---|---|
//! | `metrics`, origin | the counters of an origin, by [`Counter::name`] |

use std::collections::BTreeMap;

use super::DeliveryStore;
use crate::aws::clients::Patience;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{key, number, text};
use crate::domain::deliveries::counters::{Counter, FleetTally};

const PARTITION: &str = "metrics";
/// A page holds a thousand origins or more, and they are bounded by configuration: what lies behind so many is an error
/// that must not make a reader read for ever.
const PAGES_MAX: usize = 10;

impl DeliveryStore {
    /// Adds to the counters of an origin: one write unit, as their item stays below 1 KB.
    ///
    /// # Errors
    /// When the table cannot be written. The counts are lost then, or were added all the same if only the reply was lost.
    pub async fn count_fleet(
        &self,
        origin: &str,
        counters: &BTreeMap<Counter, u64>,
        patience: Patience,
    ) -> Result<(), AwsFault> {
        let mut call = self.0.update_item(key(PARTITION, origin));
        let mut adds = Vec::new();
        for (index, (counter, step)) in counters.iter().enumerate() {
            adds.push(format!("#n{index} :v{index}"));
            call = call
                .expression_attribute_names(format!("#n{index}"), counter.name())
                .expression_attribute_values(format!(":v{index}"), number(step));
        }
        let call = call.update_expression(format!("ADD {}", adds.join(", ")));
        let sent = call.customize().config_override(patience.of_call()).send().await;
        sent.map(drop).map_err(|error| fault("count", &error))
    }

    /// All counters of the fleet. Names that this version does not count are passed over.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn fleet_counts(&self) -> Result<FleetTally, AwsFault> {
        let query =
            self.0.query().key_condition_expression("pk = :pk").expression_attribute_values(":pk", text(PARTITION));
        let mut pages = query.into_paginator().send();
        let mut tally = FleetTally::default();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            for found in page.map_err(|error| fault("read counters", &error))?.items.unwrap_or_default() {
                let Some(origin) = found.get("sk").and_then(|sk| sk.as_s().ok()) else { continue };
                for (name, value) in &found {
                    let count = value.as_n().ok().and_then(|count| count.parse().ok());
                    if let (Some(counter), Some(count)) = (Counter::parse(name), count) {
                        tally.add(origin, counter, count);
                    }
                }
            }
        }
        Ok(tally)
    }
}
