//! The sync-control function.

use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(_environment: &Environment, _outside: &Outside) -> Result<Function, StartError> {
    Ok(Function::Http(axum::Router::new()))
}
