//! JSON logs. Secrets are redacted by type ([`crate::domain::secret::Secret`]); bodies are never logged.

use tracing::{Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::environment::Environment;

/// Starts JSON logging to standard output, as CloudWatch wants it; the filter is `LOG_LEVEL`: levels, one for all or by
/// target (`info,signalbox=debug`). Filters on spans and fields are not understood: they need a regular expression
/// engine, which each function would carry. A second call changes nothing.
pub fn start(environment: &Environment) {
    let filter: Option<Targets> = environment.get("LOG_LEVEL").and_then(|text| text.parse().ok());
    let _already_started = tracing_subscriber::registry()
        .with(lines(std::io::stdout))
        .with(filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)))
        .try_init();
}

/// A line of JSON an event, with the fields of the request it belongs to under `span`.
pub fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    lines.with_current_span(true).with_span_list(false).with_writer(writer)
}

/// Names the current request by a better trace than the one it began with: that of its body, which its sender knows.
pub fn correlate(correlation_id: &str) {
    Span::current().record("correlation_id", correlation_id);
}
