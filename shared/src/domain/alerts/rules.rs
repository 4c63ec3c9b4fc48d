//! The rules: what is wrong with a connection, by what is known of it now.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::channel::Refusal;
use crate::domain::completions::receiver;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::pull::breaker::{Breaker, State};
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::pull::PullMode;
use crate::domain::runs::run::{Run, RunStatus, Trigger, Work};
use crate::domain::time;

/// How long a connection that is synced by itself may be without success, at least.
pub const SUCCESS_WITHIN: SignedDuration = SignedDuration::from_hours(12);
/// How late the second sync that was due may be, on top.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// So many connects that fail, one after another, are no accident.
pub const CONNECTS_FAILED: u32 = 2;
/// So many dead letters within [`LETTERS_WITHIN`] are more than one that is broken.
pub const LETTERS_GROWING: usize = 5;
/// Over how long dead letters are counted.
pub const LETTERS_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// So many of the newest runs are looked at.
pub const RUNS_MAX: usize = 20;

/// What a rule watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A scheduled run failed.
    RunFailed,
    /// The vendor could not be connected to, twice in a row.
    ConnectivityFailing,
    /// Nothing went well for long.
    NoSuccess,
    /// The vendor is not asked any more.
    BreakerOpen,
    /// The nightly sync of everything failed.
    NightlyFullFailed,
    /// Dead letters come one after another.
    DeadLettersGrowing,
    /// A channel that people are told over does not take what it is sent.
    ChannelRefusing,
    /// A receiver of completion webhooks was disabled, as it took none.
    ReceiverDisabled,
    /// A run waits until somebody approves of what it would remove.
    RunHeld,
    /// Of all tenants' mirrors too many fail.
    MirrorsFailing,
    /// All tenants' mirrors find differences again and again.
    MirrorsOutOfSync,
    /// All tenants' mirrors take long.
    MirrorsSlow,
    /// An alarm of the service itself went off.
    ServiceAlarm,
}

impl Rule {
    /// Those about the mirrors of all tenants, and not about a connection.
    pub const OF_MIRRORS: [Self; 3] = [Self::MirrorsFailing, Self::MirrorsOutOfSync, Self::MirrorsSlow];

    /// Those about a connection.
    pub const OF_CONNECTIONS: [Self; 9] = [
        Self::RunFailed,
        Self::ConnectivityFailing,
        Self::NoSuccess,
        Self::BreakerOpen,
        Self::NightlyFullFailed,
        Self::DeadLettersGrowing,
        Self::ChannelRefusing,
        Self::ReceiverDisabled,
        Self::RunHeld,
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OF_CONNECTIONS.into_iter().chain(Self::OF_MIRRORS)
    }

    /// The rule's name, in keys, answers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunFailed => "run_failed",
            Self::ConnectivityFailing => "connectivity_failing",
            Self::NoSuccess => "no_success",
            Self::BreakerOpen => "breaker_open",
            Self::NightlyFullFailed => "nightly_full_failed",
            Self::DeadLettersGrowing => "dead_letters_growing",
            Self::ChannelRefusing => "channel_refusing",
            Self::ReceiverDisabled => "receiver_disabled",
            Self::RunHeld => "run_held",
            Self::MirrorsFailing => "mirrors_failing",
            Self::MirrorsOutOfSync => "mirrors_out_of_sync",
            Self::MirrorsSlow => "mirrors_slow",
            Self::ServiceAlarm => "service_alarm",
        }
    }

    /// How much it matters: what keeps a vendor's data from being right, or people from being told, until somebody does something is
    /// severe.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::ConnectivityFailing
            | Self::NoSuccess
            | Self::NightlyFullFailed
            | Self::ChannelRefusing
            | Self::ServiceAlarm => Severity::Severe,
            Self::RunFailed
            | Self::BreakerOpen
            | Self::DeadLettersGrowing
            | Self::ReceiverDisabled
            | Self::RunHeld
            | Self::MirrorsFailing
            | Self::MirrorsOutOfSync
            | Self::MirrorsSlow => Severity::Warning,
        }
    }

    /// What it says, for people, behind the name of a connection. It tells what happened, so that it is as true once the alert is over.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::RunFailed => "a scheduled run failed",
            Self::ConnectivityFailing => "the vendor could not be connected to",
            Self::NoSuccess => "nothing went well for long",
            Self::BreakerOpen => "the breaker opened",
            Self::NightlyFullFailed => "the nightly run of everything failed",
            Self::DeadLettersGrowing => "dead letters grew in number",
            Self::ChannelRefusing => "the channel took no messages",
            Self::ReceiverDisabled => "the receiver of completion webhooks was disabled",
            Self::RunHeld => "a run waited for approval",
            Self::MirrorsFailing => "too many failed",
            Self::MirrorsOutOfSync => "many found differences",
            Self::MirrorsSlow => "they took long",
            Self::ServiceAlarm => "the alarm went off",
        }
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can wait for the morning.
    Warning,
    /// It cannot.
    Severe,
}

impl Severity {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Severe => "severe",
        }
    }
}

/// What a rule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A code that says what kind of trouble it is; another one is worth telling.
    pub code: String,
    /// What happened, for people; without secrets.
    pub detail: String,
    /// Which occurrence it is: the same one that is seen again counts once.
    pub mark: String,
}

/// What a rule sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is so.
    Holds(Finding),
    /// It is not.
    Clear,
    /// Nothing that is known says so: it is as it was.
    Unknown,
}

/// What a run says about its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSeen {
    /// Its id.
    pub id: String,
    /// Whether it was started by the schedule.
    pub is_scheduled: bool,
    /// Whether it is the nightly one of everything.
    pub is_nightly_full: bool,
    /// Whether it reads everything.
    pub is_full: bool,
    /// What came of it.
    pub end: End,
    /// Why it waits until somebody approves, if it does.
    pub held: Option<String>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It went well.
    Well(Timestamp),
    /// It failed, or could not be started.
    Badly {
        /// The stable code.
        code: String,
        /// Why.
        detail: String,
        /// What it says of connecting to the vendor.
        connect: Connect,
        /// When.
        at: Timestamp,
    },
    /// It is under way, and could not connect so many times in a row.
    Tries(u32),
    /// It says nothing: stopped, in the way of another, or a dry run.
    Nothing,
}

/// What a run that failed says of connecting to its vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connect {
    /// The vendor answered, and something else was wrong.
    Answered,
    /// It could not be connected to.
    Failed,
    /// Nothing: it was perhaps never asked, or the run was given up for another reason.
    Unknown,
}

/// What is known of a connection.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The connection; none where it is gone.
    pub stored: Option<&'a StoredConnection>,
    /// When a sync of it went well last, as its snapshots say.
    pub succeeded_at: Option<Timestamp>,
    /// Its newest runs, the newest first, [`RUNS_MAX`] at most.
    pub runs: Vec<RunSeen>,
    /// Its last test: when, and why it failed.
    pub test: Option<(Timestamp, Option<String>)>,
    /// Its breaker.
    pub breaker: Breaker,
    /// How many dead letters came within [`LETTERS_WITHIN`], and the newest one's id; none where nobody looked.
    pub letters: Option<(usize, String)>,
    /// That it is a channel which took no message last.
    pub refusal: Option<Refusal>,
}

impl RunSeen {
    /// What a run says. `nightly` is what traces of the nightly schedule begin with.
    #[must_use]
    pub fn of(run: &Run, nightly: &str) -> Self {
        let is_scheduled = run.trigger == Trigger::Schedule;
        let is_full = run.work.pull().is_none_or(|work| work.mode == PullMode::Backfill);
        let is_of_the_night = run.work.pull().is_some() || run.correlation_id.starts_with(nightly);
        Self {
            id: run.id.to_string(),
            is_scheduled,
            is_nightly_full: is_scheduled && is_full && is_of_the_night,
            is_full,
            end: end(run),
            held: run.held.as_ref().filter(|_| !run.status.is_over()).map(|held| held.why.clone()),
        }
    }
}

fn end(run: &Run) -> End {
    if run.mode.is_dry() {
        return End::Nothing;
    }
    let at = run.completed_at.unwrap_or(run.updated_at);
    let badly = || {
        let error = run.error.as_ref();
        let code = error.map_or_else(String::new, |error| error.code().to_owned());
        let detail = error.map_or_else(String::new, |error| error.detail.clone());
        End::Badly { connect: connect(run), code, detail, at }
    };
    match run.status {
        RunStatus::Success => End::Well(at),
        RunStatus::Failed => badly(),
        RunStatus::Skipped
            if run.error.as_ref().is_some_and(|error| error.code() == Failure::SyncInProgress.code()) =>
        {
            End::Nothing
        }
        RunStatus::Skipped => badly(),
        RunStatus::Cancelled => End::Nothing,
        RunStatus::Pending if run.unconnected > 0 => End::Tries(run.unconnected),
        RunStatus::Pending => End::Nothing,
    }
}

/// What a run that failed says of connecting: by its own reason, or by those of its entities that failed.
fn connect(run: &Run) -> Connect {
    let reason = run.error.as_ref().and_then(RunError::failure);
    match &run.work {
        Work::Pull(work) if reason == Some(Failure::EntitiesFailed) => {
            let said = || work.failed().map(|entity| Connect::of(entity.error.as_ref().and_then(RunError::failure)));
            [Connect::Answered, Connect::Failed]
                .into_iter()
                .find(|one| said().any(|said| said == *one))
                .unwrap_or(Connect::Unknown)
        }
        _ => Connect::of(reason),
    }
}

impl Connect {
    /// What a reason proves. A run that is late or stopped by our own storage proves nothing, and neither does a code of another version.
    fn of(reason: Option<Failure>) -> Self {
        match reason {
            Some(reason) if reason.is_unconnected() => Self::Failed,
            Some(
                Failure::SourceNotFound
                | Failure::SourceChanged
                | Failure::SourceInvalid
                | Failure::RemovalsRefused
                | Failure::VendorNotPermitted
                | Failure::PageInvalid
                | Failure::PagesInconsistent
                | Failure::SchemaChanged
                | Failure::TooManyRows,
            ) => Self::Answered,
            // Whoever is left alone is busy without being asked.
            _ => Self::Unknown,
        }
    }
}

impl Facts<'_> {
    /// What a rule sees. Of a connection that is gone or paused nothing is wrong: whoever paused it knows, unless nobody did.
    #[must_use]
    pub fn seen(&self, rule: Rule, now: Timestamp) -> Seen {
        match (rule, self.stored.filter(|stored| stored.is_active())) {
            (Rule::MirrorsFailing | Rule::MirrorsOutOfSync | Rule::MirrorsSlow | Rule::ServiceAlarm, _) => {
                Seen::Unknown
            }
            (Rule::ReceiverDisabled, _) => self.disabled(),
            (_, None) => Seen::Clear,
            (Rule::RunHeld, _) => self.held(),
            (Rule::RunFailed, _) => self.failed(|run| run.is_scheduled && !run.is_nightly_full, |_| true),
            (Rule::NightlyFullFailed, _) => self.failed(|run| run.is_nightly_full, |run| run.is_full),
            (Rule::ConnectivityFailing, _) => self.connectivity(),
            (Rule::NoSuccess, Some(stored)) => self.success(stored, now),
            (Rule::BreakerOpen, _) => self.breaker(now),
            (Rule::DeadLettersGrowing, _) => self.letters(),
            (Rule::ChannelRefusing, Some(stored)) => self.refusal(stored),
        }
    }

    /// One at most has the connection, and others are skipped meanwhile.
    fn held(&self) -> Seen {
        let waits = self.runs.iter().find_map(|run| Some((run, run.held.as_ref()?)));
        match waits {
            Some((run, why)) => {
                let detail = format!("run {} waits until somebody approves or rejects: {why}", run.id);
                Seen::Holds(Finding { code: "held".to_owned(), detail, mark: run.id.clone() })
            }
            None if self.runs.len() < RUNS_MAX => Seen::Clear,
            // One that waits for days may be older than those that were skipped for it.
            None => Seen::Unknown,
        }
    }

    /// The newest run that matters: one that failed and is meant, or one that went well and makes up for it.
    fn failed(&self, is_meant: impl Fn(&RunSeen) -> bool, makes_up: impl Fn(&RunSeen) -> bool) -> Seen {
        for run in &self.runs {
            match &run.end {
                End::Well(_) if makes_up(run) => return Seen::Clear,
                End::Badly { code, detail, .. } if is_meant(run) => {
                    let (code, detail) = (code.clone(), format!("run {}: {code}: {detail}", run.id));
                    return Seen::Holds(Finding { code, detail, mark: run.id.clone() });
                }
                _ => {}
            }
        }
        // Where there are others than these, one of them may say.
        if self.runs.len() < RUNS_MAX { Seen::Clear } else { Seen::Unknown }
    }

    /// Connects in a row that failed: those of runs, and the last test between them.
    fn connectivity(&self) -> Seen {
        let mut connects: Vec<(Timestamp, Result<(), String>)> = Vec::new();
        let mut tries = 0;
        for run in &self.runs {
            match &run.end {
                End::Well(at) => connects.push((*at, Ok(()))),
                End::Badly { connect: Connect::Answered, at, .. } => connects.push((*at, Ok(()))),
                End::Badly { connect: Connect::Failed, at, detail, .. } => connects.push((*at, Err(detail.clone()))),
                End::Tries(times) => tries = *times,
                End::Badly { connect: Connect::Unknown, .. } | End::Nothing => {}
            }
        }
        if let Some((at, error)) = &self.test {
            connects.push((*at, error.clone().map_or(Ok(()), Err)));
        }
        connects.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let failed: Vec<&(Timestamp, Result<(), String>)> =
            connects.iter().take_while(|(_, connect)| connect.is_err()).collect();
        let count = u32::try_from(failed.len()).unwrap_or(u32::MAX).saturating_add(tries);
        if count < CONNECTS_FAILED {
            // Only an answer proves that it can be connected to again. Without one the tries of a run that was given up still count.
            let is_proven = connects.iter().any(|(_, connect)| connect.is_ok());
            let is_new = self.runs.is_empty() && self.test.is_none();
            return if is_proven || is_new { Seen::Clear } else { Seen::Unknown };
        }
        let last = failed.first().and_then(|(at, connect)| Some((at, connect.as_ref().err()?)));
        let mark = last.map_or_else(String::new, |(at, _)| time::text(*at));
        let why = last.map_or("the run that is under way goes on trying", |(_, why)| why.as_str());
        let detail = format!("{count} connects in a row failed, the last one: {why}");
        Seen::Holds(Finding { code: "unconnected".to_owned(), detail, mark: format!("{mark}/{tries}") })
    }

    /// The dead man's switch: it needs nothing to happen. Two syncs were due since the last one that went well, and 12 hours have passed.
    fn success(&self, stored: &StoredConnection, now: Timestamp) -> Seen {
        let well = self.runs.iter().find_map(|run| match run.end {
            End::Well(at) => Some(at),
            _ => None,
        });
        // Whoever changes or resumes it gives it time anew.
        let last = self.succeeded_at.into_iter().chain(well).max();
        let from = last.map_or(stored.changed.at, |last| last.max(stored.changed.at));
        let Some(second) = stored.due_after(from).and_then(|first| stored.due_after(first)) else { return Seen::Clear };
        let until = from.saturating_add(SUCCESS_WITHIN).unwrap_or(Timestamp::MAX);
        let until = until.max(second.saturating_add(LATE).unwrap_or(Timestamp::MAX));
        if now <= until {
            return Seen::Clear;
        }
        let detail = match last {
            Some(last) => format!("the last sync that went well was over at {}", time::text(last)),
            None => "no sync of it ever went well".to_owned(),
        };
        Seen::Holds(Finding { code: "late".to_owned(), detail, mark: time::text(from) })
    }

    /// Half open is open still. What an operator forces is no news.
    fn breaker(&self, now: Timestamp) -> Seen {
        if self.breaker.forced().is_some() || self.breaker.state(now) == State::Closed {
            return Seen::Clear;
        }
        let failed = self.breaker.last_failure().map(time::text);
        let detail = match &failed {
            Some(at) => {
                format!("the vendor failed again and again, last at {at}; while it does, one request at a time asks")
            }
            None => "while the vendor fails, one request at a time asks".to_owned(),
        };
        Seen::Holds(Finding { code: "open".to_owned(), detail, mark: failed.unwrap_or_default() })
    }

    /// What was changed since may be mended: the next message says.
    fn refusal(&self, stored: &StoredConnection) -> Seen {
        match &self.refusal {
            Some(refusal) if refusal.is_trouble() && refusal.at >= stored.changed.at => {
                let code = if refusal.refused { "refused" } else { "silent" };
                let detail = format!("messages are tried again for some hours, the last time: {}", refusal.why);
                Seen::Holds(Finding { code: code.to_owned(), detail, mark: time::text(refusal.since) })
            }
            _ => Seen::Clear,
        }
    }

    fn disabled(&self) -> Seen {
        match self.stored.and_then(receiver::disabled) {
            Some((why, since)) => {
                Seen::Holds(Finding { code: "disabled".to_owned(), detail: why.to_owned(), mark: time::text(since) })
            }
            None => Seen::Clear,
        }
    }

    fn letters(&self) -> Seen {
        match &self.letters {
            Some((count, newest)) if *count >= LETTERS_GROWING => {
                let detail = format!("{count} dead letters came within an hour");
                Seen::Holds(Finding { code: "growing".to_owned(), detail, mark: newest.clone() })
            }
            Some((0, _)) => Seen::Clear,
            _ => Seen::Unknown,
        }
    }
}
