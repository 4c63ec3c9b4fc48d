//! Every alarm says what is wrong and what to do, tells somebody, and is about what template.yaml has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::levels::{LEVEL, children, tells};
use super::stack::{FILE, Stack};
use crate::house::anchors::anchors;
use crate::house::workspace::{expect_none, template, text};

const RUNBOOK: &str = "docs/runbook.md";
/// The part of the runbook with a row for each alarm.
const SYMPTOMS: &str = "## By symptom";
const ALARM: &str = "AWS::CloudWatch::Alarm";

/// What of template.yaml no alarm looks at, and why not.
const UNWATCHED: &[(&str, &str)] =
    &[("PreTraffic", "it runs in a deployment alone, which is taken back where it fails")];

#[test]
fn an_alarm_says_what_to_do_and_tells_somebody() {
    let (stack, anchors) = (Stack::read(), anchors(RUNBOOK));
    let mut problems = Vec::new();
    let alarms: BTreeMap<&str, &Json> = stack.of(ALARM).collect();
    let levels: BTreeMap<&str, &Json> = stack.of(LEVEL).collect();
    let silencers: BTreeSet<&str> = levels.values().filter_map(|level| level["ActionsSuppressor"].as_str()).collect();
    let mut of_levels = BTreeSet::new();
    for (id, level) in &levels {
        let children = children(&level["AlarmRule"]);
        let unknown = children.iter().filter(|child| !alarms.contains_key(*child) && !levels.contains_key(*child));
        problems.extend(unknown.map(|child| format!("{id} is made of {child}, which is no alarm")));
        if children.is_empty() || (!tells(level) && !silencers.contains(id)) {
            problems.push(format!("{id} is made of nothing, or tells nobody"));
        }
        if tells(level) {
            of_levels.extend(children);
        }
    }
    let unknown = silencers.iter().filter(|id| !levels.contains_key(*id));
    problems.extend(unknown.map(|id| format!("a level waits for {id}, which is none")));
    for (id, alarm) in alarms.iter().map(|(id, alarm)| (*id, *alarm)).chain(stack.of(LEVEL)) {
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        let leads_to = description.rsplit_once(". ").and_then(|(_, link)| link.split_once('#'));
        if !leads_to.is_some_and(|(page, anchor)| page == RUNBOOK && anchors.contains(anchor)) {
            problems.push(format!("{id} does not end with a heading of the runbook: {description}"));
        }
        if alarm["AlarmName"] != format!("watch-{id}") {
            problems.push(format!("{id} has another name than the stack's and its own: {}", alarm["AlarmName"]));
        }
    }
    for (id, alarm) in &alarms {
        // Of a parameter it is text.
        let plain = |value: &Json| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let number = |name: &str| plain(&alarm[name]).unwrap_or_default();
        if !["notBreaching", "breaching", "ignore"].iter().any(|word| alarm["TreatMissingData"] == *word) {
            problems.push(format!("{id} does not say what silence means"));
        }
        if !(1..=number("EvaluationPeriods")).contains(&number("DatapointsToAlarm")) {
            problems.push(format!("{id} does not say how many of how many"));
        }
        if !of_levels.contains(id) && !tells(alarm) {
            problems.push(format!("{id} is of no level, and tells nobody"));
        }
    }
    let lines: Vec<String> = text(FILE).expect("text").lines().map(|line| line.trim().to_owned()).collect();
    for (index, pair) in lines.windows(2).enumerate() {
        let decides = pair[1].starts_with("Threshold:") || pair[1].starts_with("TreatMissingData:");
        if decides && !pair[0].starts_with('#') {
            problems.push(format!("{FILE}:{}: {} has no reason above it", index + 2, pair[1]));
        }
    }
    expect_none(&problems, "The head of the template says how alarms are written.");
}

/// Whether a name of the runbook, in which a star stands for anything, names an alarm.
fn names(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((start, end)) => id.len() >= start.len() + end.len() && id.starts_with(start) && id.ends_with(end),
    }
}

#[test]
fn every_alarm_has_its_row_in_the_runbook_and_every_row_its_alarm() {
    let (stack, runbook) = (Stack::read(), text(RUNBOOK).expect("text"));
    let part = runbook.split_once(SYMPTOMS).expect("the runbook goes by symptom").1;
    let part = part.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| `")).filter_map(|row| row.split('|').nth(1));
    let patterns: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let alarms: Vec<&str> = stack.of(ALARM).chain(stack.of(LEVEL)).map(|(id, _)| id).collect();
    let mut problems = Vec::new();
    for id in &alarms {
        let rows = patterns.iter().filter(|pattern| names(pattern, id)).count();
        if rows != 1 {
            problems.push(format!("{id} has {rows} rows"));
        }
    }
    let strays = patterns.iter().filter(|pattern| !alarms.iter().any(|id| names(pattern, id)));
    problems.extend(strays.map(|pattern| format!("there is no alarm {pattern}")));
    expect_none(&problems, "A row says what the alarm says, how to see it, what to do, and what it costs to wait.");
}

/// The resources of template.yaml of a type.
fn resources<'a>(template: &'a Yaml, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Yaml)> {
    let resources = template["Resources"].as_mapping().expect("resources").iter();
    let of_kind = resources.filter(move |(_, resource)| resource["Type"] == kind);
    of_kind.map(|(id, resource)| (id.as_str().expect("text"), &resource["Properties"]))
}

#[test]
fn names_are_filled_from_the_service_and_all_of_it_is_watched() {
    let (stack, template) = (Stack::read(), template());
    let mut problems = Vec::new();
    for (name, parameter) in &stack.parameters {
        let name = name.as_str().expect("text");
        if parameter.get("Description").is_none() {
            problems.push(format!("{name} does not say what it is"));
        }
        if parameter.get("Default").is_none() && template["Outputs"].get(name).is_none() {
            problems.push(format!("{name} is no Output of template.yaml"));
        }
    }
    let alarms: BTreeMap<&str, &Json> = stack.of(ALARM).collect();
    let looked_at: String = alarms.values().map(|alarm| alarm.to_string()).collect();
    for (kind, suffix) in
        [("AWS::Serverless::Function", "Function"), ("AWS::SQS::Queue", "Name"), ("AWS::DynamoDB::Table", "Name")]
    {
        let is_seen = |id: &str| looked_at.contains(&format!("{{{id}{suffix}}}"));
        let is_left_out = |id: &str| UNWATCHED.iter().any(|(name, _)| *name == id);
        let unseen = resources(&template, kind).filter(|(id, _)| !is_seen(id) && !is_left_out(id));
        problems.extend(unseen.map(|(id, _)| format!("no alarm looks at {id}")));
    }
    expect_none(&problems, "Each name is an Output of template.yaml, and whatever is there is watched.");
}

/// CloudWatch has errors of DynamoDB by operation, and throttles of an index by its name: an alarm names each.
#[test]
fn each_index_and_each_call_of_a_table_is_watched() {
    let (stack, yaml) = (Stack::read(), text("template.yaml").expect("text"));
    let alarms: BTreeMap<&str, String> = stack.of(ALARM).map(|(id, alarm)| (id, alarm.to_string())).collect();
    let named = |alarm: &str, name: &str| alarms.get(alarm).is_some_and(|text| text.contains(&format!("\"{name}\"")));
    let calls: BTreeSet<&str> = yaml
        .split("dynamodb:")
        .skip(1)
        .filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_alphabetic()).next())
        // A right to a part of a transaction.
        .map(|call| if call == "ConditionCheckItem" { "TransactWriteItems" } else { call })
        .filter(|call| call.starts_with(char::is_uppercase))
        .collect();
    assert!(calls.len() > 5, "the test looks in the wrong place: {calls:?}");
    let mut problems = Vec::new();
    for (id, table) in resources(&template(), "AWS::DynamoDB::Table") {
        let indexes = table.get("GlobalSecondaryIndexes").and_then(Yaml::as_sequence).into_iter().flatten();
        let indexes = indexes.filter_map(|index| index["IndexName"].as_str());
        let unseen = indexes.filter(|index| !named(&format!("{id}IndexesThrottled"), index));
        problems.extend(unseen.map(|index| format!("no alarm looks at the index {index} of {id}")));
        let unseen = calls.iter().filter(|call| !named(&format!("{id}Fails"), call));
        problems.extend(unseen.map(|call| format!("no alarm looks at {call} of {id}")));
    }
    expect_none(&problems, "Name it in the mapping Indexes, or in the alarm.");
}

#[test]
fn thresholds_of_functions_are_those_of_template_yaml() {
    let (stack, template) = (Stack::read(), template());
    let setting = |function: &Yaml, name: &str| {
        let own = function.get(name).unwrap_or(&template["Globals"]["Function"][name]);
        match own {
            Yaml::Tagged(tagged) => template["Parameters"][&tagged.value]["Default"].as_u64(),
            number => number.as_u64(),
        }
    };
    let mut problems = Vec::new();
    let watched = |(id, _): &(&str, &Yaml)| UNWATCHED.iter().all(|(name, _)| name != id);
    for (id, function) in resources(&template, "AWS::Serverless::Function").filter(watched) {
        let known = &stack.mappings["Functions"][id];
        if known["Memory"].as_u64() != setting(function, "MemorySize") {
            problems.push(format!("{id} has another memory than {}", known["Memory"]));
        }
        let near = setting(function, "Timeout").map(|seconds| seconds * 900);
        if !known["NearTimeout"].is_null() && known["NearTimeout"].as_u64() != near {
            problems.push(format!("nine tenths of the timeout of {id} are {near:?} ms"));
        }
    }
    expect_none(&problems, "Correct the mapping Functions.");
}
