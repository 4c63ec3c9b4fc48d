//! CloudWatch metrics in the embedded metric format: one JSON line on standard output, no call, no agent.
//! Specification: CloudWatch user guide, "Embedded metric format specification", version 0.

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

impl Metrics {
    /// Lines go to the given function instead of standard output.
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Emits metrics that share one time and one set of dimensions. `properties` are searchable in the logs but
    /// are not dimensions: ids and counts belong there, so that no metric grows a series per run or tenant.
    pub fn emit(
        &self,
        at: Timestamp,
        dimensions: &[(&str, &str)],
        metrics: &[(&str, f64, Unit)],
        properties: &[(&str, Value)],
    ) {
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
        let definitions: Vec<Value> =
            metrics.iter().map(|(name, _, unit)| json!({"Name": name, "Unit": format!("{unit:?}")})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": definitions}],
            }),
        );
        line.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
        line.extend(metrics.iter().map(|(name, value, _)| ((*name).to_owned(), Value::from(*value))));
        let line = Value::Object(line).to_string();
        match &self.0 {
            Some(sink) => sink(&line),
            // A closed standard output is no reason to fail the run that was being measured.
            None => drop(writeln!(std::io::stdout().lock(), "{line}")),
        }
    }
}
