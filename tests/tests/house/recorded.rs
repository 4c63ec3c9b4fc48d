//! What the system tests have recorded, against what is meant: every right that `template.yaml` gives is used, and every metric is printed
//! as [docs/metrics.md](../../../docs/metrics.md) lists it. That no call lacks a right needs no comparison: the host refuses such a call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use signalbox_tests::recorder::FOLDER;
use signalbox_tests::system::System;

use super::workspace::{expect_none, files, text};

/// Tests that start no system, and so record nothing.
const WITHOUT_SYSTEM: [&str; 3] = ["fuzz", "house", "simulation"];

/// Rights that no test can use: function, action, on what, and why they stay.
const ELSEWHERE: [(&str, &str, &str, &str); 7] = [
    ("scheduler", "s3:GetObject", CATALOGUES, PAST_THE_SDK),
    ("scheduler", "s3:ListBucket", CATALOGUES, MISSING_OR_FORBIDDEN),
    ("sync-control", "s3:GetObject", CATALOGUES, PAST_THE_SDK),
    ("sync-control", "s3:ListBucket", CATALOGUES, MISSING_OR_FORBIDDEN),
    (
        "sync-worker",
        "dynamodb:DeleteItem",
        "ConnectionsTable",
        "a due time whose connection is paused or removed between two reads of a worker, which no test gets in between",
    ),
    ("sync-worker", "s3:GetObject", CATALOGUES, PAST_THE_SDK),
    ("sync-worker", "s3:ListBucket", CATALOGUES, MISSING_OR_FORBIDDEN),
];
/// The template's own default, which is no bucket.
const CATALOGUES: &str = "arn:aws:s3:::signalbox-no-catalog-bucket";
const PAST_THE_SDK: &str = "s3:// is read past the SDK, and nothing here stands in for S3";
const MISSING_OR_FORBIDDEN: &str = "without it S3 answers 403 where there is no object, not 404";

/// What a test of erasing stores on purpose, of no kind.
const OF_NO_KIND: &str = r#""control" "gone-one#news" {"S":"1"}"#;

/// A right of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    function: String,
    action: String,
    on: String,
}

impl Used {
    fn new(function: &str, action: &str, resource: &str) -> Self {
        let on = resource.split_once("/signalbox-").map_or(resource, |(_, name)| name);
        Self { function: function.to_owned(), action: action.to_owned(), on: on.to_owned() }
    }
}

impl fmt::Display for Used {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.function, self.action, self.on)
    }
}

/// A metric under one set of dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Measured {
    name: String,
    unit: String,
    dimensions: BTreeSet<String>,
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dimensions: Vec<&str> = self.dimensions.iter().map(String::as_str).collect();
        write!(formatter, "{} [{}] {}", self.name, dimensions.join(", "), self.unit)
    }
}

/// What was recorded.
#[derive(Debug, Default)]
struct Recording {
    /// Which tests recorded, and whether all of each ran.
    tests: BTreeMap<String, bool>,
    rights: BTreeSet<Used>,
    metrics: BTreeSet<Measured>,
    /// Items of no kind: table and key.
    unknown: BTreeSet<String>,
}

impl Recording {
    /// Adds the lines of one process.
    fn read(&mut self, lines: &str) -> Result<(), String> {
        for line in lines.lines() {
            let value: Value = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if let Some(test) = value["test"].as_str() {
                let whole = value["whole"] == true;
                self.tests.entry(test.to_owned()).and_modify(|all| *all |= whole).or_insert(whole);
            }
            if let right @ Value::Object(_) = &value["right"] {
                let [function, action, resource] = ["function", "action", "resource"].map(|name| text(&right[name]));
                self.rights.insert(Used::new(&function, &action, &resource));
            }
            if let item @ Value::Object(_) = &value["unknown"] {
                let [table, pk, sk] = [&item["table"], &item["pk"]["S"], &item["sk"]].map(Value::to_string);
                self.unknown.insert(format!("{table} {pk} {sk}"));
            }
            if let metric @ Value::Object(_) = &value["metric"] {
                let dimensions = metric["dimensions"].as_array().into_iter().flatten().map(text).collect();
                self.metrics.insert(Measured { name: text(&metric["name"]), unit: text(&metric["unit"]), dimensions });
            }
        }
        Ok(())
    }

    /// Why it must not be judged by: of what was not run nobody knows what it would have used.
    fn lacks(&self, wanted: &BTreeSet<String>) -> Vec<String> {
        let lacks = |test: &String| match self.tests.get(test) {
            Some(true) => None,
            Some(false) => Some(format!("{test}: some of its tests were left out")),
            None => Some(format!("{test}: nothing is recorded; one that starts no system belongs into WITHOUT_SYSTEM")),
        };
        wanted.iter().filter_map(lacks).collect()
    }

    /// What differs from what is meant, each with what to do.
    fn differs(&self, given: &BTreeSet<Used>, elsewhere: &BTreeSet<Used>, listed: &BTreeSet<Measured>) -> Vec<String> {
        let unused = given.iter().filter(|right| !self.rights.contains(right) && !elsewhere.contains(right));
        let unused =
            unused.map(|right| format!("no test used {right}: take it out of template.yaml, or test what needs it"));
        let stale = elsewhere.iter().filter(|right| self.rights.contains(right) || !given.contains(right));
        let stale = stale.map(|right| format!("{right} is used, or not given: take it out of ELSEWHERE"));
        let unprinted = listed.difference(&self.metrics);
        let unprinted = unprinted.map(|metric| {
            format!("no test printed {metric}, which docs/metrics.md lists: correct the list, or test what prints it")
        });
        let unlisted = self.metrics.difference(listed);
        let unlisted = unlisted.map(|metric| format!("{metric} was printed: docs/metrics.md does not list it so"));
        let unknown = self.unknown.iter().filter(|item| **item != OF_NO_KIND);
        let unknown = unknown.map(|item| {
            format!("{item} was stored, and stops every export and erasure: add its kind to aws::inventory::kinds")
        });
        unused.chain(stale).chain(unprinted).chain(unlisted).chain(unknown).collect()
    }
}

/// The metrics of the table in docs/metrics.md.
fn listed(page: &str) -> Result<BTreeSet<Measured>, String> {
    let plain = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let (mut listed, mut names) = (BTreeSet::new(), BTreeSet::new());
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [name, dimensions, unit, by, means] = cells[..] else { return Err(format!("not five columns: {row}")) };
        if [by, means].iter().any(|cell| cell.trim().is_empty()) || !names.insert(plain(name)) {
            return Err(format!("listed twice, or without who emits it and what it means: {row}"));
        }
        for set in dimensions.split('/') {
            let set = set.split(',').map(plain).filter(|dimension| dimension != "–").collect();
            listed.insert(Measured { name: plain(name), unit: plain(unit), dimensions: set });
        }
    }
    Ok(listed)
}

fn page() -> String {
    text("docs/metrics.md").expect("text")
}

/// The tests that record.
fn wanted() -> BTreeSet<String> {
    let test = |file: &'static String| file.strip_prefix("tests/tests/")?.strip_suffix(".rs").map(str::to_owned);
    let tests = files().iter().filter_map(test);
    tests.filter(|test| !test.contains('/') && !WITHOUT_SYSTEM.contains(&test.as_str())).collect()
}

#[tokio::test]
#[ignore = "it reads what all other tests have recorded: tests/run runs it behind them"]
async fn what_the_tests_recorded_is_what_is_meant() {
    let mut recording = Recording::default();
    let folder = std::env::var_os(FOLDER).unwrap_or_else(|| panic!("{FOLDER} names no folder: run tests/run"));
    for file in std::fs::read_dir(&folder).into_iter().flatten() {
        recording.read(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }
    let lacks = recording.lacks(&wanted());
    assert!(
        lacks.is_empty(),
        "the recording in {folder:?} is not whole, and says nothing yet; tests/run runs all tests and then this one:\n  {}",
        lacks.join("\n  ")
    );
    // One of its own, which has used nothing.
    let system = System::start().await;
    let mut given = BTreeSet::new();
    for function in system.host.functions() {
        let rights = system.host.rights(function).unused();
        given.extend(rights.into_iter().map(|right| Used::new(function, &right.action, &right.resource)));
    }
    let elsewhere = ELSEWHERE.iter().map(|(function, action, on, _)| Used::new(function, action, on)).collect();
    let problems = recording.differs(&given, &elsewhere, &listed(&page()).unwrap());
    expect_none(&problems, "what the system tests did is not what template.yaml and docs/metrics.md say");
}

#[test]
fn every_metric_is_listed_once() {
    let listed = listed(&page()).unwrap();
    assert!(listed.len() > 20 && listed.iter().any(|metric| metric.dimensions.is_empty()), "{listed:?}");
    let twice = "| `m` | `a` | Count | f | x |\n| `m` | `b` | Count | f | x |";
    assert!(self::listed(twice).is_err() && self::listed("| `m` | Count | f | x |").is_err());
}

#[test]
fn a_recording_that_differs_or_is_not_whole_is_told_of() {
    let measured = |name: &str, dimensions: &[&str]| Measured {
        name: name.to_owned(),
        unit: "Count".to_owned(),
        dimensions: dimensions.iter().map(|&dimension| dimension.to_owned()).collect(),
    };
    let mut recording = Recording::default();
    recording
        .read(
            r#"{"test": "runs", "whole": true}
            {"right": {"function": "f", "action": "sqs:SendMessage", "resource": "arn:aws:sqs:r:0:table/signalbox-Q"}}
            {"metric": {"name": "m", "unit": "Count", "dimensions": ["b", "a"]}}
            {"unknown": {"table": "control", "pk": {"S": "gone-one#news"}, "sk": {"S": "1"}}}"#,
        )
        .unwrap();
    recording.read(r#"{"test": "pulls", "whole": false}"#).unwrap();
    let wanted = ["pulls", "routes", "runs"].map(String::from).into();
    let lacks = recording.lacks(&wanted);
    assert_eq!(lacks.len(), 2, "{lacks:?}");
    assert!(lacks[0].starts_with("pulls: some of its tests") && lacks[1].starts_with("routes: nothing"), "{lacks:?}");

    let (used, other) = (Used::new("f", "sqs:SendMessage", "Q"), Used::new("f", "sqs:SendMessage", "R"));
    let metric = measured("m", &["a", "b"]);
    let differs = |given: &[&Used], elsewhere: &[&Used], listed: &[&Measured]| {
        let set = |rights: &[&Used]| rights.iter().map(|&right| right.clone()).collect();
        recording.differs(&set(given), &set(elsewhere), &listed.iter().map(|&one| one.clone()).collect())
    };
    assert_eq!(differs(&[&used, &other], &[&other], &[&metric]), [""; 0]);
    for (found, expected) in [
        (differs(&[&used, &other], &[], &[&metric]), "no test used f sqs:SendMessage R"),
        (differs(&[&used], &[&used], &[&metric]), "f sqs:SendMessage Q is used, or not given"),
        (differs(&[&used], &[&other], &[&metric]), "f sqs:SendMessage R is used, or not given"),
        (differs(&[&used], &[], &[&metric, &measured("m", &["a"])]), "no test printed m [a] Count"),
        (differs(&[&used], &[], &[]), "m [a, b] Count was printed"),
    ] {
        assert!(matches!(&found[..], [one] if one.starts_with(expected)), "{expected}: {found:?}");
    }
    let item = r#"{"unknown": {"table": "runs", "pk": {"S": "a#news"}, "sk": {"S": "1"}}}"#;
    recording.read(item).unwrap();
    let found = recording.differs(&BTreeSet::new(), &BTreeSet::new(), &[metric].into());
    assert!(matches!(&found[..], [one] if one.starts_with(r#""runs" "a#news" {"S":"1"} was stored"#)), "{found:?}");
}
