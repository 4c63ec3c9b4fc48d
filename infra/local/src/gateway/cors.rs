//! Which pages of other origins a browser lets call, as API Gateway's HTTP API and Lambda's function URLs say it: preflights are answered
//! here and reach no function, and these headers win over a function's.

use http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::template::{Cors, TemplateError};

const PLACE: &str = "HttpApi.CorsConfiguration";

/// The layer for the front; none where no origin may call.
///
/// In local mode without configured origins those of this machine may: whoever can serve a page from it could call without
/// a browser too. Any other page could, with `*`, read all that local mode leaves open, and mint itself a session.
pub(crate) fn layer(cors: Option<&Cors>, local: bool) -> Result<Option<CorsLayer>, TemplateError> {
    let Some(cors) = cors.filter(|cors| local || !cors.origins.is_empty()) else { return Ok(None) };
    let origin = if cors.origins.is_empty() {
        AllowOrigin::predicate(|origin, _| origin.to_str().is_ok_and(is_loopback))
    } else {
        AllowOrigin::list(cors.origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>, _>>()?)
    };
    of_origins(PLACE, cors, origin).map(Some)
}

/// The layer for a function's own URL, as Lambda says it; none where no origin may call.
pub(crate) fn of_url(cors: &Cors) -> Result<Option<CorsLayer>, TemplateError> {
    const PLACE: &str = "FunctionUrlConfig.Cors";
    match cors.origins.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        ["*"] if !cors.credentials => of_origins(PLACE, cors, AllowOrigin::any()).map(Some),
        _ => Err(TemplateError::at(PLACE, "the local host understands the origin * alone, without credentials")),
    }
}

fn of_origins(place: &str, cors: &Cors, origin: AllowOrigin) -> Result<CorsLayer, TemplateError> {
    Ok(CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(cors.credentials)
        .allow_methods(each::<Method>(place, &cors.methods)?)
        .allow_headers(each::<HeaderName>(place, &cors.headers)?)
        .expose_headers(each::<HeaderName>(place, &cors.exposed)?)
        .max_age(cors.max_age))
}

fn each<'a, T: TryFrom<&'a [u8]>>(place: &str, names: &'a [String]) -> Result<Vec<T>, TemplateError> {
    let one = |name: &'a String| T::try_from(name.as_bytes()).map_err(|_| name);
    let all: Result<Vec<T>, &String> = names.iter().map(one).collect();
    all.map_err(|name| TemplateError::at(place, format!("{name:?} is not a method or header")))
}

/// An origin as browsers send it: scheme and host, and a port that is not the scheme's own. `*` is none, and browsers
/// would not send credentials to it.
fn parse(origin: &str) -> Result<HeaderValue, TemplateError> {
    let wrong =
        || TemplateError::at(PLACE, format!("{origin:?} is not an origin: expected https://host or https://host:port"));
    let uri: Uri = origin.parse().map_err(|_| wrong())?;
    let plain = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) => format!("{scheme}://{authority}"),
        _ => return Err(wrong()),
    };
    if plain == origin && !plain.contains('*') {
        HeaderValue::from_str(origin).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

fn is_loopback(origin: &str) -> bool {
    let Some(rest) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else { return false };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| match rest.strip_prefix(host) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_of_this_machine_are_loopback() {
        for origin in
            ["http://localhost", "https://localhost:3000", "http://127.0.0.1:65535", "http://[::1]:80", "http://[::1]"]
        {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "null",
            "*",
            "localhost:3000",
            "http://localhost.example.com",
            "http://localhost:3000.example.com",
            "http://localhost@example.com",
            "http://127.0.0.1.example.com",
            "http://example.com/http://localhost",
            "http://localhost:",
            "file://localhost",
            "http://10.0.0.1",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        let cors = |origin: &str| Cors { origins: vec![origin.into()], ..Cors::default() };
        assert!(layer(Some(&cors("https://shop.example:8443")), false).unwrap().is_some());
        for origin in
            ["*", "https://*", " https://shop.example", "https://shop.example/", "shop.example", "ftp://shop.example"]
        {
            let error = layer(Some(&cors(origin)), false).unwrap_err().to_string();
            assert!(error.contains("is not an origin"), "{error}");
        }
    }

    #[test]
    fn without_origins_nobody_may_call_except_on_ones_own_machine() {
        assert!(layer(Some(&Cors::default()), false).unwrap().is_none());
        assert!(layer(Some(&Cors::default()), true).unwrap().is_some());
        assert!(layer(None, true).unwrap().is_none());
    }
}
