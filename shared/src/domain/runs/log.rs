//! What a run says of itself while it goes on, for people who watch it.
//!
//! Lines are stored with the commits of the run, in their very transactions: so a line is there exactly when what it tells of is. A
//! commit's lines are an entry with a number of its own, and runs of a connection have the connection one after another, each with a later
//! id than the one before: whoever reads on from a [`LogPlace`] sees each line once, in order.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{Entity, RunId};
use crate::domain::pull::asked::Asked;
use crate::domain::redact;
use crate::domain::runs::lease::WaitReason;

/// How long lines are kept.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The most that the lines of one commit take, as they are stored.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Room for the line that says how many were not kept.
const LAST_LINE_BYTES: usize = 1024;

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something began or ended as it should.
    Info,
    /// Something went wrong, and the run goes on.
    Warn,
    /// Something failed.
    Error,
    /// How far it is.
    Progress,
}

impl Level {
    /// The level as clients know it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Progress => "progress",
        }
    }

    /// Reads a level.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Info, Self::Warn, Self::Error, Self::Progress];
        all.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// A sentence for people. What looks like a credential is masked where it is made, and there is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence(String);

impl Sentence {
    fn of(text: &str) -> Self {
        Self(redact::error_text(text))
    }

    /// The sentence.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a vendor said of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenLimit {
    /// How many requests it takes in its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How many are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// When there are more.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
}

impl SeenLimit {
    /// What the headers of an answer say; none where they say nothing.
    #[must_use]
    pub fn of(asked: &Asked) -> Option<Self> {
        let Asked { limit, remaining, resets_at, .. } = *asked;
        (limit.is_some() || remaining.is_some()).then_some(Self { limit, remaining, resets_at })
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Of which kind.
    pub level: Level,
    /// When it was said, epoch milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub message: Sentence,
    /// Of which entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
    /// Which page of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows that were read so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Rows that there are, where the vendor says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Hundredths of rows a second, lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hundredths_per_second: Option<u64>,
    /// How many seconds it takes still, at that rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// What the vendor said of its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<SeenLimit>,
    /// Which row, as the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Sentence>,
    /// Why, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Since when changes are asked for.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What the run waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitReason>,
    /// Until when.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Line {
    /// A line that says this.
    #[must_use]
    pub fn new(level: Level, at: Timestamp, message: &str) -> Self {
        Self {
            level,
            at_ms: at.as_millisecond(),
            message: Sentence::of(message),
            entity: None,
            page: None,
            rows: None,
            total: None,
            hundredths_per_second: None,
            eta_seconds: None,
            rate_limit: None,
            key: None,
            code: None,
            since: None,
            waiting_for: None,
            until: None,
        }
    }

    /// Of an entity.
    #[must_use]
    pub fn of(self, entity: &Entity) -> Self {
        Self { entity: Some(entity.clone()), ..self }
    }

    /// Of a row, where the vendor names it.
    #[must_use]
    pub fn of_row(self, key: &str) -> Self {
        Self { key: (!key.is_empty()).then(|| Sentence::of(key)), ..self }
    }
}

/// What a run has to say. Stored with the run is only how many entries there are of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLog {
    /// The number of the last entry.
    #[serde(default)]
    entries: u64,
    /// Said since the last commit.
    #[serde(skip)]
    said: Vec<Line>,
    /// What they take as they are stored.
    #[serde(skip)]
    bytes: usize,
    #[serde(skip)]
    not_kept: u64,
    /// The lines of the commit that is under way.
    #[serde(skip)]
    sealed: Vec<Line>,
}

impl RunLog {
    /// Whether nothing was ever said.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.entries == 0 && self.said.is_empty()
    }

    /// Says a line, which is stored with the next commit. Of more than an entry holds the rest is counted.
    pub fn say(&mut self, line: Line) {
        let bytes = serde_json::to_string(&line).map_or(ENTRY_BYTES_MAX, |text| text.len() + 1);
        if self.not_kept > 0 || self.bytes + bytes > ENTRY_BYTES_MAX - LAST_LINE_BYTES {
            self.not_kept += 1;
            return;
        }
        self.bytes += bytes;
        self.said.push(line);
    }

    /// Takes what was said for the entry of a commit that is about to be made. Its number is never used again, and its lines are not said
    /// again, whatever becomes of the commit: where its reply is lost they may be stored, and would be there twice.
    pub fn seal(&mut self, at: Timestamp) {
        self.bytes = 0;
        self.sealed = std::mem::take(&mut self.said);
        let left_out = std::mem::take(&mut self.not_kept);
        if left_out > 0 {
            self.sealed.push(Line::new(Level::Warn, at, &format!("{left_out} more lines are not kept.")));
        }
        self.entries += u64::from(!self.sealed.is_empty());
    }

    /// The entry of the commit that is under way; none where nothing was said.
    #[must_use]
    pub fn sealed(&self) -> Option<(u64, &[Line])> {
        (!self.sealed.is_empty()).then_some((self.entries, &self.sealed[..]))
    }
}

/// The place of a line: whoever reads on from there gets what comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// Before the first line.
    Start,
    /// Behind a line.
    Behind {
        /// Of which run.
        run: RunId,
        /// In which of its entries.
        entry: u64,
        /// Which of its lines, counted from 0.
        line: usize,
    },
}

/// A text that is no place of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no id of an event of this stream")]
pub struct NoPlace;

const START: &str = "start";

impl fmt::Display for LogPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => formatter.write_str(START),
            Self::Behind { run, entry, line } => write!(formatter, "{run}.{entry}.{line}"),
        }
    }
}

impl FromStr for LogPlace {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if text == START {
            return Ok(Self::Start);
        }
        let mut parts = text.split('.');
        let (Some(run), Some(entry), Some(line), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoPlace);
        };
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(entry) || !plain(line) {
            return Err(NoPlace);
        }
        let run = RunId::parse(run).ok_or(NoPlace)?;
        Ok(Self::Behind { run, entry: entry.parse().map_err(|_| NoPlace)?, line: line.parse().map_err(|_| NoPlace)? })
    }
}

/// Which lines somebody wants; all where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFilter {
    /// Of these entities.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub entities: BTreeSet<Entity>,
    /// Of these kinds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub levels: BTreeSet<Level>,
    /// Of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Of runs from this id on. A connection that was made again under its name has none of the lines of the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<RunId>,
}

impl LogFilter {
    /// Whether a run's line is wanted.
    #[must_use]
    pub fn wants(&self, run: &RunId, line: &Line) -> bool {
        let of_entity = |entity: &Entity| self.entities.contains(entity);
        (self.run.is_none() || self.run.as_ref() == Some(run))
            && self.since.as_ref().is_none_or(|since| since <= run)
            && (self.entities.is_empty() || line.entity.as_ref().is_some_and(of_entity))
            && (self.levels.is_empty() || self.levels.contains(&line.level))
    }
}

/// How fast rows come, lately: over the last minute, or since the page before it. So a wait counts, and one that is long over does not.
#[derive(Debug, Clone, Default)]
pub struct Moving(VecDeque<(i64, u64)>);

/// How far back it looks, in milliseconds.
const LATELY_MS: i64 = 60_000;
/// How many pages it remembers.
const PAGES_MAX: usize = 64;

impl Moving {
    /// Notes how many rows there were at a time.
    pub fn note(&mut self, at: Timestamp, rows: u64) {
        let now = at.as_millisecond();
        if self.0.back().is_some_and(|(_, before)| *before > rows) {
            // The list is read anew.
            self.0.clear();
        }
        self.0.push_back((now, rows));
        while self.0.len() > 2
            && (self.0.len() > PAGES_MAX || self.0.get(1).is_some_and(|(at, _)| now - at >= LATELY_MS))
        {
            self.0.pop_front();
        }
    }

    /// Hundredths of rows a second, and how many seconds the rows that are left take.
    #[must_use]
    pub fn pace(&self, total: Option<u64>) -> (Option<u64>, Option<u64>) {
        let (Some((from, before)), Some((to, rows))) = (self.0.front(), self.0.back()) else { return (None, None) };
        let took = u64::try_from(to - from).unwrap_or(0);
        if took == 0 {
            return (None, None);
        }
        let rate = (rows - before).saturating_mul(100_000) / took;
        let left = total.map(|total| total.saturating_sub(*rows));
        let eta = left.filter(|_| rate > 0).map(|left| left.saturating_mul(100).div_ceil(rate));
        (Some(rate), eta)
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
