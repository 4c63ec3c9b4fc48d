//! Reads of runs: one, or a page of a connection's.

use jiff::Timestamp;

use super::RunReads;
use super::items::{run_key, status_key};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, text, value};
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::run::{Run, SeenStatus};

/// Which runs of a connection to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Started at or after this.
    pub start: Option<Timestamp>,
    /// Started at or before this.
    pub end: Option<Timestamp>,
    /// Of these statuses; none means all.
    pub statuses: Vec<SeenStatus>,
    /// The first row of the page, itself included.
    pub cursor: Option<RunId>,
    /// How many rows.
    pub limit: usize,
}

impl RunReads {
    /// A run of this connection; another connection's run is not found (I6).
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn one(&self, connection: &Connection, id: &RunId) -> Result<Option<Run>, AwsFault> {
        self.0.read(run_key(connection, id), "read run").await?.map(value).transpose()
    }

    /// Some runs, none of them named twice, as of a moment ago: those that there are, in no order.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn some(&self, wanted: impl Iterator<Item = (&Connection, &RunId)>) -> Result<Vec<Run>, AwsFault> {
        let keys = wanted.map(|(connection, id)| run_key(connection, id)).collect();
        self.0.glance_at(keys, None, "read runs").await?.into_iter().map(value).collect()
    }

    /// Runs newest first, by start and then by id: one query, or one per status when two are wanted.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, connection: &Connection, wanted: &Wanted) -> Result<Vec<Run>, AwsFault> {
        let mut statuses = wanted.statuses.clone();
        statuses.sort();
        statuses.dedup();
        if statuses.is_empty() || statuses.len() == SeenStatus::ALL.len() {
            return self.query_runs(None, &connection.to_string(), wanted).await;
        }
        let keys: Vec<String> = statuses.iter().map(|status| status_key(connection, *status)).collect();
        let queries = keys.iter().map(|key| self.query_runs(Some("by_status"), key, wanted));
        let mut runs: Vec<Run> = futures::future::try_join_all(queries).await?.into_iter().flatten().collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.id.clone()));
        runs.truncate(wanted.limit);
        Ok(runs)
    }

    async fn query_runs(&self, index: Option<&str>, pk: &str, wanted: &Wanted) -> Result<Vec<Run>, AwsFault> {
        let low = wanted.start.map_or_else(String::new, RunId::lowest);
        let mut high = wanted.end.map_or_else(|| "~".to_owned(), RunId::highest);
        if let Some(cursor) = &wanted.cursor {
            high = high.min(cursor.as_str().to_owned());
        }
        // A sort key cannot be empty, and every id sorts after "0".
        let low = if low.is_empty() { "0".to_owned() } else { low };
        if low > high {
            return Ok(Vec::new());
        }
        let mut runs = Vec::new();
        let mut from: Option<Item> = None;
        loop {
            let call = self
                .0
                .query()
                .set_index_name(index.map(String::from))
                .key_condition_expression("#pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_names("#pk", index.unwrap_or("pk"))
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":low", text(&low))
                .expression_attribute_values(":high", text(&high))
                .scan_index_forward(false)
                .limit(i32::try_from(wanted.limit - runs.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from);
            let page = call.send().await.map_err(|error| fault("read runs", &error))?;
            for found in page.items.unwrap_or_default() {
                runs.push(value(found)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() || runs.len() >= wanted.limit {
                return Ok(runs);
            }
        }
    }
}
