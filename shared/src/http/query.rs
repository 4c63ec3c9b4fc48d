//! Query strings as clients of the vendor sync write them: repeated names, aliases, blanks.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::{HeaderMap, Uri};

use super::problem::Problem;

/// The names of the tenant that a call is for.
pub const TENANT: [&str; 2] = ["tenantId", "tenant"];

/// Parameters of these lists that may be repeated.
const LISTS: [&str; 3] = ["status", "action", "id"];

/// How much is said of a name that nothing has, in characters.
const NAME_CHARACTERS_MAX: usize = 64;

/// A query string's pairs, in order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request. `name[]` and `name[0]`, as PHP, Rails and `qs` write lists, are `name`. Any other bracket
    /// asks for something that is not offered here (`status[ne]=error`), so it is read as a value that nothing is called: the
    /// route refuses it, and never answers as if nothing had been asked for.
    #[must_use]
    pub fn of(uri: &Uri) -> Self {
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
        Self(pairs.map(|(name, value)| unbracketed(name, value)).collect())
    }

    /// Checks that nothing else is asked for than these, and the tenant: a filter that is misspelt would be passed over, and the list
    /// be of all. Of lists that older clients have known for long, nothing is checked.
    ///
    /// # Errors
    /// 400 `invalid_request`, which names the first that is not known, or is there twice and is no list.
    pub fn only(&self, names: &[&str]) -> Result<(), Problem> {
        let is_known = |name: &str| names.iter().chain(&TENANT).any(|known| known.eq_ignore_ascii_case(name));
        let unknown = self.0.iter().find(|(name, _)| !is_known(name));
        // Of two values the first would count without a word; only lists have several.
        let is_twice = |name: &&&str| !LISTS.contains(*name) && self.all(&[**name]).collect::<BTreeSet<_>>().len() > 1;
        match (unknown, names.iter().find(is_twice)) {
            (None, None) => Ok(()),
            (None, Some(name)) => Err(Problem::fields(&[(*name, "is there twice: name one")])),
            (Some((name, _)), _) => {
                let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
                let known = [names, &["tenant"]].concat().join(", ");
                Err(Problem::fields(&[(&name, &format!("is no parameter of this list; there are {known}"))]))
            }
        }
    }

    /// All values under any of the names, whose case does not matter, in order.
    pub fn all(&self, names: &[&str]) -> impl Iterator<Item = &str> + use<'_> {
        let named = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        let found: Vec<&str> = self.0.iter().filter(|(name, _)| named(name)).map(|(_, value)| value.trim()).collect();
        found.into_iter()
    }

    /// The first value that is not blank.
    #[must_use]
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        self.all(names).find(|value| !value.is_empty())
    }

    /// All values under any of the names, repeated or in comma lists, in order and without blanks.
    pub fn list(&self, names: &[&str]) -> impl Iterator<Item = &str> + use<'_> {
        self.all(names).flat_map(|values| values.split(',')).map(str::trim).filter(|value| !value.is_empty())
    }

    /// How many rows a page has: a whole number from 1 to `max`, or the default when it is absent. A blank one is wrong: a
    /// variable that was not set must not look like a choice.
    ///
    /// # Errors
    /// The text to refuse it with.
    pub fn limit(&self, names: &[&str], default: usize, max: usize) -> Result<usize, String> {
        let given = self.first(names).or_else(|| self.all(names).next());
        match given.map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(limit)) if (1..=max).contains(&limit) => Ok(limit),
            Some(_) => Err(format!("must be a whole number from 1 to {max}")),
        }
    }

    /// A switch: 1, true, yes and on, or 0, false, no and off. A name alone is on.
    ///
    /// # Errors
    /// The text to refuse anything else with.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, &'static str> {
        let read = |text: &str| match text.to_lowercase().as_str() {
            "" | "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err("must be true or false"),
        };
        let all: Vec<bool> = self.all(&[name]).map(read).collect::<Result<_, _>>()?;
        match all.split_first() {
            None => Ok(None),
            Some((first, rest)) if rest.iter().all(|other| other == first) => Ok(Some(*first)),
            Some(_) => Err("must be true or false, and not both"),
        }
    }
}

fn unbracketed(name: String, value: String) -> (String, String) {
    let Some((plain, brackets)) = name.split_once('[') else { return (name, value) };
    let inside = brackets.strip_suffix(']');
    match inside {
        Some(index) if index.bytes().all(|byte| byte.is_ascii_digit()) => (plain.to_owned(), value),
        _ => (plain.to_owned(), format!("[{brackets}={value}")),
    }
}

/// What a path's parameters are read into.
pub trait PathText {
    /// Each of them this text.
    fn each(text: String) -> Self;
}

impl PathText for String {
    fn each(text: String) -> Self {
        text
    }
}

impl PathText for (String, String) {
    fn each(text: String) -> Self {
        (text.clone(), text)
    }
}

impl PathText for (String, String, String) {
    fn each(text: String) -> Self {
        (text.clone(), text.clone(), text)
    }
}

impl PathText for (String, String, String, String) {
    fn each(text: String) -> Self {
        (text.clone(), text.clone(), text.clone(), text)
    }
}

/// The parameters of a path. What is not UTF-8 becomes a text that nothing is called, so that the route refuses it as it
/// refuses any unknown name, instead of the framework in words of its own.
#[must_use]
pub fn path_text<T: PathText>(parameters: Result<Path<T>, PathRejection>) -> T {
    parameters.map_or_else(|_| T::each(char::REPLACEMENT_CHARACTER.into()), |Path(named)| named)
}

/// What a request says about the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorParameter {
    /// Nothing.
    Absent,
    /// A name, but blank.
    Blank,
    /// A name.
    Named(String),
}

/// Finds the vendor: the query names first, then the headers; the first that is not blank wins.
#[must_use]
pub fn vendor(query: &Query, names: &[&str], headers: &HeaderMap, header_names: &[&str]) -> VendorParameter {
    if let Some(name) = query.first(names) {
        return VendorParameter::Named(name.to_owned());
    }
    let mut blank = query.all(names).next().is_some();
    for name in header_names {
        match headers.get(*name).and_then(|value| value.to_str().ok()).map(str::trim) {
            Some("") => blank = true,
            Some(name) => return VendorParameter::Named(name.to_owned()),
            None => {}
        }
    }
    if blank { VendorParameter::Blank } else { VendorParameter::Absent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_found_under_any_of_its_names() {
        use VendorParameter::*;
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-vendor"), "beta".parse().unwrap())]);
        let named = |name: &str| Named(name.to_owned());
        for (query, with_headers, expected) in [
            ("", false, Absent),
            ("?vendor=alpha", false, named("alpha")),
            ("?V=alpha", false, named("alpha")),
            ("?vendor=&v=alpha", true, named("alpha")),
            ("?vendor=%20", true, named("beta")),
            ("?vendor=%20", false, Blank),
            ("", true, named("beta")),
        ] {
            let uri: Uri = format!("/x{query}").parse().unwrap();
            let headers = if with_headers { headers.clone() } else { HeaderMap::new() };
            let found = vendor(&Query::of(&uri), &["vendor", "v"], &headers, &["x-vendor"]);
            assert_eq!(found, expected, "{query} {with_headers}");
        }
    }

    #[test]
    fn what_a_list_does_not_know_is_named() {
        let of = |query: &str| Query::of(&format!("/x?{query}").parse().unwrap()).only(&["limit", "status"]);
        for known in ["", "limit=1", "LIMIT=1&status=a&status[]=b", "tenant=acme", "tenantId=acme"] {
            assert!(of(known).is_ok(), "{known}");
        }
        assert!(of("limit=1&limit=2").is_err() && of("limit=1&limit=1").is_ok());
        for unknown in ["limits=1", "stats=dead", "status.ne=a", "limit=1&", "=", "_=1"] {
            assert_eq!(of(unknown).is_err(), unknown != "limit=1&", "{unknown}");
        }
    }

    #[test]
    fn a_list_is_repeated_or_in_commas() {
        let of = |query: &str| Query::of(&format!("/x?{query}").parse().unwrap());
        for (query, expected) in
            [("", &[][..]), ("s=&s=,%20,", &[]), ("s=a&other=b&S=c", &["a", "c"]), ("s=a,%20b,&s=c", &["a", "b", "c"])]
        {
            assert!(of(query).list(&["s"]).eq(expected.iter().copied()), "{query}");
        }
    }

    #[test]
    fn brackets_are_a_list_or_a_value_that_nothing_is_called() {
        for (query, expected) in [
            ("s[]=a&s[]=b", &["a", "b"][..]),
            ("s%5B%5D=a&s[1]=b", &["a", "b"]),
            ("s[ne]=a", &["[ne]=a"]),
            ("s[=a", &["[=a"]),
            ("s[a][]=b", &["[a][]=b"]),
            ("[]=a", &[]),
        ] {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            assert!(Query::of(&uri).list(&["s"]).eq(expected.iter().copied()), "{query}");
        }
    }

    #[test]
    fn a_limit_is_within_its_bounds_or_not_there() {
        for (query, expected) in [
            ("", Some(20)),
            ("limit=1", Some(1)),
            ("pageSize=200", Some(200)),
            ("limit=&pageSize=7", Some(7)),
            ("limit=", None),
            ("limit=%20", None),
            ("limit=0", None),
            ("limit=201", None),
            ("limit=-1", None),
            ("limit=1.5", None),
        ] {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            assert_eq!(Query::of(&uri).limit(&["limit", "pageSize"], 20, 200).ok(), expected, "{query}");
        }
    }

    #[test]
    fn switches() {
        for (query, expected) in [
            ("d=1", Some(Some(true))),
            ("d=ON", Some(Some(true))),
            ("d=no", Some(Some(false))),
            ("", Some(None)),
            ("d", Some(Some(true))),
        ]
        .into_iter()
        .chain([
            ("d=", Some(Some(true))),
            ("d=0&d=no", Some(Some(false))),
            ("d=&d=0", None),
            ("d=1&d=0", None),
            ("d=maybe", None),
            ("d[ne]=1", None),
        ]) {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            assert_eq!(Query::of(&uri).switch("d").ok(), expected, "{query}");
        }
    }
}
