//! What operators do to all tables: take data out, put it in, and erase a tenant. Which items there are, of which kind and whose, is said
//! by [`signalbox::aws::inventory::kinds`].

pub mod erase;
pub mod export;
pub mod import;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::inventory::Stored;
use signalbox::aws::inventory::kinds::{Part, TableName};
use signalbox::domain::ids::TenantId;

/// The version of the files that this version writes and reads.
pub const VERSION: u32 = 1;
/// What a file says of itself.
const EXPORT: &str = "export";
/// The longest line: an item has 400 KB at most, and bytes and quotes in it take more as text.
const LINE_BYTES_MAX: usize = 4 << 20;

/// So many are named, where each has a name.
const NAMED_MAX: usize = 100;

/// So many items, by table and kind.
pub type Counts = BTreeMap<(TableName, &'static str), u64>;

/// Tells how many items were gone through, of which table.
pub type Progress<'a> = &'a mut (dyn FnMut(TableName, u64) + Send);

/// Why something was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
    /// A file could not be read or written.
    #[error("the file: {0}")]
    File(#[from] std::io::Error),
    /// It is no export that this version reads, or not a whole one.
    #[error("line {line}: {why}")]
    Line {
        /// Which.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// There are items of kinds that this version does not know.
    #[error(
        "{count} items are of no kind that this version knows, such as {example:?}, {sort} in the table {table}: use the \
         version that wrote them"
    )]
    Unknown {
        /// How many.
        count: u64,
        /// The table of one.
        table: TableName,
        /// The partition of one.
        example: String,
        /// Its sort key, as DynamoDB writes it.
        sort: String,
    },
    /// It must not be done now.
    #[error("{0}")]
    Refused(String),
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    signalbox: String,
    version: u32,
    at: String,
    /// Whose; null where it is all there is.
    tenant: Option<TenantId>,
    parts: Vec<Part>,
    tables: Vec<TableName>,
}

/// Each line between the first and the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    table: TableName,
    kind: String,
    item: Value,
    /// The secrets that the item had, of a connection: to be set again. Here and not behind all items, so that no line grows with their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: Totals,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Totals {
    items: u64,
    tables: BTreeMap<TableName, u64>,
    /// What is in the tables and not here, by kind: what goes on at the moment.
    left_out: BTreeMap<String, u64>,
}

/// How many, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T> {
    /// How many.
    pub count: u64,
    /// The first hundred.
    pub first: Vec<T>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Named<T> {
    fn note(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(one);
        }
    }
}

/// The secrets of a connection, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Which connection.
    pub connection: String,
    /// Which of them: the current one, and perhaps the previous.
    pub names: Vec<String>,
}

/// Items of no kind that is known.
#[derive(Debug, Default)]
struct Unknowns(Option<(u64, TableName, String, String)>);

impl Unknowns {
    fn note(&mut self, stored: &Stored) {
        let place = || (0, stored.table(), stored.partition().to_owned(), stored.json()["sk"].to_string());
        let found = self.0.get_or_insert_with(place);
        found.0 += 1;
    }

    fn checked(self) -> Result<(), Failed> {
        self.0.map_or(Ok(()), |(count, table, example, sort)| Err(Failed::Unknown { count, table, example, sort }))
    }
}
