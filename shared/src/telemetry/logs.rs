//! JSON logs. Secrets are redacted by type ([`crate::domain::secret::Secret`]); bodies are never logged.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::environment::Environment;

/// Starts JSON logging to standard output, as CloudWatch wants it; the filter is `LOG_LEVEL`: levels, one for all or by
/// target (`info,signalbox=debug`). Filters on spans and fields are not understood: they need a regular expression
/// engine, which each function would carry. A second call changes nothing.
pub fn start(environment: &Environment) {
    let filter: Option<Targets> = environment.get("LOG_LEVEL").and_then(|text| text.parse().ok());
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    let _already_started = tracing_subscriber::registry()
        .with(lines)
        .with(filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)))
        .try_init();
}
