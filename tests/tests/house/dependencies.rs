//! Where dependencies come from, under which licence, and how many of a kind a function may carry.

use std::collections::{BTreeMap, BTreeSet};

use spdx::{Expression, ParseMode};

use super::workspace::{cargo, expect_none, metadata, output_of};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Permissive licences that ask for their notice alone.
const LICENCES: &[&str] = &["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Crates under another licence: crate, licence, why it is acceptable.
const LICENCE_EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "webpki-root-certs",
    "CDLA-Permissive-2.0",
    "data, not code: Mozilla's root certificates; only platforms that we do not deploy to link them",
)];

/// What a function is deployed on; other platforms' dependencies cost it nothing.
const FUNCTION_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Crates that a function carries in two versions, and what holds the older one. Each costs size and start time.
const FUNCTION_DUPLICATES: &[(&str, &str)] = &[
    ("base64", "aws_lambda_events, jsonwebtoken and lambda_runtime still use 0.22"),
    ("crypto-common", "digest 0.10 brings it, see there"),
    ("digest", "crc-fast, of object_store, still uses 0.10"),
    ("untrusted", "aws-lc-rs still uses 0.7"),
];

/// Crates that are a second way to do what a function does already: crate, the one to use.
const SECOND_WAYS: &[(&str, &str)] = &[
    ("async-std", "tokio"),
    ("boring", "rustls on aws-lc"),
    ("curl", "hyper"),
    ("native-tls", "rustls on aws-lc"),
    ("openssl-sys", "rustls on aws-lc"),
    ("ring", "aws-lc, which the AWS SDK's TLS links"),
    ("rustls-rustcrypto", "rustls on aws-lc"),
    ("s2n-tls", "rustls on aws-lc"),
    ("ureq", "hyper"),
];

/// Large crates of which the whole workspace, tests and local host included, has one version.
const ONCE: &[&str] = &[
    "aws-lc-sys",
    "aws-smithy-runtime",
    "axum",
    "h2",
    "http",
    "hyper",
    "libsqlite3-sys",
    "regex-automata",
    "reqwest",
    "rustls",
    "tokio",
];

#[test]
fn every_dependency_comes_from_crates_io() {
    let members: BTreeSet<&str> = metadata().workspace_packages().map(|package| package.id.as_str()).collect();
    let elsewhere = metadata().packages.iter().filter(|package| match &package.source {
        Some(source) => source != CRATES_IO,
        None => !members.contains(package.id.as_str()),
    });
    let problems: Vec<String> = elsewhere.map(|package| package.id.clone()).collect();
    expect_none(&problems, "Take it from crates.io: a git or path dependency is not there for whoever clones this.");
}

#[test]
fn every_dependency_has_an_acceptable_licence() {
    let mut problems = Vec::new();
    let mut unused: BTreeSet<&str> = LICENCE_EXCEPTIONS.iter().map(|(name, _, _)| *name).collect();
    for package in &metadata().packages {
        let Some(licence) = &package.license else {
            problems.push(format!("{} {} names no licence", package.name, package.version));
            continue;
        };
        // Lax: `MIT/Apache-2.0` is what older crates write.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            problems.push(format!("{} {}: {licence} is no SPDX expression", package.name, package.version));
            continue;
        };
        let accepts = |extra: Option<&str>| {
            expression.evaluate(|wanted| {
                let wanted = wanted.to_string();
                LICENCES.contains(&wanted.as_str()) || extra == Some(&wanted)
            })
        };
        if accepts(None) {
            continue;
        }
        let exception = LICENCE_EXCEPTIONS.iter().find(|(name, _, _)| *name == package.name);
        match exception {
            Some((name, licence, _)) if accepts(Some(licence)) => drop(unused.remove(name)),
            _ => problems.push(format!("{} {}: {licence}", package.name, package.version)),
        }
    }
    problems.extend(unused.into_iter().map(|name| format!("{name} is in LICENCE_EXCEPTIONS and need not be")));
    expect_none(&problems, "Use another crate, or name this one in LICENCE_EXCEPTIONS with the reason.");
}

/// What a function links on its platform: crate → its versions.
fn linked_by(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    // Not from `metadata`: that joins the features of all members, so the local host's would count as the function's.
    let tree = output_of(
        &cargo(),
        &[
            "tree",
            "--package",
            package,
            "--edges",
            "normal,no-proc-macro",
            "--target",
            FUNCTION_TARGET,
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
            "--quiet",
        ],
    );
    let mut linked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            linked.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    assert!(linked.contains_key(package), "cargo tree printed something else:\n{tree}");
    linked
}

#[test]
fn a_function_has_one_of_each_kind() {
    let listed: BTreeSet<&str> = FUNCTION_DUPLICATES.iter().map(|(name, _)| *name).collect();
    let mut duplicates = BTreeSet::new();
    // What is wrong, and with which functions.
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for package in metadata().workspace_packages().filter(|package| package.folder().starts_with("functions/")) {
        for (name, versions) in linked_by(&package.name) {
            if let Some((_, instead)) = SECOND_WAYS.iter().find(|(second, _)| *second == name) {
                found.entry(format!("{name} instead of {instead}")).or_default().push(&package.name);
            }
            if versions.len() > 1 {
                if !listed.contains(name.as_str()) {
                    found.entry(format!("{name} in versions {versions:?}")).or_default().push(&package.name);
                }
                duplicates.insert(name);
            }
        }
    }
    let mut problems: Vec<String> =
        found.into_iter().map(|(what, packages)| format!("{what}: linked by {}", packages.join(", "))).collect();
    let unused = listed.into_iter().filter(|name| !duplicates.contains(*name));
    problems.extend(unused.map(|name| format!("{name} is in FUNCTION_DUPLICATES and need not be")));
    expect_none(
        &problems,
        "`cargo tree -p PACKAGE -e normal -i CRATE` shows what brings it in. Trim a feature, align a version, or name it in \
         FUNCTION_DUPLICATES with what holds it.",
    );
}

#[test]
fn the_workspace_has_one_version_of_each_large_crate() {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &metadata().packages {
        versions.entry(package.name.as_str()).or_default().insert(package.version.clone());
    }
    let several =
        ONCE.iter().filter_map(|name| versions.get_key_value(name)).filter(|(_, versions)| versions.len() > 1);
    let problems: Vec<String> = several.map(|(name, versions)| format!("{name}: {versions:?}")).collect();
    expect_none(&problems, "Two versions of a large crate double its build and its types: align what asks for them.");
}
