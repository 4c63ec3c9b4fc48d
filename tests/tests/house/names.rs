//! One name per function: folder, package, binary, SAM logical id, event folder.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::observability::is_subscribed;
use super::workspace::{expect_none, files, metadata, template, text};

/// The functions of `template.yaml` by logical id.
fn functions_of_template() -> BTreeMap<String, Yaml> {
    let template = template();
    let resources = template["Resources"].as_mapping().expect("the template has resources");
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions.map(|(id, resource)| (id.as_str().expect("an id is text").to_owned(), resource.clone())).collect()
}

/// `read-api` → `ReadApi`.
fn logical_id(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The sample events: function, file.
fn events() -> Vec<(&'static str, &'static str)> {
    let below = |file: &'static String| {
        let (function, event) = file.strip_prefix("events/")?.split_once('/')?;
        event.ends_with(".json").then_some((function, file.as_str()))
    };
    files().iter().filter_map(below).collect()
}

#[test]
fn a_function_has_one_name_everywhere() {
    let template = functions_of_template();
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();

    for package in metadata().workspace_packages() {
        let folder = package.folder();
        let Some(name) = folder.strip_prefix("functions/") else { continue };
        names.insert(name.to_owned());

        if package.name != format!("signalbox-{name}") {
            problems.push(format!("{folder} holds package {}, not signalbox-{name}", package.name));
        }
        let binaries = package.targets.iter().filter(|target| target.kind == ["bin"]);
        let binaries: Vec<&str> = binaries.map(|target| target.name.as_str()).collect();
        if binaries != [name] {
            problems.push(format!("{folder} has binaries {binaries:?}, not {name} alone"));
        }
        let id = logical_id(name);
        match template.get(&id) {
            None => problems.push(format!("{folder}: template.yaml has no function {id}")),
            // `sam build` runs in the folder of CodeUri: it finds the binaries of the package there, and no other.
            Some(function) => {
                let (binary, code) =
                    (&function["Metadata"]["BuildProperties"]["Binary"], &function["Properties"]["CodeUri"]);
                if binary != name || code != folder {
                    problems.push(format!("template.yaml: {id} builds {binary:?} in {code:?}, not {name} in {folder}"));
                }
            }
        }
        if !events().iter().any(|(function, _)| *function == name) {
            problems.push(format!("{folder}: no sample event events/{name}/*.json"));
        }
    }

    let ids: BTreeSet<String> = names.iter().map(|name| logical_id(name)).collect();
    let strays = template.keys().filter(|id| !ids.contains(*id));
    problems.extend(strays.map(|id| format!("template.yaml: function {id} has no folder in functions/")));
    let strays = events().into_iter().filter(|(function, _)| !names.contains(*function));
    problems.extend(strays.map(|(_, file)| format!("{file} belongs to no function")));

    assert!(!names.is_empty(), "no package in functions/: the test looks in the wrong place");
    expect_none(&problems, "A function's folder, package, binary, logical id and event folder follow from one name.");
}

#[test]
fn a_sample_event_is_one_its_function_can_get() {
    let template = functions_of_template();
    let mut problems = Vec::new();
    for (function, file) in events() {
        // A function that is not there is the other test's to report.
        let Some(resource) = template.get(&logical_id(function)) else { continue };
        let Some(Ok(event)) = text(file).map(|text| serde_json::from_str::<Json>(&text)) else {
            problems.push(format!("{file} is not JSON"));
            continue;
        };
        let triggers = resource["Properties"]["Events"].as_mapping();
        let own_url = resource["Properties"].get("FunctionUrlConfig").is_some() && is_of_url(&event);
        let own_hook = is_hook(&logical_id(function)) && is_of_hook(&event);
        let subscribed = is_of_topic(&event) && is_subscribed(&logical_id(function));
        if !own_url
            && !own_hook
            && !subscribed
            && !triggers.into_iter().flat_map(|triggers| triggers.values()).any(|trigger| sends(trigger, &event))
        {
            problems.push(format!("{file} fits no trigger of {}", logical_id(function)));
        }
    }
    expect_none(
        &problems,
        "A route, queue or schedule of the function in template.yaml must be able to send it, or a topic that it is subscribed to.",
    );
}

/// Whether the trigger of `template.yaml` sends such events.
fn sends(trigger: &Yaml, event: &Json) -> bool {
    let properties = &trigger["Properties"];
    match trigger["Type"].as_str() {
        Some("HttpApi") => {
            let property = |name: &str| properties[name].as_str().unwrap_or_default();
            let route = format!("{} {}", property("Method"), property("Path"));
            let context = &event["requestContext"];
            event["version"] == "2.0"
                && event["routeKey"] == route
                && context["routeKey"] == route
                && (context["http"]["method"] == property("Method") || property("Method") == "ANY")
                && context["http"]["path"] == event["rawPath"]
                && event["rawPath"].as_str() == Some(&filled_in(property("Path"), &event["pathParameters"]))
        }
        Some("SQS") => event["Records"].as_array().is_some_and(|records| {
            let from_queue = |record: &Json| {
                record["eventSource"] == "aws:sqs"
                    && record["body"].as_str().is_some_and(|body| serde_json::from_str::<Json>(body).is_ok())
            };
            !records.is_empty() && records.iter().all(from_queue)
        }),
        Some("EventBridgeRule") => ["source", "detail-type"].iter().all(|name| {
            let wanted = properties["Pattern"][*name].as_sequence();
            event["detail"].is_object()
                && wanted.is_some_and(|wanted| wanted.iter().any(|one| one.as_str() == event[*name].as_str()))
        }),
        Some("ScheduleV2") => {
            let input = properties["Input"].as_str().and_then(|input| serde_json::from_str::<Json>(input).ok());
            input.is_some_and(|input| is_filled_in(&input, event))
        }
        _ => false,
    }
}

/// Whether CodeDeploy invokes the function before traffic moves to a version of another.
fn is_hook(id: &str) -> bool {
    let hook = &template()["Globals"]["Function"]["DeploymentPreference"]["Hooks"]["PreTraffic"];
    matches!(hook, Yaml::Tagged(tagged) if tagged.tag == "Ref" && tagged.value == id)
}

/// Whether the event is one of CodeDeploy's to a hook.
fn is_of_hook(event: &Json) -> bool {
    let named = ["DeploymentId", "LifecycleEventHookExecutionId"].map(|name| event[name].is_string());
    named == [true, true] && event.as_object().is_some_and(|event| event.len() == 2)
}

/// Whether the event is a request to a function's own URL.
fn is_of_url(event: &Json) -> bool {
    let context = &event["requestContext"];
    let is_default = event["routeKey"] == "$default" && context["routeKey"] == "$default";
    is_default && event["version"] == "2.0" && context["http"]["path"] == event["rawPath"]
}

/// Whether the event is what SNS delivers of an alarm.
fn is_of_topic(event: &Json) -> bool {
    let records = event["Records"].as_array().map(Vec::as_slice);
    let is_message =
        |text: &str| serde_json::from_str::<Json>(text).is_ok_and(|message| message["AlarmName"].is_string());
    matches!(records, Some([record]) if record["EventSource"] == "aws:sns"
        && record["Sns"]["Message"].as_str().is_some_and(is_message))
}

/// Whether the event is the schedule's input, with values in place of its attributes.
fn is_filled_in(input: &Json, event: &Json) -> bool {
    let (Some(input), Some(event)) = (input.as_object(), event.as_object()) else { return false };
    let fits = |(name, value): (&String, &Json)| match value.as_str() {
        Some("<aws.scheduler.scheduled-time>") => {
            event.get(name).and_then(Json::as_str).is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok())
        }
        _ => event.get(name) == Some(value),
    };
    input.len() == event.len() && input.iter().all(fits)
}

/// The path with its `{parameters}` filled in.
fn filled_in(path: &str, parameters: &Json) -> String {
    let parameters = parameters.as_object().into_iter().flatten();
    parameters.fold(path.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
    })
}

/// What systems before this one were told. Whoever moves over from one looks here for what became of it.
const OLDER_VARIABLES: &str = "TRACKSTAR_API_KEY TRACKSTAR_BASE_URL TRACKSTAR_WEBHOOK_SECRET WEBHOOK_TRACKSTAR_SECRET \
    SKIP_WEBHOOK_SIGNATURE_VALIDATION JWT_SECRET REDIS_URL PORT FRONTEND_URL DOORLOOP_BASE_URL DOORLOOP_API_KEY DOORLOOP_PAGE_SIZE \
    DOORLOOP_MAX_CONCURRENCY DOORLOOP_RATE_LIMIT_RPS DOORLOOP_RATE_LIMIT_PER_MINUTE DOORLOOP_RATE_LIMIT_PER_HOUR AUTO_SYNC_ENABLED \
    AUTO_SYNC_INTERVAL_MINUTES AUTO_SYNC_FULL_AT_HOUR_UTC AUTO_SYNC_LOCK_TTL_MINUTES AUTO_SYNC_HARD_DEADLINE_MINUTES SYNC_ENTITIES \
    ALLOW_MANUAL_BACKFILL ADMIN_SYNC_TOKEN WEBHOOK_SECRET DATABASE_URL CORS_ALLOWED_ORIGINS HOST REQUEST_TIMEOUT_MS \
    CONNECTION_TIMEOUT_MS SHUTDOWN_GRACE_MS READINESS_TIMEOUT LIVENESS_TIMEOUT RATE_LIMIT_MAX RATE_LIMIT_WINDOW TRUST_PROXY METRICS_DEBUG";

#[test]
fn every_variable_of_older_systems_is_explained() {
    let configuration = text("docs/configuration.md").expect("the page is text");
    let explained = |name: &str| configuration.contains(&format!("`{name}`"));
    let silent = OLDER_VARIABLES.split_whitespace().filter(|name| !explained(name)).map(str::to_owned);
    expect_none(&silent.collect::<Vec<_>>(), "docs/configuration.md says what each sets, or why it means nothing here");
}
