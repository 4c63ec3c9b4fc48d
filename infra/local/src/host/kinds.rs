//! Of which kinds all is that is stored when a host ends, for whoever records: an export and an erasure stop at what is of none, and what
//! stores it is seen to by no test of theirs.

use dynoxide::Database;
use serde_json::{Value, json};
use signalbox::aws::inventory::Stored;
use signalbox::aws::inventory::kinds::TableName;

use super::record::Recorder;
use crate::template::Template;

/// The tables to look at. Records are left out: there are many, and whatever is there is one.
const LOOKED_AT: [TableName; 6] = [
    TableName::Connections,
    TableName::Control,
    TableName::Journal,
    TableName::Deliveries,
    TableName::Runs,
    TableName::Snapshots,
];

/// Looks when it is dropped, and writes what is of no kind.
pub(crate) struct Kinds {
    database: Database,
    tables: Vec<(TableName, String)>,
    recorder: Recorder,
}

impl Kinds {
    /// None where nobody records: a host's files are nobody's else once it ends.
    pub(crate) fn new(database: Database, template: &Template, recorder: &Recorder) -> Option<Self> {
        let named = |table: TableName| {
            let id = format!("{table}Table");
            let found = template.tables.iter().find(|one| one.logical_id.eq_ignore_ascii_case(&id))?;
            Some((table, found.name.clone()))
        };
        let tables = LOOKED_AT.into_iter().filter_map(named).collect();
        recorder.is_on().then(|| Self { database, tables, recorder: recorder.clone() })
    }

    /// A page of a table; none where it cannot be read, as when its file is gone.
    fn page(&self, table: &str, from: &Value) -> Option<Value> {
        let request = json!({"TableName": table, "ExclusiveStartKey": from});
        let page = self.database.scan(serde_json::from_value(request).ok()?).ok()?;
        serde_json::to_value(&page).ok()
    }
}

impl Drop for Kinds {
    fn drop(&mut self) {
        for (table, name) in &self.tables {
            let mut from = Value::Null;
            while let Some(page) = self.page(name, &from) {
                for item in page["Items"].as_array().into_iter().flatten() {
                    let is_known = Stored::of_json(*table, item).is_ok_and(|stored| stored.kind().is_some());
                    if !is_known {
                        self.recorder.unknown(table.as_str(), item);
                    }
                }
                from = page["LastEvaluatedKey"].clone();
                if from.is_null() {
                    break;
                }
            }
        }
    }
}
