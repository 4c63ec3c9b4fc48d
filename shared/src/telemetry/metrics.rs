//! CloudWatch metrics in the embedded metric format: one JSON line on standard output, no call, no agent.
//! Specification: CloudWatch user guide, "Embedded metric format specification", version 0.
//!
//! Such a line is paid for like any other of the log. Where there is something to say anyway, it says that too ([`Line`]).

use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Signalbox";

type Sink = dyn Fn(&str) + Send + Sync;

/// Where metric lines go.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Sink>>);

/// The unit CloudWatch shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Thousandths of a second.
    Milliseconds,
}

/// How bad it is, as the log's other lines say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is as it should be.
    Info,
    /// Somebody may want to look.
    Warn,
    /// Something went wrong here.
    Error,
}

/// A metric: its name, its value, its unit.
pub type Metric<'a> = (&'a str, f64, Unit);

/// Metrics by one set of dimensions, each with its value; of none where there is one of them for all that runs. A line may have several
/// such sets, and a dimension has one value in it. [docs/metrics.md](../../../docs/metrics.md) lists them all.
#[derive(Clone, Copy, Debug)]
pub struct By<'a>(pub &'a [(&'a str, &'a str)], pub &'a [Metric<'a>]);

/// A line of the log that may be a metric too: one line where there would be two. It looks like those of
/// [`logs`](super::logs).
#[derive(Debug)]
pub struct Line {
    level: Level,
    message: &'static str,
    fields: Map<String, Value>,
}

impl Line {
    /// A line of which people read this.
    #[must_use]
    pub fn new(level: Level, message: &'static str) -> Self {
        Self { level, message, fields: Map::new() }
    }

    /// With a field; null is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.fields.insert(name.to_owned(), value);
        }
        self
    }

    /// With the trace of the request that it is about, where all lines have it.
    #[must_use]
    pub fn traced(self, correlation_id: &str) -> Self {
        self.with("span", json!({"correlation_id": correlation_id}))
    }
}

impl Metrics {
    /// Lines go to the given function instead of standard output.
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Emits metrics of one time. `properties` are searchable in the logs but are not dimensions: ids and counts belong there, so that no
    /// metric grows a series per run or tenant.
    pub fn emit(&self, at: Timestamp, measured: &[By<'_>], properties: &[(&str, Value)]) {
        let fields = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.write(at, measured, fields.collect());
    }

    /// Writes a line of the log, with these metrics or with none. What is not measured goes by the log's filter.
    pub fn log(&self, at: Timestamp, line: Line, measured: &[By<'_>]) {
        let Line { level, message, fields } = line;
        let wanted = match level {
            Level::Info => tracing::enabled!(tracing::Level::INFO),
            Level::Warn => tracing::enabled!(tracing::Level::WARN),
            Level::Error => tracing::enabled!(tracing::Level::ERROR),
        };
        if !wanted && measured.iter().all(|By(_, metrics)| metrics.is_empty()) {
            return;
        }
        let mut said = Map::new();
        said.insert("timestamp".into(), at.to_string().into());
        said.insert("level".into(), format!("{level:?}").to_uppercase().into());
        said.insert("message".into(), message.into());
        said.extend(fields);
        self.write(at, measured, said);
    }

    fn write(&self, at: Timestamp, measured: &[By<'_>], mut line: Map<String, Value>) {
        let mut directives = Vec::with_capacity(measured.len());
        for By(dimensions, metrics) in measured.iter().filter(|By(_, metrics)| !metrics.is_empty()) {
            let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
            let definitions: Vec<Value> =
                metrics.iter().map(|(name, _, unit)| json!({"Name": name, "Unit": format!("{unit:?}")})).collect();
            directives.push(json!({"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": definitions}));
            line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
            line.extend(metrics.iter().map(|(name, value, _)| ((*name).to_owned(), Value::from(*value))));
        }
        if !directives.is_empty() {
            line.insert("_aws".into(), json!({"Timestamp": at.as_millisecond(), "CloudWatchMetrics": directives}));
        }
        let line = Value::Object(line).to_string();
        match &self.0 {
            Some(sink) => sink(&line),
            // A closed standard output is no reason to fail the work that was being measured.
            None => drop(writeln!(std::io::stdout().lock(), "{line}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_line_has_each_set_of_dimensions_with_its_metrics() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let metrics = Metrics::to(move |line| sink.lock().unwrap().push(line.to_owned()));
        let (status, provider) = (("status", "Failed"), ("provider", "pos"));
        let (runs, took) = (("runs", 1.0, Unit::Count), ("took_ms", 7.0, Unit::Milliseconds));
        let measured = [By(&[status], &[runs, took]), By(&[status, provider], &[runs]), By(&[("reason", "")], &[])];
        metrics.emit(Timestamp::UNIX_EPOCH, &measured, &[("runId", json!("r"))]);
        metrics.emit(Timestamp::UNIX_EPOCH, &[By(&[], &[took])], &[]);
        let lines: Vec<Value> = lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (runs, took) =
            (json!({"Name": "runs", "Unit": "Count"}), json!({"Name": "took_ms", "Unit": "Milliseconds"}));
        let of = |dimensions: Value, metrics: Value| json!({"Namespace": "Signalbox", "Dimensions": [dimensions], "Metrics": metrics});
        let directives = [of(json!(["status"]), json!([runs, took])), of(json!(["status", "provider"]), json!([runs]))];
        let expected = [
            json!({"_aws": {"Timestamp": 0, "CloudWatchMetrics": directives}, "status": "Failed", "provider": "pos",
                "runs": 1.0, "took_ms": 7.0, "runId": "r"}),
            json!({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [of(json!([]), json!([took]))]}, "took_ms": 7.0}),
        ];
        assert_eq!(lines, expected);
    }
}
