//! What a run has spent, and what that costs.

use serde::{Deserialize, Serialize};

use crate::domain::cost::prices::{DEFAULT_REGION, Item, PriceList};

/// What a run has spent in its slices, up to its latest commit. Whole numbers, as they are stored and added up.
///
/// What a slice spends after its last commit, and all of one that dies, is in no commit and so not in it. It is bounded by what a step
/// costs, and by the slices that a run may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spent {
    /// Where: prices are that region's.
    pub region: String,
    /// Slices, each an invocation.
    pub slices: u64,
    /// Tenths of write units.
    pub write_tenths: u64,
    /// Tenths of read units.
    pub read_tenths: u64,
    /// Messages sent.
    pub messages: u64,
    /// Events put on the bus.
    pub events: u64,
    /// Calls of KMS.
    pub kms: u64,
    /// Milliseconds times megabytes of memory.
    pub megabyte_ms: u64,
}

/// What each run costs besides: what starts it, its last commit with the counters, and what tells of its end. None of that can be in what
/// the run itself commits. A system test compares this with what is counted of a whole night.
const BESIDE_WRITE_TENTHS: u64 = 310;
const BESIDE_READ_TENTHS: u64 = 50;
const BESIDE_EVENTS: u64 = 2;
/// Requests to queues that a message is: it is sent, received and deleted.
const REQUESTS_A_MESSAGE: f64 = 3.0;
/// The message of its first slice, and its share of what told that it is due.
const BESIDE_MESSAGES: u64 = 1;
const NANO: f64 = 1e9;

impl Spent {
    /// Nothing yet, in a region.
    #[must_use]
    pub fn nothing(region: &str) -> Self {
        Self { region: region.to_owned(), ..Self::default() }
    }

    /// Adds what was spent elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (all, more) in [
            (&mut self.slices, other.slices),
            (&mut self.write_tenths, other.write_tenths),
            (&mut self.read_tenths, other.read_tenths),
            (&mut self.messages, other.messages),
            (&mut self.events, other.events),
            (&mut self.kms, other.kms),
            (&mut self.megabyte_ms, other.megabyte_ms),
        ] {
            *all = all.saturating_add(more);
        }
    }

    /// Notes units that were written.
    pub fn wrote(&mut self, units: f64) {
        self.write_tenths = self.write_tenths.saturating_add(tenths(units));
    }

    /// Notes units that were read.
    pub fn read(&mut self, units: f64) {
        self.read_tenths = self.read_tenths.saturating_add(tenths(units));
    }

    /// Gigabytes of memory times seconds.
    #[must_use]
    pub fn gigabyte_seconds(&self) -> f64 {
        self.megabyte_ms as f64 / 1_024_000.0
    }

    /// What a run that has spent this costs in all.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        dollars(self.nano_dollars())
    }

    /// The same in thousand millionths of a dollar: at the list prices of its region, and of
    /// the default one where it has none.
    #[must_use]
    pub fn nano_dollars(&self) -> u64 {
        let Ok(list) = PriceList::built_in() else { return 0 };
        let Ok(prices) = list.region(&self.region).or_else(|_| list.region(DEFAULT_REGION)) else { return 0 };
        let messages = self.messages.saturating_add(BESIDE_MESSAGES) as f64 * REQUESTS_A_MESSAGE;
        let dollars = [
            (Item::WriteUnit, self.write_tenths.saturating_add(BESIDE_WRITE_TENTHS) as f64 / 10.0),
            (Item::ReadUnit, self.read_tenths.saturating_add(BESIDE_READ_TENTHS) as f64 / 10.0),
            (Item::QueueRequest, messages),
            (Item::FairQueueRequest, messages),
            (Item::BusEvent, self.events.saturating_add(BESIDE_EVENTS) as f64),
            (Item::KmsRequest, self.kms as f64),
            (Item::LambdaRequest, self.slices as f64),
            (Item::LambdaArmGbSecond, self.gigabyte_seconds()),
        ]
        .map(|(item, quantity)| prices.dollars(item, quantity));
        // Too much for the type is its largest number.
        (dollars.iter().sum::<f64>() * NANO).round() as u64
    }
}

/// Dollars, of thousand millionths of one.
#[must_use]
pub fn dollars(nano: u64) -> f64 {
    nano as f64 / NANO
}

fn tenths(units: f64) -> u64 {
    (units * 10.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In us-east-1: what each run needs besides is 31 write units, 5 read units, a message of three requests and two events.
    #[test]
    fn what_was_spent_is_priced_where_it_was() {
        let none = Spent::nothing("us-east-1");
        let beside = 31.0 * 0.625 + 5.0 * 0.125 + 3.0 * 0.5 + 2.0;
        let some = Spent {
            slices: 2,
            write_tenths: 1_000,
            read_tenths: 80,
            messages: 1,
            events: 1,
            kms: 1,
            megabyte_ms: 1_024_000,
            ..none.clone()
        };
        let more = 0.4 + 62.5 + 1.0 + 1.5 + 1.0 + 3.0 + 13.3334;
        let elsewhere = Spent { region: "mars-north-1".into(), ..none.clone() };
        let ireland = Spent { region: "eu-west-1".into(), ..none.clone() };
        for (spent, millionths) in [
            (&none, beside),
            (&some, beside + more),
            (&elsewhere, beside),
            (&ireland, 31.0 * 0.70675 + 5.0 * 0.1415 + 1.5 + 2.0),
        ] {
            assert!((spent.dollars() * 1e6 - millionths).abs() < 0.001, "{spent:?}: {}", spent.dollars());
        }
    }

    #[test]
    fn what_is_spent_adds_up_and_is_read_where_it_is_not_whole() {
        let mut all = Spent::nothing("eu-west-1");
        all.wrote(2.5);
        all.read(0.5);
        all.add(&Spent { slices: 1, write_tenths: u64::MAX, ..Spent::default() });
        assert_eq!((all.slices, all.write_tenths, all.read_tenths), (1, u64::MAX, 5));
        let old: Spent = serde_json::from_str("{}").unwrap();
        assert_eq!(old, Spent::default());
        assert!(all.nano_dollars() > 0);
    }
}
