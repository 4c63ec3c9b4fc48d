//! What a pull says to whoever watches it, in plain English. Each line is of one commit, and says what that made true.

use jiff::Timestamp;

use crate::domain::ids::Entity;
use crate::domain::pull::asked::Asked;
use crate::domain::pull::rows::Unmapped;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::runs::log::{Level, Line, Moving, SeenLimit};
use crate::domain::runs::pull::{EntityPull, Progress, PullMode, PullWork};
use crate::domain::runs::run::{Run, RunStatus, Trigger};

fn mode(work: &PullWork) -> &'static str {
    match work.mode {
        _ if work.one_row => "requeue",
        PullMode::Delta => "delta",
        PullMode::Backfill => "backfill",
    }
}

/// That it has started.
#[must_use]
pub fn started(run: &Run) -> Option<Line> {
    let work = run.work.pull()?;
    let entities: Vec<&str> = work.entities.iter().map(|entity| entity.entity.as_str()).collect();
    let dry = if run.mode.is_dry() { ", as a dry run that writes nothing" } else { "" };
    let by = match run.trigger {
        Trigger::Manual => format!("asked for by {}", run.actor),
        Trigger::Schedule => "as it was due".to_owned(),
    };
    let text = format!("A {} of {} has started, {by}{dry}.", mode(work), entities.join(", "));
    Some(Line::new(Level::Info, run.started_at, &text))
}

/// That it is over, and how. One that never started says nothing: another run has the log then.
#[must_use]
pub fn over(run: &Run, at: Timestamp) -> Option<Line> {
    run.work.pull()?;
    let why = run.error.as_ref().map_or("", |error| error.detail.as_str());
    let (level, text) = match run.status {
        RunStatus::Pending | RunStatus::Skipped => return None,
        RunStatus::Success => {
            let counts = run.work.counts().unwrap_or_default();
            let seconds = run.duration_ms.unwrap_or(0).div_ceil(1_000);
            let (created, updated, removed) = (counts.created, counts.updated, counts.removed);
            let text = format!(
                "The run succeeded after {seconds} s, with {created} created, {updated} updated and {removed} removed."
            );
            (Level::Info, text)
        }
        RunStatus::Failed => (Level::Error, format!("The run failed. {why}")),
        RunStatus::Cancelled => (Level::Warn, format!("The run was cancelled. {why}")),
    };
    Some(Line::new(level, at, &text))
}

/// A time as people read it, without its day where that is today.
fn spoken(time: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%F").to_string();
    let form = if day(time) == day(now) { "%H:%M:%S UTC" } else { "%-d %b %Y, %H:%M UTC" };
    time.strftime(form).to_string()
}

/// That it waits.
#[must_use]
pub fn waits(wait: Wait, at: Timestamp) -> Line {
    // Of some the text has the word.
    let until = if wait.reason == WaitReason::Breaker { "at" } else { "until" };
    let text = format!("The run is {}, {until} {}.", wait.reason.text(), spoken(wait.until, at));
    Line { waiting_for: Some(wait.reason), until: Some(wait.until), ..Line::new(Level::Info, at, &text) }
}

/// That something went wrong which may pass.
#[must_use]
pub fn fault(why: &str, at: Timestamp) -> Line {
    Line::new(Level::Warn, at, why)
}

/// That an entity is begun.
#[must_use]
pub fn began(entity: &EntityPull, at: Timestamp) -> Line {
    let name = &entity.entity;
    let text = match entity.since {
        Some(since) => format!("Reading what of {name} changed since {}.", spoken(since, at)),
        None => format!("Reading all of {name}."),
    };
    Line { since: entity.since, ..Line::new(Level::Info, at, &text).of(name) }
}

/// A page that came.
#[derive(Debug, Clone, Copy)]
pub struct PageSaid<'a> {
    /// Of what, with this page.
    pub entity: &'a EntityPull,
    /// How many rows it has.
    pub rows: usize,
    /// How many of them are new or changed.
    pub changed: usize,
    /// How many of them were set aside.
    pub set_aside: u64,
    /// What came beside it.
    pub asked: &'a Asked,
}

fn page_number(progress: &Progress) -> u32 {
    progress.first_pass.unwrap_or(0).saturating_add(progress.chain.pages())
}

/// That a page came.
#[must_use]
pub fn page(said: &PageSaid<'_>, moving: &Moving, at: Timestamp) -> Line {
    let (name, progress) = (&said.entity.entity, &said.entity.progress);
    let (page, rows, total) = (page_number(progress), progress.chain.rows(), progress.chain.total());
    let mut text =
        format!("Page {page} of {name} came, with {} rows, {} of them new or changed", said.rows, said.changed);
    if said.set_aside > 0 {
        text.push_str(&format!(" and {} set aside", said.set_aside));
    }
    text.push('.');
    let (hundredths_per_second, eta_seconds) = moving.pace(total);
    Line {
        page: Some(page),
        rows: Some(rows),
        total,
        hundredths_per_second,
        eta_seconds,
        rate_limit: SeenLimit::of(said.asked),
        ..Line::new(Level::Progress, at, &text).of(name)
    }
}

/// So many rows of a page that were set aside have a line of their own.
const ROWS_SAID_MAX: usize = 10;
/// How much of a row's id a line has, in characters.
const KEY_CHARACTERS_MAX: usize = 64;

/// That rows of a page cannot be taken: a line for each of the first, and one for how many more there are.
#[must_use]
pub fn set_aside(entity: &Entity, before: &Progress, rows: &[Unmapped<'_>], at: Timestamp) -> Vec<Line> {
    let page = page_number(before).saturating_add(1);
    let of_page = |text: &str| Line { page: Some(page), ..Line::new(Level::Warn, at, text).of(entity) };
    let line = |row: &Unmapped<'_>| {
        let key: String = row.id.chars().take(KEY_CHARACTERS_MAX).collect();
        let named = if key.is_empty() { format!("A row of {entity}") } else { format!("Row {key} of {entity}") };
        let text = format!("{named} cannot be taken and is set aside: {}.", row.why);
        Line { code: Some(row.code.to_owned()), ..of_page(&text).of_row(&key) }
    };
    let mut lines: Vec<Line> = rows.iter().take(ROWS_SAID_MAX).map(line).collect();
    let more = rows.len() - lines.len();
    if more > 0 {
        lines.push(of_page(&format!("{more} more rows of page {page} of {entity} cannot be taken and are set aside.")));
    }
    lines
}

/// That a page is read again, as nobody knows whether it arrived.
#[must_use]
pub fn page_again(entity: &Entity, before: &Progress, at: Timestamp) -> Line {
    let page = page_number(before).saturating_add(1);
    let text = format!("Page {page} of {entity} is asked for once more, as nobody knows whether all of it arrived.");
    Line { page: Some(page), ..Line::new(Level::Warn, at, &text).of(entity) }
}

/// That a list is read a second time.
#[must_use]
pub fn list_again(entity: &Entity, at: Timestamp) -> Line {
    Line::new(Level::Info, at, &format!("The list of {entity} is read a second time, as rows seem to be gone."))
        .of(entity)
}

/// That the vendor is asked once more.
#[must_use]
pub fn asked_again(entity: &Entity, why: &str, at: Timestamp) -> Line {
    Line::new(Level::Warn, at, &format!("{why}, and is asked again.")).of(entity)
}

/// That rows go.
#[must_use]
pub fn gone(entity: &Entity, rows: usize, at: Timestamp) -> Line {
    Line::new(Level::Info, at, &format!("{rows} rows of {entity} are gone, and are removed.")).of(entity)
}

/// That an entity waits until somebody approves of what would go.
#[must_use]
pub fn held(entity: &Entity, rows: u64, at: Timestamp) -> Line {
    let text = format!("{rows} rows of {entity} would go: it waits until somebody approves, and the others go on.");
    Line::new(Level::Warn, at, &text).of(entity)
}

/// That an entity is done.
#[must_use]
pub fn done(entity: &EntityPull, at: Timestamp) -> Line {
    let (name, counts, rows) = (&entity.entity, &entity.progress.counts, entity.progress.chain.rows());
    let (created, updated, removed) = (counts.created, counts.updated, counts.removed);
    let text =
        format!("Done with {name}, of {rows} rows, with {created} created, {updated} updated and {removed} removed.");
    Line { rows: Some(rows), total: entity.progress.chain.total(), ..Line::new(Level::Info, at, &text).of(name) }
}

/// That an entity failed.
#[must_use]
pub fn failed(entity: &Entity, why: &str, at: Timestamp) -> Line {
    Line::new(Level::Error, at, &format!("Pulling {entity} failed. {why}")).of(entity)
}

/// That the vendor does not have an entity.
#[must_use]
pub fn not_supported(entity: &Entity, at: Timestamp) -> Line {
    Line::new(Level::Warn, at, &format!("The vendor does not have {entity} over this connection.")).of(entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::canonical::Node;

    #[test]
    fn a_wait_says_once_until_when_and_has_the_time_beside_its_sentence() {
        let now: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        for (reason, until, said) in [
            (
                WaitReason::Breaker,
                "2026-01-15T12:01:00Z",
                "waiting until the vendor may be asked again, at 12:01:00 UTC",
            ),
            (WaitReason::Quota, "2026-01-15T12:00:05Z", "waiting for the quota of its connection, until 12:00:05 UTC"),
            (
                WaitReason::RetryAfter,
                "2026-01-16T00:30:00Z",
                "waiting as long as the vendor asked for, until 16 Jan 2026, 00:30 UTC",
            ),
        ] {
            let until = until.parse().unwrap();
            let line = waits(Wait { until, reason }, now);
            assert_eq!((line.message.as_str(), line.until), (format!("The run is {said}.").as_str(), Some(until)));
        }
    }

    #[test]
    fn the_first_rows_that_are_set_aside_are_named_and_the_others_counted() {
        let rows = |count: usize| {
            let row = |number: usize| Unmapped {
                id: if number == 0 { String::new() } else { format!("row-{number}") },
                why: "it has no id".to_owned(),
                code: "no_id",
                item: Node::Null,
            };
            (0..count).map(row).collect::<Vec<_>>()
        };
        for (count, lines) in [(0, 0), (1, 1), (10, 10), (11, 11), (1_000, 11)] {
            let said = set_aside(&Entity::UNITS, &Progress::default(), &rows(count), Timestamp::UNIX_EPOCH);
            assert_eq!(said.len(), lines, "{count}");
            assert!(said.iter().all(|line| line.level == Level::Warn && line.page == Some(1)));
        }
        let said = set_aside(&Entity::UNITS, &Progress::default(), &rows(12), Timestamp::UNIX_EPOCH);
        let shown = |line: &Line| {
            let key = line.key.as_ref().map(|key| key.as_str().to_owned());
            (line.message.as_str().to_owned(), key, line.code.clone())
        };
        let row = |text: &str, key: Option<&str>, code: Option<&str>| {
            (text.to_owned(), key.map(str::to_owned), code.map(str::to_owned))
        };
        let first = row("A row of units cannot be taken and is set aside: it has no id.", None, Some("no_id"));
        let named = "Row row-1 of units cannot be taken and is set aside: it has no id.";
        assert_eq!(shown(&said[0]), first);
        assert_eq!(shown(&said[1]), row(named, Some("row-1"), Some("no_id")));
        let more = "2 more rows of page 1 of units cannot be taken and are set aside.";
        assert_eq!(shown(&said[10]), row(more, None, None));
    }
}
