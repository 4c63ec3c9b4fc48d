//! API Gateway's payload format 2.0, both ways.
//! Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::routes::Found;
use crate::template::ACCOUNT;

/// Lambda's limit of a synchronous answer.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A request as it arrived.
pub(crate) struct Arrived<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a [u8],
    pub(crate) client: IpAddr,
    /// The port that it came to.
    pub(crate) port: u16,
    pub(crate) now: Timestamp,
    pub(crate) request_id: String,
}

/// The event of a request. Fields that do not apply are absent, as API Gateway leaves them out.
pub(crate) fn request(arrived: &Arrived<'_>, found: &Found<'_>) -> Value {
    let Parts { method, uri, version, headers, .. } = arrived.parts;
    let header = |name: &HeaderName| headers.get(name).map(text).unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.key,
        "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(),
        "headers": joined(arrived),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": header(&HOST),
            "domainPrefix": "local",
            "http": {
                "method": method.as_str(),
                "path": uri.path(),
                "protocol": format!("{version:?}"),
                "sourceIp": arrived.client.to_string(),
                "userAgent": header(&http::header::USER_AGENT),
            },
            "requestId": arrived.request_id,
            "routeKey": found.key,
            "stage": "$default",
            "time": arrived.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": arrived.now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<String> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| text(line).split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>())
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = json!(found.parameters);
    }
    if !arrived.body.is_empty() {
        match std::str::from_utf8(arrived.body) {
            Ok(body) if is_text(&header(&CONTENT_TYPE)) => event["body"] = body.into(),
            _ => {
                event["body"] = BASE64.encode(arrived.body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event
}

/// Content types that API Gateway hands on as text; everything else is base64, a form too.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.is_empty()
        || kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
}

/// Each header once. What says who the client is and how it came is said by the gateway, whatever the client says; a list of
/// addresses alone is gone on with: the last is the gateway's own observation, those before it are what the client claims.
fn joined(arrived: &Arrived<'_>) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in arrived.parts.headers.iter().filter(|(name, _)| **name != COOKIE) {
        let value = text(value);
        joined.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
    }
    let client = arrived.client.to_string();
    let claimed = joined.remove("x-forwarded-for").filter(|claimed| !claimed.is_empty());
    let forwarded_for = claimed.map_or_else(|| client.clone(), |claimed| format!("{claimed}, {client}"));
    joined.insert("x-forwarded-for".to_owned(), forwarded_for);
    joined.insert("x-forwarded-port".to_owned(), arrived.port.to_string());
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined
}

fn query_parameters(query: &str) -> Value {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        parameters.entry(decode(name)).and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
    }
    json!(parameters)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The response that a function's answer means.
pub(crate) fn response(answer: Value) -> Result<Response<Body>, &'static str> {
    let Value::Object(fields) = &answer else { return inferred(&answer) };
    let Some(status) = fields.get("statusCode") else { return inferred(&answer) };
    let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
    let status =
        status.and_then(|status| StatusCode::from_u16(status).ok()).ok_or("statusCode is not an HTTP status")?;
    let body = match fields.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(body)) if fields.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            BASE64.decode(body).map_err(|_| "body is not base64")?
        }
        Some(Value::String(body)) => body.clone().into_bytes(),
        Some(_) => return Err("body is not a string"),
    };
    if body.len() > ANSWER_BYTES_MAX {
        return Err("body is larger than Lambda returns");
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let empty = Map::new();
    let map = |name: &str| fields.get(name).and_then(Value::as_object).unwrap_or(&empty).clone();
    for (name, values) in map("multiValueHeaders") {
        for value in values.as_array().into_iter().flatten() {
            append(headers, &name, value)?;
        }
    }
    for (name, value) in map("headers") {
        if !headers.contains_key(&name) {
            append(headers, &name, &value)?;
        }
    }
    for cookie in fields.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        append(headers, SET_COOKIE.as_str(), cookie)?;
    }
    Ok(response)
}

/// An answer without a statusCode is JSON, says API Gateway.
fn inferred(answer: &Value) -> Result<Response<Body>, &'static str> {
    let mut response = Response::new(Body::from(answer.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), &'static str> {
    let value = match value {
        Value::String(value) => value.clone(),
        other => other.to_string(),
    };
    let name = HeaderName::try_from(name).map_err(|_| "a header's name is not valid")?;
    let value = HeaderValue::try_from(value).map_err(|_| "a header's value is not valid")?;
    headers.try_append(name, value).map(drop).map_err(|_| "there are too many headers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(request: http::Request<()>, body: &[u8]) -> Value {
        let (parts, ()) = request.into_parts();
        let arrived = Arrived {
            parts: &parts,
            body,
            client: [127, 0, 0, 1].into(),
            port: 9000,
            now: "2026-03-12T19:03:58.390Z".parse().unwrap(),
            request_id: "r-1".into(),
        };
        let parameters = [("slug".to_owned(), "moscot".to_owned())].into();
        request_event(&arrived, parameters)
    }

    fn request_event(arrived: &Arrived<'_>, parameters: BTreeMap<String, String>) -> Value {
        request(arrived, &Found { key: "POST /sync/{slug}", function: "f", parameters })
    }

    #[test]
    fn a_request_becomes_the_event_that_api_gateway_sends() {
        let request = http::Request::post("/sync/moscot?dryRun=1&tag=a%20b&tag=c")
            .header("Host", "127.0.0.1:9000")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Many", "1")
            .header("X-Many", "2")
            .header("X-Forwarded-For", "10.0.0.1")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Proto", "https,http")
            .header("X-Forwarded-Port", "443")
            .header("Cookie", "STORE_SESS=x; theme=dark")
            .body(())
            .unwrap();
        let expected = json!({
            "version": "2.0",
            "routeKey": "POST /sync/{slug}",
            "rawPath": "/sync/moscot",
            "rawQueryString": "dryRun=1&tag=a%20b&tag=c",
            "cookies": ["STORE_SESS=x", "theme=dark"],
            "headers": {
                "host": "127.0.0.1:9000",
                "user-agent": "curl/8",
                "content-type": "application/json; charset=utf-8",
                "x-forwarded-for": "10.0.0.1, 127.0.0.1",
                "x-forwarded-port": "9000",
                "x-forwarded-proto": "http",
                "x-many": "1,2",
            },
            "queryStringParameters": {"dryRun": "1", "tag": "a b,c"},
            "pathParameters": {"slug": "moscot"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "127.0.0.1:9000",
                "domainPrefix": "local",
                "http": {
                    "method": "POST",
                    "path": "/sync/moscot",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "curl/8",
                },
                "requestId": "r-1",
                "routeKey": "POST /sync/{slug}",
                "stage": "$default",
                "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1_773_342_238_390_i64,
            },
            "body": "{}",
            "isBase64Encoded": false,
        });
        assert_eq!(event(request, b"{}"), expected);
    }

    #[test]
    fn a_body_that_is_not_text_is_base64() {
        let with = |kind: &str, body: &[u8]| {
            let request = http::Request::post("/").header("Content-Type", kind).body(()).unwrap();
            let event = event(request, body);
            (event["body"].clone(), event["isBase64Encoded"].clone())
        };
        assert_eq!(with("text/plain", b"hi"), ("hi".into(), false.into()));
        assert_eq!(with("application/octet-stream", b"hi"), ("aGk=".into(), true.into()));
        assert_eq!(with("application/x-www-form-urlencoded", b"hi"), ("aGk=".into(), true.into()));
        assert_eq!(with("application/json", &[0xff]), ("/w==".into(), true.into()));
    }

    #[test]
    fn an_answer_becomes_the_response_that_a_client_sees() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"content-type": "text/plain", "x-id": "7"},
            "multiValueHeaders": {"x-id": ["7", "8"]},
            "cookies": ["a=1", "b=2"],
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let response = response(answer).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers().get_all("x-id").iter().count(), 2);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers()["content-type"], "text/plain");
    }

    #[test]
    fn an_answer_that_is_no_response_is_an_error() {
        assert!(response(json!({"statusCode": 9000})).is_err());
        assert!(response(json!({"statusCode": 200, "body": {"a": 1}})).is_err());
        assert_eq!(response(json!({"ok": true})).unwrap().headers()["content-type"], "application/json");
    }
}
