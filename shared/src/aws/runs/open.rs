//! Runs that still owe something, over all connections: for the watchdog.

use super::items::{OPEN, run_key};
use super::{RunReads, RunStore};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, key, text, value};
use crate::aws::transaction::past_conflicts;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::run::Run;

const OPERATION: &str = "read open runs";
/// How many open runs a look for those that wait for approval reads at a time, and how often.
const HELD_PAGE: usize = 100;
const HELD_PAGES_MAX: usize = 5;

/// A part of the index of open runs.
#[derive(Debug, Default)]
pub struct OpenRuns {
    /// Oldest first, each with its place. One that cannot be read, from a younger version perhaps, is not among them.
    pub runs: Vec<(OpenPlace, Run)>,
    /// Where the next part begins; none at the end of the index.
    pub next: Option<OpenPlace>,
}

/// A place in the index of open runs.
#[derive(Debug, Clone)]
pub struct OpenPlace(Item);

impl OpenPlace {
    /// The keys of the index and of the table.
    fn of(item: &Item) -> Option<Self> {
        ["open", "pk", "sk"]
            .into_iter()
            .map(|name| Some((name.to_owned(), item.get(name)?.clone())))
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl RunReads {
    /// Open runs behind a place, or from the oldest on.
    async fn open_runs(&self, behind: Option<OpenPlace>, limit: usize) -> Result<OpenRuns, AwsFault> {
        let call = self
            .0
            .query()
            .index_name("open")
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", text(OPEN))
            .set_exclusive_start_key(behind.map(|place| place.0))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        // It must not stop the others.
        let read = |item: Item| {
            let place = OpenPlace::of(&item)?;
            let run = value(item).inspect_err(|error| tracing::error!(%error, "open run passed over")).ok()?;
            Some((place, run))
        };
        let runs = page.items.unwrap_or_default().into_iter().filter_map(read).collect();
        Ok(OpenRuns { runs, next: page.last_evaluated_key.filter(|key| !key.is_empty()).map(OpenPlace) })
    }

    /// Mirrors that wait for approval, as [`Self::held_runs`].
    ///
    /// # Errors
    /// As [`Self::held_runs`].
    pub async fn held_mirrors(&self, limit: usize) -> Result<(Vec<Run>, bool), AwsFault> {
        self.held_runs(|run| run.work.mirror().is_some(), limit).await
    }

    /// Runs that wait for approval, the oldest first, and whether there may be more: the oldest 500 open runs are looked at. One that
    /// was approved of and was not planned anew yet is among them.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn held_runs(
        &self,
        is_meant: impl Fn(&Run) -> bool + Send,
        limit: usize,
    ) -> Result<(Vec<Run>, bool), AwsFault> {
        let (mut held, mut behind) = (Vec::new(), None);
        for _ in 0..HELD_PAGES_MAX {
            let part = self.open_runs(behind, HELD_PAGE).await?;
            let is_held = |run: &Run| run.held.is_some() && is_meant(run) && !run.status.is_over();
            held.extend(part.runs.into_iter().map(|(_, run)| run).filter(is_held));
            behind = part.next;
            if behind.is_none() || held.len() > limit {
                break;
            }
        }
        let more = behind.is_some() || held.len() > limit;
        held.truncate(limit);
        Ok((held, more))
    }
}

impl RunStore {
    /// Open runs behind a place, or from the oldest on.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn open_runs(&self, behind: Option<OpenPlace>, limit: usize) -> Result<OpenRuns, AwsFault> {
        self.reads.open_runs(behind, limit).await
    }

    /// Where the watchdog's last round ended; none where it reached the end of the index.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watchdog_cursor(&self) -> Result<Option<OpenPlace>, AwsFault> {
        let Some(mut found) = self.control.read(cursor_key(), "read watchdog's cursor").await? else { return Ok(None) };
        let (Some(connection), Some(run)) = (found.remove("connection"), found.remove("runId")) else {
            return Ok(None);
        };
        let place = [("open", text(OPEN)), ("pk", connection), ("sk", run)];
        Ok(OpenPlace::of(&place.map(|(name, value)| (name.to_owned(), value)).into()))
    }

    /// Keeps where a round ended. A crash before it lets the next round begin where this one did.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_watchdog_cursor(&self, place: Option<&OpenPlace>) -> Result<(), AwsFault> {
        let mut fields = cursor_key();
        if let Some(OpenPlace(place)) = place {
            let named = [("connection", "pk"), ("runId", "sk")];
            fields.extend(named.into_iter().filter_map(|(name, of)| Some((name.to_owned(), place.get(of)?.clone()))));
        }
        self.control.write(fields, "keep watchdog's cursor").await
    }

    /// Takes a run that has been told of out of the index of open runs. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn close_run(&self, connection: &Connection, id: &RunId) -> Result<(), AwsFault> {
        let call = self
            .runs()
            .update_item(run_key(connection, id))
            .update_expression("REMOVE #open")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#open", "open");
        conditional(past_conflicts(|| call.clone().send()).await, "close run").map(drop)
    }
}

fn cursor_key() -> Item {
    key("watchdog", "cursor")
}
