//! The log of a connection's runs: an entry for each commit that had something to say, in its transaction, under the run's id and the
//! entry's number. DynamoDB removes entries after a week.

use jiff::Timestamp;

use super::{RunReads, RunStore};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, key, number, text};
use crate::aws::table::Table;
use crate::aws::transaction::{Transaction, built};
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::log::{KEPT_FOR, Line, LogFilter, LogPlace};
use crate::domain::runs::run::Run;

/// The lines of an entry, as JSON.
const LINES: &str = "lines";

/// The lines of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Of which run.
    pub run: RunId,
    /// Which of its entries.
    pub number: u64,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Some entries, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Whether there may be more.
    pub more: bool,
}

fn partition(connection: &Connection) -> String {
    format!("{connection}#log")
}

fn sort_key(run: &RunId, entry: u64) -> String {
    format!("{run}#{entry:010}")
}

/// What an item says; none where another version wrote it in another way.
fn entry(item: &Item) -> Option<LogEntry> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let (run, number) = text("sk")?.split_once('#')?;
    let lines = serde_json::from_str(text(LINES)?);
    if let Err(error) = &lines {
        tracing::warn!(run, number, %error, "an entry of the log cannot be read");
    }
    Some(LogEntry { run: RunId::parse(run)?, number: number.parse().ok()?, lines: lines.unwrap_or_default() })
}

impl RunStore {
    /// The entry of the commit that is under way.
    pub(super) fn logged(&self, run: &Run) -> Result<Transaction, AwsFault> {
        let Some((entry, lines)) = run.log.sealed() else { return Ok(Transaction::default()) };
        let lines = serde_json::to_string(lines).map_err(|error| AwsFault::damaged("log", error.to_string()))?;
        let expires_at = run.updated_at.checked_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        let mut item = key(partition(&run.connection), sort_key(&run.id, entry));
        item.insert(LINES.to_owned(), text(lines));
        item.insert("expires_at".to_owned(), number(expires_at.as_second()));
        Ok(Transaction::default().put(built(self.runs().put(item).build())?))
    }
}

/// The log, to read.
#[derive(Clone, Debug)]
pub struct LogReads(Table);

impl From<RunReads> for LogReads {
    fn from(reads: RunReads) -> Self {
        Self(reads.0)
    }
}

impl LogReads {
    /// The entries from the one of a place on, that one included, of the runs that a filter names. One query, which sees what was
    /// committed before it began: an entry that another one has gone past would be lost to whoever reads on.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn from_place(
        &self,
        connection: &Connection,
        place: &LogPlace,
        filter: &LogFilter,
    ) -> Result<LogPage, AwsFault> {
        let start = match place {
            LogPlace::Start => String::new(),
            LogPlace::Behind { run, entry, .. } => sort_key(run, *entry),
        };
        let (low, high) = bounds(filter);
        let low = low.max(start);
        self.query(connection, (&low, &high), true, None).await
    }

    /// The newest entries of the runs that a filter names, so many at most, newest first: of all, or of those before an entry.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn newest(
        &self,
        connection: &Connection,
        filter: &LogFilter,
        before: Option<&(RunId, u64)>,
        entries_max: usize,
    ) -> Result<LogPage, AwsFault> {
        let (low, high) = bounds(filter);
        let high = match before {
            Some((run, entry)) => high.min(entry.checked_sub(1).map_or(format!("{run}#"), |one| sort_key(run, one))),
            None => high,
        };
        self.query(connection, (&low, &high), false, Some(entries_max)).await
    }

    async fn query(
        &self,
        connection: &Connection,
        (low, high): (&str, &str),
        forward: bool,
        limit: Option<usize>,
    ) -> Result<LogPage, AwsFault> {
        // DynamoDB refuses bounds that are the wrong way round.
        if low > high {
            return Ok(LogPage::default());
        }
        let call = self
            .0
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(connection)))
            .expression_attribute_values(":low", text(low))
            .expression_attribute_values(":high", text(high))
            .scan_index_forward(forward)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        let page = call.send().await.map_err(|error| fault("read log", &error))?;
        let entries = page.items.unwrap_or_default().iter().filter_map(entry).collect();
        Ok(LogPage { entries, more: page.last_evaluated_key.is_some() })
    }
}

/// Below and above all keys of the runs that a filter names.
fn bounds(filter: &LogFilter) -> (String, String) {
    // A sort key cannot be empty, and every id sorts after "0".
    let since = filter.since.as_ref().map_or("0".to_owned(), ToString::to_string);
    match &filter.run {
        Some(run) => (since.max(format!("{run}#")), format!("{run}#~")),
        None => (since, "~".to_owned()),
    }
}
