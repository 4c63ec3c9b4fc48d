//! DynamoDB: dynoxide on SQLite, in this process.
//!
//! kill -9 loses nothing that was answered: a commit is in the write-ahead log, and so in the kernel's hands, before the
//! answer leaves. A power failure, or a kernel that dies, may lose what the kernel had not written to the disk yet, up
//! to half a minute; the file stays whole, as the log is synced before it is copied into it. SQLite's default syncs the
//! log with each commit instead. That is an fsync an item, as dynoxide commits each item of a batch by itself: a first
//! sync of 10,000 rows took ten times as long. Who needs more than a laptop's safety needs AWS.

use std::path::Path;

use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::EngineError;
use crate::template::Table;

/// Opens the tables' file, or a database in memory for a host that leaves nothing behind.
///
/// # Errors
/// When the file is unusable.
pub fn open(path: Option<&Path>) -> Result<Database, EngineError> {
    let database = match path {
        // Its name says less than it does: `synchronous=NORMAL`, beside three settings that have their defaults already.
        Some(path) => Database::new(&path.to_string_lossy())
            .and_then(|database| database.disable_bulk_loading().map(|()| database)),
        None => Database::memory(),
    };
    database.map_err(|error| EngineError::Table { table: "tables".into(), reason: error.to_string() })
}

/// Makes the database hold the template's tables. Tables that exist keep their items; an index that the template has
/// gained is built from them. A changed key is refused: rewriting items is nothing to do on the quiet.
///
/// # Errors
/// When a table is refused, or stored items were made for another key.
pub fn create_tables(database: &Database, tables: &[Table]) -> Result<(), EngineError> {
    tables.iter().try_for_each(|table| {
        let failed = |reason: String| EngineError::Table { table: table.logical_id.clone(), reason };
        match describe(database, table) {
            Some(stored) => update(database, table, &stored).map_err(failed),
            None => create(database, table).map_err(failed),
        }
    })
}

fn describe(database: &Database, table: &Table) -> Option<Value> {
    let request = typed(json!({"TableName": table.name})).ok()?;
    let description = database.describe_table(request).ok()?;
    Some(untyped(&description)["Table"].take())
}

fn create(database: &Database, table: &Table) -> Result<(), String> {
    let mut request = json!({
        "TableName": table.name,
        "KeySchema": table.keys,
        "AttributeDefinitions": table.attributes,
        "BillingMode": "PAY_PER_REQUEST",
    });
    if !table.indexes.is_empty() {
        request["GlobalSecondaryIndexes"] = table.indexes.clone().into();
    }
    if let Some(view) = &table.stream {
        request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    }
    database.create_table(typed(request)?).map_err(|error| error.to_string())?;
    if let Some(attribute) = &table.expiry {
        let expiry = json!({
            "TableName": table.name,
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
        });
        database.update_time_to_live(typed(expiry)?).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn update(database: &Database, table: &Table, stored: &Value) -> Result<(), String> {
    let advice = "move the data folder away, or choose another with --data-dir";
    if stored["KeySchema"] != table.keys {
        return Err(format!("the stored table has another key: {advice}"));
    }
    let stored_indexes = stored["GlobalSecondaryIndexes"].as_array().map(Vec::as_slice).unwrap_or_default();
    for index in &table.indexes {
        let name = &index["IndexName"];
        match stored_indexes.iter().find(|stored| &stored["IndexName"] == name) {
            Some(stored) if stored["KeySchema"] == index["KeySchema"] => {}
            Some(_) => return Err(format!("the stored index {name} has another key: {advice}")),
            None => {
                let request = json!({
                    "TableName": table.name,
                    "AttributeDefinitions": table.attributes,
                    "GlobalSecondaryIndexUpdates": [{"Create": index}],
                });
                database.update_table(typed(request)?).map_err(|error| format!("index {name}: {error}"))?;
            }
        }
    }
    Ok(())
}

fn typed<T: DeserializeOwned>(request: Value) -> Result<T, String> {
    serde_json::from_value(request).map_err(|error| error.to_string())
}

fn untyped<T: Serialize>(answer: &T) -> Value {
    serde_json::to_value(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sort_key: &str, indexes: Vec<Value>) -> Table {
        Table {
            logical_id: "Runs".into(),
            name: "signalbox-Runs".into(),
            keys: json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": sort_key, "KeyType": "RANGE"}]),
            attributes: ["pk", sort_key, "open"]
                .iter()
                .filter(|name| **name != "open" || !indexes.is_empty())
                .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
                .collect(),
            indexes,
            expiry: Some("expires_at".into()),
            stream: None,
        }
    }

    fn open_index() -> Value {
        json!({
            "IndexName": "open",
            "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        })
    }

    #[test]
    fn stored_tables_are_kept_and_gain_new_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tables.sqlite");
        create_tables(&open(Some(&path)).unwrap(), &[table("sk", vec![])]).unwrap();
        let database = open(Some(&path)).unwrap();
        create_tables(&database, &[table("sk", vec![open_index()])]).unwrap();
        let stored = describe(&database, &table("sk", vec![])).unwrap();
        assert_eq!(stored["GlobalSecondaryIndexes"][0]["IndexName"], "open");
    }

    #[test]
    fn a_changed_key_is_refused_with_advice() {
        let database = open(None).unwrap();
        create_tables(&database, &[table("sk", vec![])]).unwrap();
        let error = create_tables(&database, &[table("other", vec![])]).unwrap_err().to_string();
        assert!(error.contains("Runs") && error.contains("--data-dir"), "{error}");
    }
}
