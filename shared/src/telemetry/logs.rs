//! JSON logs. Secrets are redacted by type ([`crate::domain::secret::Secret`]); bodies are never logged.

use tracing_subscriber::EnvFilter;

use crate::environment::Environment;

/// Starts JSON logging to standard output, as CloudWatch wants it; the filter is `LOG_LEVEL`.
/// A second call changes nothing.
pub fn start(environment: &Environment) {
    let filter = EnvFilter::try_new(environment.get("LOG_LEVEL").unwrap_or("info")).unwrap_or_default();
    let _already_started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .try_init();
}
