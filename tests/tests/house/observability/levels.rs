//! The levels of service: who is told when something is on, and that one fault is told once, whatever is on already.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::stack::Stack;
use crate::house::workspace::expect_none;

pub(super) const LEVEL: &str = "AWS::CloudWatch::CompositeAlarm";
/// What is on for a day, for as long as a person does nothing, or always where there are many tenants.
const ON_FOR_LONG: [&str; 3] = ["SendersLetIn", "VendorsAndData", "NothingLeftOver"];
/// What everything needs: each is told at once, and hides behind nothing.
const NEEDED: [&str; 3] = ["StorageAnswers", "ApiAnswers", "SchedulesCome"];

/// The alarms that a rule names.
pub(super) fn children(rule: &Json) -> BTreeSet<&str> {
    let parts = rule.as_str().unwrap_or_default().split("ALARM(\"").skip(1);
    parts.filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

/// Whether a level tells anybody: one that does not keeps others silent.
pub(super) fn tells(level: &Json) -> bool {
    ["AlarmActions", "OKActions"].iter().all(|name| level[*name][0] == "AlarmTopic")
}

/// Whether a level is on: its rule has terms of which one must be, each of alarms that all must be.
fn is_on(stack: &Stack, level: &Json, on: &BTreeSet<&str>) -> bool {
    let rule = level["AlarmRule"].as_str().unwrap_or_default();
    let holds = |term: &str| {
        let named = children(&Json::from(term)).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let of_level = |name: &str| stack.of(LEVEL).find(|(id, _)| *id == name).map(|(_, level)| level);
        let holds =
            |name: &String| on.contains(name.as_str()) || of_level(name).is_some_and(|level| is_on(stack, level, on));
        !named.is_empty() && named.iter().all(holds)
    };
    rule.split(" OR ").any(holds)
}

/// The levels that tell of these alarms.
fn told<'a>(stack: &'a Stack, on: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let level = |name: &str| stack.of(LEVEL).find(|(id, _)| *id == name).map(|(_, level)| level);
    let silenced = |one: &Json| {
        one["ActionsSuppressor"].as_str().is_some_and(|name| is_on(stack, level(name).expect("a level"), on))
    };
    let all = stack.of(LEVEL).filter(|(_, one)| tells(one) && is_on(stack, one, on) && !silenced(one));
    all.map(|(id, _)| id).collect()
}

/// The alarms of some levels.
fn of<'a>(stack: &'a Stack, levels: &[&str]) -> BTreeSet<&'a str> {
    let named = stack.of(LEVEL).filter(|(id, _)| levels.contains(id));
    named.flat_map(|(_, level)| children(&level["AlarmRule"])).collect()
}

/// Alarms that these levels are made of, and so what goes off when all that they watch fails.
const SERVICE: [&str; 6] =
    ["WebhooksTakenIn", "WebhooksProcessed", "RunsWell", "PeopleTold", "ReadsAnswered", "StorageHasRoom"];

#[test]
fn one_fault_is_told_once_whatever_else_is_on() {
    let stack = Stack::read();
    let always = of(&stack, &ON_FOR_LONG);
    let before = told(&stack, &always);
    assert_eq!(before.len(), ON_FOR_LONG.len(), "the test looks in the wrong place: {before:?}");
    let service = of(&stack, &SERVICE);
    let api = of(&stack, &["ApiAnswers", "WebhooksTakenIn", "ReadsAnswered"]);
    let schedules = of(&stack, &["SchedulesCome", "RunsWell", "PeopleTold"]);
    // With it both that ask storage each minute would fail.
    let schedules = &schedules - &BTreeSet::from(["SchedulerErrors"]);
    let everything = &(&service | &api) | &schedules;
    let faults: [(&str, BTreeSet<&str>); 8] = [
        ("SchedulesCome", ["DueSilent"].into()),
        ("SchedulesCome", schedules),
        ("ApiAnswers", ["ApiFails"].into()),
        ("ApiAnswers", api),
        ("StorageAnswers", ["ConnectionsTableFails"].into()),
        ("StorageAnswers", ["SchedulerErrors", "AlertsErrors"].into()),
        ("StorageAnswers", &service | &BTreeSet::from(["RecordsTableFails", "ApiFails"])),
        ("WebhooksProcessed", ["WebhookQueueOld", "WebhookWorkerErrors", "DeliveriesRetried"].into()),
    ];
    for (level, fault) in &faults {
        let told = told(&stack, &(&always | fault));
        let new: Vec<&str> = told.iter().copied().filter(|id| !ON_FOR_LONG.contains(id)).collect();
        assert_eq!(new, [*level], "of {fault:?}");
    }
    // Storage and schedules do not wait for each other: both are two faults.
    let both = told(&stack, &(&everything | &BTreeSet::from(["RunsTableFails", "DueSilent"])));
    assert!(both.contains("StorageAnswers") && both.contains("SchedulesCome"), "{both:?}");
}

#[test]
fn what_stays_on_hides_nothing_that_everything_needs() {
    let stack = Stack::read();
    let mut problems = Vec::new();
    let needed = of(&stack, &NEEDED);
    for (id, alarm) in stack.of("AWS::CloudWatch::Alarm") {
        let text = alarm.to_string();
        let number = |name: &str| alarm[name].as_u64().unwrap_or(u64::MAX);
        let queries = alarm["Metrics"].as_array().into_iter().flatten();
        let periods = queries.filter_map(|query| query["MetricStat"]["Period"].as_u64());
        let period = periods.chain(alarm["Period"].as_u64()).max().unwrap_or(0);
        let of_tenants = text.contains("\"alerts.open\"") || text.contains("\"runs\"");
        if needed.contains(id) && (of_tenants || period.saturating_mul(number("EvaluationPeriods")) > 600) {
            problems.push(format!("{id} can be on for long, and hides what else its level watches"));
        }
        let kept = of(&stack, &ON_FOR_LONG);
        if (of_tenants || period > 900) && !kept.contains(id) {
            problems.push(format!("{id} is of tenants, or looks back for long, and is of no level for that"));
        }
    }
    // One in two levels is told of twice, but where the one keeps the other silent: which the test above sees.
    let mut seen = BTreeSet::new();
    for (level, one) in stack.of(LEVEL).filter(|(level, one)| tells(one) && *level != "StorageAnswers") {
        let twice = children(&one["AlarmRule"]).into_iter().filter(|child| !seen.insert(child.to_string()));
        problems.extend(twice.map(|child| format!("{child} is of {level} and of another")));
    }
    expect_none(&problems, "docs/alarms.md says which levels there are, and why.");
}
