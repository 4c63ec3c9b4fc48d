//! Functions' own URLs. In AWS each has a host of its own; here each is a path of the front, relative, so that it is of the origin that a
//! page was asked for under, whichever of this machine's names that is.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri};

use super::event::{self, Arrived};
use super::routes::Found;
use super::{Gateway, refusal};
use crate::host::invoke::InvokeError;

const BELOW: &str = "/function-urls/";

/// Where a function's URL is.
pub(crate) fn path_of(function: &str) -> String {
    format!("{BELOW}{function}/")
}

/// The function that a path belongs to, and the path within its URL.
pub(super) fn find<'a>(functions: &'a BTreeSet<String>, path: &str) -> Option<(&'a str, String)> {
    let (name, within) = path.strip_prefix(BELOW)?.split_once('/')?;
    functions.get(name).map(|name| (name.as_str(), format!("/{within}")))
}

/// Streams what the function answers.
pub(super) async fn answer(gateway: &Gateway, function: &str, path: &str, arrived: Arrived<'_>) -> Response<Body> {
    let mut parts = arrived.parts.clone();
    let query = parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let Ok(target) = format!("{path}{query}").parse::<PathAndQuery>() else {
        return refusal(StatusCode::BAD_REQUEST, "Bad Request");
    };
    parts.uri = Uri::from(target);
    let found = Found { key: "$default", function, parameters: BTreeMap::new() };
    let event = event::request(&Arrived { parts: &parts, ..arrived }, &found);
    match gateway.invoker.open(function, event).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(function, %error, "no answer");
            match error {
                InvokeError::Throttled(_) => refusal(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
                _ => refusal(StatusCode::BAD_GATEWAY, "Internal Server Error"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_function_whose_url_it_is_below() {
        let functions = BTreeSet::from(["live-logs".to_owned()]);
        let own = path_of("live-logs");
        assert_eq!(find(&functions, &own), Some(("live-logs", "/".to_owned())));
        assert_eq!(find(&functions, &format!("{own}a/b")), Some(("live-logs", "/a/b".to_owned())));
        for other in ["/function-urls/live-logs", "/function-urls/read-api/", "/function-urls/", "/live-logs/", "/"] {
            assert_eq!(find(&functions, other), None, "{other}");
        }
    }
}
