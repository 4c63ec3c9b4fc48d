//! What API Gateway refuses before it looks for a route.

use http::header::HOST;
use http::request::Parts;
use http::{StatusCode, Version};

use super::hosts::{self, Hosts};

/// API Gateway's limit of the request line and the headers together.
const HEAD_BYTES_MAX: usize = 10_240;

/// An answer in place of a route's.
pub(crate) type Refused = (StatusCode, String);

/// Whether a request goes on to its route.
pub(crate) fn admit(parts: &Parts, answered: &Hosts) -> Result<(), Refused> {
    let bytes = head_bytes(parts);
    if bytes > HEAD_BYTES_MAX {
        return bad(format!(
            "the request line and the headers have {bytes} bytes together; API Gateway takes {HEAD_BYTES_MAX}"
        ));
    }
    let mut given = parts.headers.get_all(HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else {
        return bad("a request has one Host header".into());
    };
    let Some(name) = host.to_str().ok().and_then(hosts::parse) else {
        return bad("the Host header is no host name with or without a port".into());
    };
    // `GET http://other/ HTTP/1.1`: the name that the request is for stands in two places.
    if parts.uri.authority().is_some_and(|authority| authority.as_str() != host) {
        return bad("the request is for another host than its Host header names".into());
    }
    if !answered.answer(name) {
        let why = format!(
            "in local mode this answers to localhost, 127.0.0.1 and [::1] alone, not to {name:?}: a page of another site could \
             ask under such a name. SIGNALBOX_ALLOWED_HOSTS or --allowed-hosts names others to answer to"
        );
        return Err((StatusCode::MISDIRECTED_REQUEST, why));
    }
    Ok(())
}

fn bad(why: String) -> Result<(), Refused> {
    Err((StatusCode::BAD_REQUEST, format!("Bad Request: {why}")))
}

/// As they were sent: `GET /path?query HTTP/1.1`, then a line for each header.
fn head_bytes(parts: &Parts) -> usize {
    const LINE_END: usize = 2;
    let target = match parts.uri.path_and_query() {
        Some(target) => target.as_str().len(),
        None => 0,
    };
    let version = format!("{:?}", Version::HTTP_11).len();
    let line = parts.method.as_str().len() + 1 + target + 1 + version + LINE_END;
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + LINE_END);
    line + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(uri: &str, headers: &[(&str, &str)], expected: Result<(), (u16, &str)>) {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match (admit(&parts, &Hosts::Loopback(Vec::new())), expected) {
            (Ok(()), Ok(())) => {}
            (Err((status, text)), Err((expected, part))) => {
                assert!(status == expected && text.contains(part), "{uri} {headers:?}: {status} {text}");
            }
            (found, expected) => panic!("{uri} {headers:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn what_api_gateway_refuses_is_refused() {
        let host = ("host", "localhost:9000");
        let long = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
        // `GET `, ` HTTP/1.1`, and the line of the host.
        let rest = 4 + 9 + 2 + 6 + 14 + 2;
        check("/api", &[host], Ok(()));
        check("/api", &[], Err((400, "one Host")));
        check("/api", &[host, host], Err((400, "one Host")));
        for wrong in [":", "", "x/api/catalog?", "localhost:99999", "a@localhost"] {
            check("/api", &[("host", wrong)], Err((400, "no host name")));
        }
        check("http://localhost:9000/api", &[host], Ok(()));
        check("http://else.example/api", &[host], Err((400, "another host")));
        check("/api", &[("host", "rebound.example")], Err((421, "SIGNALBOX_ALLOWED_HOSTS")));
        check(&long(HEAD_BYTES_MAX - rest), &[host], Ok(()));
        check(&long(HEAD_BYTES_MAX - rest + 1), &[host], Err((400, "10241 bytes")));
        check(&format!("/?{}", "q".repeat(65_510)), &[host], Err((400, "API Gateway takes 10240")));
        check(&long(22_000).replace('x', "{"), &[host], Err((400, "API Gateway takes 10240")));
        check("/api", &[host, ("x", &"v".repeat(HEAD_BYTES_MAX))], Err((400, "API Gateway takes 10240")));
    }
}
