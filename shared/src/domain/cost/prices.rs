//! List prices by region, each with the page it stands on and when that was read, or why it was not (`prices.json`). No free tier, no discounts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// More than anything costs, and as much or little as it is counted by: what is far beyond is a slip, and no sum of it can be shown.
const USD_MAX: f64 = 1e6;
const PER_MIN: f64 = 1e-6;
const PER_MAX: f64 = 1e12;

/// The list that is built in.
pub const BUILT_IN: &str = include_str!("prices.json");
/// The form of a list that is understood here.
pub const FORMAT: u32 = 1;
/// Whose prices count where a region has none.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Something with a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// A request to the HTTP API.
    HttpApiRequest,
    /// An invocation of a function.
    LambdaRequest,
    /// A gigabyte of memory for a second, on arm64.
    LambdaArmGbSecond,
    /// The same on x86_64.
    LambdaX86GbSecond,
    /// A write request unit.
    WriteUnit,
    /// A read request unit.
    ReadUnit,
    /// A request to a queue.
    QueueRequest,
    /// What such a request costs besides where messages have groups.
    FairQueueRequest,
    /// An event on the bus.
    BusEvent,
    /// A firing of a schedule.
    ScheduleFiring,
    /// A gigabyte of log.
    LogGigabyte,
    /// A gigabyte to the internet.
    GigabyteOut,
    /// A call of KMS.
    KmsRequest,
    /// A gigabyte of a table for a month.
    StorageGigabyteMonth,
    /// The same as it is kept to restore a table to a point in time.
    BackupGigabyteMonth,
    /// A metric of our own with one value of each dimension, for a month.
    MetricSeries,
    /// A metric that an alarm watches, for a month.
    AlarmMetric,
    /// An alarm of alarms for a month.
    CompositeAlarm,
    /// A dashboard for a month.
    Dashboard,
    /// A key for a month.
    KmsKey,
}

impl Item {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::HttpApiRequest,
        Self::LambdaRequest,
        Self::LambdaArmGbSecond,
        Self::LambdaX86GbSecond,
        Self::WriteUnit,
        Self::ReadUnit,
        Self::QueueRequest,
        Self::FairQueueRequest,
        Self::BusEvent,
        Self::ScheduleFiring,
        Self::LogGigabyte,
        Self::GigabyteOut,
        Self::KmsRequest,
        Self::StorageGigabyteMonth,
        Self::BackupGigabyteMonth,
        Self::MetricSeries,
        Self::AlarmMetric,
        Self::CompositeAlarm,
        Self::Dashboard,
        Self::KmsKey,
    ];

    fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
    }
}

/// A price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Dollars.
    pub usd: f64,
    /// For so many.
    pub per: f64,
    /// Of what.
    pub unit: String,
    /// The page it stands on.
    pub source: String,
    /// When that was read: `2026-03`. Nobody has read it where this is not said: its note says where the price is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The prices of a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Region {
    /// For people.
    pub name: String,
    /// When they were valid.
    pub as_of: String,
    prices: BTreeMap<Item, Price>,
}

impl Region {
    /// What so many of an item cost.
    #[must_use]
    pub fn dollars(&self, item: Item, quantity: f64) -> f64 {
        self.prices.get(&item).map_or(0.0, |price| quantity * price.usd / price.per)
    }

    /// The price of an item.
    #[must_use]
    pub fn price(&self, item: Item) -> Option<&Price> {
        self.prices.get(&item)
    }

    /// The names of prices that nobody has read on their page.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        self.prices.iter().filter(|(_, price)| price.read.is_none()).map(|(item, _)| item.name()).collect()
    }
}

/// Prices by region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceList {
    format: u32,
    currency: String,
    regions: BTreeMap<String, Region>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// It is not one.
    #[error("it is no list of prices: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it is of format {0}, and format {FORMAT} is understood here")]
    Format(u32),
    /// It is in another currency.
    #[error("its prices are in {0}, not in USD")]
    Currency(String),
    /// A price is not there, or is none.
    #[error(
        "{region} has no usable price of {item}: it takes 0 to a million dollars, for a millionth to a trillion of it"
    )]
    Unpriced {
        /// Where.
        region: String,
        /// Of what.
        item: String,
    },
    /// It has no such region.
    #[error("there are no prices of {wanted}; known are {known}. A list of your own can be given")]
    Region {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
}

impl PriceList {
    /// Reads a list; every region has to have every price.
    ///
    /// # Errors
    /// When it is not one, or lacks a price.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let list: Self = serde_json::from_str(text)?;
        if list.format != FORMAT {
            return Err(PriceError::Format(list.format));
        }
        if list.currency != "USD" {
            return Err(PriceError::Currency(list.currency));
        }
        for (region, prices) in &list.regions {
            for item in Item::ALL {
                let usable =
                    |price: &Price| (0.0..=USD_MAX).contains(&price.usd) && (PER_MIN..=PER_MAX).contains(&price.per);
                if !prices.price(item).is_some_and(usable) {
                    return Err(PriceError::Unpriced { region: region.clone(), item: item.name() });
                }
            }
        }
        Ok(list)
    }

    /// The list that is built in.
    ///
    /// # Errors
    /// Never, as a test reads it.
    pub fn built_in() -> Result<&'static Self, &'static PriceError> {
        static LIST: LazyLock<Result<PriceList, PriceError>> = LazyLock::new(|| PriceList::parse(BUILT_IN));
        LIST.as_ref()
    }

    /// The prices of a region.
    ///
    /// # Errors
    /// When there are none.
    pub fn region(&self, wanted: &str) -> Result<&Region, PriceError> {
        self.regions.get(wanted).ok_or_else(|| PriceError::Region {
            wanted: wanted.to_owned(),
            known: self.regions.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// The regions it knows.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn changed(change: impl FnOnce(&mut Value)) -> Result<PriceList, PriceError> {
        let mut list: Value = serde_json::from_str(BUILT_IN).unwrap();
        change(&mut list);
        PriceList::parse(&list.to_string())
    }

    #[test]
    fn the_built_in_list_is_read_and_written_as_it_is() {
        let list = PriceList::built_in().unwrap();
        assert_eq!(list.regions().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
        let again = PriceList::parse(&serde_json::to_string(list).unwrap()).unwrap();
        assert_eq!(&again, list);
        let region = list.region(DEFAULT_REGION).unwrap();
        assert!((region.dollars(Item::WriteUnit, 3_000_000.0) - 1.875).abs() < 1e-9);
        for region in list.regions().map(|name| list.region(name).unwrap()) {
            for price in Item::ALL.map(|item| region.price(item).unwrap()) {
                assert!(price.source.starts_with("https://aws.amazon.com/"), "{price:?}");
                // A date beside "from memory" would say that somebody had looked.
                let is_known = price
                    .note
                    .as_ref()
                    .is_some_and(|note| note.starts_with("from memory") || note.starts_with("computed"));
                assert_eq!(price.read.is_none(), is_known, "{price:?}");
            }
        }
    }

    #[test]
    fn a_list_that_lacks_something_says_what() {
        type Change = fn(&mut Value);
        let table: [(Change, &str); 7] = [
            (|list| list["format"] = json!(2), "format 2"),
            (|list| list["currency"] = json!("EUR"), "in EUR"),
            (|list| list["regions"]["eu-west-1"]["prices"]["readUnit"] = json!(null), "no list of prices"),
            (
                |list| list["regions"]["eu-west-1"]["prices"]["readUnit"]["usd"] = json!(-1),
                "eu-west-1 has no usable price of readUnit",
            ),
            (
                |list| list["regions"]["eu-west-1"]["prices"]["readUnit"]["per"] = json!(0),
                "eu-west-1 has no usable price of readUnit",
            ),
            (
                |list| drop(list["regions"]["us-east-1"]["prices"].as_object_mut().unwrap().remove("busEvent")),
                "us-east-1 has no usable price of busEvent",
            ),
            (|list| list["regions"]["us-east-1"]["prices"]["tea"] = json!({}), "tea"),
        ];
        for (change, part) in table {
            let error = changed(change).unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = PriceList::built_in().unwrap().region("mars-north-1").unwrap_err().to_string();
        assert!(error.contains("mars-north-1") && error.contains("eu-west-1, us-east-1"), "{error}");
    }
}
