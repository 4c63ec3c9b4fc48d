//! Dependencies point one way: `domain ← engine ← functions ← infra/local, tests`, beside it
//! `domain ← infra/simulators ← infra/local, tests`, and `domain ← {aws, vendors, telemetry} ← engine` and `domain ← http` inside
//! the shared crate.
//!
//! Every path in the sources counts, not `use` lines alone: in code, in types, inside macros and attributes. A path
//! that only a macro of another crate produces is not seen.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::workspace::{Package, expect_none, files, metadata, text};

/// Each top-level module of the shared crate, and which others it may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    // The root declares the modules, and names none.
    ("lib", &[]),
    ("domain", &[]),
    ("environment", &[]),
    ("telemetry", &["environment"]),
    ("single_flight", &[]),
    ("aws", &["domain", "environment", "outside", "single_flight"]),
    ("vendors", &["domain", "environment"]),
    ("http", &["domain", "environment", "outside"]),
    // What a test replaces about the world includes where catalogues come from and where metrics go.
    ("outside", &["telemetry", "vendors"]),
    ("function", &["telemetry", "environment", "outside", "http"]),
    ("engine", &["domain", "aws", "vendors", "telemetry", "environment", "outside", "single_flight"]),
];

/// Arrows that run back and are meant to: file below `shared/src`, module it names, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// The dependencies that compute and touch nothing: what the domain may use.
const PURE: &[&str] = &[
    "aws_lc_rs",
    "base64",
    "bytes",
    "croner",
    "hex",
    "hmac",
    "httpdate",
    "jiff",
    "ryu_js",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "url",
    "uuid",
    "zeroize",
];

/// What of the standard library reaches outside.
const IMPURE_STD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// A file of the shared crate: its path below `shared/src`, and its text.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// The module path of the file: `domain/run.rs` → `domain`, `run`.
    fn module(&self) -> Vec<String> {
        let path = self.file.strip_suffix(".rs").unwrap_or(self.file);
        let mut module: Vec<String> = path.split('/').map(String::from).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        module
    }

    fn layer(&self) -> &str {
        let top = self.file.split('/').next().unwrap_or_default();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// The top-level modules of the crate that the file names.
    fn modules_named(&self) -> BTreeSet<String> {
        let paths = paths(self.text, &self.module()).into_iter();
        paths.filter(|path| path.len() > 1 && path[0] == "crate").map(|mut path| path.swap_remove(1)).collect()
    }

    /// What the file names against the rules; `dependencies` are the crates it could name.
    fn refusals(&self, dependencies: &BTreeSet<String>) -> Vec<String> {
        let layer = self.layer();
        let Some((_, may_name)) = MAY_NAME.iter().find(|(name, _)| *name == layer) else {
            return vec![format!("{}: module {layer} is not in MAY_NAME: say what it may name", self.file)];
        };
        let mut refusals = Vec::new();
        let mut refuse = |path: &[String], why: &str| {
            refusals.push(format!("{}: {} — {why}", self.file, path.join("::")));
        };
        for path in paths(self.text, &self.module()) {
            let part = |index: usize| path.get(index).map_or("", String::as_str);
            if part(0) == "crate" {
                let named = part(1);
                let allowed = named.is_empty()
                    || named == layer
                    || may_name.contains(&named)
                    || EXCEPTIONS.iter().any(|(file, module, _)| *file == self.file && *module == named);
                if !allowed {
                    let others = if may_name.is_empty() { "no other module".into() } else { may_name.join(", ") };
                    refuse(&path, &format!("{layer} may name {others}"));
                }
                continue;
            }
            let external = dependencies.contains(part(0));
            if external && part(0).starts_with("aws_sdk_") && layer != "aws" {
                refuse(&path, "only aws/ names the AWS SDK");
            }
            if layer != "domain" {
                continue;
            }
            if external && !PURE.contains(&part(0)) {
                refuse(&path, "the domain is pure: it may use the crates in PURE");
            }
            if ["std", "core", "alloc"].contains(&part(0)) && IMPURE_STD.contains(&part(1))
                || path.starts_with(&["std", "time", "Instant"].map(String::from))
                || path.starts_with(&["std", "time", "SystemTime"].map(String::from))
            {
                refuse(&path, "the domain is pure: no files, network, threads, environment or clock");
            }
            if path.len() > 1 && matches!(part(path.len() - 1), "now" | "new_v4" | "now_v7") {
                refuse(&path, "the domain is pure: time and randomness are passed in");
            }
        }
        refusals
    }
}

/// The sources of the shared crate: path below `shared/src`, text.
fn sources() -> impl Iterator<Item = (&'static str, String)> {
    files().iter().filter_map(|file| {
        let below = file.strip_prefix("shared/src/").filter(|file| file.ends_with(".rs"))?;
        Some((below, text(file).expect("a source is text")))
    })
}

/// Every path of two or more names in the text, and every name that is imported; those of this crate from `crate`.
fn paths(text: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let tokens: TokenStream = text.parse().expect("what compiles is made of tokens");
    let mut found = BTreeSet::new();
    walk(tokens, module, &mut found);
    found
}

fn walk(tokens: TokenStream, module: &[String], found: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match (&tokens[at..], name(&tokens[at]).as_deref()) {
            // `mod name { … }`: `super` inside it means this module.
            ([_, inner, TokenTree::Group(body), ..], Some("mod")) if body.delimiter() == Delimiter::Brace => {
                let inner: Vec<String> = module.iter().cloned().chain(name(inner)).collect();
                walk(body.stream(), &inner, found);
                at += 3;
            }
            ([_, keyword, extern_crate, ..], Some("extern")) if name(keyword).as_deref() == Some("crate") => {
                found.extend(name(extern_crate).map(|name| vec![name]));
                at += 3;
            }
            // `use …;`, but not `impl Trait + use<'a>`.
            ([_, next, ..], Some("use")) if !is(next, '<') => {
                let end =
                    tokens[at..].iter().position(|token| is(token, ';')).map_or(tokens.len(), |length| at + length);
                imports(&tokens[at + 1..end], &[], module, found);
                at = end;
            }
            (_, Some(_)) => {
                let (path, length) = path(&tokens[at..]);
                if path.len() > 1 {
                    found.insert(absolute(path, module));
                }
                at += length;
            }
            ([TokenTree::Group(group), ..], None) => {
                walk(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// The paths of an import: `a::{b, c as d, e::*}`.
fn imports(tokens: &[TokenTree], prefix: &[String], module: &[String], found: &mut BTreeSet<Vec<String>>) {
    for tree in tokens.split(|token| is(token, ',')) {
        let start = tree.iter().position(|token| !is(token, ':')).unwrap_or(tree.len());
        let tree = &tree[start..];
        let (own, length) = path(tree);
        let path: Vec<String> = prefix.iter().cloned().chain(own).collect();
        let rest = tree[length..].iter().find(|token| !is(token, ':'));
        match rest {
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                imports(&inner, &path, module, found);
            }
            Some(star) if is(star, '*') => {
                found.insert(absolute(path.into_iter().chain(["*".to_owned()]).collect(), module));
            }
            _ if path.is_empty() => {}
            _ => {
                found.insert(absolute(path, module));
            }
        }
    }
}

/// The names joined by `::` that the tokens start with, and how many tokens they are.
fn path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut length = 0;
    while let Some(name) = tokens.get(length).and_then(name) {
        names.push(name);
        length += 1;
        match tokens.get(length..length + 3) {
            Some([first, second, next]) if is(first, ':') && is(second, ':') && self::name(next).is_some() => {
                length += 2
            }
            _ => break,
        }
    }
    (names, length)
}

/// The path from `crate`, for one that starts with `self` or `super`.
fn absolute(path: Vec<String>, module: &[String]) -> Vec<String> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let own = usize::from(path.first().is_some_and(|name| name == "self"));
    if supers + own == 0 {
        return path;
    }
    let above = &module[..module.len().saturating_sub(supers)];
    let below = path.into_iter().skip(supers + own);
    ["crate".to_owned()].into_iter().chain(above.iter().cloned()).chain(below).collect()
}

fn name(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(ident) => Some(ident.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

fn is(token: &TokenTree, punctuation: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == punctuation)
}

fn package(name: &str) -> &'static Package {
    let found = metadata().workspace_packages().find(|package| package.name == name);
    found.unwrap_or_else(|| panic!("the workspace has no package {name}"))
}

/// The crates that a package's code can name, as code writes them.
fn dependencies(package: &Package) -> BTreeSet<String> {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
    normal.map(|dependency| dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_")).collect()
}

#[test]
fn no_path_in_the_shared_crate_runs_against_the_layers() {
    let dependencies = dependencies(package("signalbox"));
    let mut problems = Vec::new();
    let mut read = 0;
    for (file, text) in sources() {
        problems.extend(Source { file, text: &text }.refusals(&dependencies));
        read += 1;
    }
    assert!(read > 0, "no source in shared/src: the test looks in the wrong place");
    expect_none(&problems, "Move the code to where it may know this, or pass in what it needs (docs/architecture.md).");
}

#[test]
fn no_package_depends_against_the_layers() {
    let mut problems = Vec::new();
    for package in metadata().workspace_packages() {
        let folder = package.folder();
        let names_sdk = matches!(folder, "shared" | "infra/local" | "tests");
        for dependency in &package.dependencies {
            let allowed = match folder {
                "tests" => true,
                "infra/local" => dependency.name != "signalbox-tests",
                _ if dependency.name == "signalbox" => folder.starts_with("functions/") || folder == "infra/simulators",
                _ => !dependency.name.starts_with("signalbox-"),
            };
            if !allowed || dependency.name.starts_with("aws-sdk-") && !names_sdk {
                problems.push(format!("{folder}/Cargo.toml: {}", dependency.name));
            }
        }
    }
    expect_none(
        &problems,
        "shared depends on no other member, a function or the simulators on shared alone; the AWS SDK is for shared, infra/local \
         and tests.",
    );
}

#[test]
fn the_reader_of_layers_can_refuse() {
    let dependencies: BTreeSet<String> =
        ["aws_sdk_sqs", "http", "jiff", "serde", "tokio", "tracing", "uuid"].map(String::from).into();
    // File, text, and what is refused: the path, or nothing.
    let table: &[(&str, &str, Option<&str>)] = &[
        // Inside the domain.
        ("domain/run.rs", "use crate::domain::ids::RunId;", None),
        ("domain/run.rs", "use super::ids::RunId;", None),
        ("domain/run.rs", "use crate::engine::advance;", Some("crate::engine::advance")),
        ("domain/run.rs", "use crate::{domain::ids, aws::{runs, queue as q}};", Some("crate::aws::queue")),
        ("domain/run.rs", "use super::super::telemetry;", Some("crate::telemetry")),
        ("domain/mod.rs", "use super::*;", Some("crate::*")),
        ("domain/run.rs", "mod tests { use super::*; }", None),
        ("domain/run.rs", "mod tests { use super::super::super::http; }", Some("crate::http")),
        ("domain/run.rs", "fn f() -> crate::vendors::Page { todo() }", Some("crate::vendors::Page")),
        ("domain/run.rs", "fn f() { assert!(crate::outside::x()) }", Some("crate::outside::x")),
        ("domain/run.rs", "// use crate::aws;\n/// [`crate::aws`]\nstruct S(&'static str);", None),
        ("domain/run.rs", "const S: &str = \"crate::aws::x\";", None),
        ("domain/run.rs", "use tokio::time;", Some("tokio::time")),
        ("domain/run.rs", "use tokio;", Some("tokio")),
        ("domain/run.rs", "extern crate tokio;", Some("tokio")),
        ("domain/run.rs", "fn f() { ::tracing::info!(\"x\") }", Some("tracing::info")),
        ("domain/run.rs", "#[derive(http::Method)] struct S;", Some("http::Method")),
        ("domain/run.rs", "#[derive(serde::Serialize)] struct S;", None),
        ("domain/run.rs", "fn f(now: jiff::Timestamp) -> jiff::Timestamp { now }", None),
        ("domain/run.rs", "fn f() { Timestamp::now(); }", Some("Timestamp::now")),
        ("domain/run.rs", "fn f() { uuid::Uuid::new_v4(); }", Some("uuid::Uuid::new_v4")),
        ("domain/run.rs", "use std::{fmt, time::{Duration, Instant}};", Some("std::time::Instant")),
        ("domain/run.rs", "use std::fs;", Some("std::fs")),
        ("domain/run.rs", "fn f() -> impl Iterator<Item = u8> + use<'_> { g() }", None),
        // Around it.
        ("aws/runs.rs", "use aws_sdk_sqs::Client; use crate::domain::runs::run::Run;", None),
        ("aws/runs.rs", "use crate::engine::advance;", Some("crate::engine::advance")),
        ("aws/runs.rs", "use crate::http::problem;", Some("crate::http::problem")),
        ("vendors/moscot.rs", "fn f(c: aws_sdk_sqs::Client) {}", Some("aws_sdk_sqs::Client")),
        ("telemetry/logs.rs", "use crate::outside::Clock;", Some("crate::outside::Clock")),
        ("engine/advance.rs", "use crate::{aws, domain, vendors}; use tokio::time;", None),
        ("engine/advance.rs", "use crate::http::correlation;", Some("crate::http::correlation")),
        ("engine/advance.rs", "use aws_sdk_sqs as queue;", Some("aws_sdk_sqs")),
        ("http/mod.rs", "use http::StatusCode;", None),
        ("lib.rs", "pub mod domain;", None),
        ("lib.rs", "pub use crate::engine::advance;", Some("crate::engine::advance")),
        ("surprise/mod.rs", "", Some("module surprise is not in MAY_NAME")),
    ];
    let mut problems = Vec::new();
    for (file, text, expected) in table {
        let refusals = Source { file, text }.refusals(&dependencies);
        let as_expected = match expected {
            None => refusals.is_empty(),
            Some(path) => refusals.iter().any(|refusal| refusal.contains(&format!(": {path}"))),
        };
        if !as_expected {
            problems.push(format!("{file}: {text}\n    expected {expected:?}, got {refusals:?}"));
        }
    }
    expect_none(&problems, "The reader of layers no longer tells right from wrong.");
}

#[test]
fn every_row_of_the_layers_is_of_a_module_that_is_there_and_every_name_in_it_is_used() {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let source = Source { file, text: &text };
        named.entry(source.layer().to_owned()).or_default().extend(source.modules_named());
    }
    let mut problems = Vec::new();
    for (layer, may_name) in MAY_NAME {
        let Some(named) = named.get(*layer) else {
            problems.push(format!("{layer}: there is no such module"));
            continue;
        };
        let unused = may_name.iter().filter(|module| !named.contains(**module));
        problems.extend(unused.map(|module| format!("{layer} names {module} nowhere")));
    }
    expect_none(&problems, "Take it out of MAY_NAME: who needs it puts it back, and is asked why.");
}

#[test]
fn every_exception_from_the_layers_is_needed() {
    let needed = |file: &str, module: &str| {
        let text = text(&format!("shared/src/{file}")).unwrap_or_default();
        Source { file, text: &text }.modules_named().contains(module)
    };
    let unused = EXCEPTIONS.iter().filter(|(file, module, _)| !needed(file, module));
    let problems: Vec<String> = unused.map(|(file, module, _)| format!("{file} no longer names {module}")).collect();
    expect_none(&problems, "Take it out of EXCEPTIONS.");
}
