//! What whoever operates a deployment relies on in `template.yaml`: logs and names of everything, and
//! variables that fit into a function.

use serde_norway::Value as Yaml;

use super::workspace::{expect_none, template, text};

/// What a function's variables may have together, as JSON, which is how Lambda measures them.
const ENVIRONMENT_BYTES_MAX: usize = 4096;
/// No longer than the names of resources of a stack whose name has 35 letters: a queue's URL, a table's name, and others.
const QUEUE_URL_BYTES: usize = 116;
const TABLE_NAME_BYTES: usize = 65;
const OTHER_BYTES: usize = 120;
/// The densest list that such a parameter can hold: each quotation mark counts twice in JSON.
const DENSE: &str = r#"{"slug":"a"},"#;
const LISTS: [&str; 3] = ["TrackstarConnections", "Vendors", "WebhookSenders"];

/// The resources of a type: logical id and the resource.
fn resources<'a>(template: &'a Yaml, kind: &str) -> Vec<(&'a str, &'a Yaml)> {
    let all = template["Resources"].as_mapping().into_iter().flatten();
    let wanted = all.filter(|(_, resource)| resource["Type"] == kind);
    wanted.map(|(id, resource)| (id.as_str().unwrap_or_default(), resource)).collect()
}

/// What a short form names: `!Ref X`.
fn named<'a>(value: &'a Yaml, tag: &str) -> Option<&'a str> {
    match value {
        Yaml::Tagged(tagged) if tagged.tag == tag => tagged.value.as_str(),
        _ => None,
    }
}

/// `ReadApi` → `read-api`.
fn package(id: &str) -> String {
    let word = |letter: char| {
        if letter.is_ascii_uppercase() { format!("-{}", letter.to_ascii_lowercase()) } else { letter.into() }
    };
    id.chars().map(word).collect::<String>().trim_start_matches('-').to_owned()
}

#[test]
fn every_function_has_its_log_group_and_everything_an_output_that_names_it() {
    let template = template();
    let mut problems = Vec::new();
    let mut outputs = Vec::new();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let group = named(&function["Properties"]["LoggingConfig"]["LogGroup"], "Ref").unwrap_or_default();
        let name = format!("/signalbox/${{AWS::StackName}}/{}", package(id));
        let resource = &template["Resources"][group];
        if named(&resource["Properties"]["LogGroupName"], "Sub") != Some(&name)
            || named(&resource["Properties"]["RetentionInDays"], "Ref") != Some("LogRetentionDays")
        {
            problems.push(format!("{id} has no log group {name} with LogRetentionDays"));
        }
        outputs.extend([(format!("{id}Function"), id.to_owned()), (format!("{id}LogGroup"), group.to_owned())]);
    }
    for (id, group) in resources(&template, "AWS::Logs::LogGroup") {
        if group["DeletionPolicy"].is_null() || group["UpdateReplacePolicy"].is_null() {
            problems.push(format!("{id} leaves open what becomes of it when the stack goes"));
        }
    }
    for kind in ["AWS::SQS::Queue", "AWS::DynamoDB::Table"] {
        outputs.extend(resources(&template, kind).iter().map(|(id, _)| (format!("{id}Name"), (*id).to_owned())));
    }
    outputs
        .extend([("HttpApiId".to_owned(), "HttpApi".to_owned()), ("EventBusName".to_owned(), "EventBus".to_owned())]);
    assert!(outputs.len() > 30, "the test looks in the wrong place");
    for (output, id) in outputs {
        let value = &template["Outputs"][output.as_str()]["Value"];
        let names = [named(value, "Ref"), named(value, "GetAtt").and_then(|value| value.split('.').next())];
        if !names.contains(&Some(&id)) {
            problems.push(format!("there is no output {output} that names {id}"));
        }
    }
    expect_none(&problems, "Whoever watches a deployment finds everything by these names.");
}

/// The rows of a page's tables, cell by cell, without the marks of code.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()).collect()
}

#[test]
fn every_greatest_length_is_told() {
    let template = template();
    let page = text("docs/configuration.md").expect("the page is text");
    let rows = rows(&page);
    let mut problems = Vec::new();
    for (name, parameter) in template["Parameters"].as_mapping().into_iter().flatten() {
        let Some(length) = parameter["MaxLength"].as_u64().map(|length| length.to_string()) else { continue };
        let name = name.as_str().unwrap_or_default();
        if !rows.iter().any(|row| row.get(1).is_some_and(|cell| cell == name) && row[2] == length) {
            problems.push(format!("{name} may have {length} characters"));
        }
    }
    expect_none(&problems, "docs/configuration.md has a row for each: its name and its length.");
}

/// The longest value that a parameter may have, or why there is none.
fn longest(template: &Yaml, name: &str) -> Result<String, String> {
    let parameter = &template["Parameters"][name];
    if let Some(allowed) = parameter["AllowedValues"].as_sequence() {
        let texts = allowed.iter().map(|value| value.as_str().map_or_else(|| "9".repeat(4), str::to_owned));
        return Ok(texts.max_by_key(String::len).unwrap_or_default());
    }
    if parameter["Type"] == "Number" {
        return Ok("9".repeat(7));
    }
    let length = parameter["MaxLength"].as_u64().and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| format!("{name} has no MaxLength, and functions are told of it"))?;
    Ok(if LISTS.contains(&name) { DENSE.repeat(length).chars().take(length).collect() } else { "x".repeat(length) })
}

#[test]
fn the_variables_of_every_function_fit_at_their_longest() {
    let template = template();
    let shared = &template["Globals"]["Function"]["Environment"]["Variables"];
    let mut problems = Vec::new();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let own = &function["Properties"]["Environment"]["Variables"];
        let all = [shared, own].into_iter().filter_map(Yaml::as_mapping).flatten();
        let variables: serde_json::Map<String, serde_json::Value> = all
            .map(|(name, value)| {
                let name = name.as_str().unwrap_or_default();
                let parameter = named(value, "Ref").filter(|name| !template["Parameters"][*name].is_null());
                let value = match parameter {
                    Some(parameter) => longest(&template, parameter).unwrap_or_else(|why| {
                        problems.push(why);
                        String::new()
                    }),
                    None if name.ends_with("_TABLE") => "x".repeat(TABLE_NAME_BYTES),
                    None if name.ends_with("_QUEUE_URL") => "x".repeat(QUEUE_URL_BYTES),
                    None => "x".repeat(OTHER_BYTES),
                };
                (name.to_owned(), value.into())
            })
            .collect();
        let bytes = serde_json::Value::from(variables).to_string().len();
        if bytes > ENVIRONMENT_BYTES_MAX {
            problems.push(format!("the variables of {id} may have {bytes} bytes"));
        }
    }
    expect_none(
        &problems,
        "Lambda takes 4 KB: shorten a MaxLength of template.yaml, and say so in docs/configuration.md.",
    );
}
