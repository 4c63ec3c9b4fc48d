//! Events for the functions, made from the repository's own samples.

use serde_json::{Value, json};

use crate::Result;

const SYNC: &str = include_str!("../../events/sync-control/sync-vendor.json");
const READ: &str = include_str!("../../events/read-api/runs.json");

fn at(sample: &str, route: &str, path: &str, query: &str) -> Result<Value> {
    let mut event: Value = serde_json::from_str(sample)?;
    event["routeKey"] = json!(route);
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    event["queryStringParameters"] = pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["routeKey"] = json!(route);
    Ok(event)
}

/// A request to sync a vendor from a file below the catalogue root.
pub(crate) fn sync(token: &str, vendor: &str, source: &str, mode: &str) -> Result<Value> {
    let path = format!("/api/catalog/vendor-sync/{vendor}/sync");
    let mut event = at(SYNC, "POST /api/catalog/vendor-sync/{slug}/sync", &path, "")?;
    let body = json!({"mode": mode, "sourcePath": source}).to_string();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["headers"]["content-length"] = json!(body.len().to_string());
    event["pathParameters"] = json!({"slug": vendor});
    event["body"] = json!(body);
    Ok(event)
}

/// A read, as a browser on one's own machine sends it: without a token.
pub(crate) fn read(path: &str, query: &str) -> Result<Value> {
    let mut event = at(READ, &format!("GET {path}"), path, query)?;
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("authorization");
    }
    Ok(event)
}

/// The body of an answer with status 200.
pub(crate) fn body(answer: &Value) -> Result<Value> {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or("null"))?;
    if answer["statusCode"] != 200 {
        return Err(format!("status {}: {body}", answer["statusCode"]).into());
    }
    Ok(body)
}
