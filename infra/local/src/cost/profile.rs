//! What the system uses, as a system test counted it: `docs/profile.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The profile that is built in.
pub const BUILT_IN: &str = include_str!("../../../../docs/profile.json");
/// The form of a profile that is understood here.
pub const FORMAT: u32 = 1;

/// What was counted. One of each is in every profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scenario {
    /// New webhooks of one sender, its worker's batches full.
    WebhooksFull,
    /// The same, each alone in its batch.
    WebhooksAlone,
    /// The same, each of a batch from another sender.
    WebhooksMany,
    /// The same of a sender whose signature does not cover the id.
    WebhooksUnsignedId,
    /// Webhooks that were applied before, each the first duplicate of its event.
    FirstDuplicates,
    /// The same once more.
    Duplicates,
    /// A nightly of a catalogue that has not changed: the fewer rows.
    NightlyFew,
    /// The same: the more rows.
    NightlyMany,
    /// A nightly of the more rows, of which some have changed.
    NightlyChanged,
    /// The same, of which more have changed.
    NightlyChangedMore,
    /// A pull of a vendor's API in which every row is new.
    PullNew,
    /// The same again, with nothing changed.
    PullUnchanged,
    /// A minute in which nothing is due and nothing comes.
    IdleMinute,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::WebhooksFull,
        Self::WebhooksAlone,
        Self::WebhooksMany,
        Self::WebhooksUnsignedId,
        Self::FirstDuplicates,
        Self::Duplicates,
        Self::NightlyFew,
        Self::NightlyMany,
        Self::NightlyChanged,
        Self::NightlyChangedMore,
        Self::PullNew,
        Self::PullUnchanged,
        Self::IdleMinute,
    ];
}

/// Something that takes a processor's time, which was measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Work {
    /// A webhook that is new, at the door, with its calls.
    NewEvent,
    /// One that was applied before, at the door, with its call.
    Duplicate,
    /// One that is applied, behind the queue, with its calls.
    AppliedEvent,
    /// A row that is read and compared.
    Row,
    /// A row that is put besides.
    ChangedRow,
    /// A row of a vendor's API, read and compared, with its share of a page.
    PulledRow,
    /// A call of AWS, where it is in none of the others.
    Call,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::NewEvent, Self::Duplicate, Self::AppliedEvent, Self::Row, Self::ChangedRow, Self::PulledRow, Self::Call];

    /// Whether the time of its calls is in it.
    fn has_its_calls(self) -> bool {
        matches!(self, Self::NewEvent | Self::Duplicate | Self::AppliedEvent | Self::PulledRow)
    }
}

/// What was used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Counted {
    /// Of how many webhooks or rows.
    pub of: f64,
    /// How many of the rows had changed.
    pub changed: f64,
    /// The HTTP API.
    pub api: Api,
    /// By function.
    pub functions: BTreeMap<String, Function>,
    /// By table.
    pub tables: BTreeMap<String, Units>,
    /// By queue.
    pub queues: BTreeMap<String, Requests>,
    /// What is left in each table.
    pub stored: BTreeMap<String, Stored>,
    /// Events on the bus.
    pub bus_events: f64,
    /// Firings of schedules.
    pub firings: f64,
    /// Calls of KMS.
    pub kms: f64,
}

/// What the HTTP API had to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Api {
    /// Requests.
    pub requests: f64,
    /// Bytes that went out to clients.
    pub bytes_out: f64,
    /// Bytes of its own log, with what CloudWatch adds to a line.
    pub log_bytes: f64,
}

/// What a function did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Function {
    /// How often it was invoked.
    pub invocations: f64,
    /// Calls of AWS.
    pub calls: f64,
    /// Bytes of log, with what CloudWatch adds to a line.
    pub log_bytes: f64,
    /// Those that are written with `LOG_LEVEL` warn as well: warnings, errors and metrics.
    pub log_bytes_warn: f64,
    /// What of it takes a processor's time.
    pub work: BTreeMap<Work, f64>,
}

/// Request units of a table and its indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Units {
    /// Written.
    pub write: f64,
    /// Read.
    pub read: f64,
}

/// What is left in a table, without its indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Stored {
    /// Bytes that are kept until somebody deletes them.
    pub kept: f64,
    /// Bytes that expire.
    pub expiring: f64,
    /// After how many days the last of those do.
    pub days: f64,
}

/// What is paid for each month whatever happens, as the committed templates and the lines of metrics have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Standing {
    /// Metrics that alarms watch.
    pub alarm_metrics: f64,
    /// Alarms of alarms.
    pub composite_alarms: f64,
    /// Dashboards.
    pub dashboards: f64,
    /// Keys of KMS.
    pub keys: f64,
    /// Series of metrics that are measured in a minute in which nothing happens.
    pub series_idle: f64,
    /// Those of all scenarios together.
    pub series: f64,
}

/// Requests to a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Requests {
    /// Messages sent.
    pub send: f64,
    /// Batches received.
    pub receive: f64,
    /// Batches deleted.
    pub delete: f64,
    /// Those of all three whose messages have a group.
    pub fair: f64,
}

/// When and with what it was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    /// The day.
    pub date: String,
    /// The commit it was built from.
    pub commit: String,
    /// The build's profile: counts do not depend on it.
    pub build: String,
    /// The processor: counts do not depend on it.
    pub machine: String,
}

/// A processor's time, which cannot be counted and is measured where it can be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cpu {
    /// Where it was measured, and when.
    pub source: String,
    /// Milliseconds of a whole core.
    pub ms: BTreeMap<Work, f64>,
}

/// What calls take. It was not measured in AWS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waits {
    /// Where it is from.
    pub source: String,
    /// Milliseconds a call.
    pub call_ms: f64,
    /// How many calls a function makes at once, where it is more than one.
    pub at_once: BTreeMap<String, f64>,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Its form.
    pub format: u32,
    /// When and with what it was counted.
    pub recorded: Recorded,
    /// A processor's time.
    pub cpu: Cpu,
    /// What calls take.
    pub waits: Waits,
    /// What there is in every month.
    pub standing: Standing,
    /// What was counted.
    pub scenarios: BTreeMap<Scenario, Counted>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not one.
    #[error("it is no profile: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it is of format {0}, and format {FORMAT} is understood here: count again (docs/cost.md)")]
    Format(u32),
    /// It lacks something, or something in it makes no sense.
    #[error("it is not whole: {0}. Count again (docs/cost.md)")]
    Broken(String),
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// When it is not one, is of another format or lacks something.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        // First of all, as another format has other fields.
        let Version { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(ProfileError::Format(format));
        }
        let profile: Self = serde_json::from_str(text)?;
        let broken = |what: String| Err(ProfileError::Broken(what));
        for scenario in Scenario::ALL {
            match profile.scenarios.get(&scenario) {
                None => return broken(format!("{scenario:?} was not counted")),
                Some(counted) if counted.of.is_nan() || counted.of < 1.0 => {
                    return broken(format!("{scenario:?} is of nothing"));
                }
                Some(_) => {}
            }
        }
        if let Some(work) = Work::ALL.iter().find(|work| !profile.cpu.ms.contains_key(work)) {
            return broken(format!("cpu.ms lacks {work:?}"));
        }
        if profile.waits.at_once.values().any(|calls| *calls < 1.0) {
            return broken("waits.atOnce is below 1".to_owned());
        }
        let rows = |scenario| profile.of(scenario).of;
        let changed = |scenario| profile.of(scenario).changed;
        if rows(Scenario::NightlyMany) <= rows(Scenario::NightlyFew)
            || changed(Scenario::NightlyChangedMore) <= changed(Scenario::NightlyChanged)
        {
            return broken("nightlies of fewer and more rows, and of fewer and more changes, do not differ".to_owned());
        }
        Ok(profile)
    }

    /// The profile that is built in.
    ///
    /// # Errors
    /// Never, as a test reads it.
    pub fn built_in() -> Result<Self, ProfileError> {
        Self::parse(BUILT_IN)
    }

    /// What was counted; nothing where it was not, which [`Profile::parse`] refuses.
    #[must_use]
    pub fn of(&self, scenario: Scenario) -> Counted {
        self.scenarios.get(&scenario).cloned().unwrap_or_default()
    }

    /// Milliseconds of a whole core that a function took.
    #[must_use]
    pub fn cpu_ms(&self, function: &Function) -> f64 {
        let ms = |work: &Work| self.cpu.ms.get(work).copied().unwrap_or_default();
        let worked: f64 = function.work.iter().map(|(work, count)| count * ms(work)).sum();
        let counted = function.work.keys().any(|work| work.has_its_calls());
        worked + if counted { 0.0 } else { function.calls * ms(&Work::Call) }
    }
}

impl Counted {
    /// So many times these, all added up. Below zero is nothing: of two counts that differ, the difference is what is meant.
    #[must_use]
    pub fn sum(parts: &[(f64, &Self)]) -> Self {
        let mut sum = Self::default();
        for (times, part) in parts {
            sum.of += times * part.of;
            sum.changed += times * part.changed;
            sum.api.requests += times * part.api.requests;
            sum.api.bytes_out += times * part.api.bytes_out;
            sum.api.log_bytes += times * part.api.log_bytes;
            for (name, function) in &part.functions {
                let all = sum.functions.entry(name.clone()).or_default();
                all.invocations += times * function.invocations;
                all.calls += times * function.calls;
                all.log_bytes += times * function.log_bytes;
                all.log_bytes_warn += times * function.log_bytes_warn;
                for (work, count) in &function.work {
                    *all.work.entry(*work).or_default() += times * count;
                }
            }
            for (name, units) in &part.tables {
                let all = sum.tables.entry(name.clone()).or_default();
                all.write += times * units.write;
                all.read += times * units.read;
            }
            for (name, requests) in &part.queues {
                let all = sum.queues.entry(name.clone()).or_default();
                all.send += times * requests.send;
                all.receive += times * requests.receive;
                all.delete += times * requests.delete;
                all.fair += times * requests.fair;
            }
            for (name, stored) in &part.stored {
                let all = sum.stored.entry(name.clone()).or_default();
                all.kept += times * stored.kept;
                all.expiring += times * stored.expiring;
                all.days = all.days.max(stored.days);
            }
            sum.bus_events += times * part.bus_events;
            sum.firings += times * part.firings;
            sum.kms += times * part.kms;
        }
        sum
    }

    /// As much for so many webhooks, or rows.
    #[must_use]
    pub fn per(&self, count: f64) -> Self {
        Self::sum(&[(count / self.of, self)])
    }
}
