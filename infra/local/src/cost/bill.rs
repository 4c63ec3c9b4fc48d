//! A bill: what was used, line by line, times the prices.

use serde::Serialize;
use signalbox::domain::cost::prices::{Item, Region};

use super::deployment::Deployment;
use super::profile::{Counted, Profile};

/// Bytes of a gigabyte, as AWS counts logs and traffic.
const GIGABYTE: f64 = 1_073_741_824.0;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What is paid for.
    pub what: String,
    /// How much of it.
    pub quantity: f64,
    /// Whose price it has.
    pub item: Item,
    /// The product.
    pub dollars: f64,
}

/// A bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// What it is for.
    pub title: String,
    /// Its lines; those that cost nothing are left out.
    pub lines: Vec<Line>,
    /// Their sum.
    pub dollars: f64,
    /// What it was to be at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}

/// What a bill is made with.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// What was counted and measured.
    pub profile: &'a Profile,
    /// The prices.
    pub prices: &'a Region,
    /// The deployment.
    pub deployment: &'a Deployment,
}

impl<'a> Basis<'a> {
    /// The same of another deployment.
    #[must_use]
    pub fn of(self, deployment: &'a Deployment) -> Self {
        Self { deployment, ..self }
    }

    /// How long the invocations of a function took together, in milliseconds: its processor's time with the part of a core that its
    /// memory has, what it waited for, and half a millisecond each, as each is rounded up to a whole one.
    #[must_use]
    pub fn billed_ms(self, name: &str, counted: &Counted) -> f64 {
        let Some(function) = counted.functions.get(name) else { return 0.0 };
        let worked = self.profile.cpu_ms(function) / self.deployment.cores(name);
        worked + self.profile.waited_ms(name, function) + 0.5 * function.invocations
    }

    /// The bill of what was counted.
    #[must_use]
    pub fn bill(self, title: impl Into<String>, counted: &Counted) -> Bill {
        let mut lines = Vec::new();
        let mut add = |what: String, quantity: f64, item: Item| {
            // What is left of a difference between two counts that are alike is no line.
            if quantity > 1e-9 {
                lines.push(Line { what, quantity, item, dollars: self.prices.dollars(item, quantity) });
            }
        };
        add("HTTP API: requests".into(), counted.api.requests, Item::HttpApiRequest);
        for (name, function) in &counted.functions {
            add(format!("{name}: invocations"), function.invocations, Item::LambdaRequest);
            let gigabytes = self.deployment.memory_mb(name) / 1024.0;
            let seconds = self.billed_ms(name, counted) / 1000.0;
            add(format!("{name}: GB-seconds"), gigabytes * seconds, self.deployment.processor.item());
        }
        for (name, units) in &counted.tables {
            add(format!("{name}: write units"), units.write, Item::WriteUnit);
            add(format!("{name}: read units"), units.read, Item::ReadUnit);
        }
        for (name, requests) in &counted.queues {
            add(format!("{name}: requests"), requests.send + requests.receive + requests.delete, Item::QueueRequest);
            add(format!("{name}: of fair queues"), requests.fair, Item::FairQueueRequest);
        }
        add("event bus: events".into(), counted.bus_events, Item::BusEvent);
        add("schedules: firings".into(), counted.firings, Item::ScheduleFiring);
        add("KMS: calls".into(), counted.kms, Item::KmsRequest);
        for (name, function) in &counted.functions {
            let bytes = if self.deployment.logs_info { function.log_bytes } else { function.log_bytes_warn };
            add(format!("{name}: GB of log"), bytes / GIGABYTE, Item::LogGigabyte);
        }
        add("HTTP API: GB of log".into(), counted.api.log_bytes / GIGABYTE, Item::LogGigabyte);
        add("HTTP API: GB out".into(), counted.api.bytes_out / GIGABYTE, Item::GigabyteOut);
        let dollars = lines.iter().map(|line| line.dollars).sum();
        Bill { title: title.into(), lines, dollars, target: None }
    }
}

impl Bill {
    /// With what it is to be at most.
    #[must_use]
    pub fn within(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }
}
