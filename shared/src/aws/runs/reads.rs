//! The runs table: a row per run, sorted by start, and the counters over them.
//!
//! | key | holds |
//! |---|---|
//! | `tenant/vendor/catalogue`, run id | a run |
//! | `tenant/vendor/catalogue#statistics`, `day#…` or `month#…` | a counter, see [`crate::aws::runs::statistics`] |
//!
//! Index `by_status` pages through one status; the sparse index `open` holds only runs that still owe something:
//! their end, or the event that tells of it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;

use crate::aws::clients::Aws;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, item, key, text, value};
use crate::aws::transaction::past_conflicts;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::run::{Run, SeenStatus};

/// The one key of the index `open`.
pub(super) const OPEN: &str = "open";

pub(super) fn status_key(connection: &Connection, status: SeenStatus) -> String {
    format!("{connection}#{}", status.as_str())
}

pub(super) fn run_item(run: &Run) -> Result<Item, AwsFault> {
    let connection = run.connection();
    let mut keys = key(connection.to_string(), run.id.as_str());
    keys.insert("by_status".into(), text(status_key(&connection, run.status.seen())));
    keys.insert("open".into(), text(OPEN));
    item(run, keys)
}

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

impl Aws {
    /// A run of this connection; another connection's run is not found (I6).
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn run(&self, connection: &Connection, id: &RunId) -> Result<Option<Run>, AwsFault> {
        let key = key(connection.to_string(), id.as_str());
        self.get_item(&self.names.runs, key, "read run").await?.map(value).transpose()
    }

    /// Runs newest first, by start and then by id: one query, or one per status when two are wanted.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn runs(&self, connection: &Connection, wanted: &Wanted) -> Result<Vec<Run>, AwsFault> {
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
                .dynamodb
                .query()
                .table_name(&self.names.runs)
                .set_index_name(index.map(String::from))
                .key_condition_expression("#pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_names("#pk", index.unwrap_or("pk"))
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":low", text(&low))
                .expression_attribute_values(":high", text(&high))
                .scan_index_forward(false)
                .limit(i32::try_from(wanted.limit - runs.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
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

    /// Runs of all connections that still owe something, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn open_runs(&self, limit: usize) -> Result<Vec<Run>, AwsFault> {
        let call = self
            .dynamodb
            .query()
            .table_name(&self.names.runs)
            .index_name("open")
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", AttributeValue::S(OPEN.into()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let page = call.send().await.map_err(|error| fault("read open runs", &error))?;
        // One that cannot be read, from a younger version perhaps, must not stop the others.
        let read = |item| match value(item) {
            Ok(run) => Some(run),
            Err(error) => {
                tracing::error!(%error, "open run passed over");
                None
            }
        };
        Ok(page.items.unwrap_or_default().into_iter().filter_map(read).collect())
    }

    /// Takes a run that has been told of out of the index of open runs. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn close_run(&self, connection: &Connection, id: &RunId) -> Result<(), AwsFault> {
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.runs)
            .set_key(Some(key(connection.to_string(), id.as_str())))
            .update_expression("REMOVE #open")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#open", "open")
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        conditional(past_conflicts(|| call.clone().send()).await, "close run").map(drop)
    }
}
