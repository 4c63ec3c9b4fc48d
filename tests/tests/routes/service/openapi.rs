//! The description of the API is made from the code, and describes the routes of the template, all of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::http::problem;
use signalbox_local::template::{Bindings, Source};

use crate::routes::golden::{compare, pretty, root};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The description, from the code of every function with routes.
fn openapi() -> Value {
    let merged = signalbox_read_api::openapi()
        .merge_from(signalbox_sync_control::openapi())
        .merge_from(signalbox_webhooks::openapi())
        .merge_from(signalbox_console::openapi());
    let mut openapi = serde_json::to_value(merged).unwrap();
    openapi["info"] = json!({
        "title": "Signalbox",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Syncs vendors' catalogues and keeps every run and the latest snapshot. \
            Times are ISO-8601 in UTC with milliseconds. Every error has a stable code, see docs/errors.md.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    openapi["tags"] = json!([
        {"name": "vendor sync", "description": "Start syncs, read their history"},
        {"name": "vendor registry", "description": "The configured vendors"},
        {"name": "connections", "description": "Tenants' connections to providers"},
        {"name": "pulls", "description": "The control centre of vendors that are pulled: how their syncs do, start, stop, schedule, and the rows that were set aside; in the words of its clients"},
        {"name": "alerts", "description": "What is wrong with connections, who has seen it, and what people were told"},
        {"name": "completions", "description": "What receivers were told of runs that are over"},
        {"name": "digests", "description": "Who is told each week how mirrors did"},
        {"name": "mirror", "description": "Tenants' categories, the mirror of them and Google's, and the flags that turn both on"},
        {"name": "webhooks", "description": "Take deliveries in, once"},
        {"name": "health", "description": "How connections do, and what failed done again; in the words of the warehouse API's clients"},
        {"name": "trackstar", "description": "Brands' links to Trackstar: made, pulled and taken away; in the words of the warehouse API's clients"},
        {"name": "operations", "description": "What was refused or given up on, and what operators do with it"},
        {"name": "session", "description": "A browser's session"},
        {"name": "console", "description": "Pages for people, and what they are made of"},
        {"name": "service", "description": "The service itself"},
    ]);
    openapi["components"]["securitySchemes"] = json!({
        "service": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A service token (HS256), also read from the header x-service-token",
        },
        "admin": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Admin-Token",
            "description": "The admin token: an operator of all tenants' connections; also sent as a bearer token",
        },
        "user": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A user's token (HS256): role, tenants and brands; x-tenant-id names the tenant of a call",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "STORE_SESS",
            "description": "A browser's session: what its token could do. Writes with it ask for the header x-signalbox-request: 1, of a page of ours",
        },
    });
    name_tenants(&mut openapi);
    openapi
}

/// Whoever shows who they are may name the tenant, on each route alike.
fn name_tenants(openapi: &mut Value) {
    let named = json!({
        "name": "x-tenant-id",
        "in": "header",
        "description": "The tenant that the call is for, for whoever may act for several: users of several tenants, \
            users of a platform's role, and tokens of the default tenant. Anybody else is refused another's. \
            A call names one: in its query the same, or none",
        "required": false,
        "schema": {"type": "string"},
    });
    let paths = openapi["paths"].as_object_mut().unwrap().values_mut();
    for operation in paths.flat_map(|item| item.as_object_mut().unwrap().values_mut()) {
        let security = operation["security"].as_array();
        if security.is_some_and(|ways| ways.iter().any(|way| way.get("service").is_some())) {
            let operation = operation.as_object_mut().unwrap();
            let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
            parameters.as_array_mut().unwrap().push(named.clone());
        }
    }
}

/// `GET /path` with what is said of it.
fn operations(openapi: &Value) -> Vec<(String, &Value)> {
    let paths = openapi["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().unwrap();
        METHODS
            .iter()
            .filter(|method| item.contains_key(**method))
            .map(|method| (format!("{} {path}", method.to_uppercase()), method.to_string()))
            .collect::<Vec<_>>()
    };
    paths
        .iter()
        .flat_map(|entry| {
            let item = entry.1;
            of_path(entry).into_iter().map(move |(key, method)| (key, &item[method.as_str()]))
        })
        .collect()
}

#[test]
fn the_description_is_up_to_date() {
    compare(&root().join("docs/openapi.json"), &pretty(&openapi()));
}

#[test]
fn the_template_has_the_routes_that_are_described_and_no_other() {
    let template = Source::built_in().unwrap().resolve(&Bindings::default()).unwrap();
    let openapi = openapi();
    let mut described: BTreeSet<String> = operations(&openapi).into_iter().map(|(key, _)| key).collect();
    let mut routes: Vec<_> = template.routes.iter().collect();
    // A route of any method is for those of its path that no other route has, and for HEAD: so it comes last.
    routes.sort_by_key(|route| route.method == "ANY");
    for route in routes {
        // OpenAPI knows no parameter that is the rest of a path.
        let route_path = route.path.replace("+}", "}");
        let of_path = |key: &&String| key.split_once(' ').is_some_and(|(_, path)| path == route_path);
        let key = format!("{} {route_path}", route.method);
        let is_its = |described: &&String| of_path(described) && (route.method == "ANY" || **described == key);
        let its: Vec<String> = described.iter().filter(is_its).cloned().collect();
        assert!(!its.is_empty(), "{key} is not described");
        described.retain(|key| !its.contains(key));
    }
    assert!(described.is_empty(), "no route for {described:?}");
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let openapi = openapi();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut references = Vec::new();
    collect(&openapi, "$ref", &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        assert!(openapi.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name));
            fields.values().for_each(|value| collect(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, name, found)),
        _ => {}
    }
}

#[test]
fn every_operation_says_what_it_is_and_what_it_answers() {
    let openapi = openapi();
    let tags: Vec<&Value> = openapi["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (key, operation) in operations(&openapi) {
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{key} has no summary");
        let responses = operation["responses"].as_object().unwrap();
        // Where there is no page, that is all there is to say.
        let succeeds = responses.keys().any(|status| status.starts_with('2')) || key == "GET /{page}";
        assert!(succeeds, "{key} has no success");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag)), "{key}: unknown tag");
        // Whoever takes a body bounds it, and whoever asks for a token asks for a scope.
        assert!(operation["requestBody"].is_null() || responses.contains_key("413"), "{key} does not say 413");
        let wants_token = !operation["security"].is_null() && responses.contains_key("401");
        assert!(!wants_token || responses.contains_key("403"), "{key} does not say 403");
        let mut parameters = key.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let described = |name: &str| {
            let described = operation["parameters"].as_array().into_iter().flatten();
            described.into_iter().any(|parameter| parameter["name"] == name && parameter["in"] == "path")
        };
        assert!(parameters.all(described), "{key}: a path parameter is not described");
    }
}

/// The codes that an error's description begins with: `code, code: text`.
fn codes(description: &str) -> Vec<&str> {
    let list = description.split([':', ';']).next().unwrap_or_default();
    list.split(", ").collect()
}

/// Whether it answers senders, in envelopes of theirs and with the reasons of refusals as codes.
fn is_webhook(operation: &Value) -> bool {
    operation["tags"] == json!(["webhooks"])
}

#[test]
fn refusals_of_webhooks_are_described_by_their_reasons() {
    let text = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let reasons = Rejection::ALL.map(Rejection::as_str);
    for reason in reasons {
        assert!(text.contains(&format!("\n- `{reason}`: ")), "docs/errors.md does not explain {reason}");
    }
    let openapi = openapi();
    let operations = operations(&openapi);
    let webhooks: Vec<_> = operations.iter().filter(|(_, operation)| is_webhook(operation)).collect();
    assert_eq!(webhooks.len(), 6);
    for (key, operation) in webhooks {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for code in codes(response["description"].as_str().unwrap()) {
                assert!(!status.starts_with('4') || reasons.contains(&code), "{key} {status}: {code:?} is no reason");
            }
        }
    }
}

#[test]
fn errors_are_described_by_their_codes() {
    let openapi = openapi();
    let mut named = BTreeSet::new();
    for (key, operation) in operations(&openapi).into_iter().filter(|(_, operation)| !is_webhook(operation)) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap();
            // Who is sent on is not refused; and a probe that says no says it in its own shape.
            if status.starts_with(['2', '3']) || description.starts_with("`{status:") {
                continue;
            }
            for code in codes(description) {
                let kind = problem::ALL.iter().find(|kind| kind.code == code);
                let kind = kind.unwrap_or_else(|| panic!("{key} {status}: {code:?} is no code"));
                assert_eq!(kind.status.to_string(), *status, "{key}: {code}");
                named.insert(code.to_owned());
            }
        }
    }
    // 405 is what a path answers to what is no operation of it.
    let answered = problem::ALL.iter().filter(|kind| kind.status != 0 && **kind != problem::METHOD_NOT_ALLOWED);
    let silent: Vec<&str> = answered.map(|kind| kind.code).filter(|code| !named.contains(*code)).collect();
    assert!(silent.is_empty(), "no operation says that it answers with {silent:?}");
}

#[test]
fn an_operation_that_asks_for_a_token_says_so() {
    // A webhook's 401 is about its signature, and a sign-in's about the token in its body.
    let is_other = |key: &str, operation: &Value| is_webhook(operation) || key == "POST /api/auth/session";
    for (key, operation) in operations(&openapi()).into_iter().filter(|(key, operation)| !is_other(key, operation)) {
        let refuses = operation["responses"].get("401").is_some();
        let asks = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(refuses, asks, "{key}");
    }
}
