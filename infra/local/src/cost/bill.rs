//! A bill: what was used, line by line, times the prices.

use serde::Serialize;
use signalbox::domain::cost::prices::{Item, Region};

use super::deployment::Deployment;
use super::profile::{Counted, Profile, Work};
use super::text;

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
    /// Its lines; those of nothing are left out.
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
    ///
    /// Messages of a batch are worked at beside each other, so no more calls are under way at once than it has messages.
    #[must_use]
    pub fn billed_ms(self, name: &str, counted: &Counted) -> f64 {
        let Some(function) = counted.functions.get(name) else { return 0.0 };
        let worked = self.profile.cpu_ms(function) / self.deployment.cores(name);
        let mut at_once = self.profile.waits.at_once.get(name).copied().unwrap_or(1.0);
        if let Some(messages) = function.work.get(&Work::AppliedEvent).filter(|messages| **messages > 0.0) {
            at_once = at_once.min((messages / function.invocations).max(1.0));
        }
        worked + function.calls * self.profile.waits.call_ms / at_once + 0.5 * function.invocations
    }

    /// The bill of what was counted.
    #[must_use]
    pub fn bill(self, title: impl Into<String>, counted: &Counted) -> Bill {
        let mut used = Vec::new();
        let mut add = |what: String, quantity: f64, item: Item| used.push((what, quantity, item));
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
        self.priced(title, used)
    }

    /// The bill of a month for what was stored: of how many gigabytes, and for how long.
    #[must_use]
    pub fn storage(self, title: impl Into<String>, counted: &Counted) -> Bill {
        let mut used = Vec::new();
        for (name, stored) in &counted.stored {
            let days = text::whole(stored.days);
            used.push((
                format!("{name}: GB kept for {days} days"),
                stored.expiring / GIGABYTE,
                Item::StorageGigabyteMonth,
            ));
            used.push((format!("{name}: GB kept until deleted"), stored.kept / GIGABYTE, Item::StorageGigabyteMonth));
            let backed_up = (stored.expiring + stored.kept) / GIGABYTE;
            used.push((format!("{name}: GB of its backups"), backed_up, Item::BackupGigabyteMonth));
        }
        self.priced(title, used)
    }

    /// The bill of these.
    #[must_use]
    pub fn priced(self, title: impl Into<String>, used: Vec<(String, f64, Item)>) -> Bill {
        // What is left of a difference between two counts that are alike is no line.
        let used = used.into_iter().filter(|(_, quantity, _)| *quantity > 1e-9);
        let priced = used.map(|(what, quantity, item)| {
            let dollars = self.prices.dollars(item, quantity);
            Line { what, quantity, item, dollars }
        });
        let lines: Vec<Line> = priced.collect();
        // A sum of nothing is below zero by its sign.
        let dollars = lines.iter().map(|line| line.dollars).sum::<f64>() + 0.0;
        Bill { title: title.into(), lines, dollars, target: None }
    }
}

impl Bill {
    /// With what it is to be at most.
    #[must_use]
    pub fn within(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// What the lines cost whose name begins so.
    #[must_use]
    pub fn of(&self, what: &str) -> f64 {
        self.lines.iter().filter(|line| line.what.starts_with(what)).map(|line| line.dollars).sum()
    }

    /// As text. Lines that would say that they cost nothing are only counted.
    #[must_use]
    pub fn text(&self, prices: &Region) -> Vec<String> {
        let decimals = text::cents(self.dollars);
        let shown = 0.5 * 0.1_f64.powi(i32::try_from(decimals).unwrap_or_default());
        let mut lines = vec![self.title.clone()];
        for line in self.lines.iter().filter(|line| line.dollars >= shown) {
            let price = prices.price(line.item).map_or_else(String::new, |price| text::price(price.usd, price.per));
            let (quantity, dollars) = (text::quantity(line.quantity), text::dollars(line.dollars, decimals));
            lines.push(format!("  {:<36}{quantity:>12}  {price:<20}{dollars:>12}", line.what));
        }
        let (mut hidden, mut count) = (0.0, 0);
        for line in self.lines.iter().filter(|line| line.dollars < shown) {
            (hidden, count) = (hidden + line.dollars, count + 1);
        }
        if count > 0 {
            let what = format!("less than {} each: {count}", text::dollars(shown, decimals + 1));
            lines.push(format!("  {what:<70}{:>12}", text::dollars(hidden, decimals)));
        }
        lines.push(format!("  {:<70}{:>12}", "together", text::dollars(self.dollars, decimals)));
        if let Some(target) = self.target {
            let missed = self.dollars - target;
            let verdict =
                if missed > 0.0 { format!("missed by {}", text::dollars(missed, decimals)) } else { "met".to_owned() };
            lines.push(format!("  target: at most {}: {verdict}", text::dollars(target, 2)));
        }
        lines
    }
}
