//! CloudWatch metrics in the embedded metric format: one JSON line on standard output, no call, no agent.
//! Specification: CloudWatch user guide, "Embedded metric format specification", version 0.
//!
//! Such a line is paid for like any other of the log. Where there is something to say anyway, it says that too ([`Line`]).

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _, Serializer};
use serde_json::Value;

/// The namespace of every metric.
pub const NAMESPACE: &str = "Signalbox";

type Sink = dyn Fn(&str) + Send + Sync;

/// Where metric lines go.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Sink>>);

/// The unit CloudWatch shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
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
    fields: Vec<(Cow<'static, str>, Value)>,
    correlation_id: Option<String>,
}

impl Line {
    /// A line of which people read this.
    #[must_use]
    pub fn new(level: Level, message: &'static str) -> Self {
        Self { level, message, fields: Vec::new(), correlation_id: None }
    }

    /// With a field; null is left out.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.fields.push((name.into(), value));
        }
        self
    }

    /// With the trace of the request that it is about, where all lines have it.
    #[must_use]
    pub fn traced(self, correlation_id: &str) -> Self {
        Self { correlation_id: Some(correlation_id.to_owned()), ..self }
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
        let said = properties.iter().map(|(name, value)| (*name, Said::Value(value)));
        self.write(at, measured, said.collect());
    }

    /// Writes a line of the log, with these metrics or with none. What is not measured goes by the log's filter.
    pub fn log(&self, at: Timestamp, line: Line, measured: &[By<'_>]) {
        let Line { level, message, fields, correlation_id } = line;
        let wanted = match level {
            Level::Info => tracing::enabled!(tracing::Level::INFO),
            Level::Warn => tracing::enabled!(tracing::Level::WARN),
            Level::Error => tracing::enabled!(tracing::Level::ERROR),
        };
        if !wanted && measured.iter().all(|By(_, metrics)| metrics.is_empty()) {
            return;
        }
        let mut said = Vec::with_capacity(ROOM);
        said.push(("timestamp", Said::Time(at)));
        said.push(("level", Said::Text(level.as_str())));
        said.push(("message", Said::Text(message)));
        said.extend(correlation_id.as_deref().map(|id| ("span", Said::Span(id))));
        said.extend(fields.iter().map(|(name, value)| (name.as_ref(), Said::Value(value))));
        self.write(at, measured, said);
    }

    fn write<'a>(&self, at: Timestamp, measured: &'a [By<'a>], mut said: Vec<(&'a str, Said<'a>)>) {
        let is_measured = |By(_, metrics): &&By<'_>| !metrics.is_empty();
        for By(dimensions, metrics) in measured.iter().filter(is_measured) {
            said.extend(dimensions.iter().map(|(name, value)| (*name, Said::Text(value))));
            said.extend(metrics.iter().map(|(name, value, _)| (*name, Said::Number(*value))));
        }
        if measured.iter().any(|by| is_measured(&by)) {
            said.push(("_aws", Said::Measured(at, measured)));
        }
        // A field that is said twice is what was said last.
        said.reverse();
        said.sort_by_key(|(name, _)| *name);
        said.dedup_by_key(|(name, _)| *name);
        let Ok(mut line) = serde_json::to_string(&Members(&said)) else { return };
        match &self.0 {
            Some(sink) => sink(&line),
            // A closed standard output is no reason to fail the work that was being measured.
            None => {
                // With its end, as what is longer than a buffer would be written in two.
                line.push('\n');
                drop(std::io::stdout().lock().write_all(line.as_bytes()));
            }
        }
    }
}

/// How many fields a line mostly has at most.
const ROOM: usize = 16;

/// What a field of a line says. A line is written of these at once, as each webhook has one: made of values first, all
/// of it was copied and sorted twice.
enum Said<'a> {
    Value(&'a Value),
    Text(&'a str),
    Number(f64),
    Time(Timestamp),
    /// The trace, as all lines have it.
    Span(&'a str),
    /// What of the line are metrics.
    Measured(Timestamp, &'a [By<'a>]),
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Time(at) => serializer.collect_str(at),
            Self::Span(id) => Members(&[("correlation_id", Said::Text(id))]).serialize(serializer),
            Self::Measured(at, measured) => {
                let mut all = serializer.serialize_struct("Measured", 2)?;
                all.serialize_field("CloudWatchMetrics", &Directives(measured))?;
                all.serialize_field("Timestamp", &at.as_millisecond())?;
                all.end()
            }
        }
    }
}

struct Members<'a>(&'a [(&'a str, Said<'a>)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (name, said) in self.0 {
            members.serialize_entry(name, said)?;
        }
        members.end()
    }
}

struct Directives<'a>(&'a [By<'a>]);

impl Serialize for Directives<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut directives = serializer.serialize_seq(None)?;
        for by in self.0.iter().filter(|By(_, metrics)| !metrics.is_empty()) {
            directives.serialize_element(&Directive(*by))?;
        }
        directives.end()
    }
}

struct Directive<'a>(By<'a>);

impl Serialize for Directive<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(By(dimensions, metrics)) = self;
        let mut directive = serializer.serialize_struct("Directive", 3)?;
        directive.serialize_field("Dimensions", &[Names(dimensions)])?;
        directive.serialize_field("Metrics", &Definitions(metrics))?;
        directive.serialize_field("Namespace", NAMESPACE)?;
        directive.end()
    }
}

struct Names<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(name, _)| name))
    }
}

struct Definitions<'a>(&'a [Metric<'a>]);

impl Serialize for Definitions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Definition<'a> {
            name: &'a str,
            unit: Unit,
        }

        serializer.collect_seq(self.0.iter().map(|(name, _, unit)| Definition { name, unit: *unit }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_a_line_are_in_order_and_each_is_there_once() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let metrics = Metrics::to(move |line| sink.lock().unwrap().push(line.to_owned()));
        let line = Line::new(Level::Warn, "a \"message\"").with("ms", 1).with("key", "k").with("none", Value::Null);
        let line = line.with("ms", json!({"b": [1.5], "a": "\u{1}"})).traced("trace").with("provider", "replaced");
        let measured = [By(&[("provider", "pos")], &[("n", 2.0, Unit::Count), ("nan", f64::NAN, Unit::Milliseconds)])];
        metrics.log(Timestamp::UNIX_EPOCH, line, &measured);
        let expected = concat!(
            r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["provider"]],"Metrics":[{"Name":"n","Unit":"Count"},"#,
            r#"{"Name":"nan","Unit":"Milliseconds"}],"Namespace":"Signalbox"}],"Timestamp":0},"key":"k","level":"WARN","#,
            r#""message":"a \"message\"","ms":{"a":"\u0001","b":[1.5]},"n":2.0,"nan":null,"provider":"pos","#,
            r#""span":{"correlation_id":"trace"},"timestamp":"1970-01-01T00:00:00Z"}"#,
        );
        assert_eq!(*lines.lock().unwrap(), [expected]);
    }

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
