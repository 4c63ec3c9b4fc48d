//! `.env.example` names every setting of the local host, and no other, with the value that it has when it is left out.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};

use signalbox::domain::service_secrets;
use signalbox_local::host::settings::HOST_VARIABLES;
use signalbox_local::template::Source;

fn example() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.example");
    std::fs::read_to_string(path).unwrap()
}

/// Settings stand behind a bare `#`, comments behind `# `.
fn is_setting(line: &str) -> bool {
    line.starts_with('#') && !line.starts_with("# ")
}

/// The settings as the host reads them once the `#` is gone.
fn settings() -> BTreeMap<String, String> {
    let uncommented: Vec<String> =
        example().lines().filter(|line| is_setting(line)).map(|line| line[1..].to_owned()).collect();
    dotenvy::from_read_iter(uncommented.join("\n").as_bytes()).map(|pair| pair.unwrap()).collect()
}

#[test]
fn the_example_environment_has_every_setting_and_no_other() {
    let named: BTreeSet<String> = settings().into_keys().collect();
    let source = Source::built_in().unwrap();
    let parameters = source.parameters().iter().map(|parameter| parameter.environment_name());
    let secrets = service_secrets::all().map(|name| name.as_str().to_owned());
    let known: BTreeSet<String> = parameters.chain(HOST_VARIABLES.map(String::from)).chain(secrets).collect();
    assert_eq!(named, known, "left: .env.example, right: template.yaml, the host and the service's secrets");
}

#[test]
fn the_example_environment_shows_the_templates_defaults() {
    let settings = settings();
    for parameter in Source::built_in().unwrap().parameters() {
        let variable = parameter.environment_name();
        // These two differ on a laptop.
        if !["STAGE", "CATALOG_ROOT"].contains(&variable.as_str()) {
            assert_eq!(settings[&variable], parameter.default.clone().unwrap_or_default(), "{variable}");
        }
    }
}

#[test]
fn every_setting_of_the_example_is_explained() {
    let example = example();
    let lines: Vec<&str> = example.lines().collect();
    for pair in lines.windows(2) {
        assert!(!is_setting(pair[1]) || pair[0].starts_with("# "), "{} has no comment", pair[1]);
    }
}
