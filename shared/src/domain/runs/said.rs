//! What a pull says to whoever watches it, in plain English. Each line is of one commit, and says what that made true.

use jiff::Timestamp;

use crate::domain::ids::Entity;
use crate::domain::pull::asked::Asked;
use crate::domain::runs::lease::Wait;
use crate::domain::runs::log::{Level, Line, Moving, SeenLimit};
use crate::domain::runs::pull::{EntityPull, Progress, PullMode, PullWork};
use crate::domain::runs::run::{Run, RunStatus, Trigger};
use crate::domain::time;

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

/// That it waits.
#[must_use]
pub fn waits(wait: Wait, at: Timestamp) -> Line {
    let text = format!("The run is {}, until {}.", wait.reason.text(), time::text(wait.until));
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
        Some(since) => format!("Reading what of {name} changed since {}.", time::text(since)),
        None => format!("Reading all of {name}."),
    };
    Line::new(Level::Info, at, &text).of(name)
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
