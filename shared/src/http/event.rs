//! API Gateway's payload format 2.0 as a function sees it: an event becomes a request, the answer an event's response.
//! Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
//!
//! The types are `lambda_http`'s. Its own conversion unwraps what it makes of the host, the path, the query, the headers and
//! the body, so that one request of a stranger ended the process. Here nothing that an event says can do more than be refused.

use std::collections::BTreeMap;

use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{COOKIE, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::{Body, Request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use tower::ServiceExt as _;

use super::problem::{INVALID_REQUEST, Problem};

/// What Lambda returns at most.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What may not stand in a query as it is. What is encoded already stays so: `%` is not in it.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// And in a path (WHATWG URL, "path percent-encode set").
const NOT_IN_PATH: &AsciiSet = &NOT_IN_QUERY.add(b'?').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|').add(b'\\');

/// An event, as much of it as handlers read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpEvent {
    raw_path: String,
    #[serde(default)]
    raw_query_string: Option<String>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: EventContext,
}

#[derive(Debug, Deserialize)]
struct EventContext {
    http: EventHttp,
}

#[derive(Debug, Deserialize)]
struct EventHttp {
    method: String,
}

/// Why a handler's answer cannot be returned.
#[derive(Debug, thiserror::Error)]
#[error("the answer's body is larger than {ANSWER_BYTES_MAX} bytes, or broke off: {0}")]
pub struct AnswerError(#[from] axum::Error);

impl HttpEvent {
    /// Hands the event to a router. One that holds what no HTTP request can is answered with 400, and reaches no handler.
    ///
    /// # Errors
    /// When the handler's answer cannot be returned.
    pub async fn answer(self, router: axum::Router) -> Result<ApiGatewayV2httpResponse, AnswerError> {
        answer(self.open(router).await).await
    }

    /// As [`HttpEvent::answer`], with a body that goes on while it is sent.
    pub async fn open(self, router: axum::Router) -> Response<axum::body::Body> {
        match self.into_request() {
            // A router's error is uninhabited.
            Ok(request) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
            Err(problem) => problem.into_response(),
        }
    }

    /// The host takes no part in it: the request is for its path.
    fn into_request(self) -> Result<Request, Problem> {
        let refused = |what: &str| Problem::new(INVALID_REQUEST, what);
        let method = Method::from_bytes(self.request_context.http.method.as_bytes())
            .map_err(|_| refused("the method is none of HTTP's"))?;
        let target = target(&self.raw_path, self.raw_query_string.as_deref().unwrap_or_default())
            .ok_or_else(|| refused("the path and the query are not those of a URL, or too long for one"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.unwrap_or_default() {
            append(&mut headers, &name, &value)?;
        }
        let cookies = self.cookies.unwrap_or_default().join("; ");
        if !cookies.is_empty() {
            append(&mut headers, COOKIE.as_str(), &cookies)?;
        }
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded {
            BASE64.decode(body).map_err(|_| refused("the body is not the base64 that the event says it is"))?
        } else {
            body.into_bytes()
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = target.into();
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// API Gateway hands paths on with some of what was encoded decoded, so it is encoded here as far as a URL needs it. It has
/// chosen the route by then, for which `/items/` is `/items` and `%69tems` is `items` (RFC 3986, section 6.2.2.2): the router
/// behind it must find the same.
fn target(path: &str, query: &str) -> Option<PathAndQuery> {
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    let mut target = utf8_percent_encode(&unreserved(path), NOT_IN_PATH).to_string();
    if !query.is_empty() {
        target.push('?');
        target.extend(utf8_percent_encode(query, NOT_IN_QUERY));
    }
    if target.starts_with('/') { target.try_into().ok() } else { None }
}

/// Decodes letters, digits and `-._~`, which need no encoding and mean the same with it.
fn unreserved(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        match byte.filter(|byte| byte.is_ascii_alphanumeric() || "-._~".contains(*byte)) {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Problem> {
    let refused = || Problem::new(INVALID_REQUEST, "a header's name or value is none of HTTP's, or there are too many");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?;
    headers.try_append(name, value).map(drop).map_err(|_| refused())
}

async fn answer(response: Response<axum::body::Body>) -> Result<ApiGatewayV2httpResponse, AnswerError> {
    let (mut parts, body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.cookies = parts.headers.get_all(SET_COOKIE).iter().map(text).collect();
    parts.headers.remove(SET_COOKIE);
    for name in parts.headers.keys() {
        // The format has one value for a name; what HTTP lets be sent as several means the same joined.
        let joined = parts.headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(",");
        answer.headers.extend(HeaderValue::try_from(joined).map(|value| (name.clone(), value)));
    }
    let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await?;
    let body = match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(binary) => Body::Binary(binary.into_bytes()),
    };
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = Some(body);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::any;
    use http::Uri;
    use serde_json::{Value, json};

    use super::*;

    fn event(changes: Value) -> Value {
        let mut event = json!({
            "version": "2.0",
            "rawPath": "/items/a",
            "rawQueryString": "b=c",
            "headers": {"host": "api.example", "x-forwarded-proto": "https"},
            "requestContext": {"http": {"method": "POST"}},
            "body": "hello",
        });
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    /// What a handler saw of an event, or what it was answered in its place.
    async fn seen(changes: Value) -> (i64, Value) {
        let router = Router::new().fallback(any(async |uri: Uri, headers: HeaderMap, body: Bytes| {
            let cookie = headers.get(COOKIE).map(|value| value.to_str().unwrap().to_owned());
            let body = String::from_utf8_lossy(&body).into_owned();
            axum::Json(json!({"uri": uri.to_string(), "cookie": cookie, "body": body}))
        }));
        let event: HttpEvent = serde_json::from_value(event(changes)).unwrap();
        let answer = event.answer(router).await.unwrap();
        (answer.status_code, serde_json::from_slice(&answer.body.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn an_event_is_the_request_of_its_path_whatever_its_headers_say() {
        for (changes, uri) in [
            (json!({}), "/items/a?b=c"),
            (json!({"rawQueryString": ""}), "/items/a"),
            (json!({"rawQueryString": null, "headers": null}), "/items/a"),
            (json!({"headers": {"host": "x/api/else?"}}), "/items/a?b=c"),
            (json!({"headers": {"host": ":"}}), "/items/a?b=c"),
            (json!({"headers": {"x-forwarded-proto": "https,http"}}), "/items/a?b=c"),
            (json!({"rawPath": "/a b/ä?{}\u{1}%20"}), "/a%20b/%C3%A4%3F%7B%7D%01%20?b=c"),
            (json!({"rawPath": "//x/../y"}), "//x/../y?b=c"),
            (json!({"rawPath": "/items/a/"}), "/items/a?b=c"),
            (json!({"rawPath": "/items//"}), "/items/?b=c"),
            (json!({"rawPath": "/"}), "/?b=c"),
            (json!({"rawPath": "/%69tems%2Fa%2d%7e"}), "/items%2Fa-~?b=c"),
            (json!({"rawPath": "/%2569%é%4"}), "/%2569%%C3%A9%4?b=c"),
            (json!({"rawQueryString": "a b#\"ä%20"}), "/items/a?a%20b%23%22%C3%A4%20"),
        ] {
            assert_eq!(
                seen(changes.clone()).await,
                (200, json!({"uri": uri, "cookie": null, "body": "hello"})),
                "{changes}"
            );
        }
        let (_, saw) = seen(json!({"cookies": ["a=1", "b=2"], "body": "aGk=", "isBase64Encoded": true})).await;
        assert_eq!(saw, json!({"uri": "/items/a?b=c", "cookie": "a=1; b=2", "body": "hi"}));
    }

    #[tokio::test]
    async fn what_no_request_can_say_is_refused() {
        let crowd: BTreeMap<String, &str> = (0..40_000).map(|number| (format!("x-{number}"), "")).collect();
        for changes in [
            json!({"requestContext": {"http": {"method": "NO WAY"}}}),
            json!({"requestContext": {"http": {"method": ""}}}),
            json!({"rawPath": ""}),
            json!({"rawPath": "*"}),
            json!({"rawPath": "x/api"}),
            json!({"rawPath": format!("/{}", "{".repeat(22_000))}),
            json!({"rawQueryString": "q".repeat(65_530)}),
            json!({"headers": {"no way": ""}}),
            json!({"headers": {"x": "a\nb"}}),
            json!({"headers": crowd}),
            json!({"cookies": ["a\u{0}"]}),
            json!({"body": "no base64", "isBase64Encoded": true}),
        ] {
            let (status, body) = seen(changes).await;
            assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{body}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_text_where_it_can_be() {
        let router = |body: &'static [u8]| {
            Router::new().fallback(any(async move || ([("x-a", "1"), ("set-cookie", "c=1")], [("x-b", "é")], body)))
        };
        let answer = async |body| {
            let event: HttpEvent = serde_json::from_value(event(json!({}))).unwrap();
            serde_json::to_value(event.answer(router(body)).await.unwrap()).unwrap()
        };
        let text = answer("é".as_bytes()).await;
        assert_eq!(
            (&text["statusCode"], &text["body"], &text["isBase64Encoded"]),
            (&json!(200), &json!("é"), &json!(false))
        );
        assert_eq!((&text["headers"]["x-b"], &text["cookies"]), (&json!("é"), &json!(["c=1"])));
        let binary = answer(b"\xff").await;
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }
}
