//! `.env.example` names every setting of the local host, and no other.

use std::collections::BTreeSet;

use signalbox_local::settings::HOST_VARIABLES;
use signalbox_local::template::Source;

#[test]
fn the_example_environment_has_every_setting_and_no_other() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.example");
    let example = std::fs::read_to_string(example).unwrap();
    let named: BTreeSet<String> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#').unwrap_or(line).split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit()))
        .collect();
    let source = Source::built_in().unwrap();
    let known: BTreeSet<String> = source
        .parameters()
        .iter()
        .map(|parameter| parameter.environment_name())
        .chain(HOST_VARIABLES.map(String::from))
        .collect();
    assert_eq!(named, known, "left: .env.example, right: template.yaml and the host");
}

#[test]
fn every_setting_of_the_example_is_explained() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.example");
    let example = std::fs::read_to_string(example).unwrap();
    let lines: Vec<&str> = example.lines().collect();
    for pair in lines.windows(2) {
        let is_setting = pair[1].starts_with('#') && pair[1].contains('=') && !pair[1].starts_with("# ");
        assert!(!is_setting || pair[0].starts_with("# "), "{} has no comment", pair[1]);
    }
}
