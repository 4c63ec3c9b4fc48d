//! What functions did, written down for whoever compares it with what was meant: which of their rights they used, what they
//! measured, and what they stored that is of no kind.
//! The system tests do so (`tests/run`); a host writes nothing unless it is given such a recorder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::template::Right;

/// What is seen is written to a file, each thing once. Clones write to the same file; the default one writes nothing.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Mutex<Recording>>>);

#[derive(Debug)]
struct Recording {
    file: File,
    seen: BTreeSet<String>,
}

impl Recorder {
    /// One with a file of its own in a folder, that says first who records.
    ///
    /// # Errors
    /// When the file cannot be made, or is there.
    pub fn to(folder: &Path, name: &str, who: &Value) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut file = File::create_new(folder.join(name))?;
        writeln!(file, "{who}")?;
        Ok(Self(Some(Arc::new(Mutex::new(Recording { file, seen: BTreeSet::new() })))))
    }

    /// That a function used a right.
    pub(crate) fn right(&self, function: &str, right: &Right) {
        let Right { action, resource, .. } = right;
        self.see(|| json!({"right": {"function": function, "action": action, "resource": resource}}));
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// That an item was stored that is of no kind.
    pub(crate) fn unknown(&self, table: &str, item: &Value) {
        self.see(|| json!({"unknown": {"table": table, "pk": item["pk"], "sk": item["sk"]}}));
    }

    /// What a line of the embedded metric format measures: names, units and dimensions, without values. Another line says nothing.
    pub fn measured(&self, line: &str) {
        if self.0.is_none() {
            return;
        }
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        for directive in list(&line["_aws"]["CloudWatchMetrics"]) {
            for metric in list(&directive["Metrics"]) {
                for dimensions in list(&directive["Dimensions"]) {
                    let (name, unit) = (&metric["Name"], &metric["Unit"]);
                    self.see(|| json!({"metric": {"name": name, "unit": unit, "dimensions": dimensions}}));
                }
            }
        }
    }

    /// A recording that cannot be written is no reason to fail what it is of: it lacks something, and whoever reads it says so.
    fn see(&self, what: impl FnOnce() -> Value) {
        let Some(recording) = &self.0 else { return };
        let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
        let text = what().to_string();
        if !recording.seen.contains(&text) {
            let _written = writeln!(recording.file, "{text}");
            recording.seen.insert(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_written_once_behind_who_records() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::to(folder.path(), "one", &json!({"who": "me"})).unwrap();
        let right = Right { action: "sqs:SendMessage".into(), resource: "arn".into(), context: Vec::new() };
        let line = json!({"_aws": {"CloudWatchMetrics": [
            {"Dimensions": [["a"], ["a", "b"]], "Metrics": [{"Name": "m", "Unit": "Count"}]},
            {"Dimensions": [[]], "Metrics": [{"Name": "n", "Unit": "Milliseconds"}]},
        ]}, "a": "x", "b": "y", "m": 1});
        for _ in 0..2 {
            recorder.right("f", &right);
            recorder.measured(&line.to_string());
            recorder.measured("no JSON");
            recorder.measured("{}");
        }
        let written = fs::read_to_string(folder.path().join("one")).unwrap();
        let metric = |name: &str, unit: &str, dimensions: &[&str]| json!({"metric": {"name": name, "unit": unit, "dimensions": dimensions}});
        let expected = [
            json!({"who": "me"}),
            json!({"right": {"function": "f", "action": "sqs:SendMessage", "resource": "arn"}}),
            metric("m", "Count", &["a"]),
            metric("m", "Count", &["a", "b"]),
            metric("n", "Milliseconds", &[]),
        ];
        let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(written, expected);
        assert!(Recorder::to(folder.path(), "one", &json!({})).is_err(), "a file is one process's");
    }
}
