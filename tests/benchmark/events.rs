//! Events for the functions, made from the repository's own samples.

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::{schemes, sign};
use signalbox::domain::secret::Secret;
use signalbox_tests::deliveries::delivery::Delivery;

use crate::Result;

const SYNC: &str = include_str!("../../events/sync-control/sync-vendor.json");
const READ: &str = include_str!("../../events/read-api/runs.json");
const SALE: &str = include_str!("../../events/webhooks/pos-ingest.json");
/// Makes the body of a sale about 1 KB long.
const SALE_LINES: usize = 13;

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

/// A sale of 1 KB of a point of sale, signed, under this idempotency key.
pub(crate) fn sale(secret: &str, key: &str) -> Result<Value> {
    sale_of(secret, key, SALE_LINES)
}

/// A sale of one line, of which all that is stored fits into 1 KB.
pub(crate) fn small_sale(secret: &str, key: &str) -> Result<Value> {
    sale_of(secret, key, 1)
}

fn sale_of(secret: &str, key: &str, lines: usize) -> Result<Value> {
    let line =
        |number| json!({"sku": format!("MOS-LEM-{number:04}"), "qty": 1, "price": 32_000, "name": "Lemtosh, 46 mm"});
    let lines: Value = (0..lines).map(line).collect();
    let body = json!({"sale": key, "ts": "2025-11-07T10:04:02.000Z", "lines": lines}).to_string();
    let signed = sign(&schemes::POS, &Secret::new(secret), None, Timestamp::UNIX_EPOCH, None, body.as_bytes())?;
    let (name, signature) = signed.into_iter().next().ok_or("a sale is not signed")?;
    let mut event: Value = serde_json::from_str(SALE)?;
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove(&*name);
    }
    event["headers"]["x-signature"] = json!(format!("sha256={}", signature.trim_start_matches("sha256=")));
    event["headers"]["idempotency-key"] = json!(key);
    event["headers"]["content-length"] = json!(body.len().to_string());
    event["body"] = json!(body);
    Ok(event)
}

/// An event of a connection of GitHub's, by its name, signed with this secret.
pub(crate) fn push(name: &str, secret: &str, id: &str) -> Value {
    let (path, body) = (format!("/webhooks/github/{name}"), json!({"ref": "refs/heads/main", "of": id}).to_string());
    Delivery::signed(&path, &schemes::GITHUB, secret, Some(id), Timestamp::UNIX_EPOCH, body).event()
}

/// A request of somebody who does not know the secret, with a body of this length.
pub(crate) fn forged(bytes: usize) -> Result<Value> {
    let mut event: Value = serde_json::from_str(SALE)?;
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.retain(|name, _| !name.ends_with("signature"));
    }
    event["headers"]["x-signature"] = json!("0".repeat(64));
    event["headers"]["content-length"] = json!(bytes.to_string());
    event["body"] = json!("x".repeat(bytes));
    Ok(event)
}

/// Under what the function claims that sale.
pub(crate) fn sale_claim(key: &str) -> String {
    format!("t1/pos#key:{key}")
}

/// The body of an answer with status 200.
pub(crate) fn body(answer: &Value) -> Result<Value> {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or("null"))?;
    if answer["statusCode"] != 200 {
        return Err(format!("status {}: {body}", answer["statusCode"]).into());
    }
    Ok(body)
}
