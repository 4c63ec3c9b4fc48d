//! `If-Match` and `If-None-Match` of a change (RFC 9110, section 13.1): what its caller knows of the connection.

use http::{HeaderMap, HeaderName, header};
use signalbox::domain::connections::stored::Knows;
use signalbox::http::problem::Problem;

/// What the headers say.
pub(crate) fn knows(headers: &HeaderMap) -> Result<Knows, Problem> {
    let given = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (given(header::IF_MATCH), given(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Knows::Nothing),
        (None, Some("*")) => Ok(Knows::Absent),
        (Some("*"), None) => Ok(Knows::Present),
        (Some(tag), None) => match version(tag) {
            Some(version) => Ok(Knows::Version(version)),
            None => Err(Problem::fields(&[("If-Match", "must be *, or the ETag of an answer, such as \"7\"")])),
        },
        (None, Some(_)) => Err(Problem::fields(&[("If-None-Match", "must be *: the connection must not be there")])),
        (Some(_), Some(_)) => Err(Problem::fields(&[("If-None-Match", "cannot be given beside If-Match")])),
    }
}

/// Digits alone, as they are sent: `+7` and `07` are no tags of ours.
fn version(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|version: &u64| version.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_knows_is_read_or_refused_and_never_passed_over() {
        for (matching, none_matching, expected) in [
            (None, None, Some(Knows::Nothing)),
            (None, Some("*"), Some(Knows::Absent)),
            (Some("*"), None, Some(Knows::Present)),
            (Some("\"7\""), None, Some(Knows::Version(7))),
            (Some(" \"7\" "), None, Some(Knows::Version(7))),
            (Some("7"), None, None),
            (Some("W/\"7\""), None, None),
            (Some("\"+7\""), None, None),
            (Some("\"07\""), None, None),
            (Some("\"7\", \"8\""), None, None),
            (Some(""), None, None),
            (None, Some("\"7\""), None),
            (Some("\"7\""), Some("*"), None),
        ] {
            let pairs = [(header::IF_MATCH, matching), (header::IF_NONE_MATCH, none_matching)];
            let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap())));
            assert_eq!(knows(&pairs.collect()).ok(), expected, "{matching:?} {none_matching:?}");
        }
    }
}
