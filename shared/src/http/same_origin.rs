//! Whether a page of ours asks. A browser sends its cookies along with whatever any page makes it ask for, so a change that a
//! session makes has to show where it comes from.

use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri, header};

use super::problem::{CROSS_SITE_REQUEST, Problem};

/// What our pages send along. No form can, and a page of another origin has to be allowed to, which none is.
pub const HEADER: HeaderName = HeaderName::from_static("x-signalbox-request");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Asks for the header of our pages, and for the browser's word that one of them is asking.
///
/// # Errors
/// 403 `cross_site_request`.
pub fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::new(CROSS_SITE_REQUEST, why));
    if headers.get(HEADER).is_none_or(|value| value != "1") {
        return refused("a change with a session needs the header x-signalbox-request: 1");
    }
    match origin(headers) {
        Origin::Ours => Ok(()),
        Origin::Another => refused("a change with a session has to come from a page of this very origin"),
        Origin::Unknown => refused("neither Sec-Fetch-Site nor Origin says which page asks; send a token instead"),
    }
}

/// Whether another site's page asks, which needs no session where everything is open. Who is no browser says nothing.
#[must_use]
pub fn is_from_another(headers: &HeaderMap) -> bool {
    origin(headers) == Origin::Another
}

#[derive(PartialEq, Eq)]
enum Origin {
    Ours,
    Another,
    Unknown,
}

/// Browsers send `Sec-Fetch-Site` where the connection is secure, and `Origin` with every change.
fn origin(headers: &HeaderMap) -> Origin {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(&SITE) {
        return if site == "same-origin" { Origin::Ours } else { Origin::Another };
    }
    let Some(origin) = text(&header::ORIGIN) else { return Origin::Unknown };
    // The scheme is the gateway's to know: what stands before us may have taken the TLS off.
    let named = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(Authority::to_string));
    match (named, text(&header::HOST)) {
        (Some(named), Some(host)) if named.eq_ignore_ascii_case(host) => Origin::Ours,
        _ => Origin::Another,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_ours_that_says_so_may_change_something() {
        let ours = ("x-signalbox-request", "1");
        let host = ("host", "box.example");
        for (sent, allowed) in [
            (&[ours, ("sec-fetch-site", "same-origin")][..], true),
            (&[ours, ("sec-fetch-site", "same-origin"), ("origin", "null"), host], true),
            (&[ours, ("origin", "https://box.example"), host], true),
            (&[ours, ("origin", "https://BOX.example"), host], true),
            (&[ours, ("origin", "http://localhost:9000"), ("host", "localhost:9000")], true),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("x-signalbox-request", "0"), ("sec-fetch-site", "same-origin")], false),
            (&[ours, ("sec-fetch-site", "same-site")], false),
            (&[ours, ("sec-fetch-site", "cross-site"), ("origin", "https://box.example"), host], false),
            (&[ours, ("sec-fetch-site", "none")], false),
            (&[ours, ("origin", "https://box.example:8443"), host], false),
            (&[ours, ("origin", "https://box.example.evil.example"), host], false),
            (&[ours, ("origin", "null"), host], false),
            (&[ours, ("origin", "https://box.example")], false),
            (&[ours, host], false),
            (&[], false),
        ] {
            let headers: HeaderMap =
                sent.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
            assert_eq!(check(&headers).is_ok(), allowed, "{sent:?}");
        }
    }
}
