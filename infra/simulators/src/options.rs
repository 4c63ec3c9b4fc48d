//! How a vendor is simulated.

use std::collections::BTreeMap;
use std::str::FromStr;

use signalbox::outside::Clock;

use crate::faults::{FAULTS_MAX, Fault};
use crate::limits::Limits;
use crate::rows::Rows;
use crate::vendor::Vendor;

/// The most rows that a vendor starts with, and the most that can be added later.
pub const ROWS_MAX: u64 = 1_000_000;
const ROWS_DEFAULT: u64 = 1000;
const TOKEN_SECONDS_DEFAULT: u64 = 3_599;

/// How a vendor is simulated. The default is a test's: a free port, the documented limits, no faults.
#[derive(Clone)]
pub struct Options {
    /// Whom to simulate.
    pub vendor: Vendor,
    /// The port on 127.0.0.1; 0 picks one.
    pub port: u16,
    /// Rows in all, divided among the entities as such vendors have them.
    pub rows: u64,
    /// Rows of an entity, whatever its part of all would be.
    pub rows_of: BTreeMap<String, u64>,
    /// What rows, ids and tokens are made from.
    pub seed: u64,
    /// The key that is let in.
    pub key: String,
    /// How many requests it takes.
    pub limits: Limits,
    /// What it does with a filter by time.
    pub filters: Filters,
    /// Entities that the key has no right to (DoorLoop), or that the warehouse's system does not have (Trackstar).
    pub without: Vec<String>,
    /// How many accounts Google has, numbered from 1. Locations are divided among them.
    pub accounts: u32,
    /// How long Google's access tokens are good, in seconds.
    pub token_seconds: u64,
    /// Faults from the start on.
    pub faults: Vec<Fault>,
    /// What limits, changed rows and slow answers go by.
    pub clock: Clock,
}

impl Options {
    /// The defaults for a vendor.
    #[must_use]
    pub fn new(vendor: Vendor) -> Self {
        Self {
            vendor,
            port: 0,
            rows: ROWS_DEFAULT,
            rows_of: BTreeMap::new(),
            seed: 1,
            key: vendor.key_default().into(),
            limits: Limits::Documented,
            filters: vendor.filters_default(),
            without: vendor.without_default().iter().map(ToString::to_string).collect(),
            accounts: 1,
            token_seconds: TOKEN_SECONDS_DEFAULT,
            faults: Vec::new(),
            clock: Clock::default(),
        }
    }

    /// Rows of each entity, in the vendor's order.
    pub(crate) fn counts(&self) -> Result<Vec<u64>, Unusable> {
        let entities = self.vendor.catalogue();
        self.known(self.rows_of.keys())?;
        let shares: u64 = entities.iter().map(|entity| entity.share).sum();
        let mut counts: Vec<u64> =
            entities.iter().map(|entity| self.rows.min(ROWS_MAX) * entity.share / shares).collect();
        // What rounding left over, so that there are as many as were asked for.
        let rest = self.rows.min(ROWS_MAX) - counts.iter().sum::<u64>();
        if let Some(largest) = counts.iter_mut().max() {
            *largest += rest;
        }
        for (entity, count) in entities.iter().zip(&mut counts) {
            *count = self.rows_of.get(entity.name).copied().unwrap_or(*count);
        }
        let all = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        if all > ROWS_MAX || self.rows > ROWS_MAX {
            return Err(Unusable::new(format!("at most {ROWS_MAX} rows can be simulated")));
        }
        Ok(counts)
    }

    fn known<'a>(&self, names: impl Iterator<Item = &'a String>) -> Result<(), Unusable> {
        let entities: Vec<&str> = self.vendor.entities().collect();
        for name in names {
            if !entities.contains(&name.as_str()) {
                let has = entities.join(", ");
                return Err(Unusable::new(format!("{} has no entity {name}: it has {has}", self.vendor)));
            }
        }
        Ok(())
    }

    /// The rows these options describe, if all of the options can be used.
    pub(crate) fn checked(&self) -> Result<Rows, Unusable> {
        self.known(self.without.iter())?;
        if self.faults.len() > FAULTS_MAX {
            return Err(Unusable::new(format!("at most {FAULTS_MAX} faults at a time")));
        }
        for fault in &self.faults {
            fault.check(self.vendor)?;
        }
        Ok(Rows::new(self.vendor.catalogue(), self.seed, &self.counts()?))
    }
}

/// What a vendor does with a filter by time, such as `updated_date[gte]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filters {
    /// It lists what fits.
    Honoured,
    /// It lists everything, and says nothing of it.
    Ignored,
    /// 400.
    Refused,
}

impl FromStr for Filters {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        match text {
            "honoured" => Ok(Self::Honoured),
            "ignored" => Ok(Self::Ignored),
            "refused" => Ok(Self::Refused),
            _ => Err(Unusable::new("filters are honoured, ignored or refused")),
        }
    }
}

/// An option or an order that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl Unusable {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
