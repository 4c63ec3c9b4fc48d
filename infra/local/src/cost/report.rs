//! The report: what a million webhooks and a nightly cost, and what each choice changes about it.

use serde::Serialize;

use super::bill::{Basis, Bill};
use super::deployment::Processor;
use super::profile::{Counted, Profile, Scenario};
use super::text;

/// What a million webhooks may cost, end to end, in full batches.
const WEBHOOKS_MAX: f64 = 3.60;
/// What a nightly of a million unchanged rows may cost.
const NIGHTLY_MAX: f64 = 0.01;
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

/// What thirty days cost in which nothing happens.
fn idle(basis: Basis<'_>) -> Bill {
    let mut month = basis.profile.of(Scenario::IdleMinute).per(MONTH_MINUTES);
    for (_, queue, _, _) in &basis.deployment.sources {
        month.queues.entry(queue.clone()).or_default().receive += MONTH_POLLS;
    }
    basis.bill("Thirty days in which nothing comes and nothing is due", &month)
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
        let bills = vec![
            full.clone(),
            basis.bill("A million duplicates of what was applied", &million(Scenario::Duplicates)),
            unchanged,
            basis.bill(title, &nightly(profile, rows, changed)),
            basis.bill(
                format!("Pulls of {} new rows, {a_run} a run", text::whole(rows)),
                &profile.of(Scenario::PullNew).per(rows),
            ),
            basis.bill("The same, nothing changed", &profile.of(Scenario::PullUnchanged).per(rows)),
            idle(basis),
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
        choose("LOG_LEVEL warn in place of info".into(), basis.of(&basis.deployment.quiet()).bill("", &counted));
        choose("each of a batch from another sender".into(), basis.bill("", &million(Scenario::WebhooksMany)));
        let unsigned = million(Scenario::WebhooksUnsignedId);
        choose("a signature that does not cover the id".into(), basis.bill("", &unsigned));
        choose("x86_64 in place of arm64".into(), basis.of(&basis.deployment.on(Processor::X86)).bill("", &counted));
        for megabytes in [128.0, 512.0, 1024.0] {
            let other = basis.deployment.with_memory("webhooks", megabytes).with_memory("webhook-worker", megabytes);
            choose(format!("{megabytes} MB for both functions in place of 256"), basis.of(&other).bill("", &counted));
        }
        let recorded = &profile.recorded;
        Self {
            region: basis.prices.name.clone(),
            as_of: basis.prices.as_of.clone(),
            recorded: format!("{}, commit {}, {}", recorded.date, recorded.commit, recorded.build),
            times: format!("processor: {}; calls: {}", profile.cpu.source, profile.waits.source),
            bills,
            choices,
        }
    }

    /// As text.
    #[must_use]
    pub fn text(&self, basis: Basis<'_>) -> String {
        let mut lines = vec![
            format!("Prices of {}, {}; no free tier", self.region, self.as_of),
            format!("Counted {}", self.recorded),
            format!("Times: {}", self.times),
        ];
        for bill in &self.bills {
            lines.extend([String::new(), bill.title.clone()]);
            for line in &bill.lines {
                let price = basis.prices.price(line.item).map_or_else(String::new, |price| {
                    format!("{} for {}", text::dollars(price.usd), text::whole(price.per))
                });
                let (quantity, dollars) = (text::quantity(line.quantity), text::dollars(line.dollars));
                lines.push(format!("  {:<34}{quantity:>14}  {price:<24}{dollars:>12}", line.what));
            }
            lines.push(format!("  {:<72}{:>12}", "together", text::dollars(bill.dollars)));
            if let Some(target) = bill.target {
                let missed = bill.dollars - target;
                let verdict =
                    if missed > 0.0 { format!("missed by {}", text::dollars(missed)) } else { "met".to_owned() };
                lines.push(format!("  target: at most {}: {verdict}", text::dollars(target)));
            }
        }
        lines.extend([String::new(), "What a choice costs, of a million new webhooks".to_owned()]);
        for choice in &self.choices {
            let sign = if choice.more < 0.0 { "-" } else { "+" };
            let more = format!("{sign}{}", text::dollars(choice.more.abs()));
            lines.push(format!("  {:<60}{:>12}{more:>12}", choice.what, text::dollars(choice.dollars)));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
