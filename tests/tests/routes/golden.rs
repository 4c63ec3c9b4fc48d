//! Answers as they are on the wire, kept in `tests/goldens/`. `SIGNALBOX_UPDATE=1` writes them anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use signalbox::domain::ids::RunId;

/// The length of a run's id.
const ID_LENGTH: usize = 36;

/// The repository. Asked for at run time: two checkouts that share a target folder share the test binary too.
pub(in crate::routes) fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

/// Compares an answer with the one that is kept; what differs from run to run is named, not compared.
#[track_caller]
pub(in crate::routes) fn golden(name: &str, answer: &Value) {
    let mut known = Vec::new();
    let text = pretty(&normalised(answer, "", &mut known));
    compare(&root().join("tests/goldens").join(format!("{name}.json")), &text);
}

/// Compares a text with the file that keeps it, or writes the file when asked to.
#[track_caller]
pub(in crate::routes) fn compare(file: &Path, text: &str) {
    if std::env::var("SIGNALBOX_UPDATE").is_ok_and(|update| update == "1") {
        fs::write(file, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    let differs = kept.lines().zip(text.lines()).position(|(kept, text)| kept != text);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(text.lines().count()));
    assert!(
        kept == text,
        "{} differs from line {} on: kept {:?}, found {:?}. SIGNALBOX_UPDATE=1 writes it anew.",
        file.display(),
        line + 1,
        kept.lines().nth(line).unwrap_or_default(),
        text.lines().nth(line).unwrap_or_default(),
    );
}

/// Pretty JSON whose order depends on the names alone.
pub(in crate::routes) fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&sorted(value)).unwrap();
    text.push('\n');
    text
}

/// With sorted names: whether `serde_json` sorts depends on which features the whole build switches on.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            names.into_iter().map(|name| (name.clone(), sorted(&fields[name]))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn normalised(value: &Value, name: &str, known: &mut Vec<String>) -> Value {
    match value {
        // Each call more or less would change them: tests/tests/cost compares what they say.
        Value::Object(_) if name == "cost" => "<cost>".into(),
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let normal = names.into_iter().map(|name| (name.clone(), normalised(&fields[name], name, known)));
            normal.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| normalised(item, name, known)).collect(),
        Value::String(_) if name == "correlationId" => "<correlation id>".into(),
        Value::String(_) if name == "version" => "<version>".into(),
        Value::String(text) => without_ids(text, known).into(),
        other => other.clone(),
    }
}

/// The text with each run's id replaced by its number in order of appearance.
fn without_ids(text: &str, known: &mut Vec<String>) -> String {
    let (mut normal, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        match rest.get(..ID_LENGTH).filter(|id| RunId::parse(id).is_some()) {
            Some(id) => {
                let number = known.iter().position(|other| other == id).unwrap_or_else(|| {
                    known.push(id.to_owned());
                    known.len() - 1
                });
                normal.push_str(&format!("<run {}>", number + 1));
                rest = &rest[ID_LENGTH..];
            }
            None => {
                normal.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    normal
}
