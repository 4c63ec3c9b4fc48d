//! Which route a request takes, by API Gateway's precedence: a fixed segment before `{name}` before `{name+}`, the
//! request's own method before `ANY`, `$default` last.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::{Route, TemplateError};

/// The routes of the HTTP API, most specific first.
#[derive(Debug)]
pub struct Routes(Vec<Pattern>);

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// `GET /items/{id}`, or `$default`.
    pub key: &'a str,
    /// The function that answers.
    pub function: &'a str,
    /// What the path's parameters are, decoded.
    pub parameters: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Pattern {
    key: String,
    method: String,
    segments: Vec<Segment>,
    function: String,
}

/// In the order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Fixed(String),
    One(String),
    Rest(String),
}

impl Routes {
    /// Orders the template's routes.
    ///
    /// # Errors
    /// When two routes are the same, or a path cannot be read.
    pub fn new(routes: &[Route]) -> Result<Self, TemplateError> {
        let mut patterns: Vec<Pattern> = routes.iter().map(pattern).collect::<Result<_, _>>()?;
        patterns.sort_by_key(rank);
        for pair in patterns.windows(2) {
            if rank(&pair[0]) == rank(&pair[1]) && pair[0].key == pair[1].key {
                return Err(TemplateError::at(&pair[0].key, "two events have this route"));
            }
        }
        Ok(Self(patterns))
    }

    /// The route of a request, if it has one.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        // API Gateway does not tell /items from /items/.
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let segments: Vec<&str> = trimmed.strip_suffix('/').unwrap_or(trimmed).split('/').collect();
        self.0.iter().filter(|pattern| pattern.method == method || pattern.method == "ANY").find_map(|pattern| {
            let parameters = matches(&pattern.segments, &segments)?;
            Some(Found { key: &pattern.key, function: &pattern.function, parameters })
        })
    }
}

fn pattern(route: &Route) -> Result<Pattern, TemplateError> {
    let function = route.function.clone();
    if route.path == "$default" {
        // Matches everything; an empty path has one empty segment, which {name+} takes too.
        let segments = vec![Segment::Rest(String::new())];
        return Ok(Pattern { key: "$default".into(), method: "ANY".into(), segments, function });
    }
    let key = format!("{} {}", route.method, route.path);
    let Some(path) = route.path.strip_prefix('/') else {
        return Err(TemplateError::at(key, "a path begins with /"));
    };
    let segments = path.split('/').map(|segment| match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        None => Segment::Fixed(segment.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::One(name.to_owned()),
        },
    });
    Ok(Pattern { segments: segments.collect(), method: route.method.clone(), key, function })
}

/// Fixed before one before rest, compared from the left; then the method; names of parameters do not count.
fn rank(pattern: &Pattern) -> (bool, Vec<(u8, String)>, bool, String) {
    let kinds = pattern.segments.iter().map(|segment| match segment {
        Segment::Fixed(text) => (0, text.clone()),
        Segment::One(_) => (1, String::new()),
        Segment::Rest(_) => (2, String::new()),
    });
    (pattern.key == "$default", kinds.collect(), pattern.method == "ANY", pattern.method.clone())
}

fn matches(pattern: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut rest = path;
    for segment in pattern {
        match segment {
            Segment::Rest(name) if !rest.is_empty() => {
                if !name.is_empty() {
                    parameters.insert(name.clone(), decode(&rest.join("/")));
                }
                return Some(parameters);
            }
            Segment::One(name) if rest.first().is_some_and(|text| !text.is_empty()) => {
                parameters.insert(name.clone(), decode(rest[0]));
            }
            Segment::Fixed(text) if rest.first().is_some_and(|given| decode(given) == *text) => {}
            _ => return None,
        }
        rest = &rest[1..];
    }
    rest.is_empty().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            Route { method: method.into(), path: path.into(), function: "f".into() }
        };
        Routes::new(&keys.iter().map(route).collect::<Vec<_>>()).unwrap()
    }

    #[track_caller]
    fn takes(routes: &Routes, request: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let (method, path) = request.split_once(' ').unwrap();
        let found = routes.find(method, path);
        let found = found.as_ref().map(|found| {
            let parameters = found.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            (found.key, parameters.collect::<Vec<_>>())
        });
        assert_eq!(found, expected.map(|(key, parameters)| (key, parameters.to_vec())), "{request}");
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let table = routes(&[
            "ANY /{proxy+}",
            "GET /items/{id}",
            "GET /items/new",
            "ANY /items/{id}",
            "POST /items/{id}/sync",
            "GET /files/{path+}",
            "GET /",
        ]);
        takes(&table, "GET /items/new", Some(("GET /items/new", &[])));
        takes(&table, "GET /items/new/", Some(("GET /items/new", &[])));
        takes(&table, "GET /items/7", Some(("GET /items/{id}", &[("id", "7")])));
        takes(&table, "PUT /items/7", Some(("ANY /items/{id}", &[("id", "7")])));
        takes(&table, "GET /items/a%20b%2Fc", Some(("GET /items/{id}", &[("id", "a b/c")])));
        takes(&table, "POST /items/7/sync", Some(("POST /items/{id}/sync", &[("id", "7")])));
        takes(&table, "GET /items/7/sync", Some(("ANY /{proxy+}", &[("proxy", "items/7/sync")])));
        takes(&table, "GET /files/a/b.json", Some(("GET /files/{path+}", &[("path", "a/b.json")])));
        takes(&table, "GET /", Some(("GET /", &[])));
    }

    #[test]
    fn a_route_that_is_not_there_is_not_found() {
        let table = routes(&["GET /items/{id}", "POST /items"]);
        takes(&table, "GET /items", None);
        takes(&table, "GET /items/", None);
        takes(&table, "DELETE /items/7", None);
        takes(&table, "GET /items/7/more", None);
        takes(&table, "GET /", None);
    }

    #[test]
    fn the_default_route_takes_what_is_left() {
        let table = routes(&["$default", "GET /{proxy+}"]);
        takes(&table, "GET /a", Some(("GET /{proxy+}", &[("proxy", "a")])));
        takes(&table, "POST /a", Some(("$default", &[])));
        takes(&table, "POST /", Some(("$default", &[])));
    }

    #[test]
    fn the_same_route_twice_is_refused() {
        let route = Route { method: "GET".into(), path: "/a".into(), function: "f".into() };
        assert!(Routes::new(&[route.clone(), route]).is_err());
    }
}
