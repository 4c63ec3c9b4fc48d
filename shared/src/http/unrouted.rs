//! What is answered where there is no route. axum's own answers are empty, and an empty 404 does not say whether the path, the
//! method or the host was wrong.

use axum::Router;

use super::problem::{METHOD_NOT_ALLOWED, NOT_FOUND, Problem};

/// The router, with an answer for every path and method. To be called before layers are added, which are for these as well.
pub fn answered<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let no_route = async || Problem::new(NOT_FOUND, "there is no such route");
    let no_method =
        async || Problem::new(METHOD_NOT_ALLOWED, "the route has no such method; the header Allow says which it has");
    router.fallback(no_route).method_not_allowed_fallback(no_method)
}
