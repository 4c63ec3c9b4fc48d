//! Operators, and what they ask.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;

pub(super) const LIST: &str = "/api/admin/connections";
/// An operator of all tenants.
pub(super) const OPERATOR: &str = "default";

/// The path of a connection.
pub(super) fn path(connection: &str) -> String {
    format!("{LIST}/{connection}")
}

/// A token of an operator of this tenant.
pub(super) fn token(system: &System, tenant: &str) -> String {
    system.service_token("operator", tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE])
}

/// Asks as an operator of a tenant, with other headers.
pub(super) async fn ask_with(
    system: &System,
    tenant: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let request = system.request(method, path).bearer(&token(system, tenant));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    if body.is_null() { request.answer().await } else { request.body(body.to_string()).answer().await }
}

/// Asks as an operator of all tenants.
pub(super) async fn ask(system: &System, method: &str, path: &str, body: Value) -> Answer {
    ask_with(system, OPERATOR, (method, path), &[], body).await
}

/// Writes a connection.
pub(super) async fn put(system: &System, connection: &str, body: Value) -> Answer {
    ask(system, "PUT", &path(connection), body).await
}

/// The `ETag` of an answer.
pub(super) fn tag(answer: &Answer) -> &str {
    &answer.headers["etag"]
}

/// The version of the connection in an answer, which is its `ETag` as well.
pub(super) fn version(answer: &Answer) -> u64 {
    let version = answer.body["data"]["version"].as_u64().unwrap();
    assert_eq!(tag(answer), format!("\"{version}\""));
    version
}

/// A sender of GitHub's.
pub(super) fn github(secret: &str) -> Value {
    json!({"settings": {}, "secrets": {"current": secret}})
}

/// A catalogue that is synced each night.
pub(super) fn nightly(source: &str) -> Value {
    json!({"settings": {"source": source}, "schedule": {"cron": "0 2 * * *"}})
}

/// A catalogue on no schedule.
pub(super) fn catalogue() -> Value {
    json!({"settings": {"source": "shop.json"}})
}

/// A connection as it is shown by all routes: when its secrets were used last is told by its own alone.
pub(super) async fn shown(system: &System, connection: &str) -> Value {
    let mut data = ask(system, "GET", &path(connection), Value::Null).await.expect(200)["data"].clone();
    if let Some(secrets) = data["secrets"].as_object_mut() {
        assert!(secrets.remove("lastUsed").is_some_and(|used| used.is_object()));
    }
    data
}

/// Asks an instance of its own.
pub(super) async fn ask_process(
    system: &System,
    process: &Process,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Answer, Crashed> {
    let body = (!body.is_null()).then(|| body.clone());
    process.ask("sync-control", method, path, &token(system, OPERATOR), body).await
}

/// What is on record of what operators of all tenants did: action, on what, and the names of what differs.
pub(super) async fn recorded(system: &System) -> Vec<(String, String, Vec<String>)> {
    let entries = system.items("JOURNAL_TABLE", "default#audit").await;
    let text = |entry: &Item, name: &str| entry[name].as_str().unwrap().to_owned();
    let names = |entry: &Item| {
        let changed = entry.get("changed").and_then(Value::as_array).into_iter().flatten();
        changed.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    entries.iter().map(|entry| (text(entry, "action"), text(entry, "target"), names(entry))).collect()
}

/// Every item of the table of connections.
pub(super) async fn stored(system: &System) -> Vec<Item> {
    system.items("CONNECTIONS_TABLE", "").await
}

/// When a connection is due next, in epoch milliseconds.
pub(super) async fn due(system: &System, connection: &str) -> Option<String> {
    let (tenant, rest) = connection.split_once('/').unwrap();
    let items = system.items("CONNECTIONS_TABLE", tenant).await;
    let item = items.into_iter().find(|item| item["sk"] == format!("due#{rest}"))?;
    Some(item["due_at"].as_str().unwrap().to_owned())
}
