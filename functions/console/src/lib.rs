//! The console: pages for people, and what they are made of. No data passes through here, so nobody has to sign in for a page:
//! its modules ask the documented JSON routes, which know who asks. A crash leaves nothing behind, as nothing is kept.

mod assets;
mod packed;
mod pages;
mod shell;

use axum::Router;
use axum::middleware::from_fn_with_state;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::{correlation, unrouted};
use signalbox::outside::Outside;
use utoipa::openapi::OpenApi;

use crate::pages::Pages;

/// The description of this function's routes, made from the very list that it answers by.
#[must_use]
pub fn openapi() -> OpenApi {
    pages::routes().into_openapi()
}

/// Builds the handler. The environment says where the live log is watched, which pages may ask.
///
/// # Errors
/// None.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    // Without a line for each request, as a page is thirty.
    let router = unrouted::answered(Router::from(pages::routes()))
        .layer(from_fn_with_state(outside.clone(), correlation::trace_alone))
        .with_state(Pages::new(environment.get("LIVE_LOGS_URL").unwrap_or_default()));
    Ok(Function::Http(router))
}
