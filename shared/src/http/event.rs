//! API Gateway's payload format 2.0 as a function sees it: an event becomes a request, the answer an event's response.
//! Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
//!
//! The event's and the answer's types are our own, as one takes its text from the bytes that came and the other is
//! written once, where `lambda_http`'s hold the whole of both formats. What comes out of an event is `lambda_http`'s
//! request, body and all. Its own conversion unwraps what it makes of the host, the path, the query, the headers and
//! the body, so that one request of a stranger ended the process. Here nothing that an event says can do more than be
//! refused.

use std::borrow::Cow;
use std::fmt;

use axum::body::Bytes;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{COOKIE, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use lambda_http::{Body, Request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;

use super::problem::{INVALID_REQUEST, Problem};

/// What Lambda returns at most.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;
/// How many headers a request mostly has at most, as API Gateway adds some of its own.
const HEADERS_USUAL: usize = 24;
/// What may not stand in a query as it is. What is encoded already stays so: `%` is not in it.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// And in a path (WHATWG URL, "path percent-encode set").
const NOT_IN_PATH: &AsciiSet = &NOT_IN_QUERY.add(b'?').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|').add(b'\\');

/// An event, as much of it as handlers read, over the text that it came as.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpEvent<'a> {
    #[serde(borrow)]
    raw_path: Cow<'a, str>,
    #[serde(default, borrow)]
    raw_query_string: Option<Text<'a>>,
    #[serde(default)]
    headers: Option<EventHeaders>,
    #[serde(default, borrow)]
    cookies: Option<Vec<Text<'a>>>,
    #[serde(default, borrow)]
    body: Option<Text<'a>>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(borrow)]
    request_context: EventContext<'a>,
}

#[derive(Debug, Deserialize)]
struct EventContext<'a> {
    #[serde(borrow)]
    http: EventHttp<'a>,
}

#[derive(Debug, Deserialize)]
struct EventHttp<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// Text, borrowed unless it is written with escapes. serde borrows for a bare `Cow` alone, and for none within another
/// type.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An event's headers, as far as they can be those of a request: what is refused is answered, and is no event that
/// cannot be read.
#[derive(Debug)]
struct EventHeaders(Result<HeaderMap, Problem>);

impl<'de> Deserialize<'de> for EventHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;

        impl<'de> Visitor<'de> for Headers {
            type Value = EventHeaders;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EventHeaders, A::Error> {
                let mut headers = Ok(HeaderMap::with_capacity(HEADERS_USUAL));
                // To the end, as the rest of the event is read after it.
                while let Some((Text(name), Text(value))) = members.next_entry()? {
                    headers = headers.and_then(|headers| appended(headers, &name, &value));
                }
                Ok(EventHeaders(headers))
            }
        }

        deserializer.deserialize_map(Headers)
    }
}

/// What API Gateway takes for an answer.
#[derive(Debug)]
pub struct HttpAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Serialize for HttpAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_struct("HttpAnswer", 5)?;
        answer.serialize_field("statusCode", &self.status.as_u16())?;
        answer.serialize_field("headers", &AnswerHeaders(&self.headers))?;
        let cookies: Vec<_> = self.headers.get_all(SET_COOKIE).iter().map(text).collect();
        answer.serialize_field("cookies", &cookies)?;
        let text = std::str::from_utf8(&self.body);
        match text {
            Ok(text) => answer.serialize_field("body", text)?,
            Err(_) => answer.serialize_field("body", &BASE64.encode(&self.body))?,
        }
        answer.serialize_field("isBase64Encoded", &text.is_err())?;
        answer.end()
    }
}

/// All but cookies, which have a field of their own.
struct AnswerHeaders<'a>(&'a HeaderMap);

impl Serialize for AnswerHeaders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for name in self.0.keys().filter(|name| *name != SET_COOKIE) {
            let mut values = self.0.get_all(name).iter().map(text);
            let mut value = values.next().unwrap_or_default();
            // The format has one value for a name; what HTTP lets be sent as several means the same joined.
            values.for_each(|next| value.to_mut().extend([",", next.as_ref()]));
            members.serialize_entry(name.as_str(), &value)?;
        }
        members.end()
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Why a handler's answer cannot be returned.
#[derive(Debug, thiserror::Error)]
#[error("the answer's body is larger than {ANSWER_BYTES_MAX} bytes, or broke off: {0}")]
pub struct AnswerError(#[from] axum::Error);

impl HttpEvent<'_> {
    /// Hands the event to a router. One that holds what no HTTP request can is answered with 400, and reaches no handler.
    ///
    /// # Errors
    /// When the handler's answer cannot be returned.
    pub async fn answer(self, router: axum::Router) -> Result<HttpAnswer, AnswerError> {
        let (parts, body) = self.open(router).await.into_parts();
        let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await?;
        Ok(HttpAnswer { status: parts.status, headers: parts.headers, body })
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
        let query = self.raw_query_string.as_ref().map_or("", |Text(query)| query);
        let target = target(&self.raw_path, query)
            .ok_or_else(|| refused("the path and the query are not those of a URL, or too long for one"))?;
        let mut headers = self.headers.map_or_else(|| Ok(HeaderMap::new()), |EventHeaders(headers)| headers)?;
        let cookies = self.cookies.unwrap_or_default();
        let cookies = cookies.iter().map(|Text(cookie)| cookie.as_ref()).collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            headers = appended(headers, COOKIE.as_str(), &cookies)?;
        }
        let body = self.body.map_or(Cow::Borrowed(""), |Text(body)| body);
        let body = if self.is_base64_encoded {
            BASE64.decode(body.as_ref()).map_err(|_| refused("the body is not the base64 that the event says it is"))?
        } else {
            body.into_owned().into_bytes()
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

fn appended(mut headers: HeaderMap, name: &str, value: &str) -> Result<HeaderMap, Problem> {
    let refused = || Problem::new(INVALID_REQUEST, "a header's name or value is none of HTTP's, or there are too many");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?;
    headers.try_append(name, value).map_err(|_| refused())?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::Router;
    use axum::response::AppendHeaders;
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
        let event = event(changes).to_string();
        let event: HttpEvent<'_> = serde_json::from_str(&event).unwrap();
        let answer = serde_json::to_value(event.answer(router).await.unwrap()).unwrap();
        (answer["statusCode"].as_i64().unwrap(), serde_json::from_str(answer["body"].as_str().unwrap()).unwrap())
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
        let several = [("x-b", "é"), ("set-cookie", "d=2"), ("x-a", "2")];
        let router = move |body: &'static [u8]| {
            let headers = AppendHeaders(several);
            Router::new().fallback(any(async move || ([("x-a", "1"), ("set-cookie", "c=1")], headers, body)))
        };
        let answer = async |body| {
            let event = event(json!({})).to_string();
            let event: HttpEvent<'_> = serde_json::from_str(&event).unwrap();
            serde_json::to_value(event.answer(router(body)).await.unwrap()).unwrap()
        };
        let text = answer("é".as_bytes()).await;
        assert_eq!(
            (&text["statusCode"], &text["body"], &text["isBase64Encoded"]),
            (&json!(200), &json!("é"), &json!(false))
        );
        assert_eq!((&text["headers"]["x-b"], &text["cookies"]), (&json!("é"), &json!(["c=1", "d=2"])));
        assert_eq!((&text["headers"]["x-a"], &text["headers"]["set-cookie"]), (&json!("1,2"), &Value::Null));
        let binary = answer(b"\xff").await;
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }
}
