//! Every metric that an alarm or a widget names is one that the code emits (docs/metrics.md), that AWS does, or that a filter of the stack
//! counts, with exactly these dimensions: CloudWatch shows nothing of any other, and says nothing of it either.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::stack::Stack;
use crate::house::workspace::{expect_none, files, text};

/// What AWS measures: namespace, dimensions, metrics. From the pages of each service about its metrics.
const OF_AWS: &[(&str, &[&str], &[&str])] = &[
    ("AWS/ApiGateway", &["ApiId"], &["4xx", "5xx", "Count", "Latency"]),
    (
        "AWS/DynamoDB",
        &["TableName"],
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"],
    ),
    (
        "AWS/DynamoDB",
        &["GlobalSecondaryIndexName", "TableName"],
        &["ConsumedWriteCapacityUnits", "WriteThrottleEvents"],
    ),
    ("AWS/DynamoDB", &["Operation", "TableName"], &["SystemErrors"]),
    ("AWS/Lambda", &[], &["ClaimedAccountConcurrency"]),
    ("AWS/Lambda", &["FunctionName"], &["ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"]),
    ("AWS/Logs", &["LogGroupName"], &["IncomingBytes"]),
    (
        "AWS/SQS",
        &["QueueName"],
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
        ],
    ),
    (
        "AWS/Scheduler",
        &["ScheduleGroup"],
        &[
            "InvocationAttemptCount",
            "InvocationDroppedCount",
            "InvocationsFailedToBeSentToDeadLetterCount",
            "TargetErrorCount",
        ],
    ),
    ("AWS/SNS", &["TopicName"], &["NumberOfNotificationsFailed"]),
    ("AWS/Usage", &["Class", "Resource", "Service", "Type"], &["ResourceCount"]),
];

/// A metric: namespace, name, names of dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named(String, String, BTreeSet<String>);

impl Named {
    fn new<'a>(namespace: &str, name: &str, dimensions: impl IntoIterator<Item = &'a str>) -> Self {
        let plain = |text: &str| text.trim().trim_matches('"').to_owned();
        let dimensions = dimensions.into_iter().map(plain).filter(|name| !name.is_empty());
        Self(plain(namespace), plain(name), dimensions.collect())
    }
}

/// The metrics that an expression looks for, by itself: `SEARCH('{namespace,dimension} MetricName="name" …'` or
/// `SELECT SUM(name) FROM SCHEMA("namespace", dimension)`.
fn looked_for(expression: &str) -> Option<Named> {
    if let Some(search) = expression.strip_prefix("SEARCH('{") {
        let (schema, rest) = search.split_once('}')?;
        let name = rest.split_once("MetricName=\"")?.1.split_once('"')?.0;
        let mut schema = schema.split(',');
        return Some(Named::new(schema.next()?, name, schema));
    }
    let query = expression.strip_prefix("SELECT ")?;
    let name = query.split_once('(')?.1.split_once(')')?.0;
    let mut schema = query.split_once("FROM SCHEMA(")?.1.split_once(')')?.0.split(',');
    Some(Named::new(schema.next()?, name, schema))
}

/// What of an expression names another one: words that begin with a small letter are ids; what is quoted is a part of them, as in
/// `METRICS("part")`.
fn names(expression: &str) -> (Vec<&str>, Vec<&str>) {
    let is_other = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
    let plain = expression.split('"').step_by(2).flat_map(|text| text.split(is_other));
    let ids = plain.filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()));
    (ids.collect(), expression.split('"').skip(1).step_by(2).collect())
}

/// The metrics of some queries, and what is wrong with their expressions.
#[derive(Default)]
struct Queries<'a> {
    named: Vec<Named>,
    ids: BTreeSet<&'a str>,
    /// Ids that are named, and parts of ids.
    wanted: (Vec<&'a str>, Vec<&'a str>),
    problems: Vec<String>,
}

impl<'a> Queries<'a> {
    fn expression(&mut self, expression: &'a str) {
        if !expression.starts_with("SE") {
            let (ids, parts) = names(expression);
            self.wanted.0.extend(ids);
            self.wanted.1.extend(parts);
        } else if let Some(named) = looked_for(expression) {
            self.named.push(named);
        } else {
            self.problems.push(format!("the tests do not understand {expression}"));
        }
    }

    fn of_alarm(alarm: &'a Json) -> Self {
        let mut queries = Self::default();
        let metric = |metric: &'a Json| {
            let dimensions =
                metric["Dimensions"].as_array().into_iter().flatten().filter_map(|one| one["Name"].as_str());
            Some(Named::new(metric["Namespace"].as_str()?, metric["MetricName"].as_str()?, dimensions))
        };
        queries.named.extend(metric(alarm));
        for query in alarm["Metrics"].as_array().into_iter().flatten() {
            queries.ids.extend(query["Id"].as_str());
            queries.named.extend(metric(&query["MetricStat"]["Metric"]));
            if let Some(expression) = query["Expression"].as_str() {
                queries.expression(expression);
            }
        }
        queries
    }

    fn of_widget(widget: &'a Json) -> Self {
        let mut queries = Self::default();
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let Some(parts) = metric.as_array() else { continue };
            let options = parts.iter().find(|part| part.is_object()).unwrap_or(&Json::Null);
            queries.ids.extend(options["id"].as_str());
            let names: Vec<&str> = parts.iter().filter_map(Json::as_str).collect();
            match (options["expression"].as_str(), names.as_slice()) {
                (Some(expression), []) => queries.expression(expression),
                (None, [namespace, name, dimensions @ ..]) if dimensions.len() % 2 == 0 => {
                    queries.named.push(Named::new(namespace, name, dimensions.iter().copied().step_by(2)));
                }
                _ => queries.problems.push(format!("the tests do not understand {metric}")),
            }
        }
        queries
    }

    fn problems(self, of: &str, known: &BTreeSet<Named>, used: &mut BTreeSet<Named>) -> Vec<String> {
        let Self { named, ids, wanted: (wanted, parts), mut problems } = self;
        let missing = wanted.iter().filter(|id| !ids.contains(*id));
        let missing = missing.chain(parts.iter().filter(|part| !ids.iter().any(|id| id.contains(*part))));
        problems.extend(missing.map(|id| format!("no metric has the id {id}")));
        let unknown = named.iter().filter(|named| !known.contains(named));
        problems
            .extend(unknown.map(|Named(namespace, name, by)| format!("nothing emits {namespace} {name} by {by:?}")));
        used.extend(named);
        problems.into_iter().map(|problem| format!("{of}: {problem}")).collect()
    }
}

/// The table of docs/metrics.md: what the functions emit.
fn of_code() -> BTreeSet<Named> {
    let page = text("docs/metrics.md").expect("text");
    let mut emitted = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
        let (Some(name), Some(sets)) = (cells.next(), cells.next()) else { continue };
        emitted.extend(
            sets.split(" / ").map(|set| Named::new("Signalbox", &name, set.split(',').filter(|by| *by != "–"))),
        );
    }
    assert!(!emitted.is_empty(), "docs/metrics.md has no table of metrics");
    emitted
}

/// What the stack's filters count of the lines of the log.
fn of_filters(stack: &Stack) -> BTreeSet<Named> {
    let filters = stack.of("AWS::Logs::MetricFilter");
    let counted = filters.flat_map(|(_, filter)| filter["MetricTransformations"].as_array().into_iter().flatten());
    let named = |one: &Json| {
        Named::new(one["MetricNamespace"].as_str().expect("text"), one["MetricName"].as_str().expect("text"), [])
    };
    counted.map(named).collect()
}

#[test]
fn every_metric_that_is_looked_at_is_emitted() {
    let stack = Stack::read();
    let of_filters = of_filters(&stack);
    let each = |(namespace, dimensions, names): &(&str, &[&str], &[&str])| {
        let named = |name: &&str| Named::new(namespace, name, dimensions.iter().copied());
        names.iter().map(named).collect::<Vec<_>>()
    };
    let of_aws: BTreeSet<Named> = OF_AWS.iter().flat_map(each).collect();
    let known: BTreeSet<Named> = of_aws.iter().chain(&of_filters).cloned().chain(of_code()).collect();
    let (mut problems, mut used) = (Vec::new(), BTreeSet::new());
    for (id, alarm) in stack.of("AWS::CloudWatch::Alarm") {
        problems.extend(Queries::of_alarm(alarm).problems(id, &known, &mut used));
    }
    for (id, dashboard) in stack.dashboards() {
        for widget in dashboard["widgets"].as_array().into_iter().flatten() {
            let of = format!("{id}, {}", widget["properties"]["title"]);
            problems.extend(Queries::of_widget(widget).problems(&of, &known, &mut used));
        }
    }
    let unused = of_aws.iter().chain(&of_filters).filter(|named| !used.contains(named));
    problems.extend(unused.map(|Named(namespace, name, _)| format!("nobody looks at {namespace} {name}")));
    expect_none(&problems, "Name what docs/metrics.md or OF_AWS has, with its dimensions, or count it by a filter.");
}

/// All sources of what runs in functions.
fn sources() -> String {
    let is_source =
        |file: &&String| (file.starts_with("functions/") || file.starts_with("shared/src/")) && file.ends_with(".rs");
    files().iter().filter(is_source).filter_map(|file| text(file)).collect()
}

/// The texts that a condition compares `message` with: `message = "one"` or `message in ["one", "another"]`.
fn messages(query: &str) -> Vec<&str> {
    let one = query.split("message = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let lists = query.split("message in [").skip(1).filter_map(|rest| rest.split(']').next());
    one.chain(lists.flat_map(|list| list.split('"').skip(1).step_by(2))).collect()
}

#[test]
fn every_line_that_is_looked_for_is_printed() {
    let (stack, sources) = (Stack::read(), sources());
    let patterns =
        stack.of("AWS::Logs::MetricFilter").map(|(id, filter)| (id.to_owned(), filter["FilterPattern"].clone()));
    let queries = stack.dashboards().into_iter().flat_map(|(id, dashboard)| {
        let widgets = dashboard["widgets"].as_array().cloned().unwrap_or_default().into_iter();
        widgets.filter(|widget| widget["type"] == "log").map(move |widget| {
            (format!("{id}, {}", widget["properties"]["title"]), widget["properties"]["query"].clone())
        })
    });
    let mut problems = Vec::new();
    for (of, pattern) in patterns.chain(queries.collect::<Vec<_>>()) {
        let pattern = pattern.as_str().expect("a pattern is text");
        if pattern.starts_with('{') && messages(pattern).is_empty() {
            problems.push(format!("{of} looks for no message: {pattern}"));
        }
        let missing = messages(pattern).into_iter().filter(|message| !sources.contains(&format!("\"{message}\"")));
        problems.extend(missing.map(|message| format!("{of}: no source prints \"{message}\"")));
    }
    expect_none(&problems, "Look for a message as the source has it.");
}
