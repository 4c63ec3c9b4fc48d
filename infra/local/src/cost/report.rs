//! The report: what a million webhooks and a nightly cost, and what each choice changes about it.

use serde::Serialize;
use signalbox::domain::cost::prices::Item;

use super::bill::{Basis, Bill};
use super::deployment::Processor;
use super::profile::{Counted, Profile, Scenario};
use super::text;

/// What a million webhooks may cost, end to end, in full batches.
const WEBHOOKS_MAX: f64 = 3.60;
/// What a nightly of a million unchanged rows may cost.
const NIGHTLY_MAX: f64 = 0.01;
/// Rows of a nightly where nobody says how many.
pub const ROWS: u32 = 1_000_000;
/// Which part of them has changed, in percent, where nobody says.
pub const CHANGED_PERCENT: f64 = 1.0;
/// Characters of a line of text.
const WIDTH: usize = 110;
const MILLION: f64 = 1_000_000.0;
/// Minutes of thirty days.
const MONTH_MINUTES: f64 = 43_200.0;
/// How often Lambda asks an empty queue in thirty days, some 15 times a minute.
const MONTH_POLLS: f64 = 15.0 * MONTH_MINUTES;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How many rows a nightly has.
    pub rows: f64,
    /// Which part of them has changed in the one that is not unchanged.
    pub changed: f64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { rows: f64::from(ROWS), changed: CHANGED_PERCENT / 100.0 }
    }
}

/// A choice, and what a million webhooks cost with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// What is chosen.
    pub what: String,
    /// What they cost then.
    pub dollars: f64,
    /// How much more that is.
    pub more: f64,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The region whose prices these are.
    pub region: String,
    /// When they were valid.
    pub as_of: String,
    /// When and with what was counted.
    pub recorded: String,
    /// Where the times are from.
    pub times: String,
    /// What was asked for.
    pub bills: Vec<Bill>,
    /// What else could be chosen.
    pub choices: Vec<Choice>,
    /// What could be given up, each by itself, and all of it.
    pub savings: Vec<Choice>,
    /// The names of prices that nobody has read on their page.
    pub unread_prices: Vec<String>,
}

/// What a nightly of so many rows uses. What there is for each run, for each row, for a run that changes something and for each row that
/// has changed are told apart by four counts.
#[must_use]
pub fn nightly(profile: &Profile, rows: f64, changed: f64) -> Counted {
    let [few, many, some, more] =
        [Scenario::NightlyFew, Scenario::NightlyMany, Scenario::NightlyChanged, Scenario::NightlyChangedMore]
            .map(|scenario| profile.of(scenario));
    let share = (rows - few.of) / (many.of - few.of);
    let unchanged = Counted::sum(&[(1.0 - share, &few), (share, &many)]);
    if changed <= 0.0 {
        return unchanged;
    }
    let share = (changed * rows - some.changed) / (more.changed - some.changed);
    Counted::sum(&[(1.0, &unchanged), (1.0 - share, &some), (share, &more), (-1.0, &many)])
}

/// What so many webhooks use where a batch has so many of them: between a full batch and one alone.
#[must_use]
pub fn webhooks(profile: &Profile, batch: f64) -> Counted {
    let (full, alone) =
        (profile.of(Scenario::WebhooksFull).per(MILLION), profile.of(Scenario::WebhooksAlone).per(MILLION));
    // Of what a batch costs once, a full one of ten has a tenth.
    let of_alone = (1.0 / batch - 0.1) / 0.9;
    Counted::sum(&[(1.0 - of_alone, &full), (of_alone, &alone)])
}

/// What thirty days cost in which nothing happens, and what their metrics cost besides where something does.
fn months(basis: Basis<'_>) -> [Bill; 2] {
    let mut month = basis.profile.of(Scenario::IdleMinute).per(MONTH_MINUTES);
    for (_, queue, _, _) in &basis.deployment.sources {
        month.queues.entry(queue.clone()).or_default().receive += MONTH_POLLS;
    }
    let standing = basis.profile.standing;
    let series = "metrics: series with a value";
    let used = [
        ("alarms: metrics that are watched", standing.alarm_metrics, Item::AlarmMetric),
        ("alarms: levels of service", standing.composite_alarms, Item::CompositeAlarm),
        ("dashboards", standing.dashboards, Item::Dashboard),
        (series, standing.series_idle, Item::MetricSeries),
        ("KMS: keys", standing.keys, Item::KmsKey),
    ];
    let used = used.map(|(what, quantity, item)| (what.to_owned(), quantity, item));
    let title = "Thirty days in which nothing comes and nothing is due, with both stacks";
    let (mut idle, standing_bill) = (basis.bill(title, &month), basis.priced("", used.into()));
    idle.dollars += standing_bill.dollars;
    idle.lines.extend(standing_bill.lines);
    let more = vec![(series.to_owned(), standing.series - standing.series_idle, Item::MetricSeries)];
    [idle, basis.priced("Metrics besides, of thirty days in which all of the above happens", more)]
}

/// What could be given up of a million webhooks, each by itself, and all of it.
fn savings(basis: Basis<'_>, full: &Bill) -> Vec<Choice> {
    let a_write = basis.prices.dollars(Item::WriteUnit, MILLION);
    let saved = [
        ("no line of the worker for each", full.of("webhook-worker: GB of log")),
        ("no line of the door for each", full.of("webhooks: GB of log")),
        ("no groups of messages: tenants wait for each other", full.of("WebhookQueue: of fair queues")),
        // The claim is one of the writes.
        ("no counters of senders: health needs a scan", full.of("DeliveriesTable: write units") - a_write),
        ("no log of the gateway", full.of("HTTP API: GB of log")),
    ];
    let all = ("all of these", saved.iter().map(|(_, dollars)| dollars).sum());
    let choice = |(what, dollars): (&str, f64)| Choice {
        what: what.to_owned(),
        dollars: full.dollars - dollars,
        more: -dollars,
    };
    saved.into_iter().chain([all]).map(choice).collect()
}

impl Report {
    /// Computes it.
    #[must_use]
    pub fn of(basis: Basis<'_>, asked: Asked) -> Self {
        let Asked { rows, changed } = asked;
        let profile = basis.profile;
        let million = |scenario| profile.of(scenario).per(MILLION);
        let full = basis
            .bill("A million new webhooks, end to end, in full batches", &webhooks(profile, 10.0))
            .within(WEBHOOKS_MAX);
        let unchanged =
            basis.bill(format!("A nightly of {} unchanged rows", text::whole(rows)), &nightly(profile, rows, 0.0));
        let unchanged = if rows <= MILLION { unchanged.within(NIGHTLY_MAX) } else { unchanged };
        let title = format!("The same, {} of them changed", text::whole(rows * changed));
        let a_run = text::whole(profile.of(Scenario::PullNew).of);
        let [idle, metrics] = months(basis);
        let bills = vec![
            full.clone(),
            basis.bill(
                "A million duplicates of what was applied, each the first of its event",
                &million(Scenario::FirstDuplicates),
            ),
            basis.bill("A million further duplicates", &million(Scenario::Duplicates)),
            basis.storage(
                "What a million new webhooks leave in tables: the first month",
                &million(Scenario::WebhooksFull),
            ),
            unchanged,
            basis.bill(title, &nightly(profile, rows, changed)),
            basis.bill(
                format!("Pulls of {} new rows, {a_run} a run", text::whole(rows)),
                &profile.of(Scenario::PullNew).per(rows),
            ),
            basis.bill("The same, nothing changed", &profile.of(Scenario::PullUnchanged).per(rows)),
            idle,
            metrics,
        ];
        let mut choices = Vec::new();
        let mut choose = |what: String, bill: Bill| {
            choices.push(Choice { what, dollars: bill.dollars, more: bill.dollars - full.dollars });
        };
        let counted = webhooks(profile, 10.0);
        for batch in [5.0, 2.0, 1.0] {
            let what = if batch > 1.0 { format!("batches of {batch}") } else { "each alone in its batch".to_owned() };
            choose(what, basis.bill("", &webhooks(profile, batch)));
        }
        choose(
            "LOG_LEVEL warn in place of info: lines that are metrics stay".into(),
            basis.of(&basis.deployment.quiet()).bill("", &counted),
        );
        choose("each of a batch from another sender".into(), basis.bill("", &million(Scenario::WebhooksMany)));
        let unsigned = million(Scenario::WebhooksUnsignedId);
        choose("a signature that does not cover the id".into(), basis.bill("", &unsigned));
        for percent in [5.0, 50.0] {
            let first = profile.of(Scenario::FirstDuplicates).per(MILLION * percent / 100.0);
            let bill = basis.bill("", &Counted::sum(&[(1.0, &counted), (1.0, &first)]));
            choose(format!("{percent} in 100 come twice"), bill);
        }
        choose("x86_64 in place of arm64".into(), basis.of(&basis.deployment.on(Processor::X86)).bill("", &counted));
        let memory_mb = basis.deployment.memory_mb("webhooks");
        for megabytes in [128.0, 512.0, 1024.0] {
            let other = basis.deployment.with_memory("webhooks", megabytes).with_memory("webhook-worker", megabytes);
            choose(
                format!("{} MB for both functions in place of {}", text::whole(megabytes), text::whole(memory_mb)),
                basis.of(&other).bill("", &counted),
            );
        }
        let recorded = &profile.recorded;
        Self {
            region: basis.prices.name.clone(),
            as_of: basis.prices.as_of.clone(),
            recorded: format!("{}, commit {}, {}", recorded.date, recorded.commit, recorded.build),
            times: format!("processor: {}; calls: {}", profile.cpu.source, profile.waits.source),
            savings: savings(basis, &full),
            unread_prices: basis.prices.unread(),
            bills,
            choices,
        }
    }

    /// As text.
    #[must_use]
    pub fn text(&self, basis: Basis<'_>) -> String {
        let mut lines = vec![format!("Prices: {}, {}, list prices without free tier", self.region, self.as_of)];
        if !self.unread_prices.is_empty() {
            let names = self.unread_prices.join(", ");
            lines.extend(text::wrapped(&format!("Prices that nobody has read on AWS's pages: {names}"), WIDTH));
        }
        lines.push(format!("Counted: {}", self.recorded));
        lines.extend(text::wrapped(&format!("Times: {}", self.times), WIDTH));
        for bill in &self.bills {
            lines.push(String::new());
            lines.extend(bill.text(basis.prices));
        }
        for (title, choices) in [
            ("What a choice makes of a million new webhooks", &self.choices),
            ("What could be given up of them, each by itself", &self.savings),
        ] {
            lines.extend([String::new(), title.to_owned()]);
            for choice in choices {
                let (dollars, more) = (text::dollars(choice.dollars, 2), text::difference(choice.more, 2));
                lines.push(format!("  {:<60}{dollars:>12}{more:>12}", choice.what));
            }
        }
        lines.join("\n")
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
