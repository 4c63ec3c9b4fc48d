//! What is written about errors and settings is all there is of them, and nothing that there is not.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use signalbox::domain::deliveries::signature::{Scheme, schemes};
use signalbox::domain::runs::failure::Failure;
use signalbox::domain::service_secrets;
use signalbox::http::problem;
use signalbox_local::host::settings::HOST_VARIABLES;
use signalbox_local::template::Source;

use crate::routes::golden::root;

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The cells of the document's table rows.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect())
        .collect()
}

/// What stands in a cell as code.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_error_is_explained_and_no_other() {
    let text = document("docs/errors.md");
    let mut explained = BTreeMap::new();
    for row in rows(&text) {
        let Some(code) = code(row[0]) else { continue };
        assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "{code} is not explained: {row:?}");
        assert!(explained.insert(code, row[1]).is_none(), "{code} is explained twice");
    }
    let answered: BTreeMap<&str, String> =
        problem::ALL.iter().map(|kind| (kind.code, kind.status.to_string())).collect();
    assert_eq!(answered.len(), problem::ALL.len(), "a code is listed twice in the registry");
    // What a client can be refused a run for has the status of that.
    let mut known: BTreeMap<&str, String> =
        Failure::ALL.into_iter().map(|failure| (failure.code(), "run".into())).collect();
    known.extend(answered);
    let explained: BTreeMap<&str, String> = explained.into_iter().map(|(code, status)| (code, status.into())).collect();
    assert_eq!(explained, known, "left: docs/errors.md, right: the registry");
}

#[test]
fn every_setting_is_explained_and_no_other() {
    let text = document("docs/configuration.md");
    let mut explained = BTreeSet::new();
    for row in rows(&text) {
        let codes: Vec<&str> = row.iter().take(2).filter_map(|cell| code(cell)).collect();
        match (row.len(), codes.as_slice()) {
            (5, [parameter, variable]) => {
                explained.insert(((*parameter).to_owned(), (*variable).to_owned()));
            }
            (4, [variable]) => {
                explained.insert((String::new(), (*variable).to_owned()));
            }
            _ => {}
        }
    }
    let source = Source::built_in().unwrap();
    let parameters = source.parameters().iter().map(|known| (known.name.clone(), known.environment_name()));
    let own = HOST_VARIABLES.map(|variable| (String::new(), variable.to_owned()));
    let secrets = service_secrets::all().map(|name| (String::new(), name.as_str().to_owned()));
    let known: BTreeSet<(String, String)> = parameters.chain(own).chain(secrets).collect();
    assert_eq!(explained, known, "left: docs/configuration.md, right: template.yaml, the host and the secrets");
}

#[test]
fn every_setting_of_the_example_is_in_the_documentation() {
    let text = document("docs/configuration.md");
    let example = document(".env.example");
    let settings = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let names: Vec<&str> = settings.map(|(name, _)| name).filter(|name| !name.starts_with(' ')).collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "{name} is not in docs/configuration.md");
    }
}

#[test]
fn the_documented_defaults_are_the_template_s() {
    let text = document("docs/configuration.md");
    let rows = rows(&text);
    for parameter in Source::built_in().unwrap().parameters() {
        let row = rows.iter().find(|row| code(row[0]) == Some(parameter.name.as_str())).unwrap();
        let (name, default) = (&parameter.name, parameter.default.as_deref().unwrap_or_default());
        match row[3].strip_prefix('`').and_then(|cell| cell.split('`').next()) {
            Some(shown) => assert_eq!(shown, default, "{name}"),
            None => assert!(default.is_empty() || default.contains(['[', ':']), "{name}: {default} is not shown"),
        }
    }
}

/// The fields in the tables of a section of the configuration's document.
fn fields<'a>(text: &'a str, section: &str) -> BTreeSet<&'a str> {
    let section = text.split(&format!("\n## {section}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    rows(section).iter().filter(|row| row.len() == 3).filter_map(|row| code(row[0])).collect()
}

/// The fields that a parser knows: it names them when it meets one that it does not.
fn known(refusal: &str) -> BTreeSet<&str> {
    refusal.split("expected one of").nth(1).unwrap().split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_field_of_a_vendor_is_explained() {
    let refusal = signalbox::domain::catalogue::vendor::parse_vendors(r#"[{"sauce": 1}]"#).unwrap_err();
    assert_eq!(fields(&document("docs/configuration.md"), "Vendors"), known(&refusal));
}

#[test]
fn every_signature_scheme_is_named_and_every_field_of_another_explained() {
    let text = document("docs/configuration.md");
    let refusal = Scheme::from_json(r#"{"heeder": 1}"#).unwrap_err().to_string();
    assert_eq!(fields(&text, "Signature schemes"), known(&refusal));
    let unnamed = schemes::ALL.iter().map(|scheme| scheme.name()).find(|name| !text.contains(&format!("`{name}`")));
    assert_eq!(unnamed, None);
}
